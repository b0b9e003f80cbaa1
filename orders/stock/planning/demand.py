"""What was wanted, by day of the company's calendar. Rule: demand is what orders reserved and did not give back, and what
they wait for, on the day of the order; what would have been sold on a day without goods is unknown.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import column, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.insight.calendar import midnight
from crm_core.statement import Statement
from orders.stock.moves import Goods
from orders.stock.planning.forecast import History, masked

HISTORY_DAYS = 182
_WAITING = """
SELECT l.sku, o.warehouse, sum(l.base_quantity) AS quantity
FROM orders o JOIN order_lines l ON l.order_id = o.id
WHERE o.status = 'backordered' GROUP BY 1, 2
"""
WAITING = (
    text(_WAITING)
    .columns(column("sku"), column("warehouse"), column("quantity"))
    .subquery("waiting")
)
"""What back-ordered orders wait for."""

_OPEN = text(f"""
INSERT INTO stock (sku, warehouse) SELECT sku, warehouse FROM ({_WAITING}) w
WHERE NOT EXISTS (SELECT FROM stock s WHERE s.sku = w.sku AND s.warehouse = w.warehouse)
ON CONFLICT DO NOTHING
""")

_WANTED = """
w AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS w (sku, warehouse)
)"""
_DEMAND = Statement(f"""
WITH {_WANTED}, ordered AS (
    SELECT m.sku, m.warehouse, o.placed_at, min(m.at) AS taken_at, sum(m.reserved_change) AS quantity
    FROM w JOIN stock_moves m USING (sku, warehouse) JOIN orders o ON o.id = m.order_id
    WHERE m.kind IN ('{Goods.RESERVE}', '{Goods.RELEASE}') AND m.at >= CAST(:since AS timestamptz)
      AND o.placed_at >= CAST(:since AS timestamptz) AND o.placed_at < CAST(:until AS timestamptz)
    GROUP BY m.sku, m.warehouse, o.id HAVING sum(m.reserved_change) > 0
    UNION ALL
    SELECT l.sku, o.warehouse, o.placed_at, NULL, l.base_quantity
    FROM orders o JOIN order_lines l ON l.order_id = o.id
    JOIN w ON w.sku = l.sku AND w.warehouse = o.warehouse
    WHERE o.status = 'backordered'
      AND o.placed_at >= CAST(:since AS timestamptz) AND o.placed_at < CAST(:until AS timestamptz)
), dated AS (
    SELECT sku, warehouse, quantity, CAST(placed_at AT TIME ZONE CAST(:zone AS text) AS date) AS day,
           CAST(taken_at AT TIME ZONE CAST(:zone AS text) AS date) AS taken_on
    FROM ordered
)
SELECT sku, warehouse, day, CAST(sum(quantity) AS int) AS quantity,
       coalesce(bool_or(taken_on = day), false) AS at_once
FROM dated GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_AVAILABLE = Statement(f"""
WITH {_WANTED}, changed AS (
    SELECT m.sku, m.warehouse, CAST(m.at AT TIME ZONE CAST(:zone AS text) AS date) AS day,
           sum(m.on_hand_change - m.reserved_change - m.blocked_change) AS change
    FROM w JOIN stock_moves m USING (sku, warehouse)
    WHERE m.at >= CAST(:since AS timestamptz) GROUP BY 1, 2, 3
), begun AS (
    SELECT s.sku, s.warehouse, s.on_hand - s.reserved - s.blocked - coalesce(sum(c.change), 0) AS available
    FROM w JOIN stock s USING (sku, warehouse) LEFT JOIN changed c USING (sku, warehouse)
    GROUP BY s.sku, s.warehouse
)
SELECT sku, warehouse, CAST(:first AS date) AS day, CAST(available AS int) AS available FROM begun
UNION ALL
SELECT sku, warehouse, c.day,
       CAST(b.available + sum(c.change) OVER (PARTITION BY sku, warehouse ORDER BY c.day) AS int)
FROM changed c JOIN begun b USING (sku, warehouse)
ORDER BY 1, 2, 3
""")

Key = tuple[str, str]


async def open_balances(session: AsyncSession) -> None:
    """Goods that orders wait for and that never were there get their balance, so that they are planned too."""
    await session.execute(_OPEN)


@dataclass(slots=True)
class _Days:
    """Of one product in one warehouse: what was ordered by day, on which days some of it was taken from the stock at once,
    and what was available at the end of each day on which that changed.
    """

    ordered: dict[date, float] = field(default_factory=dict)
    at_once: set[date] = field(default_factory=set)
    available: dict[date, int] = field(default_factory=dict)

    def history(self, today: date) -> History:
        """From the first day of demand until yesterday."""
        if not self.ordered:
            return []
        without = self._without(today)
        days = [day for day in without if day >= min(self.ordered)]
        sold = [self.ordered.get(day, 0.0) for day in days]
        return masked(sold, [without[day] for day in days])

    def _without(self, today: date) -> Mapping[date, bool]:
        """By day, whether nothing was available in the morning and the evening, and nothing taken."""
        found, left = {}, 1
        for day in _days(min((*self.available, *self.ordered)), today):
            morning, left = left, self.available.get(day, left)
            found[day] = morning <= 0 and left <= 0 and day not in self.at_once
        return found


def _days(first: date, until: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((until - first).days))


async def histories(
    connection: AsyncConnection, keys: Collection[Key], today: date, zone: ZoneInfo
) -> Mapping[Key, History]:
    """By (sku, warehouse), from the first day of demand until yesterday; empty where nothing was wanted."""
    since = today - timedelta(days=HISTORY_DAYS)
    wanted: dict[str, object] = {
        "skus": [sku for sku, _ in keys],
        "warehouses": [warehouse for _, warehouse in keys],
        "since": midnight(since, zone),
        "until": midnight(today, zone),
        "zone": zone.key,
        "first": since - timedelta(days=1),
    }
    found: dict[Key, _Days] = {key: _Days() for key in keys}
    for row in await _DEMAND.read(connection, wanted):
        days = found[row["sku"], row["warehouse"]]
        days.ordered[row["day"]] = float(row["quantity"])
        if row["at_once"]:
            days.at_once.add(row["day"])
    for row in await _AVAILABLE.read(connection, wanted):
        found[row["sku"], row["warehouse"]].available[row["day"]] = row["available"]
    return {key: days.history(today) for key, days in found.items()}
