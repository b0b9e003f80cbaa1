"""What other packages see of orders. Rule: frozen; never a table row or a dictionary."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from crm_core.outbox.views import MessageView
from orders.pricing import Reason


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product as this customer sees it; `own_price` is the list price when nobody asks."""

    sku: str
    name_zh: str
    name_en: str
    unit: str
    list_price: Decimal
    own_price: Decimal
    available: int
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class QuotedLine:
    sku: str
    name_zh: str
    name_en: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    available: int
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """`warnings`: out_of_stock (sku, available), over_credit (total, available)."""

    customer_id: int
    lines: tuple[QuotedLine, ...]
    total: Decimal
    warnings: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class OrderLineView:
    sku: str
    name_zh: str
    name_en: str
    unit: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class StatusChange:
    from_status: str | None
    to_status: str
    actor_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order with its lines, as lists and the pop show it."""

    id: int
    number: str
    status: str
    total: Decimal
    placed_at: datetime
    customer_id: int
    customer_name: str
    call_id: str | None
    lines: tuple[OrderLineView, ...]


@dataclass(frozen=True, slots=True)
class OrderCoupon:
    """A coupon that the order used, and what it took off."""

    code: str
    name_zh: str
    name_en: str
    discount: Decimal


@dataclass(frozen=True, slots=True)
class OrderView(OrderSummary):
    """Everything about one order; `total` is what is paid, after the `discount` of the coupons."""

    placed_by: int | None
    address: str | None
    note: str | None
    payment: str | None
    discount: Decimal
    coupons: tuple[OrderCoupon, ...]
    history: tuple[StatusChange, ...]
    messages: tuple[MessageView, ...]


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """`created` is False when the same key had placed it before."""

    order: OrderView
    created: bool
    warnings: tuple[Reason, ...] = ()
