"""Suggestions while an order is being written. Rule: nothing is suggested that could not be sold to this customer now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.rights import Actor, Right
from crm_core.statement import Statement
from orders.lines import OrderLine
from orders.quotas.checking import Asked, exceeded
from orders.reasons import Reason
from orders.sales import facts, listing
from orders.sales.views import ProductView
from orders.suggestions.rules import Habit, Limits, Pair, Suggestion, suggest

_HABITS_OF = timedelta(days=400)
_MOST_CANDIDATES = 20
_PAIRS = Statement("""
SELECT p.sku, p.with_sku, p.orders AS both, a.orders AS orders, b.orders AS other_orders,
       n.orders AS all_orders
FROM product_pairs p
JOIN product_counts a ON a.sku = p.sku
JOIN product_counts b ON b.sku = p.with_sku
CROSS JOIN pair_counts n
WHERE p.sku = ANY (CAST(:skus AS text[])) AND p.with_sku <> ALL (CAST(:skus AS text[]))
  AND p.orders >= CAST(:least AS int)
  AND p.orders::float * n.orders >= CAST(:lift AS float) * a.orders * b.orders
ORDER BY p.orders::float / a.orders - b.orders::float / n.orders DESC, p.with_sku, p.sku
LIMIT 100
""")
_HABITS = Statement("""
SELECT l.sku, array_agg(DISTINCT o.placed_at) AS moments
FROM (SELECT id, placed_at FROM orders
      WHERE customer_id = CAST(:customer_id AS int) AND placed_at >= CAST(:since AS timestamptz)
        AND status NOT IN ('cancelled', 'refused', 'returned')
      ORDER BY id DESC LIMIT 100) o
JOIN order_lines l ON l.order_id = o.id
WHERE l.unit_price > 0
GROUP BY l.sku
""")


@dataclass(frozen=True, slots=True)
class SuggestionView:
    """The product as the customer sees it when looking for it; `score` is between 0 and 1."""

    product: ProductView
    score: float
    why: tuple[Reason, ...]


class SuggestionService:
    """May raise DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        limits: Limits | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._limits = limits or Limits()

    async def suggest(
        self, actor: Actor, customer_id: int, lines: Sequence[OrderLine]
    ) -> tuple[SuggestionView, ...]:
        """For an order of these lines, which may be none yet; the best first. Raises Forbidden, NotFound."""
        actor.require(Right.ORDER_PLACE)
        now = self._clock()
        today = now.astimezone(self._zone).date()
        basket = tuple({line.sku for line in lines})
        async with self._database.reading() as connection:
            customer_id = await must_see(connection, actor, customer_id)
            pairs = await self._pairs(connection, basket)
            habits = await self._habits(connection, customer_id, now)
            found = suggest(pairs, habits, basket, today, self._limits)[:_MOST_CANDIDATES]
            chosen = await self._sellable(connection, customer_id, found, lines, today)
            skus = [each.sku for each in chosen]
            products = await listing.these(connection, skus, customer_id, today)
        return tuple(
            SuggestionView(products[each.sku], round(each.score, 3), each.why)
            for each in chosen
            if each.sku in products
        )

    async def _pairs(self, connection: AsyncConnection, basket: Sequence[str]) -> list[Pair]:
        if not basket:
            return []
        values: dict[str, object] = {
            "skus": list(basket),
            "least": self._limits.orders,
            "lift": self._limits.lift,
        }
        return [Pair(*row.values()) for row in await _PAIRS.read(connection, values)]

    async def _habits(
        self, connection: AsyncConnection, customer_id: int, now: datetime
    ) -> list[Habit]:
        values: dict[str, object] = {"customer_id": customer_id, "since": now - _HABITS_OF}
        rows = await _HABITS.read(connection, values)
        days = {row["sku"]: self._days(row["moments"]) for row in rows}
        order_days = len({day for each in days.values() for day in each})
        return [Habit(sku, each, order_days) for sku, each in days.items()]

    def _days(self, moments: Sequence[datetime]) -> tuple[date, ...]:
        return tuple(sorted({each.astimezone(self._zone).date() for each in moments}))

    async def _sellable(
        self,
        connection: AsyncConnection,
        customer_id: int,
        found: Sequence[Suggestion],
        lines: Sequence[OrderLine],
        today: date,
    ) -> tuple[Suggestion, ...]:
        """On sale, there, and within the customer's quotas, even beside what is in the basket."""
        if not found:
            return ()
        asked = [*lines, *(OrderLine(each.sku, 1) for each in found)]
        rows = await facts.read(connection, customer_id, asked, today)
        known = {row["sku"]: row for row in rows}
        wanted: dict[str, int] = {}
        for row in rows:
            many = row["quantity"] * (row["pack_factor"] or 1)
            wanted[row["sku"]] = wanted.get(row["sku"], 0) + many
        over = await exceeded(connection, Asked(rows, wanted, today, self._zone))
        full = {each.quota.goods_key for each in over}
        chosen = [
            replace(each, why=tuple(_named(reason, known) for reason in each.why))
            for each in found
            if _can_be_sold(known[each.sku]) and full.isdisjoint(known[each.sku]["goods_keys"])
        ]
        return tuple(chosen[: self._limits.most])


def _can_be_sold(row: asyncpg.Record) -> bool:
    return row["list_price"] is not None and row["available"] > 0


def _named(reason: Reason, known: Mapping[str, asyncpg.Record]) -> Reason:
    """With the name of the product that led to it."""
    cause = known.get(reason.params.get("sku", ""))
    if cause is None:
        return reason
    names = {"name_zh": cause["name_zh"] or "", "name_en": cause["name_en"] or ""}
    return replace(reason, params={**reason.params, **names})
