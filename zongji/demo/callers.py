"""Simulated callers: calls into the PBX through the carrier, with keys pressed and times taken."""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ami_bridge.client import AmiClient
from ami_bridge.commands import Hangup, Originate, PlayDtmf
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
        self._called: defaultdict[str, list[str]] = defaultdict(list)
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
        variables = {"KEYS": ",".join(keys), "PAUSE": f"{pause_s:g}", "TALK": f"{talk_s:g}"}
        return self._begin(number, did, "caller", variables)

    async def fax(
        self, number: str, did: str, sheets: Path, *, t38: bool = True, station: str = ""
    ) -> CallerReport:
        """A fax machine dials `did` and sends these sheets, by T.38 or as sound."""
        variables = {"SHEETS": str(sheets), "HOW": "f" if t38 else "F", "STATION": station}
        return self._begin(number, did, "faxer", variables)

    def _begin(
        self, number: str, did: str, context: str, variables: Mapping[str, str]
    ) -> CallerReport:
        channel_id = f"caller-{uuid.uuid4().hex}"
        report = self._reports[channel_id] = CallerReport(number)
        command = Originate(
            channel=f"PJSIP/{did}@pbx",
            channel_id=channel_id,
            context=context,
            caller_id=number,
            timeout_s=120,
            variables=dict(variables),
        )
        task = asyncio.create_task(self._client.originate(command))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return report

    async def consult(self, extension: str, colleague: str) -> None:
        """A desk phone in the mode `consult` calls a colleague, who is to take over its caller."""
        await self.dial(extension, colleague, context="consulting")

    async def dial(self, extension: str, number: str, *, context: str = "dialling") -> None:
        """A desk phone calls a number."""
        command = Originate(
            channel=f"PJSIP/{number}@line-{extension}",
            channel_id=f"dial-{uuid.uuid4().hex}",
            context=context,
        )
        task = asyncio.create_task(self._client.originate(command))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def press(self, report: CallerReport, keys: str, *, pause_s: float) -> None:
        """The caller presses these keys, each after a pause."""
        for key in keys:
            await asyncio.sleep(pause_s)
            await self._client.send(PlayDtmf(channel=report.channel, digit=key))

    async def hang_up(self, report: CallerReport) -> None:
        """The caller puts the phone down; nothing happens when the call is over already."""
        with contextlib.suppress(ActionRefused):
            await self._client.send(Hangup(channel=report.channel))

    def called(self, number: str) -> tuple[str, ...]:
        """The channels of the calls that the PBX has made to this number, of those that are over too."""
        return tuple(self._called[number])

    def _hear(self, event: AsteriskEvent) -> None:
        if isinstance(event, LinkUp):
            self._up.set()
        if isinstance(event, ChannelCreated) and event.context == "incoming":
            self._called[event.exten].append(event.channel)
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
