"""What customers on account owe beyond their terms, kept in `customers.credit_overdue` for the rules of review.

Rule: a round reads only orders that are delivered, on account and not paid, and writes only what has changed since
the last one; so it may come as often as one likes, twice, or after days without a daemon. What people or an import
entered there stays beside it: only the change of our own share is added, which `overdue_orders` remembers order by
order, so that it goes along when customers are merged.
"""

from collections.abc import Callable
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import text

from crm_core.db import Database
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

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
_ROUND = text(f"""
WITH owed AS ({OPEN_ORDERS}
), due AS (
    SELECT id AS order_id, total - paid AS amount FROM owed
    WHERE due_on < CAST(timezone(:zone, CAST(:now AS timestamptz)) AS date)
), changed AS MATERIALIZED (
    SELECT coalesce(n.order_id, k.order_id) AS order_id, coalesce(n.amount, 0) AS amount,
           coalesce(n.amount, 0) - coalesce(k.amount, 0) AS more
    FROM due n FULL JOIN overdue_orders k ON k.order_id = n.order_id
    WHERE coalesce(n.amount, 0) <> coalesce(k.amount, 0)
), locked AS MATERIALIZED (
    SELECT c.id FROM customers c
    WHERE c.id IN (SELECT o.customer_id FROM changed g JOIN orders o ON o.id = g.order_id)
    ORDER BY c.id FOR NO KEY UPDATE
), noted AS (
    INSERT INTO overdue_orders (order_id, amount) SELECT order_id, amount FROM changed WHERE amount > 0
    ON CONFLICT (order_id) DO UPDATE SET amount = excluded.amount
), over AS (
    DELETE FROM overdue_orders k USING changed g WHERE k.order_id = g.order_id AND g.amount = 0
)
UPDATE customers u SET credit_overdue = greatest(u.credit_overdue + m.more, 0)
FROM (SELECT o.customer_id, sum(g.more) AS more FROM changed g JOIN orders o ON o.id = g.order_id
      GROUP BY 1) m
JOIN locked l ON l.id = m.customer_id WHERE u.id = m.customer_id RETURNING u.id""")
_ALONE = text("LOCK TABLE overdue_orders IN SHARE ROW EXCLUSIVE MODE")


class OverdueWorker(Worker):
    """Looks every `every_s` seconds."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("overdue", every_s=every_s)
        self._database = database
        self._clock = clock
        self._zone = zone

    async def run_once(self) -> int:
        """How many customers owe more or less beyond their terms than before. Raises DatabaseUnavailable."""
        values = {"zone": str(self._zone), "now": self._clock()}
        async with self._database.begin() as session:
            await session.execute(_ALONE)
            changed = list(await session.scalars(_ROUND, values))
        if changed:
            log.info("overdue_changed", customers=len(changed))
        return len(changed)
