"""One product and how many of it. Rule: a line is checked when it is made, so that no bad one travels."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from orders.errors import BadOrder

MOST_LINES = 200
MOST_OF_ONE = 100_000


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`unit` is the product's base unit (None) or one of its packs, such as 箱."""

    sku: str
    quantity: int
    unit: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.quantity <= MOST_OF_ONE:
            raise BadOrder(
                f"The quantity of {self.sku} must be between 1 and {MOST_OF_ONE}.",
                fields={"sku": self.sku, "quantity": self.quantity},
            )


@dataclass(frozen=True, slots=True)
class StockLine:
    """Base units of one product; `value` is what they are worth, None at the average cost of what is there."""

    sku: str
    quantity: int
    value: Decimal | None = None


def merged(lines: Iterable[OrderLine]) -> tuple[OrderLine, ...]:
    """Lines of the same product and unit as one. Raises BadOrder when there are none or too many."""
    quantities: dict[tuple[str, str | None], int] = {}
    for line in lines:
        kind = line.sku, line.unit
        quantities[kind] = quantities.get(kind, 0) + line.quantity
    if not 0 < len(quantities) <= MOST_LINES:
        raise BadOrder(
            f"An order has between 1 and {MOST_LINES} products.", fields={"lines": len(quantities)}
        )
    return tuple(OrderLine(sku, quantity, unit) for (sku, unit), quantity in quantities.items())
