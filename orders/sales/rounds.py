"""Orders that go on by themselves: approved when the rules of review let them pass, and placed when the goods
that they wait for have come.

Rule: each is one move along the status table; one that somebody else moved meanwhile is left alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text

from crm_core.clock import SKEW
from crm_core.db import Database
from crm_core.errors import Conflict
from crm_core.rights import SYSTEM
from crm_core.worker import Worker
from orders.errors import OutOfStock, OverCredit
from orders.sales.flow import Status
from orders.sales.service import OrderService

log = structlog.get_logger(__name__)

_BATCH = 50
_TO_APPROVE = text(
    "SELECT id FROM orders WHERE status = 'placed' AND review = 'pass'"
    " AND (placed_at <= :until OR placed_at > :latest) ORDER BY placed_at LIMIT :batch"
)
_TO_FILL = text("""
SELECT o.id, o.review FROM orders o
WHERE o.status = 'backordered' AND o.id > :after AND NOT EXISTS (
    SELECT FROM (SELECT sku, sum(base_quantity) AS quantity FROM order_lines
                 WHERE order_id = o.id GROUP BY sku) l
    LEFT JOIN stock s ON s.sku = l.sku AND s.warehouse = o.warehouse
    WHERE coalesce(s.on_hand - s.reserved - s.blocked, 0) < l.quantity)
ORDER BY o.id LIMIT :batch
""")


class OrderApproval(Worker):
    """Approves what the rules let pass once `after` is over, in which whoever took the order may still
    change it; at once what was placed before the clock was set back.
    """

    def __init__(
        self,
        database: Database,
        orders: OrderService,
        *,
        clock: Callable[[], datetime],
        after: timedelta,
    ) -> None:
        super().__init__("order-approval", every_s=5.0, batch=_BATCH)
        self._database = database
        self._orders = orders
        self._clock = clock
        self._after = after

    async def run_once(self) -> int:
        """How many were approved."""
        now = self._clock()
        wanted = {"until": now - self._after, "latest": now + SKEW, "batch": _BATCH}
        async with self._database.reading() as connection:
            ids = (await connection.scalars(_TO_APPROVE, wanted)).all()
        done = 0
        for order_id in ids:
            try:
                await self._orders.move(order_id, Status.REVIEWED, SYSTEM)
            except Conflict:
                continue
            done += 1
        return done


class BackorderFilling(Worker):
    """Gives goods that came to the orders that wait for them, the oldest first."""

    def __init__(self, database: Database, orders: OrderService) -> None:
        super().__init__("backorder-filling", every_s=10.0, batch=_BATCH)
        self._database = database
        self._orders = orders

    async def run_once(self) -> int:
        """How many back-ordered orders have their goods now."""
        done, after = 0, 0
        while True:
            wanted = {"after": after, "batch": _BATCH}
            async with self._database.reading() as connection:
                found = (await connection.execute(_TO_FILL, wanted)).all()
            for order_id, review in found:
                done += await self._fill(order_id, held=review == "hold")
                after = order_id
            if len(found) < _BATCH:
                return done

    async def _fill(self, order_id: int, *, held: bool) -> bool:
        try:
            await self._orders.move(order_id, Status.REVIEW if held else Status.PLACED, SYSTEM)
        except OverCredit:
            await self._orders.move(order_id, Status.REVIEW, SYSTEM)
        except OutOfStock:
            log.info("backorder_still_waits", order_id=order_id)
            return False
        except Conflict:
            return False
        return True
