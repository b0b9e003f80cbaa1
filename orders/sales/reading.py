"""SQL that reads orders for people. Rule: a screen costs at most a handful of queries,
whatever the number of orders or lines on it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, Row, Text, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.benefits.tables import Coupon, CouponKind
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.views import MessageView, message_view
from crm_core.rights import Actor
from crm_core.statement import Statement
from orders.catalogue.tables import Product
from orders.errors import UnknownOrder
from orders.reasons import Reason
from orders.sales import flow, invoicing
from orders.sales.commands import OrderQuery
from orders.sales.tables import SUBJECT, Order, OrderedLine, OrderStatusLog
from orders.sales.views import (
    InvoiceWanted,
    OrderCoupon,
    OrderLineView,
    OrderPart,
    OrderSummary,
    OrderView,
    StatusChange,
)
from orders.stock import batches
from orders.stock.views import BatchPart

_LINE = func.jsonb_build_object(
    *(literal_column("'line_no'"), OrderedLine.line_no),
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
)
_OF_CUSTOMER = Statement.of(
    _SUMMARIES.where(Order.customer_id == bindparam("customer_id")).limit(
        bindparam("limit", type_=Integer)
    )
)


async def of_customer(
    connection: AsyncConnection, customer_id: int, limit: int
) -> tuple[OrderSummary, ...]:
    """The newest first."""
    rows = await _OF_CUSTOMER.read(connection, {"customer_id": customer_id, "limit": limit})
    return tuple(map(_summary, rows))


async def found(
    connection: AsyncConnection, actor: Actor, query: OrderQuery
) -> tuple[OrderSummary, ...]:
    """The newest first, of customers whom this person may see."""
    equal = {
        Order.customer_id: query.customer_id,
        Order.call_id: query.call_id,
        Order.placed_by: query.placed_by,
        Order.split_from: query.split_from,
        Order.status: query.status,
        Order.urgent: query.urgent,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if query.number is not None:
        conditions.append(Order.number.contains(query.number, autoescape=True))
    if query.placed_from is not None:
        conditions.append(Order.placed_at >= query.placed_from)
    if query.placed_before is not None:
        conditions.append(Order.placed_at < query.placed_before)
    if query.before is not None:
        conditions.append(Order.id < query.before)
    wanted = _SUMMARIES.where(within_scope(actor), *conditions).limit(query.limit)
    return tuple(map(_summary, await connection.execute(wanted)))


async def of_ids(
    holder: AsyncSession | AsyncConnection, ids: Collection[int]
) -> tuple[OrderSummary, ...]:
    """The newest first."""
    rows = await holder.execute(_SUMMARIES.where(Order.id.in_(ids)))
    return tuple(map(_summary, rows))


def _summary(row: Sequence[Any]) -> OrderSummary:
    return OrderSummary(*(*row[:-1], _lines(row[-1] or ())))


async def order(session: AsyncSession, order_id: int, actor: Actor) -> OrderView:
    """Everything about one order, and what this person may do with it. Raises UnknownOrder."""
    row = (
        await session.execute(
            select(Order, Customer.name, _LINES)
            .join(Customer, Customer.id == Order.customer_id)
            .where(Order.id == order_id, within_scope(actor))
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
    return _view(
        row,
        _Beside(
            history.all(),
            tuple(message_view(each, actor) for each in messages),
            await _coupons(session, order_id),
            await _related(session, row[0]),
            await invoicing.of_order(session, order_id),
            await batches.went_out(session, order_id) if flow.has_left(row[0].status) else (),
        ),
        flow.allowed(row[0].status, actor),
    )


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands in other tables of an order."""

    history: Sequence[OrderStatusLog]
    messages: tuple[MessageView, ...]
    coupons: tuple[OrderCoupon, ...]
    related: Sequence[OrderPart]
    invoice: InvoiceWanted | None
    batches: tuple[BatchPart, ...]


async def _related(session: AsyncSession, found: Order) -> Sequence[OrderPart]:
    """The order that this is a part of, and its parts."""
    rows = await session.execute(
        select(Order.id, Order.number, Order.status, Order.total)
        .where(or_(Order.id == found.split_from, Order.split_from == found.id))
        .order_by(Order.id)
    )
    return [OrderPart(*row) for row in rows]


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
    beside: _Beside,
    allowed: tuple[str, ...],
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
        reasons(found.discount_why),
        beside.coupons,
        tuple(
            StatusChange(e.from_status, e.to_status, e.actor_id, e.at, e.reason)
            for e in beside.history
        ),
        beside.messages,
        urgent=found.urgent,
        medium=found.medium,
        wanted_on=found.wanted_on,
        review=found.review,
        review_why=reasons(found.review_why),
        version=found.version,
        credit_held=found.credit_held,
        split_from=next((each for each in beside.related if each.id == found.split_from), None),
        parts=tuple(each for each in beside.related if each.id != found.split_from),
        invoice=beside.invoice,
        batches=beside.batches,
        allowed=allowed,
    )


def _lines(stored: Iterable[dict[str, Any]]) -> tuple[OrderLineView, ...]:
    return tuple(
        OrderLineView(
            line_no=line["line_no"],
            sku=line["sku"],
            name_zh=line["name_zh"],
            name_en=line["name_en"],
            unit=line["unit"],
            factor=line["factor"],
            quantity=line["quantity"],
            tax_rate=Decimal(line["tax_rate"]),
            unit_price=Decimal(line["unit_price"]),
            line_total=Decimal(line["line_total"]),
            why=reasons(line["why"]),
        )
        for line in stored
    )


def reasons(stored: Iterable[dict[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(each["code"], each["params"]) for each in stored)
