"""Orders as sales, for whoever works out what customers bring. Rule: an order counts from the moment it is
placed, on the day of the company's calendar, until it is cancelled, refused or returned, with what it brings
after goods have come back.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.insight.calendar import midnight
from crm_core.insight.ports import SalesDay
from crm_core.statement import Statement
from orders.sales.flow import Status
from orders.sales.tables import Order

NO_SALE = (Status.CANCELLED, Status.REFUSED, Status.RETURNED)
_NONE = ", ".join(f"'{status}'" for status in NO_SALE)

_DAILY = Statement(f"""
SELECT customer_id, CAST(placed_at AT TIME ZONE CAST(:zone AS text) AS date) AS day,
       count(*) AS orders, sum(total - given_back) AS revenue, min(placed_at) AS first_at, max(placed_at) AS last_at
FROM orders
WHERE customer_id = ANY (CAST(:customer_ids AS int[])) AND status NOT IN ({_NONE})
  AND placed_at >= CAST(:since AS timestamptz) AND placed_at < CAST(:until AS timestamptz)
GROUP BY 1, 2 ORDER BY 1, 2
""")


class OrderSales:
    """The `SalesSource` of insight; `zone` is where the company's days begin and end."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    async def daily(
        self,
        holder: AsyncSession | AsyncConnection,
        customer_ids: Sequence[int],
        since: date,
        until: date,
    ) -> Sequence[SalesDay]:
        """By customer and day, from `since` on and before `until`."""
        rows = await _DAILY.read(
            holder,
            {
                "zone": self._zone.key,
                "customer_ids": list(customer_ids),
                "since": midnight(since, self._zone),
                "until": midnight(until, self._zone),
            },
        )
        return [SalesDay(*row) for row in rows]

    def totals(self, since: date, until: date) -> Select[int, int, Decimal]:
        """A query of (customer_id, orders, revenue) for everybody who ordered in that time."""
        return (
            select(
                Order.customer_id,
                func.count().label("orders"),
                func.sum(Order.total - Order.given_back).label("revenue"),
            )
            .where(
                Order.status.not_in(NO_SALE),
                Order.placed_at >= midnight(since, self._zone),
                Order.placed_at < midnight(until, self._zone),
            )
            .group_by(Order.customer_id)
        )
