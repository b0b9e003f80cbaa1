"""The worker that counts which goods are delivered together. Rule: an order is counted once, when it was delivered, by
whichever daemon takes its batch; what was free or given says nothing of taste and is left out.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.worker import Worker
from orders.sales.flow import Status
from orders.sales.tables import OrderStatusLog
from orders.suggestions.tables import CountedOrder, PairCount

_EVERY_S = 60.0
_BATCH = 50
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
# A delivery's time is that of the daemon that wrote it down; it may be committed after a later one.
_LOOK_BACK = timedelta(hours=1)
_FORGET = timedelta(days=1)
MOST_GOODS = 60
"""An order of more products is a store being filled: it says little, and costs thousands of pairs."""
_COUNT = text("""
WITH goods AS MATERIALIZED (
    SELECT l.order_id, l.sku FROM order_lines l
    WHERE l.order_id = ANY (CAST(:ids AS int[])) AND l.unit_price > 0
    GROUP BY l.order_id, l.sku
), baskets AS MATERIALIZED (
    SELECT order_id FROM goods GROUP BY order_id HAVING count(*) <= :most
), singles AS (
    INSERT INTO product_counts (sku, orders)
    SELECT sku, count(*) FROM baskets JOIN goods USING (order_id) GROUP BY sku ORDER BY sku
    ON CONFLICT (sku) DO UPDATE SET orders = product_counts.orders + excluded.orders
), pairs AS (
    INSERT INTO product_pairs (sku, with_sku, orders)
    SELECT a.sku, b.sku, count(*)
    FROM baskets o JOIN goods a USING (order_id) JOIN goods b USING (order_id)
    WHERE a.sku <> b.sku
    GROUP BY a.sku, b.sku ORDER BY a.sku, b.sku
    ON CONFLICT (sku, with_sku) DO UPDATE SET orders = product_pairs.orders + excluded.orders
)
SELECT count(*) FROM baskets
""")


class PairCounting(Worker):
    """Looks every `every_s` seconds; what was delivered before it ever ran is counted first."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("pair-counting", every_s=every_s, batch=batch)
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """One batch; how many orders. Raises DatabaseUnavailable."""
        async with self._database.begin() as session:
            until = await _held(session)
            if until is None:
                return 0
            delivered = await self._delivered(session, until)
            if not delivered:
                await session.execute(
                    delete(CountedOrder).where(CountedOrder.delivered_at < until - _FORGET)
                )
                return 0
            await session.execute(
                insert(CountedOrder),
                [{"order_id": id_, "delivered_at": at} for id_, at in delivered.items()],
            )
            baskets = await session.scalar(_COUNT, {"ids": list(delivered), "most": MOST_GOODS})
            await session.execute(
                update(PairCount).values(
                    orders=PairCount.orders + baskets,
                    counted_until=func.greatest(PairCount.counted_until, max(delivered.values())),
                )
            )
        return len(delivered)

    async def _delivered(self, session: AsyncSession, until: datetime) -> dict[int, datetime]:
        """Not counted yet, the oldest first: the order and when."""
        log = OrderStatusLog
        counted = select(CountedOrder.order_id).where(CountedOrder.order_id == log.order_id)
        rows = await session.execute(
            select(log.order_id, func.min(log.at))
            .where(
                log.to_status == Status.DELIVERED,
                log.at >= until - _LOOK_BACK,
                ~counted.exists(),
            )
            .group_by(log.order_id)
            .order_by(func.min(log.at), log.order_id)
            .limit(self._batch)
        )
        return {row[0]: row[1] for row in rows}


async def _held(session: AsyncSession) -> datetime | None:
    """Up to where is counted, locked; None while another daemon counts."""
    await session.execute(
        upsert(PairCount)
        .values(id=1, counted_until=_BEGINNING)
        .on_conflict_do_nothing(index_elements=["id"])
    )
    until: datetime | None = await session.scalar(
        select(PairCount.counted_until).with_for_update(skip_locked=True)
    )
    return until
