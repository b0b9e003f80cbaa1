"""Money booked for an order, inside the caller's transaction. Rule: the order's row is locked first, then the
entry is made, then the credit that the order holds, and what of it is overdue, fall to what is still owed; so what
comes in lowers the customer's used credit once, however often it is told.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.contact import contact_of
from crm_core.customers.credit import release_credit
from crm_core.customers.insight_queue import touch
from crm_core.outbox import messages
from orders.errors import UnknownOrder
from orders.payments import differences
from orders.payments.differences import Found, Kind
from orders.payments.events import PaymentBooked
from orders.receipts import book
from orders.receipts.book import NewEntry
from orders.sales.flow import Status
from orders.sales.tables import SUBJECT, Order

log = structlog.get_logger(__name__)

NOT_OWED = (Status.CANCELLED, Status.REFUSED, Status.RETURNED)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When something is booked, and by which channels customers can be told."""

    channels: Collection[str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    entry_id: int
    event: PaymentBooked


async def held(session: AsyncSession, order_id: int) -> Order:
    """The order, locked. Raises UnknownOrder."""
    order = await session.scalar(
        select(Order)
        .where(Order.id == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if order is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    return order


def owed(order: Order) -> Decimal:
    """What the order is to bring in all; nothing when it was not carried out."""
    return _NOTHING if order.status in NOT_OWED else order.total - order.given_back


async def receive(
    session: AsyncSession, order: Order, new: NewEntry, at: Occasion
) -> Booked | None:
    """Money came in. None when this transaction is booked already; the order must be held."""
    entry_id = await book.add(session, order.id, new, at.now)
    if entry_id is None:
        return None
    paid = await book.paid(session, order.id)
    await lower_credit(session, order, paid)
    if paid > owed(order):
        await _note_overpaid(session, order, paid, entry_id, at.now)
    await _tell(session, order, "payment_received", new, entry_id=entry_id, at=at)
    await session.flush()
    await touch(session, (order.customer_id,))
    return Booked(entry_id, _event(order, new, paid, at.now))


async def give_back(
    session: AsyncSession, order: Order, new: NewEntry, at: Occasion
) -> Booked | None:
    """Money went back. None when this transaction is booked already; the order must be held."""
    entry_id = await book.add(session, order.id, new, at.now)
    if entry_id is None:
        return None
    paid = await book.paid(session, order.id)
    if paid <= owed(order):
        await differences.close(
            session, Kind.OVERPAID, order_id=order.id, reason="refunded", now=at.now
        )
    await _tell(session, order, "payment_refunded", new, entry_id=entry_id, at=at)
    await touch(session, (order.customer_id,))
    return Booked(entry_id, _event(order, new, paid, at.now))


async def note_overpaid(session: AsyncSession, order: Order, now: datetime) -> bool:
    """More is paid than the order is to bring; whether that is news."""
    paid = await book.paid(session, order.id)
    if paid <= owed(order):
        return False
    return await _note_overpaid(session, order, paid, None, now)


async def _note_overpaid(
    session: AsyncSession, order: Order, paid: Decimal, entry_id: int | None, now: datetime
) -> bool:
    occasion = f"{order.status}:{order.version}" if entry_id is None else entry_id
    found = Found(
        Kind.OVERPAID,
        f"order:{order.id}:{occasion}",
        "ledger",
        order_id=order.id,
        expected=owed(order),
        found=paid,
    )
    return await differences.add(session, found, now) is not None


async def free_credit(session: AsyncSession, order: Order) -> None:
    """What the order holds falls to what is still owed, by what was booked otherwise; it must be held."""
    await lower_credit(session, order, await book.paid(session, order.id))


async def lower_credit(
    session: AsyncSession, order: Order, paid: Decimal, *, kept: Decimal = _NOTHING
) -> None:
    """The order holds no more credit than is still owed, and no more of it is overdue; `kept` of what is freed
    another order holds now.
    """
    due = max(owed(order) - paid, _NOTHING)
    order.overdue = min(order.overdue, due)
    still = min(order.credit_held, due)
    freed = order.credit_held - still - kept
    order.credit_held = still
    if not freed:
        return
    if not await release_credit(session, order.customer_id, freed):
        log.warning("credit_not_held", number=order.number, amount=str(freed))


async def _tell(
    session: AsyncSession, order: Order, kind: str, new: NewEntry, *, entry_id: int, at: Occasion
) -> None:
    params = {"number": order.number, "amount": str(new.amount)}
    contact = await contact_of(session, order.customer_id)
    await messages.tell(
        session,
        SUBJECT,
        order.id,
        customer_id=order.customer_id,
        told=messages.messages(kind, contact, at.channels, params),
        now=at.now,
        step=str(entry_id),
    )


def _event(order: Order, new: NewEntry, paid: Decimal, now: datetime) -> PaymentBooked:
    return PaymentBooked(order.id, order.customer_id, new.kind, new.amount, paid, now)
