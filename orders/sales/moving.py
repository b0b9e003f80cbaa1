"""One move of an order along the status table, in one transaction. Rule: the order's row is locked
first, so that of two people who press a button at the same time one is refused.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits import coupons, referrals
from crm_core.customers.credit import release_credit, reserve_credit
from crm_core.customers.insight_queue import touch
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.outbox import messages
from crm_core.outbox.messages import Contact
from crm_core.rights import Actor
from orders.errors import OverCredit, UnknownOrder
from orders.lines import StockLine
from orders.sales import flow
from orders.sales.events import OrderMoved
from orders.sales.flow import Credit, Status
from orders.sales.tables import SUBJECT, Order, OrderedLine, OrderStatusLog
from orders.stock import for_orders
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods

log = structlog.get_logger(__name__)

_NOT_CARRIED_OUT = (Status.CANCELLED, Status.REFUSED)


@dataclass(frozen=True, slots=True)
class Moved:
    event: OrderMoved
    stock: tuple[StockChanged, ...]


async def move(
    session: AsyncSession,
    order_id: int,
    to: str,
    *,
    actor: Actor,
    channels: Collection[str],
    now: datetime,
    zone: tzinfo,
) -> Moved:
    """`zone` is the company's: there its goods expire. Raises UnknownOrder, MoveNotAllowed, Forbidden, OverCredit, OutOfStock."""
    order = await session.scalar(select(Order).where(Order.id == order_id).with_for_update())
    if order is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    origin = order.status
    decided = flow.decide(origin, to)
    actor.require(decided.right)
    await _settle_credit(session, order, decided.credit)
    order.status = to
    await session.execute(
        insert(OrderStatusLog).values(
            order_id=order_id, from_status=origin, to_status=to, actor_id=actor.user_id, at=now
        )
    )
    if to in _NOT_CARRIED_OUT:
        await coupons.give_back(session, order_id)
    if to == Status.DELIVERED:
        await referrals.qualify(session, order.customer_id, now)
    if decided.tells:
        await _tell(session, order, channels, now)
    await session.flush()
    await touch(session, (order.customer_id,))
    cause = Cause(now, order_id=order_id, actor_id=actor.user_id)
    today = now.astimezone(zone).date()
    changed = await _move_goods(session, order.warehouse, decided.goods, cause, today)
    event = OrderMoved(order_id, order.number, order.customer_id, origin, to, now)
    return Moved(event, changed)


async def _settle_credit(session: AsyncSession, order: Order, credit: Credit | None) -> None:
    if credit is Credit.HOLD:
        if not await reserve_credit(session, order.customer_id, order.total):
            raise OverCredit(order.total)
        order.credit_held = order.total
    elif credit is Credit.RELEASE and order.credit_held:
        if not await release_credit(session, order.customer_id, order.credit_held):
            log.warning("credit_not_held", number=order.number, amount=str(order.credit_held))
        order.credit_held = Decimal(0)


async def _move_goods(
    session: AsyncSession, warehouse: str, goods: Goods | None, cause: Cause, today: date
) -> tuple[StockChanged, ...]:
    if goods is None:
        return ()
    rows = await session.execute(
        select(OrderedLine.sku, func.sum(OrderedLine.base_quantity))
        .where(OrderedLine.order_id == cause.order_id)
        .group_by(OrderedLine.sku)
        .order_by(OrderedLine.sku)
    )
    lines = [StockLine(sku, quantity) for sku, quantity in rows.all()]
    return await for_orders.move(session, goods, warehouse, lines, cause=cause, today=today)


async def _tell(
    session: AsyncSession, order: Order, channels: Collection[str], now: datetime
) -> None:
    found = await session.execute(
        select(Customer.email, CustomerPhone.number, Customer.language)
        .outerjoin(
            CustomerPhone, (CustomerPhone.customer_id == Customer.id) & CustomerPhone.is_main
        )
        .where(Customer.id == order.customer_id)
    )
    email, number, language = found.one()
    params = {"number": order.number, "total": str(order.total)}
    contact = Contact(email, number, language or "zh")
    told = messages.messages(f"order_{order.status}", contact, channels, params)
    await messages.tell(
        session, SUBJECT, order.id, customer_id=order.customer_id, told=told, now=now
    )
