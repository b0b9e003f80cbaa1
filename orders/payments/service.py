"""Money of orders as people see and enter it. Rule: one method, one transaction; what is entered twice counts
once, and only what is not owed goes back.
"""

from collections.abc import Callable, Collection
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import Conflict
from crm_core.rights import Actor, Right
from orders.methods import Method
from orders.payments import booking, reading, settling
from orders.payments.booking import Booked, Occasion
from orders.payments.commands import DifferenceQuery, EnteredMoney, PaymentQuery, Resolution
from orders.payments.differences import BOOKABLE
from orders.payments.errors import AlreadyBooked, AlreadyResolved, MoreThanRefundable
from orders.payments.flow import RECEIVED
from orders.payments.ports import Fact, Fate
from orders.payments.tables import Payment, PaymentDifference
from orders.payments.views import DifferenceView, OrderMoney, PaymentView
from orders.receipts.book import NewEntry

log = structlog.get_logger(__name__)

BY_HAND, DEBIT = "hand", "debit"


class PaymentService:
    """Every method may raise Forbidden, UnknownOrder and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)

    async def of_order(self, actor: Actor, order_id: int) -> OrderMoney:
        """Everything about the money of one order."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading_entities() as session:
            return await reading.order_money(session, actor, order_id)

    async def listed(self, actor: Actor, query: PaymentQuery) -> tuple[PaymentView, ...]:
        """Attempts at the gateway, the newest first."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await reading.payments_listed(connection, actor, query)

    async def get(self, actor: Actor, payment_id: int) -> PaymentView:
        """Raises UnknownPayment."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await reading.payment(connection, actor, payment_id)

    async def enter(self, actor: Actor, order_id: int, money: EnteredMoney) -> OrderMoney:
        """Money came in that no gateway tells of. Raises AlreadyBooked."""
        return await self._enter(actor, order_id, money, back=False)

    async def pay_back(self, actor: Actor, order_id: int, money: EnteredMoney) -> OrderMoney:
        """Money was given back by hand. Raises MoreThanRefundable, AlreadyBooked."""
        return await self._enter(actor, order_id, money, back=True)

    async def differences(self, actor: Actor, query: DifferenceQuery) -> tuple[DifferenceView, ...]:
        """What does not fit, the newest first."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await reading.differences_listed(connection, actor, query)

    async def resolve(self, actor: Actor, difference_id: int, given: Resolution) -> DifferenceView:
        """A person has looked at it. Raises UnknownPayment, AlreadyResolved, Conflict (nothing to book)."""
        actor.require(Right.PAYMENT_MANAGE)
        now, booked = self._clock(), None
        async with self._database.begin() as session:
            await reading.difference(session, actor, difference_id)
            row = await session.get_one(PaymentDifference, difference_id)
            if given.book:
                booked = await self._book(session, row, now)
            row = await session.get_one(
                PaymentDifference, difference_id, with_for_update=True, populate_existing=True
            )
            if row.state != "open":
                raise AlreadyResolved("Somebody has resolved this difference: look at it again.")
            row.state, row.reason = "resolved", given.reason
            row.resolved_by, row.resolved_at = actor.user_id, now
            row.entry_id = booked.entry_id if booked else None
            await session.flush()
            await trail.record(
                session, actor.user_id, "payment_difference.resolve", "payment_difference",
                difference_id, after={"kind": row.kind, "booked": row.entry_id, **given.model_dump()},
            )  # fmt: skip
            view = await reading.difference(session, actor, difference_id)
        log.info("payment_difference_resolved", difference=difference_id, by=actor.user_id)
        if booked is not None:
            self._bus.publish(booked.event)
        return view

    async def _enter(
        self, actor: Actor, order_id: int, money: EnteredMoney, *, back: bool
    ) -> OrderMoney:
        actor.require(Right.PAYMENT_MANAGE)
        now, kind = self._clock(), "refund" if back else "receipt"
        entry = NewEntry(
            kind,
            money.amount,
            money.method,
            BY_HAND,
            f"{money.method}:{money.reference}",
            money.paid_at,
            actor.user_id,
        )
        async with self._database.begin() as session:
            await reading.seen_order(session, actor, order_id)
            order = await booking.held(session, order_id)
            if back:
                most = await reading.refundable(session, order)
                if money.amount > most:
                    raise MoreThanRefundable(most)
            book = booking.give_back if back else booking.receive
            booked = await book(session, order, entry, Occasion(self._channels, now))
            if booked is None:
                raise AlreadyBooked(
                    "This slip was entered before: look it up by its number.",
                    fields={"reference": money.reference},
                )
            await trail.record(
                session, actor.user_id, f"payment.{kind}", "order", order_id,
                after=money.model_dump() | {"entry": booked.entry_id},
            )  # fmt: skip
            view = await reading.order_money(session, actor, order_id)
        log.info("payment_entered", order=order.number, kind=kind, amount=str(money.amount))
        self._bus.publish(booked.event)
        return view

    async def _book(self, session: AsyncSession, row: PaymentDifference, now: datetime) -> Booked:
        """The money of a difference becomes its order's. Raises Conflict."""
        if row.kind not in BOOKABLE or row.order_id is None or row.found is None:
            raise Conflict(
                "There is no money in this difference that could be booked: resolve it without.",
                fields={"book": "nothing"},
            )
        if row.state != "open":
            raise AlreadyResolved("Somebody has resolved this difference: look at it again.")
        order = await booking.held(session, row.order_id)
        payment = await self._payment_of(session, row)
        if payment is not None and payment.state not in RECEIVED:
            fact = Fact(Fate.DONE, payment.token, row.reference, row.found, "CNY", row.money_at)
            booked = await settling.book_charge(
                session, order, payment, fact, Occasion(self._channels, now)
            )
        else:
            method = Method.DEBIT if row.source == DEBIT else Method.PREPAID
            reference, at = row.reference or row.subject, row.money_at or now
            entry = NewEntry("receipt", row.found, method, row.source, reference, at)
            booked = await booking.receive(session, order, entry, Occasion(self._channels, now))
        if booked is None:
            raise AlreadyBooked("This money is in the ledger already: resolve it without booking.")
        return booked

    async def _payment_of(self, session: AsyncSession, row: PaymentDifference) -> Payment | None:
        if row.payment_id is None:
            return None
        return await session.scalar(
            select(Payment).where(Payment.id == row.payment_id).with_for_update()
        )
