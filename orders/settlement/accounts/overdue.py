"""What customers on account owe beyond their terms, kept order by order in `orders.overdue`, for the rules of review
and the warnings.

Rule: a round writes only what has changed since the last one, so it may come as often as one likes, twice, or after
days without a daemon. It raises what became due; what is paid, forgiven or ended falls at once, in the transaction
that does it (`orders.payments.booking`). Orders are looked at again once they are held, and one that somebody else
holds is left for the next round: nothing waits for a round while it holds an order.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.worker import Worker
from orders.sales.moving_many import hold_customers

log = structlog.get_logger(__name__)

BATCH = 500
_EVERY_S = 300.0
# When an order is due: so many days after the day on which it was delivered, by the customer's terms.
OPEN_ORDERS = """
    SELECT o.id, o.number, o.customer_id, o.total - o.given_back AS total, d.at AS delivered_at, p.paid,
           CAST(timezone(:zone, d.at) AS date) + coalesce(t.days, 0) AS due_on
    FROM orders o
    JOIN customers c ON c.id = o.customer_id
    LEFT JOIN payment_terms t ON t.code = c.payment_terms_code
    CROSS JOIN LATERAL (
        SELECT min(l.at) AS at FROM order_status_log l
        WHERE l.order_id = o.id AND l.to_status = 'delivered') d
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(CASE e.kind WHEN 'receipt' THEN e.amount ELSE -e.amount END), 0) AS paid
        FROM payment_entries e WHERE e.order_id = o.id) p
    WHERE o.status IN ('delivered','exchanged') AND o.payment = 'account' AND p.paid < o.total - o.given_back"""
_DUE = """
    SELECT id, total - paid AS amount FROM owed
    WHERE due_on < CAST(timezone(:zone, CAST(:now AS timestamptz)) AS date)"""
_CHANGED = text(f"""
WITH owed AS ({OPEN_ORDERS}
), due AS ({_DUE})
SELECT o.id, o.customer_id
FROM due d FULL JOIN (SELECT id, overdue FROM orders WHERE overdue > 0) k ON k.id = d.id
JOIN orders o ON o.id = coalesce(d.id, k.id)
WHERE coalesce(d.amount, 0) <> coalesce(k.overdue, 0) ORDER BY o.id""")
_HOLD = text(
    "SELECT id FROM orders WHERE id = ANY(CAST(:ids AS integer[]))"
    " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED"
)
_WRITE = text(f"""
WITH owed AS ({OPEN_ORDERS} AND o.id = ANY(CAST(:ids AS integer[]))
), due AS ({_DUE})
UPDATE orders o SET overdue = coalesce(d.amount, 0)
FROM unnest(CAST(:ids AS integer[])) AS h (id) LEFT JOIN due d ON d.id = h.id
WHERE o.id = h.id AND o.overdue <> coalesce(d.amount, 0) RETURNING o.customer_id""")


class OverdueWorker(Worker):
    """Looks every `every_s` seconds, and writes so many orders in a transaction."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        every_s: float = _EVERY_S,
        batch: int = BATCH,
    ) -> None:
        super().__init__("overdue", every_s=every_s)
        self._batch = batch
        self._database = database
        self._clock = clock
        self._zone = zone

    async def run_once(self) -> int:
        """How many customers owe more or less beyond their terms than before. Raises DatabaseUnavailable."""
        values = {"zone": str(self._zone), "now": self._clock()}
        async with self._database.reading() as connection:
            rows = await connection.execute(_CHANGED, values)
            found = [(row.id, row.customer_id) for row in rows]
        changed: set[int] = set()
        for start in range(0, len(found), self._batch):
            async with self._database.begin() as session:
                changed |= await _write(session, found[start : start + self._batch], values)
        if changed:
            log.info("overdue_changed", customers=len(changed))
        return len(changed)


async def _write(
    session: AsyncSession, some: Sequence[tuple[int, int]], values: Mapping[str, object]
) -> set[int]:
    """`some` as (order, customer); whose orders are overdue by more or less than before."""
    await hold_customers(session, {customer_id for _, customer_id in some})
    held = list(await session.scalars(_HOLD, {"ids": [order_id for order_id, _ in some]}))
    return set(await session.scalars(_WRITE, {**values, "ids": held}))
