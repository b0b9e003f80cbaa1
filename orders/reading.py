"""SQL that reads orders and products for people. Rule: a screen costs at most a handful of queries,
whatever the number of orders or lines on it.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.numbers import mask
from crm_core.tables import Customer, PricePolicy
from orders import pricing
from orders.errors import UnknownOrder
from orders.pricing import NO_DISCOUNT, CustomerTerms, ListedProduct, Reason
from orders.tables import (
    MAIN,
    Order,
    OrderedLine,
    OrderStatusLog,
    OutboxMessage,
    Product,
    ProductPrice,
    Stock,
)
from orders.views import (
    MessageView,
    OrderLineView,
    OrderSummary,
    OrderView,
    ProductView,
    StatusChange,
)

_ORDERS = select(Order, Customer.name).join(Customer, Customer.id == Order.customer_id)
_NEWEST = _ORDERS.order_by(Order.id.desc())


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
    session: AsyncSession,
    *,
    customer_id: int | None = None,
    status: str | None = None,
    call_id: str | None = None,
    limit: int,
) -> tuple[OrderSummary, ...]:
    """The newest first: one query for the orders, one for all their lines."""
    wanted = _NEWEST.limit(limit)
    for column, value in (
        (Order.customer_id, customer_id),
        (Order.status, status),
        (Order.call_id, call_id),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    rows = (await session.execute(wanted)).all()
    lines = await _lines(session, [row.Order.id for row in rows])
    return tuple(_summary(row.Order, row.name, lines[row.Order.id]) for row in rows)


async def order(session: AsyncSession, order_id: int) -> OrderView:
    """Everything about one order. Raises UnknownOrder."""
    row = (await session.execute(_ORDERS.where(Order.id == order_id))).one_or_none()
    if row is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    lines = await _lines(session, [order_id])
    history = await session.scalars(
        select(OrderStatusLog)
        .where(OrderStatusLog.order_id == order_id)
        .order_by(OrderStatusLog.id)
    )
    messages = await session.scalars(
        select(OutboxMessage).where(OutboxMessage.order_id == order_id).order_by(OutboxMessage.id)
    )
    return _view(row, lines[order_id], history.all(), messages.all())


def _view(
    row: Row[Order, str],
    lines: Sequence[OrderLineView],
    history: Sequence[OrderStatusLog],
    messages: Sequence[OutboxMessage],
) -> OrderView:
    found: Order = row.Order
    return OrderView(
        found.id,
        found.number,
        found.status,
        found.total,
        found.placed_at,
        found.customer_id,
        row.name,
        found.call_id,
        tuple(lines),
        found.placed_by,
        found.address,
        found.note,
        found.payment,
        tuple(StatusChange(e.from_status, e.to_status, e.actor_id, e.at) for e in history),
        tuple(message_view(message) for message in messages),
    )


def message_view(message: OutboxMessage) -> MessageView:
    return MessageView(
        message.id,
        message.kind,
        message.channel,
        masked(message.channel, message.recipient),
        message.state,
        message.reason,
        message.sent_at,
    )


def masked(channel: str, recipient: str) -> str:
    """Enough to recognise an address, not to use it."""
    if channel != "email":
        return mask(recipient)
    name, _, host = recipient.partition("@")
    return f"{name[:1]}***@{host}"


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


async def _lines(
    session: AsyncSession, order_ids: Sequence[int]
) -> defaultdict[int, list[OrderLineView]]:
    found: defaultdict[int, list[OrderLineView]] = defaultdict(list)
    if order_ids:
        rows = await session.execute(
            select(OrderedLine, Product)
            .join(Product, Product.sku == OrderedLine.sku)
            .where(OrderedLine.order_id.in_(order_ids))
            .order_by(OrderedLine.order_id, OrderedLine.line_no)
        )
        for line, product in rows.all():
            found[line.order_id].append(_line(line, product))
    return found


def _line(line: OrderedLine, product: Product) -> OrderLineView:
    return OrderLineView(
        line.sku,
        product.name_zh,
        product.name_en,
        product.unit,
        line.quantity,
        line.unit_price,
        line.line_total,
        tuple(Reason(why["code"], why["params"]) for why in line.why),
    )


def _summary(found: Order, customer_name: str, lines: Sequence[OrderLineView]) -> OrderSummary:
    return OrderSummary(
        found.id,
        found.number,
        found.status,
        found.total,
        found.placed_at,
        found.customer_id,
        customer_name,
        found.call_id,
        tuple(lines),
    )
