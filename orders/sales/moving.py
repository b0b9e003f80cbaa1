"""One move of an order along the status table, in one transaction. Rule: the order's row is locked
first, so that of two people who press a button at the same time one is refused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

import structlog
from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits import coupons, referrals
from crm_core.customers.contact import contact_of
from crm_core.customers.credit import release_credit, reserve_credit
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.outbox import messages
from crm_core.outbox.messages import Contact, NewMessage
from crm_core.people.tables import User
from crm_core.rights import Actor, Scope
from orders.errors import BeyondLimit, NoReviewLimit, OverCredit, UnknownOrder
from orders.receipts import book
from orders.review.rules import Verdict
from orders.review.tables import OrderReviewLimit
from orders.sales import flow, move_writing, telling, waiving
from orders.sales.events import OrderMoved
from orders.sales.flow import By, Credit, Status, Tells
from orders.sales.move_writing import HeldOrder, Step
from orders.sales.tables import SUBJECT, Order, OrderStatusLog
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause

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
    reason: str | None = None,
    facts: Mapping[str, str] | None = None,
    goes_on: bool = False,
    by: By = By.HAND,
) -> Moved:
    """`zone` is the company's: there its goods expire; `facts` are told to the customer besides
    (`orders.sales.telling`); `goes_on`: to another status at once. `by` a return: it has moved the goods.

    Raises UnknownOrder, MoveNotAllowed, ReturnNeeded, Forbidden, OverCredit, OutOfStock, BeyondLimit,
    NoReviewLimit, NotPaid, Invalid (a waiver without a reason).
    """
    order = await _held_for_move(session, order_id, actor)
    decided = flow.decide(order.status, to, actor, by=by)
    if decided.paid:
        await waiving.paid_or_waived(session, order, actor, reason)
    beyond = await _limit(session, order, to, actor)
    credit_held = await _settle_credit(session, order, decided.credit, beyond)
    if to in _NOT_CARRIED_OUT:
        await coupons.give_back(session, order_id)
    if to == Status.DELIVERED:
        await referrals.qualify(session, order.customer_id, now)
    told: tuple[NewMessage, ...] = ()
    if decided.tells is Tells.STEP or (decided.tells is Tells.STOP and not goes_on):
        told = _words(order, to, order.contact, channels, facts)
    step = Step(to, credit_held, decided.paid, reason, told)
    cause = Cause(now, order_id=order_id, actor_id=actor.user_id)
    today = now.astimezone(zone).date()
    changed = await move_writing.write(
        session, order, step, decided.goods, cause=cause, today=today
    )
    event = OrderMoved(order_id, order.number, order.customer_id, order.status, to, now)
    return Moved(event, changed)


async def log_status(
    session: AsyncSession,
    order: Order,
    origin: str | None,
    now: datetime,
    *,
    actor_id: int | None,
    reason: str | None = None,
) -> int:
    """Note that the order came to the status it has; the entry's id."""
    made: int | None = await session.scalar(
        insert(OrderStatusLog)
        .values(
            order_id=order.id,
            from_status=origin,
            to_status=order.status,
            reason=reason,
            actor_id=actor_id,
            at=now,
        )
        .returning(OrderStatusLog.id)
    )
    assert made is not None
    return made


async def held(session: AsyncSession, order_id: int, actor: Actor) -> Order:
    """The order's row, locked until the transaction ends. Raises UnknownOrder, also for an order of a
    customer whom this person may not see.
    """
    order = await session.scalar(
        select(Order)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.id == order_id, within_scope(actor))
        .with_for_update(of=Order)
    )
    if order is None:
        raise _unknown(order_id)
    return order


def _unknown(order_id: int) -> UnknownOrder:
    return UnknownOrder("There is no such order.", fields={"order_id": order_id})


async def _held_for_move(session: AsyncSession, order_id: int, actor: Actor) -> HeldOrder:
    if actor.scope is not Scope.ALL:
        await held(session, order_id, actor)
    order = await move_writing.hold(session, order_id)
    if order is None:
        raise _unknown(order_id)
    return order


async def held_with_parts(session: AsyncSession, order_id: int) -> Sequence[Order]:
    """The order and all that was split off it, locked until the transaction ends; the order first, so that none is
    split off meanwhile.
    """
    for one in (Order.id == order_id, Order.split_from == order_id):
        await session.execute(select(Order.id).where(one).order_by(Order.id).with_for_update())
    family = select(Order).where(or_(Order.id == order_id, Order.split_from == order_id))
    return (await session.scalars(family.order_by(Order.id))).all()


async def _limit(session: AsyncSession, order: HeldOrder, to: str, actor: Actor) -> Decimal:
    """How far beyond the credit the order may be approved. Raises BeyondLimit when its whole, of which it may be a
    part, comes to more than this person's role may approve, NoReviewLimit when that role may approve nothing.
    """
    if not lets_go_on(order, to) or actor.user_id is None:
        return Decimal(0)
    found = await session.execute(
        select(User.role_code, OrderReviewLimit)
        .outerjoin(OrderReviewLimit, OrderReviewLimit.role_code == User.role_code)
        .where(User.id == actor.user_id)
    )
    role, limit = found.one()
    if limit is None:
        raise NoReviewLimit(role)
    most = limit.most_total
    if most is not None and await _whole_total(session, order) > most:
        raise BeyondLimit("total", most)
    return limit.most_beyond_credit


def lets_go_on(order: Order | HeldOrder, to: str) -> bool:
    """Whether the move approves what was held, also where goods were waited for meanwhile."""
    if (order.status, to) == (Status.REVIEW, Status.REVIEWED):
        return True
    onwards = {(Status.BACKORDERED, Status.PLACED), (Status.PLACED, Status.REVIEWED)}
    return order.review == Verdict.HOLD and (order.status, to) in onwards


async def _whole_total(session: AsyncSession, order: HeldOrder) -> Decimal:
    """What the order comes to together with all that was split off."""
    root = order.split_from or order.id
    total = await session.scalar(
        select(func.sum(Order.total - Order.given_back)).where(
            or_(Order.id == root, Order.split_from == root), Order.status != Status.CANCELLED
        )
    )
    return total or Decimal(0)


async def _settle_credit(
    session: AsyncSession, order: HeldOrder, credit: Credit | None, beyond: Decimal
) -> Decimal:
    """What the order takes of the credit from now on."""
    if credit is Credit.HOLD:
        owed = max(order.total - order.given_back - await book.paid(session, order.id), Decimal(0))
        wanted = max(owed - order.credit_held, Decimal(0))
        if not await reserve_credit(session, order.customer_id, wanted, beyond=beyond):
            raise OverCredit(owed)
        return order.credit_held + wanted
    if credit is Credit.RELEASE and order.credit_held:
        if not await release_credit(session, order.customer_id, order.credit_held):
            log.warning("credit_not_held", number=order.number, amount=str(order.credit_held))
        return Decimal(0)
    return order.credit_held


async def tell(
    session: AsyncSession,
    order: Order,
    channels: Collection[str],
    now: datetime,
    *,
    step: int,
) -> None:
    """Tell the customer which status the order has; `step` is the status log's entry of it."""
    contact = await contact_of(session, order.customer_id)
    await messages.tell(
        session,
        SUBJECT,
        order.id,
        customer_id=order.customer_id,
        told=_words(order, order.status, contact, channels),
        now=now,
        step=str(step),
    )


def _words(
    order: Order | HeldOrder,
    status: str,
    contact: Contact,
    channels: Collection[str],
    facts: Mapping[str, str] | None = None,
) -> tuple[NewMessage, ...]:
    known = {"number": order.number} | dict(facts or {})
    return telling.of_status(status, order.total, contact, channels, known)
