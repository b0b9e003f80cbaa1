"""The explained price of an order of 100 lines among 1 … 10,000 price rules: by customer, level, quantity,
category and day, as a wholesaler's are. Asked as an agent's page asks, through the service.

Rule: `growth` is the median time among 10,000 rules over the median among 100.
"""

import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import uvloop
from sqlalchemy import delete, insert

from bench.server import database_server, make_schema
from crm_core.bus import Bus
from crm_core.customers.tables import Customer, Level, PricePolicy
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.catalogue.tables import Product, ProductCategory, ProductPack
from orders.lines import OrderLine
from orders.pricing.tables import PriceRule
from orders.sales.service import OrderService
from orders.sales.views import Quote
from orders.stock import ledger
from zongji.platform.postgres import EmbeddedPostgres

SIZES = (1, 10, 100, 1_000, 10_000)
PRODUCTS, CATEGORIES, CUSTOMERS, LINES, ASKED = 1_000, 20, 2_000, 100, 200
DATABASE = "bench_pricing"
_LEVELS = ("agent", "city", "county", "retail")
_NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
_RULES_AT_ONCE = 1_000


def main() -> None:
    with database_server({"shared_buffers": "256MB"}) as (server, _):
        medians = uvloop.run(_run(server))
    growth = medians[10_000] / medians[100]
    print(f"BENCH pricing growth={growth:.2f} ms={medians[10_000] * 1000:.1f}")


async def _run(server: EmbeddedPostgres) -> dict[int, float]:
    server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    database = Database(server.url(DATABASE))
    await make_schema(database)
    await _fill(database)
    service = OrderService(database, Bus(), clock=lambda: _NOW)
    medians = {}
    print(f"{'rules':>8} {'median ms':>10} {'99 % ms':>10} {'reasons':>10}")
    for size in SIZES:
        await _make_rules(database, size)
        server.execute("VACUUM ANALYZE", DATABASE)
        medians[size] = await _ask(service, size)
    await database.close()
    return medians


async def _ask(service: OrderService, size: int) -> float:
    chosen = random.Random(size)
    took, reasons = [], 0
    for _ in range(ASKED):
        skus = chosen.sample(range(PRODUCTS), LINES)
        lines = [OrderLine(_sku(n), chosen.choice((1, 12, 60, 200)), _unit(chosen)) for n in skus]
        began = time.perf_counter()
        quote = await service.quote(SYSTEM, chosen.randint(1, CUSTOMERS), lines)
        took.append(time.perf_counter() - began)
        reasons += _reasons(quote)
    took.sort()
    median = statistics.median(took)
    worst = took[int(len(took) * 0.99)] * 1000
    print(f"{size:8,} {median * 1000:10.1f} {worst:10.1f} {reasons / ASKED:10.1f}")
    return median


def _reasons(quote: Quote) -> int:
    return len(quote.discount_why) + sum(len(line.why) for line in quote.lines)


def _unit(chosen: random.Random) -> str | None:
    return "箱" if chosen.random() < 0.5 else None


async def _fill(database: Database) -> None:
    async with database.begin() as session:
        levels = [
            {"code": c, "name_zh": c, "name_en": c, "rank": n} for n, c in enumerate(_LEVELS, 1)
        ]
        await session.execute(insert(Level), levels)
        policy = {"code": "p95", "name_zh": "九五折", "name_en": "5 % off", "discount": 0.95}
        await session.execute(insert(PricePolicy).values(policy))
        customers = [
            {
                "name": f"客户{n}",
                "level_code": _LEVELS[n % 4],
                "price_policy_code": "p95",
                "credit_limit": 10**9,
            }
            for n in range(CUSTOMERS)
        ]
        await session.execute(insert(Customer), customers)
        categories = [
            {"code": f"c{n}", "name_zh": "类", "name_en": "class", "path": [f"c{n}"]}
            for n in range(CATEGORIES)
        ]
        await session.execute(insert(ProductCategory), categories)
        products = [
            {
                "sku": _sku(n),
                "name_zh": "货",
                "name_en": "goods",
                "unit": "瓶",
                "list_price": 10,
                "category_code": f"c{n % CATEGORIES}",
            }
            for n in range(PRODUCTS)
        ]
        await session.execute(insert(Product), products)
        packs = [{"sku": _sku(n), "unit": "箱", "factor": 12} for n in range(PRODUCTS)]
        await session.execute(insert(ProductPack), packs)
        for n in range(PRODUCTS):
            await ledger.receive(session, _sku(n), 100_000, _NOW)


async def _make_rules(database: Database, size: int) -> None:
    rules = list(_rules(size))
    async with database.begin() as session:
        await session.execute(delete(PriceRule))
        for start in range(0, size, _RULES_AT_ONCE):
            await session.execute(insert(PriceRule), rules[start : start + _RULES_AT_ONCE])


def _rules(size: int) -> Iterator[dict[str, object]]:
    """Of twenty rules: thirteen prices of customers, four of levels, two promotions of products, one of a
    category; of a hundred promotions of categories, one is of whole orders.
    """
    chosen = random.Random(1)
    empty = dict.fromkeys(("sku", "category_code", "customer_id", "level_code", "valid_until"))
    for n in range(size):
        rule: dict[str, object] = {**empty, "kind": "price", "min_quantity": 1, "value": 9}
        rule["sku"] = _sku(chosen.randrange(PRODUCTS))
        rule["min_quantity"] = chosen.choice((1, 12, 60))
        match n % 20:
            case kind if kind < 13:
                rule["customer_id"] = chosen.randint(1, CUSTOMERS)
            case kind if kind < 17:
                rule["level_code"] = chosen.choice(_LEVELS)
            case kind if kind < 19:
                rule |= {"kind": "percent_off", "value": 5, "valid_until": date(2026, 12, 31)}
            case _ if n % 2000 == 19:
                rule |= {"kind": "order_percent_off", "value": 1, "sku": None, "min_quantity": 1}
            case _:
                category = f"c{chosen.randrange(CATEGORIES)}"
                rule |= {"kind": "amount_off", "value": 1, "sku": None, "category_code": category}
        yield rule


def _sku(number: int) -> str:
    return f"P{number:04d}"


if __name__ == "__main__":
    main()
