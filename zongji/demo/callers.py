"""Simulated callers: calls into the PBX through the carrier, with keys pressed and times taken."""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from ami_bridge.client import AmiClient
from ami_bridge.commands import Hangup, Originate
from ami_bridge.errors import ActionRefused
from ami_bridge.events import AsteriskEvent, ChannelCreated, ChannelHungUp, ChannelState, LinkUp
from ami_bridge.node import NodeSettings
from zongji.platform.errors import PlatformError


@dataclass
class CallerReport:
    """What one caller saw; times are aware UTC, None for what did not happen."""

    number: str
    invited_at: datetime | None = None
    answered_at: datetime | None = None
    hung_up_at: datetime | None = None
    cause: int | None = None
    channel: str = ""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Callers:
    """The carrier's side: places calls and follows them."""

    def __init__(self, port: int, secret: str) -> None:
        node = NodeSettings(
            name="carrier", host="127.0.0.1", port=port, username="carrier", secret=secret
        )
        self._client = AmiClient(node, on_event=self._hear)
        self._reports: dict[str, CallerReport] = {}
        self._dialling: set[asyncio.Task[object]] = set()
        self._up = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._client.start()
        try:
            async with asyncio.timeout(10):
                await self._up.wait()
        except TimeoutError:
            await self._client.close()
            raise PlatformError(
                "The simulated carrier does not answer: start it with `zongji run` first."
            ) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in tuple(self._dialling):
            task.cancel()
        await self._client.close()

    async def call(
        self,
        number: str,
        did: str,
        *,
        keys: Sequence[str] = (),
        pause_s: float = 1.0,
        talk_s: float = 600.0,
    ) -> CallerReport:
        """Dial `did` from `number`; returns when Asterisk has taken the call, see the report."""
        channel_id = f"caller-{uuid.uuid4().hex}"
        report = self._reports[channel_id] = CallerReport(number)
        command = Originate(
            channel=f"PJSIP/{did}@pbx",
            channel_id=channel_id,
            context="caller",
            caller_id=number,
            timeout_s=120,
            variables={"KEYS": ",".join(keys), "PAUSE": f"{pause_s:g}", "TALK": f"{talk_s:g}"},
        )
        task = asyncio.create_task(self._client.originate(command))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return report

    async def hang_up(self, report: CallerReport) -> None:
        """The caller puts the phone down; nothing happens when the call is over already."""
        with contextlib.suppress(ActionRefused):
            await self._client.send(Hangup(channel=report.channel))

    def _hear(self, event: AsteriskEvent) -> None:
        if isinstance(event, LinkUp):
            self._up.set()
        report = self._reports.get(getattr(event, "uniqueid", ""))
        if report is None:
            return
        match event:
            case ChannelCreated():
                report.invited_at, report.channel = event.at, event.channel
            case ChannelState(state="up"):
                report.answered_at = event.at
                report.answered.set()
            case ChannelHungUp():
                report.hung_up_at, report.cause = event.at, event.cause
                report.over.set()
