"""What other packages see of payments. Rule: frozen; never a table row."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PaymentView:
    """`pay_url` is where the customer pays, as a QR code, once the gateway has the charge."""

    id: int
    order_id: int
    order_number: str
    gateway: str
    amount: Decimal
    received: Decimal | None
    state: str
    pay_url: str | None
    reference: str | None
    reason: str | None
    expires_at: datetime
    created_by: int | None
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundView:
    id: int
    payment_id: int
    order_id: int
    amount: Decimal
    state: str
    words: str
    reference: str | None
    reason: str | None
    created_by: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EntryView:
    id: int
    kind: str
    amount: Decimal
    method: str
    source: str
    reference: str
    paid_at: datetime
    booked_at: datetime
    actor_id: int | None


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """`owed` is what the order is to bring in all, `paid` what came in less what went back, `refundable` what
    may go back now.
    """

    order_id: int
    order_number: str
    customer_id: int
    method: str | None
    total: Decimal
    owed: Decimal
    paid: Decimal
    refundable: Decimal
    entries: tuple[EntryView, ...]
    payments: tuple[PaymentView, ...]
    refunds: tuple[RefundView, ...]


@dataclass(frozen=True, slots=True)
class DifferenceView:
    id: int
    kind: str
    source: str
    reference: str | None
    order_id: int | None
    order_number: str | None
    payment_id: int | None
    expected: Decimal | None
    found: Decimal | None
    currency: str
    money_at: datetime | None
    state: str
    found_at: datetime
    entry_id: int | None
    resolved_by: int | None
    resolved_at: datetime | None
    reason: str | None
