"""SQL of working insight out: who is to be worked out, what is known of them, what came out.

Rule: one worker at a time has a customer, by a lock of the transaction that reads the facts and writes
the result, so that an older result never replaces a newer one. What is said of a customer meanwhile is a
new row of the queue, which this transaction has not seen and leaves.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ARRAY, BigInteger, any_, delete, literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.insight_tables import CustomerInsight, InsightQueueEntry
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import there
from crm_core.insight import calendar
from crm_core.insight.due import Due
from crm_core.insight.evaluation import Insight, reasons
from crm_core.insight.metrics import Facts
from crm_core.insight.ports import Holder, SalesDay, Sources
from crm_core.insight.rules import HealthRule

_FIRST_DAY = date(1970, 1, 1)
_YEARS_AHEAD = timedelta(days=3650)

_CLAIM = text("""
WITH queued AS MATERIALIZED (
    SELECT id, customer_id FROM insight_queue ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT customer_id FROM customer_insight WHERE next_due_at <= :now
    ORDER BY next_due_at LIMIT :batch FOR UPDATE SKIP LOCKED
), outdated AS MATERIALIZED (
    SELECT customer_id FROM customer_insight WHERE rules_version < :version
    ORDER BY rules_version, customer_id LIMIT :batch FOR UPDATE SKIP LOCKED
), wanted AS MATERIALIZED (
    SELECT customer_id, min(place) AS place, array_agg(id) FILTER (WHERE id IS NOT NULL) AS ids
    FROM (SELECT customer_id, id, 0 AS place FROM queued
          UNION ALL SELECT customer_id, NULL, 1 FROM due
          UNION ALL SELECT customer_id, NULL, 2 FROM outdated) w
    GROUP BY customer_id ORDER BY min(place), customer_id LIMIT :batch
)
SELECT customer_id, ids FROM wanted
WHERE pg_try_advisory_xact_lock(hashtext('zongji.insight'), customer_id)
""")
_COLUMNS = (
    "customer_id", "computed_at", "next_due_at", "rules_version", "orders_12m", "revenue_12m",
    "orders_90d", "revenue_90d", "quarter_orders", "quarter_revenue", "first_order_at",
    "last_order_at", "last_contact_at", "order_interval_days", "r", "f", "m", "segment_code",
    "grade_code", "warnings", "reasons",
)  # fmt: skip
_WRITE = text(
    f"INSERT INTO customer_insight ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)}"
    " FROM jsonb_populate_recordset(CAST(NULL AS customer_insight), CAST(:rows AS jsonb))"
    " ON CONFLICT (customer_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)
_QUEUE_ALL = text(
    "INSERT INTO insight_queue (customer_id) SELECT c.id FROM customers c"
    " WHERE c.merged_into_id IS NULL AND c.erased_at IS NULL ORDER BY c.id"
)
_QUEUE_MISSING = text(
    "INSERT INTO insight_queue (customer_id) SELECT c.id FROM customers c"
    " WHERE c.merged_into_id IS NULL AND c.erased_at IS NULL"
    " AND NOT EXISTS (SELECT FROM customer_insight i"
    " WHERE i.customer_id = c.id AND i.computed_at <= :latest)"
    " AND NOT EXISTS (SELECT FROM insight_queue q WHERE q.customer_id = c.id) ORDER BY c.id"
)


@dataclass(frozen=True, slots=True)
class Computed:
    """What came out for one customer, as of a moment."""

    facts: Facts
    insight: Insight
    at: datetime
    next_due_at: datetime | None
    rules_version: int


async def claim(session: AsyncSession, version: int, now: datetime, batch: int) -> tuple[int, ...]:
    """Customers that are this transaction's, at most `batch`: changed, due, or worked out by older rules."""
    values = {"version": version, "now": now, "batch": batch}
    rows = (await session.execute(_CLAIM, values)).all()
    taken = [entry for row in rows for entry in row.ids or ()]
    await session.execute(delete(InsightQueueEntry).where(InsightQueueEntry.id.in_(taken)))
    return tuple(row.customer_id for row in rows)


async def queue_all(session: AsyncSession) -> int:
    """Everybody is to be worked out again; how many that is."""
    return (await session.execute(_QUEUE_ALL)).rowcount  # type: ignore[attr-defined,no-any-return]


async def queue_missing(session: AsyncSession, latest: datetime) -> int:
    """Customers of whom nothing was worked out until `latest`, nor asked for; how many."""
    return (await session.execute(_QUEUE_MISSING, {"latest": latest})).rowcount  # type: ignore[attr-defined,no-any-return]


async def read_facts(
    holder: Holder, sources: Sources, customer_ids: Sequence[int], today: date
) -> tuple[Facts, ...]:
    """In the order of the ids; those who are gone, erased, or merged into others, are left out."""
    rows = await holder.execute(
        select(
            Customer.id,
            Customer.level_code,
            Customer.created_at,
            Customer.credit_limit,
            Customer.credit_used,
            Customer.credit_overdue,
        )
        .where(
            Customer.id == any_(literal(list(customer_ids), ARRAY(BigInteger))),
            *there(),
        )
        .order_by(Customer.id)
    )
    sold = await sources.sales.daily(holder, customer_ids, _FIRST_DAY, today + _YEARS_AHEAD)
    sales = _by_customer(sold)
    spoken = await sources.contacts.latest(holder, customer_ids)
    return tuple(
        Facts(
            customer_id=row.id,
            level_code=row.level_code,
            contact_on=calendar.local_day(spoken.get(row.id, row.created_at), sources.zone),
            last_contact_at=spoken.get(row.id),
            credit_limit=row.credit_limit,
            credit_used=row.credit_used,
            credit_overdue=row.credit_overdue,
            sales=tuple(sales.get(row.id, ())),
        )
        for row in rows
    )


async def write(session: AsyncSession, kept: Mapping[int, str], claimed: Iterable[int]) -> None:
    """Keep what came out, as `encoded`, by customer; who was claimed and is no customer any more has
    no insight either.
    """
    if gone := set(claimed) - set(kept):
        await session.execute(delete(CustomerInsight).where(CustomerInsight.customer_id.in_(gone)))
    if kept:
        await session.execute(_WRITE, {"rows": f"[{','.join(kept.values())}]"})


def encoded(each: Computed) -> str:
    """The row of a customer as JSON, which PostgreSQL takes apart itself."""
    return _ENCODER.encode(row_of(each))


def next_due_at(due: Due, facts: Facts, sources: Sources, today: date) -> datetime | None:
    """The midnight at which the next look is due."""
    day = due.after(facts, today)
    return None if day is None else calendar.midnight(day, sources.zone)


def _by_customer(sold: Iterable[SalesDay]) -> Mapping[int, list[SalesDay]]:
    found: dict[int, list[SalesDay]] = {}
    for sale in sold:
        found.setdefault(sale.customer_id, []).append(sale)
    return found


def row_of(each: Computed) -> dict[str, object]:
    metrics, result = each.insight.metrics, each.insight.result
    interval = metrics.order_interval_days
    return {
        "customer_id": each.facts.customer_id,
        "computed_at": each.at,
        "next_due_at": each.next_due_at,
        "rules_version": each.rules_version,
        "orders_12m": metrics.year.orders,
        "revenue_12m": metrics.year.revenue,
        "orders_90d": metrics.ninety.orders,
        "revenue_90d": metrics.ninety.revenue,
        "quarter_orders": [quarter.orders for quarter in metrics.quarters],
        "quarter_revenue": [quarter.revenue for quarter in metrics.quarters],
        "first_order_at": metrics.first_order_at,
        "last_order_at": metrics.last_order_at,
        "last_contact_at": each.facts.last_contact_at,
        "order_interval_days": None if interval is None else round(interval, 1),
        "r": metrics.r,
        "f": metrics.f,
        "m": metrics.m,
        "segment_code": result.segment.code,
        "grade_code": result.grade.code,
        "warnings": [warning(rule) for rule in result.warnings],
        "reasons": [
            {
                "kind": kind,
                "code": code,
                "metric": tried.metric,
                "operator": tried.operator,
                "bound": tried.bound,
                "value": tried.value,
            }
            for kind, code, tried in reasons(each.insight, each.facts.level_code)
        ],
    }


def warning(rule: HealthRule) -> dict[str, object]:
    """As it is kept: what is said, and the bounds that were crossed."""
    bounds = {condition.metric.value: str(condition.value) for condition in rule.when}
    return {"code": rule.code, "params": {"severity": rule.severity.value, **bounds}}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} cannot be kept")


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"))
