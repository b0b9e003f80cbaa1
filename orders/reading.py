"""SQL that reads orders and products for people. Rule: a screen costs at most a handful of queries,
whatever the number of orders or lines on it.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, Text, and_, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.benefits.tables import Coupon, CouponKind
from crm_core.customers.tables import Customer, PricePolicy
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.views import message_view
from crm_core.statement import Statement
from orders import pricing
from orders.errors import UnknownOrder
from orders.pricing import NO_DISCOUNT, CustomerTerms, ListedProduct, Reason
from orders.tables import (
    MAIN,
    SUBJECT,
    Order,
    OrderedLine,
    OrderStatusLog,
    Product,
    ProductPrice,
    Stock,
)
from orders.views import (
    OrderCoupon,
    OrderLineView,
    OrderSummary,
    OrderView,
    ProductView,
    StatusChange,
)

_LINE = func.jsonb_build_object(
    *(literal_column("'sku'"), OrderedLine.sku),
    *(literal_column("'name_zh'"), Product.name_zh),
    *(literal_column("'name_en'"), Product.name_en),
    *(literal_column("'unit'"), Product.unit),
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


async def products(
    session: AsyncSession, query: str, customer_id: int | None, limit: int
) -> tuple[ProductView, ...]:
    """What is on sale and matches by code or name, with this customer's own price."""
    terms = await _terms(session, customer_id)
    found = (
        select(Product, ProductPrice.price, func.coalesce(Stock.on_hand - Stock.reserved, 0))
        .outerjoin(Stock, and_(Stock.sku == Product.sku, Stock.warehouse == MAIN))
        .outerjoin(
            ProductPrice,
            and_(ProductPrice.sku == Product.sku, ProductPrice.level_code == terms.level_code),
        )
        .where(Product.active)
        .order_by(Product.sku)
        .limit(limit)
    )
    if wanted := query.strip():
        names = (Product.sku, Product.name_zh, Product.name_en)
        found = found.where(or_(*(name.icontains(wanted, autoescape=True) for name in names)))
    return tuple(_product(*row, terms) for row in (await session.execute(found)).all())


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
        found.discount,
        used,
        tuple(StatusChange(e.from_status, e.to_status, e.actor_id, e.at) for e in history),
        tuple(message_view(message) for message in messages),
    )


async def _terms(session: AsyncSession, customer_id: int | None) -> CustomerTerms:
    if customer_id is None:
        return CustomerTerms(None, None, NO_DISCOUNT)
    found = await session.execute(
        select(Customer.level_code, PricePolicy.code, PricePolicy.discount)
        .join(PricePolicy, PricePolicy.code == Customer.price_policy_code)
        .where(Customer.id == customer_id)
    )
    row = found.one_or_none()
    return CustomerTerms(*row) if row else CustomerTerms(None, None, NO_DISCOUNT)


def _product(
    product: Product, level_price: Any, available: int, terms: CustomerTerms
) -> ProductView:
    price = pricing.unit_price(ListedProduct(product.sku, product.list_price, level_price), terms)
    return ProductView(
        product.sku,
        product.name_zh,
        product.name_en,
        product.unit,
        product.list_price,
        price.amount,
        available,
        price.why,
    )


def _lines(stored: Iterable[dict[str, Any]]) -> tuple[OrderLineView, ...]:
    return tuple(
        OrderLineView(
            sku=line["sku"],
            name_zh=line["name_zh"],
            name_en=line["name_en"],
            unit=line["unit"],
            quantity=line["quantity"],
            unit_price=Decimal(line["unit_price"]),
            line_total=Decimal(line["line_total"]),
            why=tuple(Reason(why["code"], why["params"]) for why in line["why"]),
        )
        for line in stored
    )
