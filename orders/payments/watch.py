"""Looks after payments that nobody tells of: lost call-backs, answers that never came, attempts that run out, and
orders that were paid and then cancelled. Rule: each is taken by one statement that skips what others hold, and
asked for less and less often.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import INTERVAL
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.clock import has_come
from crm_core.db import Database
from crm_core.worker import Worker
from orders.payments import booking
from orders.payments.differences import Kind
from orders.payments.flow import OPEN
from orders.payments.gateway import GatewayService
from orders.payments.tables import Payment, PaymentDifference, PaymentRefund
from orders.receipts import book
from orders.receipts.tables import PaymentEntry
from orders.sales.tables import Order

_BATCH = 20
_FIRST_S, _LONGEST_S = 30, 1800
_LONGEST = timedelta(seconds=_LONGEST_S)


class PaymentWatch(Worker):
    """Open attempts and refunds at the gateway."""

    def __init__(
        self,
        database: Database,
        service: GatewayService,
        *,
        clock: Callable[[], datetime],
        every_s: float = 15,
    ) -> None:
        super().__init__("payment-watch", every_s=every_s, batch=_BATCH)
        self._database = database
        self._service = service
        self._clock = clock

    async def run_once(self) -> int:
        payments, refunds = await self._claim_payments(), await self._claim_refunds()
        ended = await asyncio.gather(
            *(self._service.look(each) for each in payments),
            *(self._service.look_at_refund(each) for each in refunds),
            return_exceptions=True,
        )
        for error in filter(None, ended):
            raise error
        return len(payments) + len(refunds)

    async def _claim_payments(self) -> list[int]:
        now, table = self._clock(), Payment
        due = (
            select(table.id)
            .where(table.state.in_(OPEN), has_come(table.next_look_at, now, _LONGEST))
            .order_by(table.next_look_at)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        # The last look before the attempt runs out is not put off beyond that.
        end = func.greatest(table.expires_at, now + timedelta(seconds=_FIRST_S))
        async with self._database.begin() as session:
            rows = await session.scalars(
                update(table)
                .where(table.id.in_(due.scalar_subquery()))
                .values(
                    looks=table.looks + 1,
                    next_look_at=func.least(literal(now) + _wait(table.looks), end),
                )
                .returning(table.id)
                .execution_options(synchronize_session=False)
            )
            return list(rows.all())

    async def _claim_refunds(self) -> list[int]:
        now, table = self._clock(), PaymentRefund
        due = (
            select(table.id)
            .where(
                table.state.in_(("requested", "pending")),
                has_come(table.next_look_at, now, _LONGEST),
            )
            .order_by(table.next_look_at)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        async with self._database.begin() as session:
            rows = await session.scalars(
                update(table)
                .where(table.id.in_(due.scalar_subquery()))
                .values(looks=table.looks + 1, next_look_at=literal(now) + _wait(table.looks))
                .returning(table.id)
                .execution_options(synchronize_session=False)
            )
            return list(rows.all())


class OverpaidWatch(Worker):
    """Orders that were not carried out, or are less after a change, and of which more money is here than they are
    to bring, without being on its way back: somebody must send it back.
    """

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], every_s: float = 300
    ) -> None:
        super().__init__("overpaid-watch", every_s=every_s, batch=_BATCH)
        self._database = database
        self._clock = clock

    async def run_once(self) -> int:
        paid = book.paid_sum().where(PaymentEntry.order_id == Order.id).scalar_subquery()
        under_way = (
            select(func.coalesce(func.sum(PaymentRefund.amount), 0))
            .where(
                PaymentRefund.order_id == Order.id,
                PaymentRefund.state.in_(("requested", "pending")),
            )
            .scalar_subquery()
        )
        beyond = paid - under_way
        known = exists().where(
            PaymentDifference.kind == Kind.OVERPAID,
            PaymentDifference.subject
            == func.concat("order:", Order.id, ":", Order.status, ":", Order.version),
        )
        async with self._database.reading() as connection:
            found = await connection.scalars(
                select(Order.id)
                .where(
                    or_(
                        and_(Order.status.in_(booking.NOT_OWED), beyond > 0),
                        and_(Order.version > 1, beyond > Order.total - Order.given_back),
                    ),
                    ~known,
                )
                .order_by(Order.id)
                .limit(_BATCH)
            )
            orders = list(found.all())
        for order_id in orders:
            async with self._database.begin() as session:
                order = await booking.held(session, order_id)
                await booking.note_overpaid(session, order, self._clock())
        return len(orders)


def _wait(looks: InstrumentedAttribute[int]) -> ColumnElement[timedelta]:
    """Twice as long each time."""
    seconds = func.least(_FIRST_S * func.power(2, func.least(looks, 10)), _LONGEST_S)
    return func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=INTERVAL)
