"""The product's pacing under the policies' interface: the same code as live."""

from dialer.pacing.budget import BudgetRules, Counts
from dialer.pacing.decision import PacingRules
from dialer.pacing.pacer import Pacer
from dialer.pacing.reported import Floor, Ringing


class Ours:
    every_s = 2.0
    on_events = True

    def __init__(self, *, cancels: bool = True) -> None:
        """Without `cancels` under the rules of the computed limit."""
        self._rules = PacingRules() if cancels else PacingRules(ring_least_s=1e9)
        self._days: list[Counts] = []
        self._hour = 0
        self.pacer = Pacer(BudgetRules(), self._rules)

    def new_day(self, day: int) -> None:
        if day:
            self._days.append(self.pacer.budget.today)
        earlier = Counts()
        for each in self._days[-29:]:
            earlier += each
        self.pacer.new_day(earlier)

    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]:
        self._hour = floor.hour
        decision = self.pacer.decide(floor, now)
        return decision.n_dial, decision.cancel

    def answered(self, call: Ringing, now: float) -> None:
        self.pacer.known.answered(call.segment, self._hour, now - call.started_at)

    def failed(self, call: Ringing, now: float, *, congested: bool) -> None:
        if congested:
            self.pacer.known.carrier.refused(now)
        else:
            self.pacer.known.failed(call.segment, self._hour, now - call.started_at)

    def met(self, waited_s: float, now: float) -> None:
        del waited_s
        self.pacer.served(now)

    def abandoned(self, now: float) -> None:
        self.pacer.abandoned(now)

    def talked(self, kind: str, seconds: float) -> None:
        self.pacer.known.talked(kind, seconds)

    def wrapped_up(self, kind: str, seconds: float) -> None:
        self.pacer.known.wrapped_up(kind, seconds)

    def came_in(self, now: float) -> None:
        self.pacer.known.inbound.came(now)
