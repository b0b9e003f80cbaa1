"""The worker that takes goods out of sale when their last day is over, in the company's zone.

Rule: a batch is blocked once; two daemons that look at the same time wait for each other at its balance.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.worker import Worker
from orders.stock import holding
from orders.stock.ledger import Cause
from orders.stock.tables import StockBatch

log = structlog.get_logger(__name__)

_EVERY_S = 600.0
_BATCH = 200


class ExpiryWorker(Worker):
    """Looks every `every_s` seconds; the day begins at midnight, not when it looks."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("stock-expiry", every_s=every_s, batch=_BATCH)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._zone = zone

    async def run_once(self) -> int:
        """How many batches were blocked. Raises DatabaseUnavailable."""
        now = self._clock()
        today = now.astimezone(self._zone).date()
        over = (
            select(StockBatch.id)
            .where(StockBatch.on_hand > 0, ~StockBatch.blocked, StockBatch.expires_on < today)
            .order_by(StockBatch.expires_on, StockBatch.id)
            .limit(_BATCH)
        )
        async with self._database.reading() as connection:
            found = (await connection.scalars(over)).all()
        for batch_id in found:
            async with self._database.begin() as session:
                changed = await holding.expire(session, batch_id, Cause(now), today)
            log.info("batch_expired", batch=batch_id)
            for each in changed:
                self._bus.publish(each)
        return len(found)
