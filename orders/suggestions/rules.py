"""What else a customer may want. Rule: pure, and every suggestion carries its reasons.

Goods that go together, of n orders, of which a had A, b had B and ab had both (Agrawal, Imieliński and Swami 1993 for
support and confidence; Brin, Motwani, Ullman and Tsur 1997 for lift, their "interest"):

    support ab / n        confidence ab / a        lift (ab / a) / (b / n)

They are ranked by confidence less b / n, which is how much likelier B is because of A; so what everybody buys anyway is not
suggested. Goods of habit: the customer's own median days between two purchases are about to be over.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from statistics import median

from orders.reasons import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What is less is chance. A habit is `early` before its time, and given up when it is `late` times over."""

    orders: int = 5
    support: float = 0.001
    confidence: float = 0.05
    lift: float = 1.2
    purchases: int = 3
    early: float = 0.8
    late: float = 3.0
    most: int = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """Of `all_orders`, `orders` had `sku`, `other_orders` had `other` and `both` had both."""

    sku: str
    other: str
    both: int
    orders: int
    other_orders: int
    all_orders: int

    @property
    def support(self) -> float:
        return self.both / self.all_orders

    @property
    def confidence(self) -> float:
        return self.both / self.orders

    @property
    def lift(self) -> float:
        return self.both * self.all_orders / (self.orders * self.other_orders)

    @property
    def likelier(self) -> float:
        return self.confidence - self.other_orders / self.all_orders

    def counts(self, limits: Limits) -> bool:
        return (
            self.both >= limits.orders
            and self.support >= limits.support
            and self.confidence >= limits.confidence
            and self.lift >= limits.lift
        )

    @property
    def why(self) -> Reason:
        percent = round(100 * self.confidence)
        told = {"sku": self.sku, "percent": str(percent), "orders": str(self.both)}
        return Reason("bought_together", told)


@dataclass(frozen=True, slots=True)
class Habit:
    """The days on which the customer bought it, the oldest first, among `order_days` days with an order."""

    sku: str
    days: tuple[date, ...]
    order_days: int

    @property
    def cycle(self) -> float:
        """Days between two purchases; there must have been two."""
        gaps = [(b - a).days for a, b in zip(self.days, self.days[1:], strict=False)]
        return float(median(gaps))

    def is_due(self, today: date, limits: Limits) -> bool:
        if len(self.days) < max(limits.purchases, 2):
            return False
        since, cycle = (today - self.days[-1]).days, self.cycle
        return limits.early * cycle <= since <= limits.late * cycle

    @property
    def share(self) -> float:
        """In how many of the customer's orders it was."""
        return len(self.days) / self.order_days

    def why(self, today: date) -> Reason:
        since = (today - self.days[-1]).days
        return Reason("usual_now", {"days": f"{self.cycle:.0f}", "since": str(since)})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`score` is between 0 and 1."""

    sku: str
    score: float
    why: tuple[Reason, ...]


def suggest(
    pairs: Iterable[Pair],
    habits: Iterable[Habit],
    basket: Collection[str],
    today: date,
    limits: Limits | None = None,
) -> tuple[Suggestion, ...]:
    """The best first, and all of them: the caller leaves out what cannot be sold and takes `limits.most`.

    Of the goods in the basket that lead to the same one the best gives the reason; a habit counts besides, as
    chances that do not depend on each other.
    """
    limits = limits or Limits()
    best: dict[str, Pair] = {}
    for pair in pairs:
        if pair.other in basket or pair.sku not in basket or not pair.counts(limits):
            continue
        known = best.get(pair.other)
        if known is None or (pair.likelier, pair.sku) > (known.likelier, known.sku):
            best[pair.other] = pair
    due = {h.sku: h for h in habits if h.sku not in basket and h.is_due(today, limits)}
    found = [_one(sku, due.get(sku), best.get(sku), today) for sku in {*best, *due}]
    return tuple(sorted(found, key=lambda each: (-each.score, each.sku)))


def _one(sku: str, habit: Habit | None, pair: Pair | None, today: date) -> Suggestion:
    chances, why = [], []
    if habit is not None:
        chances.append(habit.share)
        why.append(habit.why(today))
    if pair is not None:
        chances.append(pair.likelier)
        why.append(pair.why)
    neither = 1.0
    for chance in chances:
        neither *= 1 - chance
    return Suggestion(sku, 1 - neither, tuple(why))
