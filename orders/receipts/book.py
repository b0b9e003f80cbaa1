"""What is paid of an order, and one more entry. Rule: the caller holds the order's row."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Select, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from orders.receipts.tables import PaymentEntry

PAID_OF_O = """
    (SELECT coalesce(sum(CASE e.kind WHEN 'receipt' THEN e.amount ELSE -e.amount END), 0)
     FROM payment_entries e WHERE e.order_id = o.id)"""
"""What is paid of the order `o` of a statement by hand."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Money of one transaction of the outside; `kind` is receipt or refund."""

    kind: str
    amount: Decimal
    method: str
    source: str
    reference: str
    paid_at: datetime
    actor_id: int | None = None


def paid_sum() -> Select[Decimal]:
    """Receipts less refunds, for a condition on `order_id`."""
    signed = case((PaymentEntry.kind == "receipt", PaymentEntry.amount), else_=-PaymentEntry.amount)
    return select(func.coalesce(func.sum(signed), Decimal(0)))


async def paid(holder: AsyncSession | AsyncConnection, order_id: int) -> Decimal:
    """What came in less what went back (yuan)."""
    query = paid_sum().where(PaymentEntry.order_id == order_id)
    return Decimal(await holder.scalar(query) or 0)


@dataclass(frozen=True, slots=True)
class Passed:
    """How it had come in, when and by whom it is passed on."""

    method: str
    now: datetime
    actor_id: int | None


async def pass_on(
    session: AsyncSession, giver: int, taker: int, amount: Decimal, new: Passed
) -> None:
    """Money that came for one order counts for another, such as a part that was split off."""
    for order_id, kind in ((giver, "refund"), (taker, "receipt")):
        entry = NewEntry(
            kind, amount, new.method, "split", f"{giver}:{taker}", new.now, new.actor_id
        )
        await add(session, order_id, entry, new.now)


async def add(session: AsyncSession, order_id: int, new: NewEntry, now: datetime) -> int | None:
    """The entry's id; None when this transaction is in the ledger already."""
    return await session.scalar(
        insert(PaymentEntry)
        .values(
            order_id=order_id,
            kind=new.kind,
            amount=new.amount,
            method=new.method,
            source=new.source,
            reference=new.reference,
            paid_at=new.paid_at,
            booked_at=now,
            actor_id=new.actor_id,
        )
        .on_conflict_do_nothing(constraint="uq_payment_entries_once")
        .returning(PaymentEntry.id)
    )
