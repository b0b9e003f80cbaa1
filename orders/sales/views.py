"""What other packages see of orders. Rule: frozen; never a table row or a dictionary."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from crm_core.outbox.views import MessageView
from orders.reasons import Reason
from orders.stock.views import BatchPart


@dataclass(frozen=True, slots=True)
class PackView:
    """A unit of `factor` base units, and what one costs this customer."""

    unit: str
    factor: int
    own_price: Decimal


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product as this customer sees it; `own_price` is for one base unit, the list price when nobody
    asks; `packs` are its larger units; so many are `available` in `warehouse`, which serves the customer.
    """

    sku: str
    name_zh: str
    name_en: str
    specification: str | None
    unit: str
    list_price: Decimal
    own_price: Decimal
    available: int
    why: tuple[Reason, ...]
    packs: tuple[PackView, ...]
    warehouse: str


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """`quantity` is of `unit`, which holds `factor` base units; so many of it are `available`.

    Where they are too few, `substitutes` are what could be ordered instead, priced as it would be then.
    """

    sku: str
    name_zh: str
    name_en: str
    unit: str
    factor: int
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    tax_rate: Decimal
    available: int
    why: tuple[Reason, ...]
    substitutes: tuple["QuotedLine", ...] = ()

    @property
    def base_quantity(self) -> int:
        return self.quantity * self.factor


@dataclass(frozen=True, slots=True)
class OrderCoupon:
    """A coupon that an order uses, and what it takes off."""

    code: str
    name_zh: str
    name_en: str
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order would be: `total` is the lines less the `discount` of promotions of the whole order and
    less what its `coupons` take off.

    `warnings`: coupon_… and why it does not fit (coupon), over_quota (goods, left, period), order_step (sku, step),
    out_of_stock (sku, available), free_goods_short (sku, quantity), over_credit (total, available). The goods come
    from `warehouse`, for the reason `warehouse_why`.
    """

    customer_id: int
    lines: tuple[QuotedLine, ...]
    total: Decimal
    discount: Decimal
    discount_why: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    warehouse: str
    warehouse_why: Reason
    coupons: tuple[OrderCoupon, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderLineView:
    line_no: int
    sku: str
    name_zh: str
    name_en: str
    unit: str
    factor: int
    quantity: int
    tax_rate: Decimal
    unit_price: Decimal
    line_total: Decimal
    why: tuple[Reason, ...]

    @property
    def base_quantity(self) -> int:
        return self.quantity * self.factor


@dataclass(frozen=True, slots=True)
class StatusChange:
    from_status: str | None
    to_status: str
    actor_id: int | None
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class OrderPart:
    """A part that was split off, or the order that a part is of."""

    id: int
    number: str
    status: str
    total: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceWanted:
    """The invoice that is wanted of an order; `asked_at`: since then it is an invoice of its own."""

    title: str
    tax_no: str | None
    address: str | None
    phone: str | None
    bank: str | None
    account: str | None
    email: str | None
    kind: str
    electronic: bool
    asked_at: datetime | None


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
class OrderView(OrderSummary):
    """Everything about one order; `total` is what is paid, after the `discount` of promotions and coupons.

    `review` is what the rules said of it (pass, hold), `parts` are those that were split off; `batches` are those
    that its goods were taken from when they went out; `allowed` is filled in for somebody who asks: the statuses
    this person may move it to, and `edit`.
    """

    placed_by: int | None
    address: str | None
    note: str | None
    payment: str | None
    warehouse: str
    discount: Decimal
    discount_why: tuple[Reason, ...]
    coupons: tuple[OrderCoupon, ...]
    history: tuple[StatusChange, ...]
    messages: tuple[MessageView, ...]
    urgent: bool
    medium: str | None
    wanted_on: date | None
    review: str
    review_why: tuple[Reason, ...]
    version: int
    credit_held: Decimal
    split_from: OrderPart | None
    parts: tuple[OrderPart, ...]
    invoice: InvoiceWanted | None
    batches: tuple[BatchPart, ...] = ()
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """`created` is False when the same key had placed it before."""

    order: OrderView
    created: bool
    warnings: tuple[Reason, ...] = ()
