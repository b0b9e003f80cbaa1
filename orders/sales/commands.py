"""What people ask of orders. Rule: a command is checked when it is made, so that no bad one travels."""

import hashlib
import json
from dataclasses import dataclass

from orders.errors import BadOrder
from orders.lines import OrderLine, merged

MOST_COUPONS = 10


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """An order as the agent sends it. `key` is made by the sender, once for each order."""

    key: str
    customer_id: int
    lines: tuple[OrderLine, ...]
    placed_by: int | None = None
    call_id: str | None = None
    address: str | None = None
    note: str | None = None
    payment: str | None = None
    coupon_codes: tuple[str, ...] = ()
    quote_id: int | None = None
    warehouse: str | None = None

    def __post_init__(self) -> None:
        _within("key", self.key, 64)
        if not self.key:
            raise BadOrder("An order needs a key of its own.", fields={"key": "missing"})
        _within("call_id", self.call_id, 32)
        _within("address", self.address, 300)
        _within("note", self.note, 500)
        _within("payment", self.payment, 20)
        _within("warehouse", self.warehouse, 20)
        if len(self.coupon_codes) > MOST_COUPONS:
            raise BadOrder(
                f"An order takes up to {MOST_COUPONS} coupons.", fields={"coupon_codes": "many"}
            )
        object.__setattr__(self, "lines", merged(self.lines))

    @property
    def fingerprint(self) -> str:
        """Equal for two commands that order the same; who sends it does not matter."""
        content = [
            self.customer_id,
            sorted(_ordered(line) for line in self.lines),
            self.call_id,
            self.address,
            self.note,
            self.payment,
        ]
        if self.coupon_codes:
            content.append(sorted(self.coupon_codes))
        if self.quote_id is not None:
            content.append({"quote": self.quote_id})
        if self.warehouse is not None:
            content.append({"warehouse": self.warehouse})
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _within(name: str, value: str | None, most: int) -> None:
    if value is not None and (len(value) > most or "\0" in value):
        raise BadOrder(f"The {name} may have at most {most} characters.", fields={name: "too_long"})


def _ordered(line: OrderLine) -> tuple[str, int] | tuple[str, int, str]:
    """An order of base units has the fingerprint that it always had."""
    if line.unit is None:
        return line.sku, line.quantity
    return line.sku, line.quantity, line.unit
