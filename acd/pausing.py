"""Pausing the recording of a call, so that what must not be kept (a card's number) never is; and ending it.

Rule: a pause is written down before Asterisk is asked to mute, and its end only after Asterisk has unmuted: whatever
dies or is cut between the two leaves the call muted. A daemon that starts, or whose link comes back, mutes again what
its records call paused. No pause outlives the talk in which it was begun, nor its limit.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal

import structlog

from acd.errors import NotRecorded, PauseUncertain
from acd.events import AgentChanged, PauseReason
from acd.records import CallRecord
from acd.service import AcdService
from ami_bridge.commands import Action, MuteRecording, StopRecording
from ami_bridge.errors import AmiBridgeError
from ami_bridge.events import LinkUp
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

Send = Callable[[str, Action], Awaitable[object]]
"""An action for the node of this name."""
Ending = Literal["limit", "talk_over"]

_LOOK_S = 1.0


class Pausing:
    """`limit`: the longest pause; then the call is recorded again by itself."""

    def __init__(
        self,
        acd: AcdService,
        send: Send,
        *,
        bus: Bus,
        clock: Callable[[], datetime],
        limit: timedelta = timedelta(minutes=10),
    ) -> None:
        self._acd = acd
        self._send = send
        self._bus = bus
        self._clock = clock
        self._limit = limit
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._mute_again: set[str] = set()
        self._woken = asyncio.Event()
        self._stops: tuple[Callable[[], None], ...] = ()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._stops = (
            self._bus.subscribe(self._agent_changed, AgentChanged),
            self._bus.subscribe(self._link_up, LinkUp),
        )
        self._task = asyncio.create_task(self._run(), name="recording-pauses")

    async def close(self) -> None:
        for stop in self._stops:
            stop()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def pause(self, record: CallRecord, by: int | None, reason: PauseReason) -> None:
        """Silence from now on. A pause that was asked for stays one, whatever payment begins or ends meanwhile.

        Raises NotRecorded, and PauseUncertain when Asterisk did not confirm: then it is tried again, and nothing
        confidential should be said yet.
        """
        async with self._turns[record.call_id]:
            row = record.row
            if not record.is_recorded:
                raise NotRecorded(
                    "Nothing is being recorded in this call, so there is nothing to pause."
                )
            if self._over(record) == "talk_over":
                raise NotRecorded("Recording pauses only while an agent talks in the call.")
            if row.recording == "on" or (row.pause_reason == "payment" and reason == "asked"):
                record.recording_is("paused", "recording_paused", reason, by=by, pause=reason)
            self._woken.set()
            await self._mute(record, muted=True)

    async def resume(
        self, record: CallRecord, by: int | None, only: PauseReason | None = None
    ) -> None:
        """Record again; with `only` nothing happens to a pause for another reason.

        Raises PauseUncertain: then the call is still paused.
        """
        async with self._turns[record.call_id]:
            row = record.row
            if row.recording == "paused" and only in (None, row.pause_reason):
                await self._resume(record, by, only or "asked")

    async def stop(self, record: CallRecord, why: str) -> bool:
        """End the recording for good, paused or not; what was recorded stays. False when there was none.

        Raises AmiBridgeError, and KeyError for a node that is no more: then it goes on.
        """
        async with self._turns[record.call_id]:
            if not record.is_recorded:
                return False
            await self._send(record.row.node, StopRecording(channel=record.row.linkedid))
            if record.is_recorded:
                record.recording_is("off", "recording_stopped", why)
        self._woken.set()
        return True

    async def look(self) -> None:
        """End the pauses whose time or talk is over, and mute again what may be heard; done again and again."""
        for record in self._paused():
            async with self._turns[record.call_id]:
                why = self._over(record)
                try:
                    if why is not None:
                        await self._resume(record, None, why)
                    elif record.call_id in self._mute_again:
                        await self._mute(record, muted=True)
                except PauseUncertain:
                    log.warning("recording_pause_uncertain", call_id=record.call_id, why=why)
        paused = {record.call_id for record in self._paused()}
        self._mute_again &= paused
        for call_id in [each for each in self._turns if each not in paused]:
            if not self._turns[call_id].locked():
                del self._turns[call_id]

    async def _resume(self, record: CallRecord, by: int | None, why: str) -> None:
        if record.row.recording != "paused":
            return
        await self._mute(record, muted=False)
        if record.row.ended_at is None:
            record.recording_is("on", "recording_resumed", why, by=by)

    async def _mute(self, record: CallRecord, *, muted: bool) -> None:
        self._mute_again.add(record.call_id)
        channel = record.row.linkedid
        try:
            await self._send(record.row.node, MuteRecording(channel=channel, muted=muted))
        except (AmiBridgeError, KeyError) as error:
            log.warning(
                "recording_not_muted", call_id=record.call_id, muted=muted, error=str(error)
            )
            raise PauseUncertain(
                "Asterisk did not confirm it: take it that what is said is recorded, and try again."
                if muted
                else "Asterisk did not confirm that it records again: try again."
            ) from error
        self._mute_again.discard(record.call_id)

    def _over(self, record: CallRecord) -> Ending | None:
        row = record.row
        if row.paused_at is not None and self._clock() >= row.paused_at + self._limit:
            return "limit"
        talking = any(
            agent.state == "talking" and agent.call_id == record.call_id
            for agent in self._acd.agent_views()
        )
        return None if talking else "talk_over"

    def _paused(self) -> list[CallRecord]:
        return [each for each in self._acd.open_records() if each.row.recording == "paused"]

    def _agent_changed(self, _: AgentChanged) -> None:
        self._woken.set()

    def _link_up(self, event: LinkUp) -> None:
        self._mute_again |= {each.call_id for each in self._paused() if each.row.node == event.node}
        self._woken.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.look()
            except Exception:
                log.exception("recording_pauses_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S if self._paused() else None):
                    await self._woken.wait()
