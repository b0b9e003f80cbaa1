"""Numbers that are being dialled, and the calls that came of it.

Rule: the ledger row is committed before the number goes out; an attempt ends once, whoever notices first. Somebody who
calls in while being dialled is not rung any more: the call that came in counts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from acd.events import CallAnswered, CallEnded
from crm_core.bus import Bus
from crm_core.errors import DatabaseUnavailable
from dialer.events import AttemptEnded, AttemptMade, CallbackView
from dialer.law import Law
from dialer.policy import Result, classify
from dialer.ports import Agents, Answered, FateUnknown, NotAnswered, OutboundLine
from dialer.rules.verdict import Verdict
from dialer.store import DialerStore, DueItem, until_stored

log = structlog.get_logger(__name__)

_RECORDED_WITHIN_S = 2.0
"""The record of a call may begin a moment after Asterisk has told its end."""

Live = Callable[[str], bool | None]
"""Of a call by its id: None when it is over, else whether an agent has spoken to the callee."""


@dataclass
class _Out:
    """A call that is out: `reached` once an agent spoke to the callee, first at `agent_at`, `called_in` when the callee
    called, `over` when its record has ended.
    """

    item: DueItem
    answered: bool = False
    reached: bool = False
    agent_at: datetime | None = None
    called_in: bool = False
    over: bool = False


class Attempts:
    """All that are out; `changed` hears of a call-back when its attempt is over."""

    def __init__(
        self,
        store: DialerStore,
        agents: Agents,
        line: OutboundLine,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        law: Law,
        changed: Callable[[CallbackView], None],
    ) -> None:
        self._store = store
        self._law = law
        self._agents = agents
        self._line = line
        self._bus = bus
        self._clock = clock
        self._changed = changed
        self._live: Live = lambda _: None
        self._out: dict[str, _Out] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    async def close(self) -> None:
        """Calls that are out go on."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def numbers(self) -> frozenset[str]:
        return frozenset(out.item.number for out in self._out.values())

    def is_out(self, call_id: str) -> bool:
        return call_id in self._out

    def callbacks(self) -> frozenset[int]:
        """Those of which an attempt is out."""
        items = (out.item for out in self._out.values())
        return frozenset(item.id for item in items if item.purpose == "callback")

    async def recover(self, live: Live) -> None:
        """Take up those that an earlier daemon left open: whoever is still rung has the agent held again, and of whom
        nobody knows anything a person decides.
        """
        self._live = live
        for attempt in await self._store.open_attempts():
            call_id, item = attempt.call_id, attempt.item
            reached = live(call_id)
            if reached is not None:
                self._out[call_id] = _Out(item, answered=True, reached=reached)
                continue
            out = self._out[call_id] = _Out(item)
            self._agents.reserve(call_id, queue=item.queue, agent_id=attempt.agent_id)
            self.spawn(self._meet(call_id, out, self._line.follow(call_id)))

    async def begin(self, item: DueItem, call_id: str, agent_id: int) -> Verdict | None:
        """Dial for the agent who is reserved, if the rules allow it at this moment. Unless it is dialled, the agent is
        given back; None when the item is not to be had.

        Raises DatabaseUnavailable; what may have been written then is taken back, for nothing was dialled.
        """
        now = self._clock()
        out = self._out[call_id] = _Out(item)
        verdict: Verdict | None = None
        try:
            verdict = await self._store.begin_attempt(item, call_id, agent_id, self._law, now)
        except DatabaseUnavailable:
            self.spawn(self._finish(call_id, "congestion", None, None))
            raise
        finally:
            if verdict is None or not verdict.allowed:
                self._out.pop(call_id, None)
                self._agents.release(call_id)
        if verdict is None or not verdict.allowed:
            return verdict
        if out.called_in:
            self._agents.release(call_id)
            self.spawn(self._finish(call_id, "called_in", None, None))
            return verdict
        self._bus.publish(AttemptMade(call_id, item.purpose, item.number, agent_id, now))
        log.info("dialled", purpose=item.purpose, item=item.id, call=call_id, agent=agent_id)
        dialled = self._line.dial(call_id, item.number, purpose=item.purpose, queue=item.queue)
        self.spawn(self._meet(call_id, out, dialled))
        return verdict

    def called_in(self, number: str) -> None:
        """Whoever has this number is calling: it is not rung any more."""
        for call_id, out in self._out.items():
            if out.item.number == number and not out.answered and not out.called_in:
                out.called_in = True
                log.info("callee_calls_in", call=call_id)
                self.spawn(self._line.cancel(call_id))

    def refused(self, number: str, campaign_id: int | None) -> None:
        """Whoever has this number wants no call (of this campaign): what rings there is stopped."""
        for call_id, out in self._out.items():
            concerned = campaign_id is None or out.item.campaign_id == campaign_id
            if out.item.number == number and concerned and not out.answered:
                log.info("callee_refuses", call=call_id)
                self.spawn(self._line.cancel(call_id))

    def spoken(self, event: CallAnswered) -> None:
        out = self._out[event.call_id]
        out.reached, out.agent_at = True, out.agent_at or event.at

    def ended(self, event: CallEnded) -> None:
        out = self._out[event.call_id]
        out.over = True
        result: Result = "reached" if out.reached else "abandoned"
        self.spawn(self._finish(event.call_id, result, None, None))

    def hung_up(self, call_id: str) -> None:
        """The channel is gone; of one that was answered the record tells how it ended."""
        out = self._out.get(call_id)
        if out is not None:
            self.spawn(self._end_unrecorded(call_id, out))

    async def _end_unrecorded(self, call_id: str, out: _Out) -> None:
        """Who answered and came to no record spoke to nobody, or to an agent while no daemon ran."""
        await asyncio.sleep(_RECORDED_WITHIN_S)
        if out.answered and not out.over and self._live(call_id) is None:
            self._agents.release(call_id)
            await self._finish(call_id, "unknown", None, None)

    async def _meet(
        self, call_id: str, out: _Out, told: Awaitable[Answered | NotAnswered | FateUnknown]
    ) -> None:
        """Wait for the fate of the call, and go on from there."""
        fate = await told
        if isinstance(fate, Answered):
            out.answered = True
            await until_stored(lambda: self._store.attempt_answered(call_id, fate.at))
            return
        self._agents.release(call_id)
        if not isinstance(fate, NotAnswered):
            await self._finish(call_id, "unknown", None, None)
            return
        result = "called_in" if out.called_in else classify(fate.cause)
        await self._finish(call_id, result, fate.cause, fate.tech_cause)

    async def _finish(
        self, call_id: str, result: Result, cause: int | None, tech: str | None
    ) -> None:
        """Write how the attempt ended, as soon as the database takes it."""
        now, out = self._clock(), self._out.get(call_id)
        agent_at = out.agent_at if out is not None else None
        view = await until_stored(
            lambda: self._store.end_attempt(
                call_id, result, now, cause=cause, tech=tech, agent_at=agent_at
            )
        )
        self._out.pop(call_id, None)
        log.info("attempt_ended", call=call_id, result=result, cause=cause)
        if out is not None:
            number = out.item.number
            self._bus.publish(AttemptEnded(call_id, out.item.purpose, number, result, now))
        if view is not None:
            self._changed(view)

    def spawn(self, work: object) -> None:
        """Do this beside everything else; what fails is logged."""
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("dialler_task_failed", exc_info=task.exception())
