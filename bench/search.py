"""Ten typical searches among 10,000 and among 1,000,000 customers: SearchService, beside the SQL that somebody who
knows the tables would write by hand for the same page of 50.

Rule: both read the same rows in turn; `p95_ratio` is of the ten searches' times together, which the slowest decides,
`worst_ratio` the largest of each search's own, of its median to that of the same by hand.
"""

import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench.crm_data import filled
from crm_core.customers.criteria import Condition
from crm_core.customers.search import SearchService
from crm_core.db import Database
from crm_core.rights import SYSTEM

SIZES = (10_000, 1_000_000)
ROUNDS = 30
_COLUMNS = """SELECT c.id, c.name, c.level_code, (SELECT number FROM customer_phones p WHERE p.customer_id = c.id
AND p.is_main), c.province, c.city, u.name FROM customers c LEFT JOIN users u ON u.id = c.salesperson_id
WHERE c.merged_into_id IS NULL AND """
_PAGE = " ORDER BY c.id DESC LIMIT 51"

# Conditions, and the same by hand.
SEARCHES: tuple[tuple[str, tuple[tuple[str, str, Any], ...], str], ...] = (
    (
        "word in the name",
        (("name", "contains", "海河兴"),),
        "search_grams(c.search_text) @> '{海河,河兴}' AND c.search_text LIKE '%海河兴%'",
    ),
    (
        "pinyin",
        (("name", "contains", "qingdaozhujiang"),),
        (
            "search_grams(c.search_text) @> '{qin,ing,ngd,gda,dao,aoz,ozh,zhu,huj,uji,jia,ian,ang}'"
            " AND c.search_text LIKE '%qingdaozhujiang%'"
        ),
    ),
    (
        "initials",
        (("name", "contains", "tjjsl"),),
        "search_grams(c.search_text) @> '{tjj,jjs,jsl}' AND c.search_text LIKE '%tjjsl%'",
    ),
    (
        "part of a number",
        (("phones", "contains", "58731"),),
        (
            "c.id IN (SELECT customer_id FROM customer_phones WHERE search_grams(number) @> '{587,873,731}'"
            " AND number LIKE '%58731%')"
        ),
    ),
    (
        "level and city",
        (("level", "is", "retailer"), ("city", "is", "唐山")),
        "c.level_code = 'retailer' AND c.city = '唐山'",
    ),
    (
        "credit in use in a province",
        (("province", "is", "山东"), ("credit_used", "from", 9900)),
        "c.province = '山东' AND c.credit_used >= 9900",
    ),
    (
        "overdue under a dealer",
        (("under", "is", 7), ("credit_overdue", "from", 1)),
        "c.path @> ARRAY[7] AND c.credit_overdue >= 1",
    ),
    (
        "grade and level",
        (("grade", "is", "A"), ("level", "in", ["city", "provincial"])),
        (
            "c.level_code IN ('city','provincial') AND c.id IN (SELECT customer_id FROM customer_insight"
            " WHERE grade_code = 'A')"
        ),
    ),
    (
        "born in a month, new this year",
        (("birthday_month", "is", 5), ("created", "from", "2025-06-01")),
        "extract(month FROM c.birthday) = 5 AND c.created_at >= '2025-06-01T00:00:00+00'",
    ),
    (
        "street and level",
        (("addresses", "contains", "友谊路88号"), ("level", "is", "retailer")),
        (
            "c.level_code = 'retailer' AND c.id IN (SELECT customer_id FROM customer_addresses WHERE"
            " search_grams(search_text) @> '{友谊,谊路,号}' AND search_text LIKE '%友谊路88号%')"
        ),
    ),
)


def main() -> None:
    with filled(SIZES) as databases:
        for size, url in databases.items():
            ours, by_hand, worst = uvloop.run(_measure(url, size))
    ratio = _percentile(ours) / _percentile(by_hand)
    print(f"95 % of all: {_percentile(ours):.1f} ms, by hand {_percentile(by_hand):.1f} ms")
    print(f"BENCH search p95_ratio={ratio:.2f} worst_ratio={worst:.2f}")


async def _measure(url: str, size: int) -> tuple[list[float], list[float], float]:
    """Milliseconds of every search, of ours and of those by hand, and the worst ratio of one search."""
    database = Database(url, pool_size=2)
    search = SearchService(database)
    print(f"{size:,} customers{'':18} {'ours ms':>9} {'by hand':>9} {'ratio':>6}   found")
    all_ours: list[float] = []
    all_by_hand: list[float] = []
    worst = 0.0
    order = random.Random(size)
    async with database.reading() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        for name, given, sql in SEARCHES:
            conditions = [Condition(field=f, op=op, value=v) for f, op, v in given]  # type: ignore[arg-type]

            async def ours(conditions: list[Condition] = conditions) -> list[int]:
                return [hit.id for hit in (await search.find(SYSTEM, conditions)).hits]

            async def by_hand(sql: str = sql) -> list[int]:
                rows = await driver.fetch(_COLUMNS + sql + _PAGE)
                return [row["id"] for row in rows[:50]]

            mine, peer = await _alternate(ours, by_hand, order)
            all_ours += mine
            all_by_hand += peer
            median, by_hand_median = statistics.median(mine), statistics.median(peer)
            worst = max(worst, median / by_hand_median)
            print(
                f"  {name:30} {median:9.2f} {by_hand_median:9.2f} {median / by_hand_median:6.2f}"
                f"   {len(await ours())}"
            )
    await database.close()
    return all_ours, all_by_hand, worst


async def _alternate(
    ours: Callable[[], Awaitable[list[int]]],
    by_hand: Callable[[], Awaitable[list[int]]],
    order: random.Random,
) -> tuple[list[float], list[float]]:
    took: dict[Callable[[], Awaitable[list[int]]], list[float]] = {ours: [], by_hand: []}
    for _ in range(ROUNDS):
        found = []
        for ask in order.sample((ours, by_hand), 2):
            began = time.perf_counter()
            found.append(await ask())
            took[ask].append((time.perf_counter() - began) * 1000)
        assert found[0] == found[1]
    return took[ours], took[by_hand]


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


if __name__ == "__main__":
    main()
