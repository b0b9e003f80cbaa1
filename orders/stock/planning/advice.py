"""How much to restock. Rule: pure and explained: what will be sold until new goods are there, and a safety
stock, less the position, in whole lots.

The position is what is available, and on the way, less what orders wait for: on hand + on order - back-orders -
committed (Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th edition, chapter 6). The
safety stock is z·σ (the same book, 6.7): σ the error of the forecast over the lead time in back-test, z the normal
quantile of the service level.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from orders.reasons import Reason


@dataclass(frozen=True, slots=True)
class Expected:
    """A forecast of the sum over `days`."""

    quantity: float
    deviation: float
    days: int
    method: str

    def over(self, days: int) -> "Expected":
        """The same for another time: the sum grows with it, its error with the square root."""
        share = days / self.days
        return Expected(self.quantity * share, self.deviation * math.sqrt(share), days, self.method)


@dataclass(frozen=True, slots=True)
class Situation:
    """Of one product in one warehouse; back-ordered orders wait for `waiting` of it; below `least` it is filled up to
    `target`.
    """

    available: int
    on_the_way: int
    waiting: int
    least: int
    target: int
    lead_days: int
    lot: int

    @property
    def position(self) -> int:
        return self.available + self.on_the_way - self.waiting


@dataclass(frozen=True, slots=True)
class Advice:
    quantity: int
    why: tuple[Reason, ...]


def advise(situation: Situation, expected: Expected, service_level: float) -> Advice:
    """`service_level` is the share of lead times without a shortage, from 0.5 to below 1."""
    sales = expected.over(situation.lead_days)
    safety = math.ceil(NormalDist().inv_cdf(service_level) * sales.deviation)
    selling = math.ceil(sales.quantity)
    position = situation.position
    goal = selling + safety
    why = [
        Reason(
            "expected_sales",
            {"quantity": str(selling), "days": str(sales.days), "method": sales.method},
        ),
        Reason("safety_stock", {"quantity": str(safety), "level": f"{service_level:.1%}"}),
        Reason("available", {"quantity": str(situation.available)}),
    ]
    if situation.on_the_way:
        why.append(Reason("on_the_way", {"quantity": str(situation.on_the_way)}))
    if situation.waiting:
        why.append(Reason("waiting", {"quantity": str(situation.waiting)}))
    if situation.target and position < situation.least:
        goal = max(goal, situation.target)
        bounds = {"least": str(situation.least), "target": str(situation.target)}
        why.append(Reason("below_minimum", bounds))
    missing = max(goal - position, 0)
    lots = -(-missing // situation.lot)
    if lots and situation.lot > 1:
        why.append(Reason("whole_lots", {"lot": str(situation.lot), "missing": str(missing)}))
    return Advice(lots * situation.lot, tuple(why))
