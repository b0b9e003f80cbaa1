"""Price rules: what they say, and which of those that may apply do. Rule: pure; the same rules give the
same price in whatever order they come.

`price`            what one unit costs this buyer, from a quantity on; the nearest buyer's counts (customer,
                   then level, then everybody), then the rule of the ordered unit, then the largest
                   quantity reached, then the latest
`special_price`, `percent_off`, `amount_off`
                   promotions of a price; of those that are not `stackable` the one that leaves least
                   counts, then every stackable one, in order of `priority`
`free_goods`       for every `min_quantity` bought, `free_quantity` of `free_sku` (or of the same product)
                   come free, at most `free_most`; the one that gives most counts
`order_amount_off`, `order_percent_off`
                   for orders of `min_total` and more; the one that takes most off counts
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_HUNDRED = Decimal(100)


class RuleKind(StrEnum):
    PRICE = "price"
    SPECIAL_PRICE = "special_price"
    PERCENT_OFF = "percent_off"
    AMOUNT_OFF = "amount_off"
    FREE_GOODS = "free_goods"
    ORDER_AMOUNT_OFF = "order_amount_off"
    ORDER_PERCENT_OFF = "order_percent_off"


class Buyer(StrEnum):
    """Whom a rule is for; the nearest comes first."""

    CUSTOMER = "customer"
    LEVEL = "level"
    ALL = "all"


NEARNESS = {Buyer.CUSTOMER: 0, Buyer.LEVEL: 1, Buyer.ALL: 2}
OF_A_PRICE = (RuleKind.SPECIAL_PRICE, RuleKind.PERCENT_OFF, RuleKind.AMOUNT_OFF)
OF_AN_ORDER = (RuleKind.ORDER_AMOUNT_OFF, RuleKind.ORDER_PERCENT_OFF)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is for these goods, this buyer and this day.

    `value` is yuan of one unit (`unit`, or the base unit), or per cent; `min_quantity` is base units.
    """

    id: int
    kind: RuleKind
    buyer: Buyer
    value: Decimal = Decimal(0)
    name_zh: str | None = None
    name_en: str | None = None
    unit: str | None = None
    min_quantity: int = 1
    min_total: Decimal | None = None
    free_sku: str | None = None
    free_quantity: int = 0
    free_most: int | None = None
    stackable: bool = False
    priority: int = 0

    def fits(self, unit: str | None, quantity: int) -> bool:
        return self.unit in (None, unit) and quantity >= self.min_quantity

    def amount(self, factor: int) -> Decimal:
        """`value` for one ordered unit of `factor` base units."""
        return self.value if self.unit is not None else self.value * factor


def agreed_price(rules: Iterable[Rule], unit: str | None, quantity: int) -> Rule | None:
    """The `price` rule that counts for this many base units."""
    fitting = (r for r in rules if r.kind is RuleKind.PRICE and r.fits(unit, quantity))
    return min(
        fitting,
        key=lambda r: (NEARNESS[r.buyer], r.unit is None, -r.min_quantity, -r.id),
        default=None,
    )


def reduced(rule: Rule, price: Decimal, factor: int) -> Decimal:
    """What a promotion leaves of the price of one ordered unit; it never makes it dearer."""
    if rule.kind is RuleKind.PERCENT_OFF:
        return price * (_HUNDRED - rule.value) / _HUNDRED
    if rule.kind is RuleKind.SPECIAL_PRICE:
        return min(price, rule.amount(factor))
    return max(price - rule.amount(factor), Decimal(0))


def promotions(
    rules: Iterable[Rule], unit: str | None, quantity: int, price: Decimal, factor: int
) -> tuple[Rule, ...]:
    """The promotions that count, in the order in which they are applied."""
    fitting = [r for r in rules if r.kind in OF_A_PRICE and r.fits(unit, quantity)]
    best = min(
        (r for r in fitting if not r.stackable),
        key=lambda r: (reduced(r, price, factor), -r.priority, r.id),
        default=None,
    )
    more = sorted((r for r in fitting if r.stackable), key=lambda r: (-r.priority, r.id))
    return (best, *more) if best is not None else tuple(more)


@dataclass(frozen=True, slots=True)
class FreeGoods:
    """Base units that come free with a product."""

    sku: str
    quantity: int
    rule: Rule


def free_goods(rules: Iterable[Rule], sku: str, quantity: int) -> FreeGoods | None:
    """What comes free with so many base units of a product, the offer that gives most."""
    offers = [
        FreeGoods(rule.free_sku or sku, given, rule)
        for rule in rules
        if rule.kind is RuleKind.FREE_GOODS and (given := _given(rule, quantity))
    ]
    return min(offers, key=lambda o: (-o.rule.priority, -o.quantity, o.rule.id), default=None)


def _given(rule: Rule, quantity: int) -> int:
    given = quantity // rule.min_quantity * rule.free_quantity
    return given if rule.free_most is None else min(given, rule.free_most)


@dataclass(frozen=True, slots=True)
class OrderDiscount:
    """What a rule takes off a whole order, in yuan, not rounded."""

    amount: Decimal
    rule: Rule


def order_discount(rules: Iterable[Rule], total: Decimal) -> OrderDiscount | None:
    """The rule that takes most off an order of this total; never more than the total."""
    offers = [
        OrderDiscount(min(_taken(rule, total), total), rule)
        for rule in rules
        if rule.kind in OF_AN_ORDER and total >= (rule.min_total or 0) and total > 0
    ]
    return min(offers, key=lambda o: (-o.amount, -o.rule.priority, o.rule.id), default=None)


def _taken(rule: Rule, total: Decimal) -> Decimal:
    if rule.kind is RuleKind.ORDER_PERCENT_OFF:
        return total * rule.value / _HUNDRED
    return rule.value
