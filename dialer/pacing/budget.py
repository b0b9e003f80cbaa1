"""How many of those who answer may be abandoned: the legal share over its window, spent evenly and with a reserve.

Rule: no clock; told of every answer's end. The share must hold over the window and over the present day by itself, so that no
day is paid for by another. The price is the greatest chance of finding nobody that one more call may have.

The room is what the limit still allows: limit × answers - abandoned. It grows with each answer and falls by one with each
call abandoned. The rest of the day is planned so that the room ends at the reserve: whoever is short of it, or has more, has the
answers that are still to come to even it out, so that the price hardly moves in the morning and follows the room closely before
closing. The reserve is the confidence bound: `sureness` standard deviations of what the room does by itself then. Where one
more call abandoned could not be made up for before closing there is no price at all, and only calls that a free agent waits for
are begun. The learnt price, which is that of a room at the reserve, creeps to where the plan is kept, whatever the
risks are worth.
"""

from dataclasses import dataclass
from math import exp, sqrt
from typing import Literal

Formula = Literal["us", "uk"]

_FIRST_PRICE = 1.0  # of the limit
_LEAST_PRICE, _MOST_PRICE = 0.05, 5.0  # of the limit
_MOST_RAISED = 1.6
_CREEP = 0.004  # of the price, with each answer
_LONE, _GROUPS = 0.4, 0.15
_NEXT, _LAST = (
    1.0,
    0.75,
)  # call, and of the reserve: with less, the next to be abandoned may be too many
_SHORTEST, _LONGEST = 60.0, 200.0  # answers within which the room is brought to the reserve
_COUNTED_ON = 0.7  # of the answers that are still to come
_MOST_AHEAD = 4.0  # abandoned calls before the answers that make up for them


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """`limit`: the greatest share, 0 for none at all (16 CFR 310.4(b)(4): 0.03 over 30 days). `window_days`: over how many days,
    today included; 1 for today alone.

    Formula us: abandoned ÷ people who answered. uk (Ofcom 2010): both less those who are reckoned to be answering machines.
    `sureness`: 1.28 standard deviations are nine days of ten.
    """

    limit: float = 0.03
    window_days: int = 30
    formula: Formula = "us"
    sureness: float = 1.28


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls that were answered: by machines, by people who met an agent, by people who did not in time."""

    served: int = 0
    abandoned: int = 0
    machines: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.served + other.served,
            self.abandoned + other.abandoned,
            self.machines + other.machines,
        )


def counted(counts: Counts, formula: Formula) -> tuple[float, float]:
    """Abandoned, and all who answered, as the formula counts them."""
    abandoned = float(counts.abandoned)
    if formula == "uk" and counts.machines:
        abandoned *= counts.served / (counts.machines + counts.served)
    return abandoned, counts.served + abandoned


def share(counts: Counts, formula: Formula) -> float:
    """0 when nobody answered."""
    abandoned, answers = counted(counts, formula)
    return abandoned / answers if answers else 0.0


class Budget:
    """Of one campaign; `earlier` is what the window holds from before today. `to_come`: answers expected until closing."""

    def __init__(self, rules: BudgetRules, earlier: Counts = Counts()) -> None:
        self.rules = rules
        self.today = Counts()
        self.to_come = 0.0
        self._earlier = earlier
        self._price = _FIRST_PRICE * rules.limit

    def new_day(self, earlier: Counts) -> None:
        """Of the past only the price is kept."""
        self.today, self.to_come, self._earlier = Counts(), 0.0, earlier

    def served(self) -> None:
        self.today += Counts(served=1)
        self._creep()

    def abandoned(self) -> None:
        self.today += Counts(abandoned=1)
        self._creep()

    def machine(self) -> None:
        self.today += Counts(machines=1)

    def room(self, waiting: int = 0) -> float:
        """Calls that may still be abandoned; those that wait for an agent are counted as if they were."""
        here = self._room(self.today)
        if self.rules.window_days > 1:
            here = min(here, self._room(self.today + self._earlier))
        return here - waiting

    def price(self, waiting: int = 0) -> float:
        """The greatest chance of finding nobody that one more answer may have; 0: none."""
        ahead = min(_MOST_AHEAD, _COUNTED_ON * self.rules.limit * self.to_come)
        if not self.rules.limit or self.room(waiting) < max(_NEXT, _LAST * self._reserve()) - ahead:
            return 0.0
        return self._price * min(_MOST_RAISED, self._planned(waiting))

    def share(self) -> float:
        """Of today."""
        return share(self.today, self.rules.formula)

    def _room(self, counts: Counts) -> float:
        abandoned, answers = counted(counts, self.rules.formula)
        return self.rules.limit * answers - abandoned

    def _planned(self, waiting: int = 0) -> float:
        """The share that the answers to come may have, as a part of the limit."""
        within = self.rules.limit * min(_LONGEST, max(_SHORTEST, self.to_come))
        return max(0.0, 1 + (self.room(waiting) - self._reserve()) / within)

    def _reserve(self) -> float:
        """Calls are abandoned in groups, which grow with the team and so with the answers of a day."""
        _, answers = counted(self.today, self.rules.formula)
        spread = sqrt(self.rules.limit * (answers + self.to_come))
        return self.rules.sureness * (_LONE + _GROUPS * spread)

    def _creep(self) -> None:
        limit = self.rules.limit
        if limit:
            off = min(1.0, self._planned() - 1)
            price = self._price * exp(_CREEP * off)
            self._price = min(_MOST_PRICE * limit, max(_LEAST_PRICE * limit, price))
