"""The trunk: numbers dialled through Asterisk. Rule: each under a channel id of ours, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ami_bridge.commands import Originate
from ami_bridge.nodes import AsteriskNodes
from ami_bridge.originations import UNKNOWN, Originated
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
                channel_id=f"zj-{call_id}",
                context=context,
                timeout_s=self._trunk.ring_s,
                caller_id=self._trunk.caller_id,
                variables={"__ZJ_CALL": call_id, **variables},
            )
        )
        if isinstance(fate, Originated):
            return Answered(datetime.now(UTC))
        if fate.code == UNKNOWN:
            return FateUnknown()
        return NotAnswered(fate.cause or _CAUSES.get(fate.code, _CONGESTION), fate.tech_cause)
