"""Refunds asked for, inside the caller's transaction, which holds the order's row. Rule: only what is not owed goes
back, by payments that it came in by; the same key asks once. Whoever watches payments carries it out.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from orders.payments import reading
from orders.payments.commands import StartRefund
from orders.payments.errors import MoreThanRefundable, SameKeyOtherPayment, UnknownPayment
from orders.payments.flow import RECEIVED
from orders.payments.tables import Payment, PaymentRefund
from orders.sales.tables import Order

SOON = timedelta(seconds=30)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class AskedBy:
    actor_id: int | None
    now: datetime


async def ask(
    session: AsyncSession, order: Order, wanted: StartRefund, key: str, by: AskedBy
) -> int:
    """The refund's id. Raises UnknownPayment, MoreThanRefundable, SameKeyOtherPayment."""
    known = await session.scalar(select(PaymentRefund).where(PaymentRefund.key == key))
    if known is not None:
        if (known.order_id, known.amount) != (order.id, wanted.amount):
            raise SameKeyOtherPayment
        return known.id
    payment = await session.scalar(
        select(Payment).where(Payment.id == wanted.payment_id, Payment.order_id == order.id)
    )
    if payment is None or payment.state not in RECEIVED:
        raise UnknownPayment(f"Nothing came in by payment {wanted.payment_id} of this order.")
    most = min(await reading.refundable(session, order), await _left(session, payment))
    if wanted.amount > most:
        raise MoreThanRefundable(most)
    made: int | None = await session.scalar(
        insert(PaymentRefund)
        .values(
            token=uuid4().hex,
            key=key,
            order_id=order.id,
            next_look_at=by.now + SOON,
            created_by=by.actor_id,
            created_at=by.now,
            **wanted.model_dump(),
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(PaymentRefund.id)
    )
    if made is None:
        raise SameKeyOtherPayment
    await trail.record(
        session, by.actor_id, "payment.refund", "payment", payment.id,
        after={"order": order.number, "amount": wanted.amount, "words": wanted.words},
    )  # fmt: skip
    return made


async def ask_all_ways(
    session: AsyncSession, order: Order, most: Decimal, *, words: str, key: str, by: AskedBy
) -> Decimal:
    """What can go back the way it came, of up to `most`, is asked for, the newest payment first; how much it is.
    `key` opens the keys of the refunds.
    """
    asked = _NOTHING
    most = min(most, await reading.refundable(session, order))
    payments = await session.scalars(
        select(Payment)
        .where(Payment.order_id == order.id, Payment.state.in_(RECEIVED))
        .order_by(Payment.id.desc())
    )
    for payment in payments.all():
        amount = min(most - asked, await _left(session, payment))
        if amount > 0:
            wanted = StartRefund(payment_id=payment.id, amount=amount, words=words)
            await ask(session, order, wanted, f"{key}:{payment.id}", by)
            asked += amount
    return asked


async def _left(session: AsyncSession, payment: Payment) -> Decimal:
    """What came in by it and neither went back nor is on its way."""
    gone = await session.scalar(
        select(func.coalesce(func.sum(PaymentRefund.amount), _NOTHING)).where(
            PaymentRefund.payment_id == payment.id, PaymentRefund.state != "failed"
        )
    )
    return (payment.received or _NOTHING) - (gone or _NOTHING)
