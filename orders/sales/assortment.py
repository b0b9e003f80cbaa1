"""What of the assortment is offered first: the best-sellers (畅销) and what is new (新品).

Rule: only what this customer could order is offered: it is on sale, there is some of it where the customer is
served from, and no quota leaves nothing of it. Sold are base units, less what came back; cancelled and
refused orders and goods that came free do not count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.lines import OrderLine
from orders.quotas.checking import Asked, stand
from orders.sales import facts, listing
from orders.sales.views import ProductView

_LOOKED_AT = 5
"""How many times as many products are looked at as are offered, because some may not be sold to everybody."""
_BEST = text("""
SELECT l.sku, p.keypad_code FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN products p ON p.sku = l.sku AND p.active
WHERE o.placed_at >= :since AND o.status NOT IN ('cancelled', 'refused') AND l.unit_price > 0
GROUP BY l.sku, p.keypad_code
HAVING sum((l.quantity - l.returned) * l.factor) > 0
ORDER BY sum((l.quantity - l.returned) * l.factor) DESC, l.sku LIMIT :most
""")
_NEWEST = text("""
SELECT sku, keypad_code FROM products WHERE active AND added_at >= :since ORDER BY added_at DESC, sku LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Offered:
    """`keys` are what a caller presses for it, None: it has no code for keypads."""

    product: ProductView
    keys: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """Of the last so many `days`, at most so `many` products."""

    days: int
    many: int


class AssortmentService:
    """Every method may raise Forbidden, NotFound and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def best_sellers(
        self, actor: Actor, customer_id: int | None, span: Span
    ) -> tuple[Offered, ...]:
        """What sold best, the best first, at this customer's price (None: somebody unknown)."""
        return await self._offered(actor, customer_id, span, _BEST)

    async def new_products(
        self, actor: Actor, customer_id: int | None, span: Span
    ) -> tuple[Offered, ...]:
        """What came into the catalogue, the newest first, at this customer's price."""
        return await self._offered(actor, customer_id, span, _NEWEST)

    async def _offered(
        self, actor: Actor, customer_id: int | None, span: Span, ranking: TextClause
    ) -> tuple[Offered, ...]:
        actor.require(Right.ORDER_VIEW)
        now = self._clock()
        values = {"since": now - timedelta(days=span.days), "most": span.many * _LOOKED_AT}
        today = now.astimezone(self._zone).date()
        async with self._database.reading() as connection:
            if customer_id is not None:
                customer_id = await must_see(connection, actor, customer_id)
            keys = {row.sku: row.keypad_code for row in await connection.execute(ranking, values)}
            skus = tuple(keys)
            views = await listing.these(connection, skus, customer_id, today)
            left_out = await self._used_up(connection, skus, customer_id, today=today)
        return tuple(
            Offered(views[sku], keys[sku])
            for sku in skus
            if sku in views and sku not in left_out and views[sku].available > 0
        )[: span.many]

    async def _used_up(
        self,
        connection: AsyncConnection,
        skus: Sequence[str],
        customer_id: int | None,
        *,
        today: date,
    ) -> frozenset[str]:
        """Those of which a quota leaves this customer nothing."""
        if customer_id is None or not skus:
            return frozenset()
        lines = [OrderLine(sku, 1) for sku in skus]
        rows = await facts.read(connection, customer_id, lines, today)
        asked = Asked(rows, dict.fromkeys(skus, 1), today, self._zone)
        standing = [await stand(connection, each, customer_id, asked) for each in asked.quotas]
        goods = {each.quota.goods_key for each in standing if each.left <= 0}
        return frozenset(row["sku"] for row in rows if goods & set(row["goods_keys"]))
