"""What goes over a connection, in words of neither side. Rule: frozen and bounded; a connector makes its own
form of these and back, and nothing else of it leaves its folder.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from crm_core.fields import Command, Text

MOST_LINES = 200
Key = Annotated[Text, Field(min_length=1, max_length=100)]
Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
_Version = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]


class OutsideLine(Command):
    """`code` is theirs, or a barcode; `price` is what was agreed there for one."""

    code: Key
    quantity: Annotated[int, Field(ge=1, le=100_000)]
    price: Money | None = None
    name: Annotated[Text, Field(max_length=200)] | None = None


class OutsideOrder(Command):
    """An order that was placed elsewhere; `total` is what is paid for it there."""

    number: Key
    version: _Version
    lines: Annotated[tuple[OutsideLine, ...], Field(max_length=MOST_LINES)]
    buyer_code: Key | None = None
    buyer_name: Annotated[Text, Field(max_length=100)] | None = None
    phone: Annotated[Text, Field(max_length=40)] | None = None
    address: Annotated[Text, Field(max_length=300)] | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None
    paid: bool = False
    total: Money | None = None
    cancelled: bool = False

    @property
    def digest(self) -> str:
        """Tells two papers of the same version apart, and puts them in an order that all agree on."""
        return _digest(self.model_dump_json())

    @property
    def content(self) -> str:
        """Equal for two papers that order the same."""
        lines = sorted((line.code, line.quantity, str(line.price)) for line in self.lines)
        buyer = [self.buyer_code, self.buyer_name, self.phone]
        return _digest(json.dumps([lines, buyer, self.address, self.note]))


class OutsideState(Command):
    """What became of one of our orders there."""

    number: Key
    status: Key
    version: _Version


@dataclass(frozen=True, slots=True)
class Place:
    """How far changes there were read, in the order in which they were made: up to the second `at` of theirs, of which
    the first `skip` are known.
    """

    at: datetime
    skip: int = 0

    def after(self, page: int, last: datetime | None) -> "Place":
        """Behind a full page from here, whose last change was made then."""
        if last is not None and last.replace(microsecond=0) > self.at:
            return Place(last.replace(microsecond=0))
        return Place(self.at, self.skip + page)


@dataclass(frozen=True, slots=True)
class Changes:
    """One page; `goes_on` None: it was the last one."""

    states: tuple[OutsideState, ...]
    goes_on: Place | None = None


class OutsideCount(Command):
    """How many of a product there are there."""

    code: Key
    quantity: Annotated[Decimal, Field(max_digits=16, decimal_places=3)]


@dataclass(frozen=True, slots=True)
class LeavingLine:
    code: str
    quantity: int
    price: Decimal
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class LeavingOrder:
    """One of our orders in the codes of the other side; `number` is ours and never used twice.

    `version` grows with each change; `held`: a person has yet to decide about it. `changed`: what is there, if it is,
    is how the order was before.
    """

    number: str
    day: date
    status: str
    customer_code: str
    lines: tuple[LeavingLine, ...]
    total: Decimal
    discount: Decimal
    address: str | None
    note: str | None
    outside_key: str | None = None
    version: int = 1
    held: bool = False
    changed: bool = False


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
