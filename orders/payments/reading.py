"""SQL that reads payments for people. Rule: only of orders whose customers the person may see."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.rights import Actor
from orders.errors import UnknownOrder
from orders.payments.booking import owed
from orders.payments.commands import DifferenceQuery, PaymentQuery
from orders.payments.errors import UnknownPayment
from orders.payments.tables import Payment, PaymentDifference, PaymentRefund
from orders.payments.views import DifferenceView, EntryView, OrderMoney, PaymentView, RefundView
from orders.receipts import book
from orders.receipts.tables import PaymentEntry
from orders.sales.tables import Order

Holder = AsyncSession | AsyncConnection
_NOTHING = Decimal(0)


def payments(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Rows of `PaymentView`."""
    table = Payment
    return (
        select(
            table.id,
            table.order_id,
            Order.number,
            table.gateway,
            table.amount,
            table.received,
            table.state,
            table.pay_url,
            table.reference,
            table.reason,
            table.expires_at,
            table.created_by,
            table.created_at,
            table.paid_at,
        )
        .join(Order, Order.id == table.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(within_scope(actor))
        .order_by(table.id.desc())
    )


async def payment(holder: Holder, actor: Actor, payment_id: int) -> PaymentView:
    """Raises UnknownPayment."""
    row = (await holder.execute(payments(actor).where(Payment.id == payment_id))).one_or_none()
    if row is None:
        raise UnknownPayment(f"There is no payment {payment_id}.")
    return PaymentView(*row)


async def payments_listed(
    holder: Holder, actor: Actor, query: PaymentQuery
) -> tuple[PaymentView, ...]:
    wanted = payments(actor).limit(query.limit)
    if query.state is not None:
        wanted = wanted.where(Payment.state == query.state)
    if query.before is not None:
        wanted = wanted.where(Payment.id < query.before)
    return tuple(PaymentView(*row) for row in await holder.execute(wanted))


async def seen_order(session: AsyncSession, actor: Actor, order_id: int) -> Order:
    """Raises UnknownOrder, also for an order of a customer this person may not see."""
    found = await session.scalar(
        select(Order)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.id == order_id, within_scope(actor))
    )
    if found is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    return found


async def refundable(session: AsyncSession, order: Order) -> Decimal:
    """What is paid beyond what is owed, less what is on its way back."""
    under_way = await session.scalar(
        select(func.coalesce(func.sum(PaymentRefund.amount), _NOTHING)).where(
            PaymentRefund.order_id == order.id, PaymentRefund.state.in_(("requested", "pending"))
        )
    )
    beyond = await book.paid(session, order.id) - owed(order) - Decimal(under_way or 0)
    return max(beyond, _NOTHING)


async def order_money(session: AsyncSession, actor: Actor, order_id: int) -> OrderMoney:
    """Raises UnknownOrder."""
    order = await seen_order(session, actor, order_id)
    entry, refund = PaymentEntry, PaymentRefund
    entries = await session.execute(
        select(
            entry.id,
            entry.kind,
            entry.amount,
            entry.method,
            entry.source,
            entry.reference,
            entry.paid_at,
            entry.booked_at,
            entry.actor_id,
        )
        .where(entry.order_id == order_id)
        .order_by(entry.id)
    )
    refunds = await session.execute(_refunds().where(refund.order_id == order_id))
    attempts = await session.execute(payments(actor).where(Payment.order_id == order_id))
    return OrderMoney(
        order.id,
        order.number,
        order.customer_id,
        order.payment,
        order.total,
        owed(order),
        await book.paid(session, order_id),
        await refundable(session, order),
        tuple(EntryView(*row) for row in entries),
        tuple(PaymentView(*row) for row in attempts),
        tuple(RefundView(*row) for row in refunds),
    )


async def refund(holder: Holder, refund_id: int) -> RefundView:
    row = (await holder.execute(_refunds().where(PaymentRefund.id == refund_id))).one()
    return RefundView(*row)


def _refunds() -> Select[*tuple[Any, ...]]:
    table = PaymentRefund
    return select(
        table.id,
        table.payment_id,
        table.order_id,
        table.amount,
        table.state,
        table.words,
        table.reference,
        table.reason,
        table.created_by,
        table.created_at,
    ).order_by(table.id.desc())


def differences(actor: Actor) -> Select[*tuple[Any, ...]]:
    """Rows of `DifferenceView`: of orders this person may see, and of no order."""
    table = PaymentDifference
    return (
        select(
            table.id,
            table.kind,
            table.source,
            table.reference,
            table.order_id,
            Order.number,
            table.payment_id,
            table.expected,
            table.found,
            table.currency,
            table.money_at,
            table.state,
            table.found_at,
            table.entry_id,
            table.resolved_by,
            table.resolved_at,
            table.reason,
        )
        .outerjoin(Order, Order.id == table.order_id)
        .outerjoin(Customer, Customer.id == Order.customer_id)
        .where(or_(table.order_id.is_(None), within_scope(actor)))
        .order_by(table.id.desc())
    )


async def difference(holder: Holder, actor: Actor, difference_id: int) -> DifferenceView:
    """Raises UnknownPayment."""
    wanted = differences(actor).where(PaymentDifference.id == difference_id)
    row = (await holder.execute(wanted)).one_or_none()
    if row is None:
        raise UnknownPayment(f"There is no difference {difference_id}.")
    return DifferenceView(*row)


async def differences_listed(
    holder: Holder, actor: Actor, query: DifferenceQuery
) -> tuple[DifferenceView, ...]:
    table, wanted = PaymentDifference, differences(actor).limit(query.limit)
    if query.state is not None:
        wanted = wanted.where(table.state == query.state)
    if query.order_id is not None:
        wanted = wanted.where(table.order_id == query.order_id)
    if query.before is not None:
        wanted = wanted.where(table.id < query.before)
    return tuple(DifferenceView(*row) for row in await holder.execute(wanted))
