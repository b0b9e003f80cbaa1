"""An order in parts (拆单): what is sent now and what is sent later. Rule: pure; the parts have the goods and
the money of the whole to the fen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from orders.money import line_total, shared, total_of
from orders.sales.views import QuotedLine


@dataclass(frozen=True, slots=True)
class Part:
    """Lines, what is taken off them, and what is then paid."""

    lines: tuple[QuotedLine, ...]
    discount: Decimal
    total: Decimal


def whole(lines: Sequence[QuotedLine], discount: Decimal) -> Part:
    return Part(tuple(lines), discount, total_of(line.line_total for line in lines) - discount)


def by_stock(
    lines: Sequence[QuotedLine], discount: Decimal, free: Mapping[str, int]
) -> tuple[Part, Part]:
    """What `free` (base units of each product) covers, in the order of the lines, and the rest."""
    left = dict(free)
    now, later = [], []
    for line in lines:
        taken = min(line.quantity, max(left.get(line.sku, 0), 0) // line.factor)
        left[line.sku] = left.get(line.sku, 0) - taken * line.factor
        now += _some(line, taken)
        later += _some(line, line.quantity - taken)
    shares = shared(discount, [total_of(line.line_total for line in each) for each in (now, later)])
    return whole(now, shares[0]), whole(later, shares[1])


def _some(line: QuotedLine, quantity: int) -> list[QuotedLine]:
    if not quantity:
        return []
    amount = line_total(line.unit_price, quantity)
    return [replace(line, quantity=quantity, line_total=amount)]
