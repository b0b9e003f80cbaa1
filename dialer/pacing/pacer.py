"""One campaign's pacing: what it has learnt, its budget, and the decisions made from both.

Rule: no I/O and no clock of its own; told what happened, asked with what is there.
"""

from dialer.pacing.budget import Budget, BudgetRules, Counts
from dialer.pacing.decision import PacingRules, decide
from dialer.pacing.learning import Arrivals, Estimates
from dialer.pacing.prediction import Prediction
from dialer.pacing.reported import Decision, Floor

_HOLDS_S = 60.0


class Pacer:
    """`earlier`: what the legal window holds from before today."""

    def __init__(
        self,
        limits: BudgetRules | None = None,
        rules: PacingRules | None = None,
        earlier: Counts | None = None,
    ) -> None:
        self.known = Estimates()
        self.budget = Budget(limits or BudgetRules(), earlier or Counts())
        self._rules = rules or PacingRules()
        self._prediction: Prediction | None = None
        self._predicted_at = 0.0

    def new_day(self, earlier: Counts) -> None:
        """What was learnt of people is kept."""
        self.budget.new_day(earlier)
        self.known.answers = Arrivals()

    def served(self, now: float) -> None:
        """Somebody who answered has an agent."""
        self.known.answers.came(now)
        self.budget.served()

    def abandoned(self, now: float) -> None:
        """Somebody who answered had none in time."""
        self.known.answers.came(now)
        self.budget.abandoned()

    def decide(self, floor: Floor, now: float) -> Decision:
        """To be asked after every event, and every second or two in between."""
        self.budget.to_come = self._to_come(floor, now)
        return decide(
            floor,
            now,
            known=self.known,
            prediction=self._predicting(now),
            budget=self.budget,
            rules=self._rules,
        )

    def _to_come(self, floor: Floor, now: float) -> float:
        """Answers until closing or the end of the list, at the pace of the last quarter of an hour."""
        if floor.closes_at is None or not floor.upcoming:
            return 0.0
        in_time = max(0.0, floor.closes_at - now) * self.known.answers.rate(now)
        in_list = floor.numbers_left + len(floor.upcoming)
        return min(in_time, in_list * self.known.rate.of(floor.upcoming[0], floor.hour))

    def _predicting(self, now: float) -> Prediction:
        """A clock that was set back is no reason to keep an old one."""
        made = self._prediction
        if made is None or not self._predicted_at <= now < self._predicted_at + _HOLDS_S:
            made = self._prediction = Prediction(self.known)
            self._predicted_at = now
        return made
