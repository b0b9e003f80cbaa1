"""What a customer sees of an order by a link. Rule: enough of a name, number or address to recognise it, never the
whole: whoever has the link sees no more of the person than the link's owner knows.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from crm_core.numbers import mask
from orders.delivery.addresses import one_line
from orders.delivery.views import ConsigneeView
from orders.progress.steps import Step

_SHOWN = 2


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """Prices are None where the settings do not show them."""

    name_zh: str
    name_en: str
    unit: str
    quantity: int
    unit_price: Decimal | None
    line_total: Decimal | None


@dataclass(frozen=True, slots=True)
class ParcelEvent:
    code: str
    at: datetime
    place: str | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A waybill on its way out; `events` are the newest first."""

    courier_zh: str
    courier_en: str
    number: str
    state: str
    due_at: datetime | None
    events: tuple[ParcelEvent, ...]


@dataclass(frozen=True, slots=True)
class ProgressPart:
    """A part of a split order, or the order that this is a part of."""

    number: str
    status: str
    lines: tuple[ProgressLine, ...]
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class MaskedConsignee:
    """Where it goes; `version` 0: as it is known from the customer, not the order's own yet."""

    recipient: str
    phone: str | None
    address: str
    version: int

    @classmethod
    def of(cls, known: ConsigneeView) -> "MaskedConsignee":
        return cls(
            masked(known.recipient, shown=1),
            mask(known.phone) if known.phone else None,
            one_line(known.province, known.city, None, masked(known.street, shown=_SHOWN)),
            known.version,
        )


@dataclass(frozen=True, slots=True)
class Dues:
    """`state` is paid, owed or nothing; `left` is None where nobody pays here and prices are not shown.

    `payable`: it can be paid online now; `pay_url` is where, once the gateway has said so.
    """

    state: str
    left: Decimal | None
    payable: bool
    pay_url: str | None


@dataclass(frozen=True, slots=True)
class ProgressView:
    """`editable`: wished day, address and note can still be changed, from `version` on."""

    company: str
    number: str
    status: str
    language: str
    placed_at: datetime
    steps: tuple[Step, ...]
    lines: tuple[ProgressLine, ...]
    total: Decimal | None
    parts: tuple[ProgressPart, ...]
    parcels: tuple[Parcel, ...]
    wanted_on: date | None
    first_day: date
    last_day: date
    consignee: MaskedConsignee | None
    dues: Dues
    editable: bool
    version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinkView:
    link: str
    expires_at: datetime


def masked(text: str, *, shown: int) -> str:
    """Its first characters, and that there is more."""
    return f"{text[:shown]}***"
