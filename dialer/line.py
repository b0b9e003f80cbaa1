"""The trunk: numbers dialled through Asterisk. Rule: each under a channel id of ours, once."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ami_bridge.commands import Hangup, Originate
from ami_bridge.errors import AmiBridgeError
from ami_bridge.nodes import AsteriskNodes
from ami_bridge.originations import OURS, UNKNOWN, Fate, Originated
from dialer.ports import Answered, FateUnknown, NotAnswered

CONTEXT = "zongji-outbound"
_CONGESTION = 34
_CAUSES = {"busy": 17, "no_answer": 19, "hung_up": 16}


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """`endpoint` is the trunk's name in pjsip.conf, `caller_id` the number the callee sees."""

    endpoint: str
    caller_id: str
    ring_s: float = 45.0


class AsteriskLine:
    """Dials out through the first Asterisk that is connected."""

    def __init__(self, nodes: AsteriskNodes, trunk: TrunkSettings) -> None:
        self._nodes = nodes
        self._trunk = trunk

    async def dial(
        self, call_id: str, number: str, *, purpose: str, queue: str
    ) -> Answered | NotAnswered | FateUnknown:
        """Dial once; the answered channel enters the dialplan with what its call needs to know."""
        variables = {"ZJ_PURPOSE": purpose, "ZJ_QUEUE": queue, "ZJ_NUMBER": number}
        return await self.place(call_id, number, context=CONTEXT, variables=variables)

    async def cancel(self, call_id: str) -> None:
        """Stop ringing the far end, wherever it is dialled; one that has hung up already is no fault."""
        for name, up in self._nodes.connected.items():
            if up:
                with contextlib.suppress(AmiBridgeError):
                    await self._nodes.client(name).send(Hangup(channel=OURS + call_id))

    async def follow(self, call_id: str) -> Answered | NotAnswered | FateUnknown:
        """The fate of a call that an earlier daemon dialled, wherever it did."""
        looks = [
            asyncio.create_task(
                self._nodes.client(name).follow(OURS + call_id, within_s=self._trunk.ring_s)
            )
            for name in self._nodes.names
        ]
        try:
            for look in asyncio.as_completed(looks):
                fate = _fate(await look)
                if not isinstance(fate, FateUnknown):
                    return fate
            return FateUnknown()
        finally:
            for task in looks:
                task.cancel()

    async def place(
        self, call_id: str, number: str, *, context: str, variables: Mapping[str, str]
    ) -> Answered | NotAnswered | FateUnknown:
        """Dial once; the answered channel enters the dialplan at `context`."""
        connected = [name for name, up in self._nodes.connected.items() if up]
        if not connected:
            return NotAnswered(_CONGESTION, None)
        fate = await self._nodes.client(connected[0]).originate(
            Originate(
                channel=f"PJSIP/{number}@{self._trunk.endpoint}",
                channel_id=OURS + call_id,
                context=context,
                timeout_s=self._trunk.ring_s,
                caller_id=self._trunk.caller_id,
                variables={"__ZJ_CALL": call_id, **variables},
            )
        )
        return _fate(fate)


def _fate(fate: Fate) -> Answered | NotAnswered | FateUnknown:
    if isinstance(fate, Originated):
        return Answered(datetime.now(UTC))
    if fate.code == UNKNOWN:
        return FateUnknown()
    return NotAnswered(fate.cause or _CAUSES.get(fate.code, _CONGESTION), fate.tech_cause)
