"""Outside numbers: a caller whom nobody here can take is put through to a number elsewhere, over the trunk.

Rule: only numbers of the line plan are dialled, a bounded number at once and each for a bounded time, through the
dialplan's own door to the trunk with its cap and its number shown; a call that has come back to us from outside is
not sent out again. What is not answered brings the caller back to the old place.
"""

from dataclasses import dataclass

from acd.core_types import Way
from acd.lineplan import LinePlan
from acd.records import CallRecord
from ami_bridge.agi import AgiSession

ANSWERED = "ANSWER"
_DOOR = "to-trunk"
_MINUTE_S = 60


@dataclass
class OutsideCalls:
    """All that are under way. `own_number` is what the called see."""

    own_number: str
    under_way: int = 0

    def refusal(self, way: Way, caller: str | None, plan: LinePlan) -> str | None:
        """Why the number cannot be dialled for this caller now."""
        if caller == way.to:
            return "own_number"
        if caller is not None and (caller == self.own_number or caller in plan.did_by_number):
            return "came_back"
        return "too_many" if self.under_way >= plan.outside.at_once else None

    async def dial(
        self, session: AgiSession, record: CallRecord, way: Way, plan: LinePlan
    ) -> tuple[str, float]:
        """Ring and, if it is answered, talk to the end: Dial's status and how long they talked in seconds."""
        longest_s = plan.outside.longest_min * _MINUTE_S
        number = f"00{way.to[1:]}" if way.to.startswith("+") else way.to
        self.under_way += 1
        record.outside_rings = True
        try:
            target, ring_s = f"Local/{number}@{_DOOR}", f"{way.ring_s:.0f}"
            await session.exec("Dial", target, ring_s, f"gS({longest_s})")
        finally:
            self.under_way -= 1
            record.outside_rings = False
        status = await session.get_variable("DIALSTATUS") or "CHANUNAVAIL"
        talked_s = float(await session.get_variable("ANSWEREDTIME") or 0)
        return status, talked_s
