"""Whether an order keeps within quotas and windows. Rule: who checks holds a lock on what is counted until the
order stands, so that two orders cannot both have the last of it; what was used is added up from the orders of the
period. What comes free is not ordered, and counts for nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from orders.errors import OrderWindowClosed, OverQuota
from orders.pricing.rules import RuleKind
from orders.quotas.limits import (
    Period,
    QuotaTerms,
    Standing,
    Window,
    is_open,
    midnight,
    next_opening,
)

_LOCK = text("SELECT pg_advisory_xact_lock(CAST(:key AS bigint))")
_USED = text("""
SELECT coalesce(sum((l.quantity - l.returned) * l.factor) FILTER (WHERE o.id <> :not_order), 0),
       coalesce(sum((l.quantity - l.returned) * l.factor) FILTER (WHERE o.id = :not_order), 0)
FROM orders o
JOIN order_lines l ON l.order_id = o.id
JOIN products p ON p.sku = l.sku
LEFT JOIN product_categories g ON g.code = p.category_code
WHERE o.placed_at >= :since AND o.placed_at < coalesce(CAST(:until AS timestamptz), 'infinity')
  AND o.status NOT IN ('cancelled', 'refused', 'returned')
  AND NOT l.why @> CAST(:free AS jsonb)
  AND CAST(:goods AS text) = ANY (array_append(
      ARRAY(SELECT 'category:' || step FROM unnest(g.path) AS step), 'sku:' || l.sku))
  AND (CAST(:customer_id AS int) IS NULL OR o.customer_id = :customer_id)
  AND (CAST(:level AS text) IS NULL
       OR o.customer_id IN (SELECT id FROM customers WHERE level_code = :level))
  AND (CAST(:route AS text) IS NULL OR o.customer_id IN (
       SELECT customer_id FROM delivery_route_customers WHERE route_code = :route))
""")
_FREE = json.dumps([{"code": RuleKind.FREE_GOODS}])
_GIVEN = text(
    "SELECT coalesce(sum(quantity), 0) FROM quota_grants WHERE quota_id = :quota"
    " AND period_begins = :begins AND (:together OR customer_id = :customer_id)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An order as quotas see it: `rows` as `facts.read` gives them, `wanted` base units of each product;
    `not_order` is the order that is changed just now, and then `today` is the day on which it was placed.
    """

    rows: Sequence[Mapping[str, Any]]
    wanted: Mapping[str, int]
    today: date
    zone: tzinfo
    not_order: int = 0

    @property
    def customer_id(self) -> int:
        return int(self.rows[0]["customer_id"])

    @property
    def quotas(self) -> tuple[QuotaTerms, ...]:
        """In the order in which they are locked."""
        found = (terms(each) for each in self.rows[0]["quotas"] or ())
        return tuple(sorted(found, key=lambda quota: quota.id))

    def of(self, quota: QuotaTerms) -> int:
        """How much of it is asked for."""
        goods = {row["sku"] for row in self.rows if quota.goods_key in row["goods_keys"]}
        return sum(self.wanted[sku] for sku in goods)


async def check(session: AsyncSession, asked: Asked) -> None:
    """Raises OverQuota."""
    for quota in asked.quotas:
        await session.execute(_LOCK, {"key": _key(quota, asked.customer_id)})
        standing = await stand(session, quota, asked.customer_id, asked)
        if asked.of(quota) > standing.left:
            raise OverQuota(quota.goods, standing.left, quota.period)


async def exceeded(holder: AsyncSession | AsyncConnection, asked: Asked) -> tuple[Standing, ...]:
    """The quotas that would not do, without a lock."""
    found = [await stand(holder, quota, asked.customer_id, asked) for quota in asked.quotas]
    return tuple(each for each in found if asked.of(each.quota) > each.left)


async def stand(
    holder: AsyncSession | AsyncConnection, quota: QuotaTerms, customer_id: int, asked: Asked
) -> Standing:
    """How a quota stands for a customer."""
    first, after = quota.begins(asked.today), quota.ends(asked.today)
    kind, _, whose = quota.buyer_key.partition(":")
    values = {
        "since": midnight(first, asked.zone),
        "until": None if after is None else midnight(after, asked.zone),
        "free": _FREE,
        "not_order": asked.not_order,
        "goods": quota.goods_key,
        "customer_id": None if quota.together and kind != "customer" else customer_id,
        "level": whose if quota.together and kind == "level" else None,
        "route": whose if quota.together and kind == "route" else None,
    }
    used, own = (await holder.execute(_USED, values)).one()
    given = await holder.execute(
        _GIVEN,
        {
            "quota": quota.id,
            "begins": first,
            "together": quota.together,
            "customer_id": customer_id,
        },
    )
    allowed = max(quota.quantity + int(given.scalar_one()), 0)
    return Standing(quota, first, allowed, int(used), int(own))


def check_window(rows: Sequence[Mapping[str, Any]], local: datetime) -> None:
    """Raises OrderWindowClosed. `local` is by the business's clock."""
    windows = [_window(each) for each in rows[0]["windows"] or ()]
    if not is_open(windows, local):
        raise OrderWindowClosed(next_opening(windows, local))


def terms(stored: Mapping[str, Any]) -> QuotaTerms:
    """A row of `quotas`, or its JSON."""
    day = stored["valid_from"]
    return QuotaTerms(
        stored["id"],
        stored["goods_key"],
        stored["buyer_key"],
        stored["together"],
        Period(stored["period"]),
        stored["quantity"],
        date.fromisoformat(day) if isinstance(day, str) else day,
    )


def _window(stored: Mapping[str, Any]) -> Window:
    opens, closes = (time.fromisoformat(stored[name]) for name in ("opens", "closes"))
    return Window(frozenset(stored["weekdays"]), opens, closes)


def _key(quota: QuotaTerms, customer_id: int) -> int:
    """The advisory lock of what is counted."""
    counted = f"zongji.quota.{quota.id}.{'all' if quota.together else customer_id}"
    return int.from_bytes(hashlib.sha256(counted.encode()).digest()[:8], signed=True)
