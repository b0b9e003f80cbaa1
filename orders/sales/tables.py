"""Tables of orders. Rule: what must never happen (oversold stock, a total that is not the sum, an
order twice) is forbidden here as well, and the stock ledger adds up to the balance at every commit.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    event,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import HOLDS_CREDIT
from crm_core.db import Base
from crm_core.personal import PART, emptied, entity
from orders.buyers import Kind
from orders.methods import Method
from orders.pricing.rules import RuleKind
from orders.sales import overdue
from orders.sales.flow import Status
from orders.stock.tables import MAIN

SUBJECT = "order"
_NOW = func.now()


def _one_of(column: str, codes: list[str]) -> str:
    return f"{column} IN ({','.join(repr(str(code)) for code in codes)})"


class Order(Base):
    """`key` makes it unique (a part that was split off has none), `fingerprint` tells whether the same key
    means the same order; `total` is what is paid: the lines less the `discount` of promotions and coupons;
    `given_back` is what it does not bring any more, because goods came back or something was forgiven;
    `credit_held` is what it takes of the customer's credit now, `overdue` what is owed of it beyond the terms; its goods come from one `warehouse`. `review` is
    the verdict of the rules when it was placed or changed last, `review_why` what they said; `version` counts
    changes of its content.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(_one_of("status", list(Status)), name="status_known"),
        CheckConstraint("total >= 0", name="total_not_negative"),
        CheckConstraint("discount >= 0", name="discount_not_negative"),
        CheckConstraint(_one_of("payment", list(Method)), name="payment_known"),
        CheckConstraint("0 <= credit_held AND credit_held <= total", name="credit_within_total"),
        CheckConstraint("0 <= given_back AND given_back <= total", name="given_back_within_total"),
        CheckConstraint("overdue >= 0", name="overdue_not_negative"),
        Index("ix_orders_customer_id_id", "customer_id", "id"),
        Index("ix_orders_overdue", "id", postgresql_where=text("overdue > 0")),
        Index("ix_orders_placed_at", "placed_at"),
        CheckConstraint("review IN ('pass','hold')", name="review_known"),
        CheckConstraint("(key IS NULL) = (split_from IS NOT NULL)", name="a_part_has_no_key"),
        Index(
            "ix_orders_not_carried_out",
            "id",
            postgresql_where=text("status IN ('cancelled','refused','returned')"),
        ),
        Index("ix_orders_call_id", "call_id", postgresql_where=text("call_id IS NOT NULL")),
        Index(
            "ix_orders_split_from", "split_from", postgresql_where=text("split_from IS NOT NULL")
        ),
        Index("ix_orders_changed", "id", postgresql_where=text("version > 1")),
        Index("ix_orders_backordered", "id", postgresql_where=text("status = 'backordered'")),
        Index(
            "ix_orders_to_settle",
            "id",
            postgresql_where=text("status IN ('delivered','exchanged') AND credit_held = 0"),
        ),
        Index("ix_orders_to_approve", "placed_at", postgresql_where=text("status = 'placed'")),
        {"info": entity("order")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    key: Mapped[str | None] = mapped_column(String(64), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    split_from: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    call_id: Mapped[str | None] = mapped_column(String(32))
    placed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str] = mapped_column(String(12))
    total: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    discount: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    discount_why: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    given_back: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    credit_held: Mapped[Decimal] = mapped_column(Numeric(14, 2), info=HOLDS_CREDIT)
    overdue: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    address: Mapped[str | None] = mapped_column(String(300), info=emptied())
    note: Mapped[str | None] = mapped_column(String(500), info=emptied())
    payment: Mapped[str | None] = mapped_column(String(20))
    urgent: Mapped[bool] = mapped_column(server_default=false())
    medium: Mapped[str | None] = mapped_column(String(100))
    wanted_on: Mapped[date | None]
    review: Mapped[str] = mapped_column(String(4), server_default="pass")
    review_why: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouses.code"), server_default=MAIN)
    placed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OrderedLine(Base):
    """One product of an order, with the price as it was and why.

    `quantity` is of `unit`, which holds `factor` base units; `base_quantity` is what stock counts.
    So many of `quantity` came back (`returned`), or are to come back by a return that goes on (`coming_back`).
    """

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("factor > 0", name="factor_positive"),
        CheckConstraint("line_total = unit_price * quantity", name="total_is_the_product"),
        CheckConstraint(
            "returned >= 0 AND coming_back >= 0 AND returned + coming_back <= quantity",
            name="back_within_ordered",
        ),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, info=PART)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"))
    quantity: Mapped[int]
    unit: Mapped[str] = mapped_column(String(20))
    factor: Mapped[int] = mapped_column(server_default=text("1"))
    base_quantity: Mapped[int] = mapped_column(Computed("quantity * factor", persisted=True))
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    unit_price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    line_total: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    coming_back: Mapped[int] = mapped_column(server_default=text("0"))
    returned: Mapped[int] = mapped_column(server_default=text("0"))
    why: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


IS_FREE = OrderedLine.why.contains([{"code": RuleKind.FREE_GOODS}])
"""A line that comes free with what is ordered."""


class OrderStatusLog(Base):
    """Who moved the order, when, from where to where; `from_status` is None for the first."""

    __tablename__ = "order_status_log"
    __table_args__ = (
        Index("ix_order_status_log_order_id", "order_id"),
        Index(
            "ix_order_status_log_delivered",
            "at",
            postgresql_where=text("to_status = 'delivered'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(300), info=emptied())
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OrderInvoiceWish(Base):
    """The invoice that is wanted of an order; `asked_at`: it was asked for, in whatever way.

    The buyer's data are the order's own, whatever becomes of the customer's titles.
    """

    __tablename__ = "order_invoice_wishes"
    __table_args__ = (
        CheckConstraint(_one_of("kind", list(Kind)), name="kind_known"),
        Index(
            "ix_order_invoice_wishes_open",
            "order_id",
            postgresql_where=text("asked_at IS NULL"),
        ),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, info=PART)
    kind: Mapped[str] = mapped_column(String(10))
    electronic: Mapped[bool]
    title: Mapped[str] = mapped_column(String(100), info=emptied("—"))
    tax_no: Mapped[str | None] = mapped_column(String(20), info=emptied())
    address: Mapped[str | None] = mapped_column(String(100), info=emptied())
    phone: Mapped[str | None] = mapped_column(String(32), info=emptied())
    bank: Mapped[str | None] = mapped_column(String(100), info=emptied())
    account: Mapped[str | None] = mapped_column(String(34), info=emptied())
    email: Mapped[str | None] = mapped_column(String(200), info=emptied())
    asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SalesQuote(Base):
    """Prices offered to a customer until a day (报价单); a newer one replaces it, and an order comes of one.

    `open` ones are over after `valid_until`; `sent_at` is when the customer was first sent it.
    """

    __tablename__ = "quotes"
    __table_args__ = (
        CheckConstraint("state IN ('open','accepted','rejected','replaced')", name="state_known"),
        CheckConstraint(
            "(state = 'accepted') = (order_id IS NOT NULL)", name="accepted_by_an_order"
        ),
        CheckConstraint("total >= 0", name="total_not_negative"),
        Index("ix_quotes_customer", "customer_id", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    opportunity_id: Mapped[int | None] = mapped_column(ForeignKey("opportunities.id"), index=True)
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    valid_until: Mapped[date]
    note: Mapped[str | None] = mapped_column(String(500), info=emptied())
    total: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("quotes.id"), unique=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), unique=True)
    rejected_reason: Mapped[str | None] = mapped_column(String(200), info=emptied())
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class SalesQuoteLine(Base):
    """One product of a quote: the customer's own price less `discount_percent`."""

    __tablename__ = "quote_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("discount_percent BETWEEN 0 AND 100", name="discount_sensible"),
        CheckConstraint("line_total = unit_price * quantity", name="total_is_the_product"),
    )

    quote_id: Mapped[int] = mapped_column(ForeignKey("quotes.id"), primary_key=True, info=PART)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"))
    quantity: Mapped[int]
    own_price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    discount_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    unit_price: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    line_total: Mapped[Decimal] = mapped_column(Numeric(14, 2))


event.listen(Order.__table__, "after_create", overdue.count)
