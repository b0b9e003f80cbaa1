"""What the gateway says, made ours, inside the caller's transaction. Rule: it may say it again, late, in another
order or wrongly: money is booked once, under its own transaction, only in our currency and for the amount
that was asked for; everything else is a difference that a person looks at.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.methods import Method
from orders.payments import booking, differences
from orders.payments.booking import Booked, Occasion
from orders.payments.differences import Found, Kind
from orders.payments.events import PaymentBooked
from orders.payments.flow import OPEN, RECEIVED, State, moved
from orders.payments.ports import Fact, Fate
from orders.payments.tables import Payment, PaymentRefund
from orders.receipts.book import NewEntry
from orders.sales.tables import Order


class Outcome(StrEnum):
    BOOKED = "booked"
    NOTED = "noted"
    REPEATED = "repeated"
    DIFFERENCE = "difference"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Settled:
    outcome: Outcome
    event: PaymentBooked | None = None


_IGNORED, _DIFFERENCE = Settled(Outcome.IGNORED), Settled(Outcome.DIFFERENCE)
_REPEATED = Settled(Outcome.REPEATED)


async def charge(session: AsyncSession, gateway: str, fact: Fact, at: Occasion) -> Settled:
    """What became of a charge."""
    order_id = await session.scalar(
        select(Payment.order_id).where(Payment.token == fact.token, Payment.gateway == gateway)
    )
    if order_id is None:
        return await _unknown(session, gateway, fact, at.now)
    order = await booking.held(session, order_id)
    payment = await _locked(session, fact.token)
    if fact.fate is Fate.CLOSED and payment.state in OPEN:
        end = State.EXPIRED if at.now >= payment.expires_at else State.FAILED
        payment.state = moved(payment.state, end)
        payment.reason = fact.detail
        return Settled(Outcome.NOTED)
    if fact.fate is not Fate.DONE:
        return _IGNORED
    if (wrong := _wrong(payment, fact)) is not None:
        await differences.add(session, wrong, at.now)
        if payment.state in OPEN:
            payment.state = moved(payment.state, State.FAILED)
            payment.reason = str(wrong.kind)
        return _DIFFERENCE
    if payment.state in RECEIVED:
        return _REPEATED
    booked = await book_charge(session, order, payment, fact, at)
    return _REPEATED if booked is None else _booked(booked)


async def book_charge(
    session: AsyncSession,
    order: Order,
    payment: Payment,
    fact: Fact,
    at: Occasion,
) -> Booked | None:
    """Into the ledger, and the attempt is paid; both rows are held. None when it was booked before."""
    assert fact.amount is not None
    assert fact.reference is not None
    entry = NewEntry(
        "receipt",
        fact.amount,
        Method.PREPAID,
        payment.gateway,
        fact.reference,
        fact.at or at.now,
    )
    booked = await booking.receive(session, order, entry, at)
    if booked is not None:
        payment.state = moved(payment.state, State.PAID)
        payment.reference, payment.received = fact.reference, fact.amount
        payment.paid_at, payment.reason = fact.at or at.now, None
    return booked


async def repayment(session: AsyncSession, gateway: str, fact: Fact, at: Occasion) -> Settled:
    """What became of a refund."""
    order_id = await session.scalar(
        select(PaymentRefund.order_id)
        .join(Payment, Payment.id == PaymentRefund.payment_id)
        .where(PaymentRefund.token == fact.token, Payment.gateway == gateway)
    )
    if order_id is None:
        return await _unknown(session, gateway, fact, at.now)
    order = await booking.held(session, order_id)
    refund = await _locked_refund(session, fact.token)
    if refund.state == "done":
        return _REPEATED if fact.fate is Fate.DONE else _IGNORED
    if fact.fate is Fate.OPEN:
        refund.state = "pending"
        return Settled(Outcome.NOTED)
    if fact.fate is Fate.CLOSED:
        return await fail_refund(session, refund, fact.detail or "closed", at.now)
    if fact.amount != refund.amount or fact.currency != "CNY":
        refund.state, refund.reason = "failed", str(Kind.AMOUNT_DIFFERS)
        return await _add(
            session, _refund_found(Kind.REFUND_UNBOOKED, refund, gateway, fact), at.now
        )
    return await _book_repayment(session, order, refund, fact, at)


async def fail_refund(
    session: AsyncSession, refund: PaymentRefund, reason: str, now: datetime
) -> Settled:
    """It did not go back; somebody must find another way. The row is held."""
    if refund.state == "failed":
        return _REPEATED
    refund.state, refund.reason = "failed", reason[:300]
    found = Found(
        Kind.REFUND_FAILED,
        f"refund:{refund.token}",
        "gateway",
        refund.token,
        refund.order_id,
        refund.payment_id,
        refund.amount,
    )
    return await _add(session, found, now)


async def _book_repayment(
    session: AsyncSession,
    order: Order,
    refund: PaymentRefund,
    fact: Fact,
    at: Occasion,
) -> Settled:
    assert fact.reference is not None
    payment = await session.get_one(Payment, refund.payment_id, with_for_update=True)
    entry = NewEntry(
        "refund",
        refund.amount,
        Method.PREPAID,
        payment.gateway,
        fact.reference,
        fact.at or at.now,
        refund.created_by,
    )
    booked = await booking.give_back(session, order, entry, at)
    if booked is None:
        return _REPEATED
    refund.state, refund.reference, refund.reason = "done", fact.reference, None
    await session.flush()
    payment.state = moved(payment.state, await _after_refund(session, payment))
    return _booked(booked)


async def _after_refund(session: AsyncSession, payment: Payment) -> State:
    amounts = await session.scalars(
        select(PaymentRefund.amount).where(
            PaymentRefund.payment_id == payment.id, PaymentRefund.state == "done"
        )
    )
    whole = sum(amounts.all()) == payment.received
    return State.REFUNDED if whole else State.PARTLY_REFUNDED


def _wrong(payment: Payment, fact: Fact) -> Found | None:
    """Why this money cannot be booked as it is."""
    if payment.state in RECEIVED:
        kind = None if payment.reference == fact.reference else Kind.PAID_TWICE
        if kind is None and fact.amount != payment.received:
            kind = Kind.AMOUNT_DIFFERS
    elif fact.currency != "CNY":
        kind = Kind.WRONG_CURRENCY
    else:
        kind = Kind.AMOUNT_DIFFERS if fact.amount != payment.amount else None
    if kind is None:
        return None
    return Found(
        kind,
        f"{payment.gateway}:{fact.reference}",
        payment.gateway,
        fact.reference,
        payment.order_id,
        payment.id,
        payment.amount,
        fact.amount,
        fact.currency[:3],
        fact.at,
    )


def _refund_found(kind: Kind, refund: PaymentRefund, gateway: str, fact: Fact) -> Found:
    return Found(
        kind,
        f"{gateway}:{fact.reference}",
        gateway,
        fact.reference,
        refund.order_id,
        refund.payment_id,
        refund.amount,
        fact.amount,
        fact.currency[:3],
        fact.at,
    )


async def _unknown(session: AsyncSession, gateway: str, fact: Fact, now: datetime) -> Settled:
    if fact.fate is not Fate.DONE:
        return _IGNORED
    found = Found(
        Kind.UNKNOWN_PAYMENT,
        f"{gateway}:{fact.reference}",
        gateway,
        fact.reference,
        found=fact.amount,
        currency=fact.currency[:3],
        money_at=fact.at,
    )
    return await _add(session, found, now)


async def _add(session: AsyncSession, found: Found, now: datetime) -> Settled:
    await differences.add(session, found, now)
    return _DIFFERENCE


async def _locked(session: AsyncSession, token: str) -> Payment:
    found = await session.execute(
        select(Payment)
        .where(Payment.token == token)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def _locked_refund(session: AsyncSession, token: str) -> PaymentRefund:
    found = await session.execute(
        select(PaymentRefund)
        .where(PaymentRefund.token == token)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


def _booked(booked: Booked) -> Settled:
    return Settled(Outcome.BOOKED, booked.event)
