"""Insight into 100,000 customers with 500,000 orders and as many calls, worked out for everybody by the worker;
beside it one statement by hand that only adds up the same sums and keeps them. Then one customer after an order.

Rule: the ratio is of the times for everybody; both read and write the same rows of the same server.
"""

import asyncio
import statistics
import time
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import text

from acd.contact_source import CallContacts
from bench.crm_data import filled
from crm_core.customers.insight_queue import touch
from crm_core.db import Database
from crm_core.insight.commands import ContributionQuery, PageQuery, RulesEdit
from crm_core.insight.ports import Sources
from crm_core.insight.service import InsightService
from crm_core.insight.worker import InsightWorker
from crm_core.rights import SYSTEM
from orders.sales.sales_source import OrderSales

CUSTOMERS, ORDERS, ONE_BY_ONE = 100_000, 500_000, 200
_ORDERS = """
INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, placed_at)
SELECT 'B' || g, 'b' || g, 'x', 1 + abs(hashint8(g)::bigint) % :customers,
       CASE WHEN g % 20 = 0 THEN 'cancelled' ELSE 'settled' END, 10 + g % 5000, 0,
       now() - (abs(hashint8(g + 7)::bigint) % 900) * interval '1 day'
  FROM generate_series(1, :orders) g
"""
_CALLS = """
INSERT INTO calls (id, node, linkedid, direction, did, customer_id, menu_path, started_at, answered_at,
                   ended_at, outcome, steps)
SELECT lpad(g::text, 32, '0'), 'pbx1', '1', 'inbound', '1', 1 + abs(hashint8(g)::bigint) % :customers, '[]',
       at, at, at, 'answered', 1
  FROM (SELECT g, now() - (abs(hashint8(g + 9)::bigint) % 400) * interval '1 day' AS at
          FROM generate_series(1, :orders) g) made
"""
_BY_HAND = """
CREATE TABLE by_hand AS
SELECT c.id, count(*) FILTER (WHERE o.placed_at > now() - interval '365 days') AS orders_12m,
       sum(o.total) FILTER (WHERE o.placed_at > now() - interval '365 days') AS revenue_12m,
       count(*) FILTER (WHERE o.placed_at > now() - interval '90 days') AS orders_90d,
       sum(o.total) FILTER (WHERE o.placed_at > now() - interval '90 days') AS revenue_90d,
       min(o.placed_at), max(o.placed_at) AS last_at, s.spoken,
       array_agg(o.total) FILTER (WHERE o.placed_at > date_trunc('quarter', now())) AS quarter
  FROM customers c
  LEFT JOIN orders o ON o.customer_id = c.id AND o.status NOT IN ('cancelled','refused','returned')
  LEFT JOIN (SELECT customer_id, max(answered_at) AS spoken FROM calls GROUP BY 1) s ON s.customer_id = c.id
 GROUP BY c.id, s.spoken
"""


def main() -> None:
    with filled((CUSTOMERS,)) as databases:
        uvloop.run(_run(databases[CUSTOMERS]))


def _now() -> datetime:
    return datetime.now(UTC)


async def _run(url: str) -> None:
    database = Database(url, statement_timeout_s=600)
    await _sell(database)
    zone = ZoneInfo("Asia/Shanghai")
    sources = Sources(OrderSales(zone), CallContacts(), zone)
    service = InsightService(database, sources, clock=_now)
    worker = InsightWorker(database, sources, clock=_now)
    await service.recompute_all(SYSTEM)
    everybody, pauses = await _everybody(worker)
    again = await _again(database, service, worker)
    hand = await _by_hand(database)
    one = [await _one(database, worker, n) for n in range(1, ONE_BY_ONE)]
    lists = await _lists(service)
    per_second = CUSTOMERS / everybody
    print(f"{'everybody, by the worker':44} {everybody:8.1f} s   {per_second:,.0f} customers/s")
    print(f"{'everybody again, after a change of rules':44} {again:8.1f} s")
    print(f"{'the sums alone, in one statement by hand':44} {hand:8.1f} s")
    print(f"{'one customer':44} {statistics.median(one) * 1000:8.1f} ms")
    print(f"{'longest pause of the loop':44} {max(pauses) * 1000:8.1f} ms")
    for name, took in lists.items():
        print(f"{name:44} {took * 1000:8.1f} ms")
    print(
        f"BENCH insight ratio={everybody / hand:.1f} customers_per_s={per_second:.0f}"
        f" one_ms={statistics.median(one) * 1000:.1f} pause_ms={max(pauses) * 1000:.0f}"
    )
    await database.close()


async def _sell(database: Database) -> None:
    values = {"customers": CUSTOMERS, "orders": ORDERS}
    async with database.begin() as session:
        await session.execute(text("DELETE FROM customer_insight"))
        await session.execute(text(_ORDERS), values)
        await session.execute(text(_CALLS), values)
    async with database.reading() as connection:
        for table in ("orders", "calls", "customer_insight"):
            await connection.execute(text(f"VACUUM ANALYZE {table}"))


async def _everybody(worker: InsightWorker) -> tuple[float, list[float]]:
    """Seconds, and how long the loop was kept from others at a time."""
    pauses = [0.0]

    async def watch() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0)
            pauses.append(time.monotonic() - began)
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    began, done = time.monotonic(), 0
    while worked := await worker.run_once():
        done += worked
    took = time.monotonic() - began
    watching.cancel()
    assert done == CUSTOMERS, done
    return took, pauses


async def _again(database: Database, service: InsightService, worker: InsightWorker) -> float:
    book = (await service.rules(SYSTEM)).book
    await service.change_rules(SYSTEM, RulesEdit(version=book.version, rules=book.rules))
    took, _ = await _everybody(worker)
    async with database.reading() as connection:
        await connection.execute(text("VACUUM ANALYZE customer_insight"))
    return took


async def _by_hand(database: Database) -> float:
    began = time.monotonic()
    async with database.begin() as session:
        await session.execute(text(_BY_HAND))
    return time.monotonic() - began


async def _one(database: Database, worker: InsightWorker, customer: int) -> float:
    async with database.begin() as session:
        await touch(session, (customer,))
    began = time.monotonic()
    assert await worker.run_once() == 1
    return time.monotonic() - began


async def _lists(service: InsightService) -> dict[str, float]:
    today = _now().date()
    year = ContributionQuery(since=today.replace(year=today.year - 1), until=today)
    questions = {
        "contribution of a year, ranked": lambda: service.contribution(SYSTEM, year),
        "segments with their revenue": lambda: service.segments(SYSTEM),
        "a page of a segment": lambda: service.in_segment(SYSTEM, "regular", PageQuery()),
        "warnings counted": lambda: service.health(SYSTEM),
        "a page of a warning": lambda: service.warned(SYSTEM, "no_contact", PageQuery()),
        "one customer, explained": lambda: service.customer(SYSTEM, 77),
    }
    took: dict[str, float] = {}
    for name, ask in questions.items():
        await ask()
        began = time.monotonic()
        await ask()
        took[name] = time.monotonic() - began
    revenue = (await service.contribution(SYSTEM, year)).revenue
    assert revenue > Decimal(0)
    return took


if __name__ == "__main__":
    main()
