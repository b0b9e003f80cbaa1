"""Whose number is it: CustomerService among 10,000 and among 1,000,000 customers with two numbers each, beside
the same indexed query sent bare, on the same connection.

Rule: both take turns on numbers of their own, so that neither finds pages the other one warmed.
"""

import random
import statistics
import time
from collections.abc import Awaitable, Callable

import uvloop

from bench.crm_data import NUMBER_STEP, filled
from crm_core.customers.identity import BY_NUMBER
from crm_core.customers.service import CustomerService
from crm_core.db import Database

SIZES = (10_000, 1_000_000)
ASKED, ROUNDS = 5_000, 3


def main() -> None:
    with filled(SIZES) as databases:
        print(f"{'customers':>10} {'':24} {'median µs':>10} {'99 % µs':>10} {'most µs':>10}")
        for size, url in databases.items():
            ours, bare = uvloop.run(_measure(url, size))
            _print(size, "CustomerService.identify", ours)
            _print(size, "the query alone", bare)
    ratio = statistics.median(ours) / statistics.median(bare)
    print(f"BENCH identify ratio={ratio:.2f} p99_ms={_percentile(ours) / 1000:.2f}")


async def _measure(url: str, size: int) -> tuple[list[float], list[float]]:
    """Microseconds of each answer."""
    database = Database(url, pool_size=1)
    customers = CustomerService(database, identify_deadline_s=5)
    chosen = random.Random(size)

    def number() -> str:
        return str(13_000_000_000 + chosen.randint(1, size) * NUMBER_STEP)

    async def ours() -> object:
        return await customers.identify(number())

    async def bare() -> object:
        rows = await driver.fetch(BY_NUMBER.positional, number())
        return rows[0] if rows else None

    assert await ours() is not None
    driver = database.reader_connections()[0]
    took: dict[Callable[[], Awaitable[object]], list[float]] = {ours: [], bare: []}
    for turn in range(ASKED * ROUNDS):
        for ask in (ours, bare) if turn % 2 else (bare, ours):
            began = time.perf_counter()
            found = await ask()
            took[ask].append((time.perf_counter() - began) * 1e6)
            assert found is not None
    await database.close()
    return took[ours], took[bare]


def _print(size: int, name: str, took: list[float]) -> None:
    print(
        f"{size:>10,} {name:24} {statistics.median(took):10.0f} {_percentile(took):10.0f} "
        f"{max(took):10.0f}"
    )


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main()
