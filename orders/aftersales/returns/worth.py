"""What goods that came back are worth. Rule: pure and exact; all parts of an order, in whatever order they come back,
are worth what the order brings, to the fen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from orders.money import part_worth, shared


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order, of which `returned` came back before."""

    line_no: int
    quantity: int
    line_total: Decimal
    returned: int


def of_goods(total: Decimal, lines: Sequence[Line], back: Mapping[int, int]) -> dict[int, Decimal]:
    """By line, what `back` of it is worth after its share of the order's discounts and coupons."""
    worths = shared(total, [line.line_total for line in lines])
    return {
        line.line_no: part_worth(worth, line.quantity, line.returned + back[line.line_no])
        - part_worth(worth, line.quantity, line.returned)
        for line, worth in zip(lines, worths, strict=True)
        if back.get(line.line_no)
    }
