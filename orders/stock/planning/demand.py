"""What was sold, by day of the company's calendar. Rule: demand is what orders reserved and did not give back, on
the day of the order; days without goods count as days without demand.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.insight.calendar import midnight
from crm_core.statement import Statement
from orders.stock.moves import Goods

HISTORY_DAYS = 182

_DEMAND = Statement(f"""
WITH w AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[])) AS w (sku, warehouse)
), kept AS (
    SELECT m.sku, m.warehouse, m.order_id, min(m.at) AS at, sum(m.reserved_change) AS quantity
    FROM w JOIN stock_moves m USING (sku, warehouse)
    WHERE m.kind IN ('{Goods.RESERVE}', '{Goods.RELEASE}') AND m.order_id IS NOT NULL
      AND m.at >= CAST(:since AS timestamptz) AND m.at < CAST(:until AS timestamptz)
    GROUP BY m.sku, m.warehouse, m.order_id HAVING sum(m.reserved_change) > 0
)
SELECT sku, warehouse, CAST(at AT TIME ZONE CAST(:zone AS text) AS date) AS day,
       CAST(sum(quantity) AS int) AS quantity
FROM kept GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")

Key = tuple[str, str]


async def histories(
    connection: AsyncConnection, keys: Sequence[Key], today: date, zone: ZoneInfo
) -> Mapping[Key, list[float]]:
    """By (sku, warehouse), from the first day of sale until yesterday; empty where nothing was sold."""
    since = today - timedelta(days=HISTORY_DAYS)
    rows = await _DEMAND.read(
        connection,
        {
            "skus": [sku for sku, _ in keys],
            "warehouses": [warehouse for _, warehouse in keys],
            "since": midnight(since, zone),
            "until": midnight(today, zone),
            "zone": zone.key,
        },
    )
    found: dict[Key, list[float]] = {key: [] for key in keys}
    for row in rows:
        history = found[row["sku"], row["warehouse"]]
        if not history:
            history.extend([0.0] * (today - row["day"]).days)
        history[-(today - row["day"]).days] = float(row["quantity"])
    return found
