"""SQL that reads orders for people. Rule: a screen costs at most a handful of queries,
whatever the number of orders or lines on it.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.benefits.tables import Coupon, CouponKind
from crm_core.customers.tables import Customer
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.views import message_view
from crm_core.statement import Statement
from orders.catalogue.tables import Product
from orders.errors import UnknownOrder
from orders.reasons import Reason
from orders.sales.tables import SUBJECT, Order, OrderedLine, OrderStatusLog
from orders.sales.views import (
    OrderCoupon,
    OrderLineView,
    OrderSummary,
    OrderView,
    StatusChange,
)

_LINE = func.jsonb_build_object(
    *(literal_column("'sku'"), OrderedLine.sku),
    *(literal_column("'name_zh'"), Product.name_zh),
    *(literal_column("'name_en'"), Product.name_en),
    *(literal_column("'unit'"), OrderedLine.unit),
    *(literal_column("'factor'"), OrderedLine.factor),
    *(literal_column("'tax_rate'"), cast(OrderedLine.tax_rate, Text)),
    *(literal_column("'quantity'"), OrderedLine.quantity),
    *(literal_column("'unit_price'"), cast(OrderedLine.unit_price, Text)),
    *(literal_column("'line_total'"), cast(OrderedLine.line_total, Text)),
    *(literal_column("'why'"), OrderedLine.why),
)
_LINES = (
    select(func.jsonb_agg(aggregate_order_by(_LINE, OrderedLine.line_no)))
    .join(Product, Product.sku == OrderedLine.sku)
    .where(OrderedLine.order_id == Order.id)
    .scalar_subquery()
)
_SUMMARIES = (
    select(
        Order.id,
        Order.number,
        Order.status,
        Order.total,
        Order.placed_at,
        Order.customer_id,
        Customer.name,
        Order.call_id,
        _LINES,
    )
    .join(Customer, Customer.id == Order.customer_id)
    .order_by(Order.id.desc())
    .limit(bindparam("limit", type_=Integer))
)
_FILTERS = {"customer_id": Order.customer_id, "status": Order.status, "call_id": Order.call_id}


async def summaries(
    connection: AsyncConnection, limit: int, **filters: object
) -> tuple[OrderSummary, ...]:
    """The newest first; of the filters `customer_id`, `status`, `call_id` those that are given."""
    given = {name: value for name, value in filters.items() if value is not None}
    rows = await _filtered(frozenset(given)).read(connection, {**given, "limit": limit})
    return tuple(OrderSummary(*(*row[:-1], _lines(row[-1] or ()))) for row in rows)


@cache
def _filtered(names: frozenset[str]) -> Statement:
    wanted = (_FILTERS[name] == bindparam(name) for name in sorted(names))
    return Statement.of(_SUMMARIES.where(*wanted))


async def order(session: AsyncSession, order_id: int) -> OrderView:
    """Everything about one order. Raises UnknownOrder."""
    row = (
        await session.execute(
            select(Order, Customer.name, _LINES)
            .join(Customer, Customer.id == Order.customer_id)
            .where(Order.id == order_id)
        )
    ).one_or_none()
    if row is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    history = await session.scalars(
        select(OrderStatusLog)
        .where(OrderStatusLog.order_id == order_id)
        .order_by(OrderStatusLog.id)
    )
    messages = await session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.subject == SUBJECT, OutboxMessage.subject_id == order_id)
        .order_by(OutboxMessage.id)
    )
    return _view(row, history.all(), messages.all(), await _coupons(session, order_id))


async def _coupons(session: AsyncSession, order_id: int) -> tuple[OrderCoupon, ...]:
    rows = await session.execute(
        select(Coupon.code, CouponKind.name_zh, CouponKind.name_en, Coupon.discount)
        .join(CouponKind, CouponKind.code == Coupon.kind_code)
        .where(Coupon.used_for == order_id)
        .order_by(Coupon.id)
    )
    return tuple(
        OrderCoupon(row.code, row.name_zh, row.name_en, row.discount or Decimal(0)) for row in rows
    )


def _view(
    row: Row[Order, str, list[dict[str, Any]] | None],
    history: Sequence[OrderStatusLog],
    messages: Sequence[OutboxMessage],
    used: tuple[OrderCoupon, ...],
) -> OrderView:
    found, customer_name, lines = row
    return OrderView(
        found.id,
        found.number,
        found.status,
        found.total,
        found.placed_at,
        found.customer_id,
        customer_name,
        found.call_id,
        _lines(lines or ()),
        found.placed_by,
        found.address,
        found.note,
        found.payment,
        found.warehouse,
        found.discount,
        _why(found.discount_why),
        used,
        tuple(StatusChange(e.from_status, e.to_status, e.actor_id, e.at) for e in history),
        tuple(message_view(message) for message in messages),
    )


def _lines(stored: Iterable[dict[str, Any]]) -> tuple[OrderLineView, ...]:
    return tuple(
        OrderLineView(
            sku=line["sku"],
            name_zh=line["name_zh"],
            name_en=line["name_en"],
            unit=line["unit"],
            factor=line["factor"],
            quantity=line["quantity"],
            tax_rate=Decimal(line["tax_rate"]),
            unit_price=Decimal(line["unit_price"]),
            line_total=Decimal(line["line_total"]),
            why=_why(line["why"]),
        )
        for line in stored
    )


def _why(stored: Iterable[dict[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(each["code"], each["params"]) for each in stored)
