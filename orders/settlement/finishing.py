"""What follows when a settlement is paid: the cash that was collected is booked as paid of its orders, and orders of
which everything is paid become settled, as do those that were paid in any other way, once they are delivered. Rule: a
batch is one transaction with how far it is, so whoever comes after a crash goes on there; each sum is in the ledger
once by its reference, and an order is settled by whoever holds it first.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.customers.insight_queue import touch
from crm_core.db import Database
from crm_core.rights import SYSTEM, System
from crm_core.worker import Worker
from orders.payments import booking
from orders.receipts import book
from orders.sales.events import OrderMoved
from orders.sales.flow import Status
from orders.sales.moving_many import hold_customers, move_many
from orders.settlement.tables import Settlement

log = structlog.get_logger(__name__)

BATCH = 3000
_EVERY_S = 5.0
_NEXT = text("""
SELECT i.id, CASE i.subject WHEN 'waybill' THEN i.subject_id ELSE d.subject_id END AS waybill
FROM settlement_items i
LEFT JOIN settlement_differences d ON i.subject = 'difference' AND d.id = i.subject_id
WHERE i.settlement_id = :settlement AND i.id > :done_to ORDER BY i.id LIMIT :batch""")
_LOCK = text("""
SELECT o.id FROM orders o
WHERE o.id IN (SELECT order_id FROM waybills WHERE id = ANY(:waybills)) ORDER BY o.id FOR NO KEY UPDATE""")
# What of each parcel was collected by this settlement, with what differences brought.
_BOOK = text("""
INSERT INTO payment_entries
    (order_id, kind, amount, method, source, reference, paid_at, booked_at, actor_id)
SELECT w.order_id, 'receipt', c.amount, 'cash_on_delivery', 'settlement',
       CAST(:number AS text) || ':' || w.number, CAST(:paid_at AS timestamptz), :now, CAST(:actor_id AS integer)
FROM (
    SELECT waybill_id, sum(amount) AS amount FROM (
        SELECT subject_id AS waybill_id, amount FROM settlement_items
        WHERE settlement_id = :settlement AND kind = 'cod' AND subject = 'waybill'
            AND subject_id = ANY(:waybills)
        UNION ALL
        SELECT d.subject_id, i.amount FROM settlement_differences d
        JOIN settlement_items i ON i.subject = 'difference' AND i.subject_id = d.id AND i.kind = 'cod'
        WHERE d.settlement_id = :settlement AND d.subject_id = ANY(:waybills)
    ) a GROUP BY 1
) c JOIN waybills w ON w.id = c.waybill_id
WHERE c.amount > 0 ORDER BY w.order_id, w.id
ON CONFLICT ON CONSTRAINT uq_payment_entries_once DO NOTHING""")
_CASH_COMES = """EXISTS (
            SELECT FROM waybills w
            WHERE w.order_id = o.id AND w.kind = 'outward' AND w.state = 'delivered' AND w.cod_amount > 0
                AND NOT EXISTS (
                    SELECT FROM settlement_items i JOIN settlements t ON t.id = i.settlement_id
                    WHERE i.subject_id = w.id AND i.subject = 'waybill' AND i.kind = 'cod'
                        AND t.state = 'paid'))"""
# What is paid in full holds no credit, which keeps the index that is read here small.
_PAID = text(f"""
SELECT o.id FROM orders o
WHERE o.status IN ('delivered','exchanged') AND o.credit_held = 0 AND o.id > :after
    AND {book.PAID_OF_O} >= o.total - o.given_back AND NOT {_CASH_COMES}
ORDER BY o.id LIMIT :batch FOR NO KEY UPDATE OF o SKIP LOCKED""")
# `free`: it holds credit for what is no longer owed, or that counts as overdue; `over`: more is paid than is owed;
# `ready`: paid in full, and no parcel of it whose cash waits for a settlement.
_STANDS = text(f"""
WITH standing AS (
    SELECT o.id, o.customer_id, o.status, greatest(o.credit_held, o.overdue) AS held,
           o.total - o.given_back AS total,
           CASE WHEN o.status IN ('cancelled','refused','returned') THEN 0 ELSE o.total - o.given_back END AS owed,
           {book.PAID_OF_O} AS paid
    FROM orders o WHERE o.id = ANY(:order_ids)
)
SELECT o.id, o.customer_id, o.paid > o.owed AS over,
       o.held > greatest(o.owed - o.paid, 0) AS free,
       o.status IN ('delivered','exchanged') AND o.paid >= o.total AND NOT {_CASH_COMES} AS ready
FROM standing o ORDER BY o.id""")


@dataclass(frozen=True, slots=True)
class Batch:
    """Items that were worked off, and the orders that became settled by it."""

    items: int
    moved: tuple[OrderMoved, ...]


class Finisher:
    """Batches of paid settlements, one after the other, and of orders that were paid otherwise."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        batch: int = BATCH,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)
        self._batch = batch

    async def finish_some(self, settlement_id: int | None = None) -> int | None:
        """One batch of this settlement, or of the oldest that is not finished; how many items; None when
        there is none. Raises Refused (the day lies in a closed period), DatabaseUnavailable.
        """
        async with self._database.begin() as session:
            settlement = await _claim(session, settlement_id)
            if settlement is None:
                return None
            done = await self._work(session, settlement)
        for event in done.moved:
            self._bus.publish(event)
        return done.items

    async def settle_paid(self, after: int = 0) -> tuple[int, int | None]:
        """Delivered orders of which everything is paid, and of no parcel of which cash comes by a settlement, become
        settled, a batch of those after this id: how many, and after which one there may be more.
        """
        async with self._database.begin() as session:
            values = {"after": after, "batch": self._batch}
            found = list(await session.scalars(_PAID, values))
            moved = await move_many(
                session,
                found,
                Status.SETTLED,
                actor=SYSTEM,
                channels=self._channels,
                now=self._clock(),
                reason="paid",
            )
        for event in moved:
            self._bus.publish(event)
        return len(moved), found[-1] if len(found) == self._batch else None

    async def _work(self, session: AsyncSession, settlement: Settlement) -> Batch:
        now, number = self._clock(), settlement.number
        values = {"settlement": settlement.id, "done_to": settlement.done_to, "batch": self._batch}
        found = (await session.execute(_NEXT, values)).all()
        if len(found) < self._batch:
            settlement.finished_at = now
        if not found:
            return Batch(0, ())
        settlement.done_to = found[-1].id
        waybills = sorted({row.waybill for row in found if row.waybill is not None})
        order_ids = list(await session.scalars(_LOCK, {"waybills": waybills}))
        who = settlement.confirmed_by
        await session.execute(
            _BOOK,
            {
                "settlement": settlement.id,
                "number": number,
                "waybills": waybills,
                "paid_at": settlement.paid_at,
                "now": now,
                "actor_id": who,
            },
        )
        ready = await _free(session, order_ids, now)
        moved = await move_many(
            session,
            ready,
            Status.SETTLED,
            actor=System(who),
            channels=self._channels,
            now=now,
            reason=f"settlement {number}",
        )
        log.info("settlement_worked_off", number=number, items=len(found))
        return Batch(len(found), moved)


async def _claim(session: AsyncSession, settlement_id: int | None) -> Settlement | None:
    """Its row, locked: of two who finish at once one waits for the other."""
    wanted = (
        select(Settlement)
        .where(Settlement.state == "paid", Settlement.finished_at.is_(None))
        .order_by(Settlement.id)
        .limit(1)
    )
    if settlement_id is not None:
        return await session.scalar(wanted.where(Settlement.id == settlement_id).with_for_update())
    return await session.scalar(wanted.with_for_update(skip_locked=True))


async def _free(session: AsyncSession, order_ids: list[int], now: datetime) -> list[int]:
    """What these orders hold of credit beyond what is owed is given back; those that are ready to be settled."""
    stands = (await session.execute(_STANDS, {"order_ids": order_ids})).all()
    await hold_customers(session, [row.customer_id for row in stands if row.free])
    for row in stands:
        if not row.ready and (row.free or row.over):
            order = await booking.held(session, row.id)
            await booking.free_credit(session, order)
            await booking.note_overpaid(session, order, now)
    await session.flush()
    await touch(session, (row.customer_id for row in stands if not row.ready))
    return [row.id for row in stands if row.ready]


class SettlementWorker(Worker):
    """Works paid settlements off, and settles what was paid otherwise; the loop is given way to between batches."""

    def __init__(self, finisher: Finisher, *, every_s: float = _EVERY_S) -> None:
        super().__init__("settlement", every_s=every_s)
        self._finisher = finisher

    async def run_once(self) -> int:
        """Everything there is; how many items and orders. Raises Refused, DatabaseUnavailable."""
        done = 0
        while (items := await self._finisher.finish_some()) is not None:
            done += items
            await asyncio.sleep(0)
        after: int | None = 0
        while after is not None:
            orders, after = await self._finisher.settle_paid(after)
            done += orders
            await asyncio.sleep(0)
        return done
