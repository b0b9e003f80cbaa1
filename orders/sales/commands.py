"""What people ask of orders. Rule: a command is checked when it is made, so that no bad one travels."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from crm_core.fields import PAGE, CallId, Command, Id, Limit, Moment, Text, Versioned
from orders.buyers import InvoiceWish
from orders.errors import BadOrder
from orders.lines import MOST_LINES, MOST_OF_ONE, OrderLine, merged
from orders.methods import Method
from orders.sales.flow import Status

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]

ENTITY = "order"
MOST_COUPONS = 10


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """An order as it is sent. `key` is made by the sender, once for each order; `backorder`: what is not
    there now is sent later; `wanted_on` is the day the customer wishes to have it; `invoice` is the one it shall have.
    """

    key: str
    customer_id: int
    lines: tuple[OrderLine, ...]
    call_id: str | None = None
    address: str | None = None
    note: str | None = None
    payment: str | None = None
    coupon_codes: tuple[str, ...] = ()
    quote_id: int | None = None
    urgent: bool = False
    medium: str | None = None
    wanted_on: date | None = None
    backorder: bool = False
    warehouse: str | None = None
    invoice: InvoiceWish | None = None

    def __post_init__(self) -> None:
        _within("key", self.key, 64)
        if not self.key:
            raise BadOrder("An order needs a key of its own.", fields={"key": "missing"})
        _within("call_id", self.call_id, 32)
        _within("address", self.address, 300)
        _within("note", self.note, 500)
        _within("medium", self.medium, 100)
        _within("warehouse", self.warehouse, 20)
        if self.payment is not None and self.payment not in set(Method):
            raise BadOrder(
                f"An order is paid by one of {', '.join(Method)}.", fields={"payment": "unknown"}
            )
        if len(self.coupon_codes) > MOST_COUPONS:
            raise BadOrder(
                f"An order takes up to {MOST_COUPONS} coupons.", fields={"coupon_codes": "many"}
            )
        object.__setattr__(self, "lines", merged(self.lines))

    @property
    def limited(self) -> tuple[str, ...]:
        """The fields that roles may be kept from and that are given here; coupons are a discount."""
        given = {"address": self.address, "discount": self.coupon_codes, "note": self.note}
        return tuple(name for name, value in given.items() if value)

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
        given = {
            "urgent": self.urgent,
            "wanted_on": self.wanted_on,
            "backorder": self.backorder,
            "warehouse": self.warehouse,
        }
        if any(given.values()):
            content.append({name: str(value) for name, value in given.items() if value})
        if self.invoice is not None:
            content.append({"invoice": self.invoice.model_dump()})
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class WantedLine(Command):
    """A line of an order that is changed."""

    sku: Annotated[Text, Field(min_length=1, max_length=40)]
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)]
    unit: Annotated[Text, Field(min_length=1, max_length=20)] | None = None


class EditOrder(Versioned):
    """What is ordered, anew and whole, made from `version`; its coupons and the day of its prices stay, and its
    `invoice` where nothing is said of it (None: it shall have none).
    """

    lines: Annotated[tuple[WantedLine, ...], Field(min_length=1, max_length=MOST_LINES)]
    address: Annotated[Text, Field(max_length=300)] | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None
    payment: Annotated[Text, Field(max_length=20)] | None = None
    urgent: bool = False
    wanted_on: Day | None = None
    invoice: InvoiceWish | None = None

    @property
    def merged_lines(self) -> tuple[OrderLine, ...]:
        return merged(OrderLine(line.sku, line.quantity, line.unit) for line in self.lines)


class SplitLine(Command):
    """So much of a line, in its unit."""

    line_no: Annotated[int, Field(ge=1, le=10_000)]
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)]


class SplitOrder(Versioned):
    """What goes into a part of its own; `backorder`: its goods are given back and it waits for new ones."""

    lines: Annotated[tuple[SplitLine, ...], Field(min_length=1, max_length=2 * MOST_LINES)]
    backorder: bool = False


class MoveOrder(Command):
    """Which status it comes to, and why: for the history, and for the customer when it is cancelled or refused; what is
    settled unpaid needs it.
    """

    to: Status
    reason: Annotated[Text, Field(min_length=1, max_length=300)] | None = None


class OrderQuery(Command):
    """Orders, the newest first, from before `before` on; `number` is any part of it."""

    number: Annotated[Text, Field(min_length=1, max_length=24)] | None = None
    customer_id: Id | None = None
    call_id: CallId | None = None
    placed_by: Id | None = None
    split_from: Id | None = None
    status: Status | None = None
    urgent: bool | None = None
    placed_from: Moment | None = None
    placed_before: Moment | None = None
    before: Id | None = None
    limit: Limit = PAGE


def _within(name: str, value: str | None, most: int) -> None:
    if value is not None and (len(value) > most or "\0" in value):
        raise BadOrder(f"The {name} may have at most {most} characters.", fields={name: "too_long"})


def _ordered(line: OrderLine) -> tuple[str, int] | tuple[str, int, str]:
    """An order of base units has the fingerprint that it always had."""
    if line.unit is None:
        return line.sku, line.quantity
    return line.sku, line.quantity, line.unit
