"""Orders of three lines on 100 hot products from 50 clients, from placing until they are shipped: held against the rules
of review, which stop one in ten for a person to approve, picked, and at each step told to the customer. Through the
service, and beside it the same SQL statements, as PostgreSQL logged them, sent by its own pgbench. Same server, same
schema, in alternate runs; the service writes its log lines, to a file, and keeps the garbage collector away as the daemon does. Then 200 clients fight for
one product until it is sold out.

Rule: the ratio is of medians; at the end the ledger must prove that nothing was oversold.
"""

import asyncio
import os
import random
import re
import statistics
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import uvloop
from sqlalchemy import insert, text

from bench.recorded import SETTINGS, Recorder
from bench.server import database_server, make_schema
from crm_core.bus import Bus
from crm_core.customers.tables import Customer, CustomerPhone, Level, PricePolicy
from crm_core.db import Database
from crm_core.people.tables import User
from crm_core.rights import ROLES, SYSTEM, Principal
from crm_core.seeds import seed_roles
from orders.catalogue.tables import Product
from orders.errors import OutOfStock
from orders.lines import OrderLine
from orders.review.seeds import seed_limits
from orders.review.tables import OrderReviewRule
from orders.sales.commands import PlaceOrder
from orders.sales.flow import Status
from orders.sales.service import OrderService
from orders.stock import ledger
from zongji.collector import Collector
from zongji.logs import configure_logging
from zongji.platform.postgres import EmbeddedPostgres

CLIENTS, PRODUCTS, CUSTOMERS = 50, 100, 500
HOT, FIGHTERS, HOT_STOCK = "HOT", 200, 3000
_REVIEW = ("total_over", "overdue_over", "bad_history", "discount_over", "not_prepaid")
_WORD, HELD_OF_TEN = "定制", 1
SECONDS, ROUNDS = 8.0, 3
DATABASE = "bench_orders"
_REVIEWER = Principal(
    1, "reviewer", "审核员", "operations", ROLES["operations"].rights, "zh-CN", None, 1
)
_THIRDS = ((0, 32), (33, 65), (66, 99))
# Numbers that nothing else has, so that they are known again in what was recorded.
_FIRST_CUSTOMER, _FIRST_ORDER, _FIRST_STEP = 300_000_001, 700_000_001, 800_000_001
_RESULTS = {
    "WITH wanted AS MATERIALIZED": "made_",
    "INSERT INTO order_status_log": "step_",
}
_MARKS = {
    r"\b\d{6}-7000000\d\d\b": ":made_number",
    r"\b7000000\d\d\b": ":made_id",
    r"\b8000000\d\d\b": ":step_id",
    rf"\b{_FIRST_CUSTOMER}\b": ":customer",
    r"\b[0-9a-f]{32}\b": "md5(CAST(random() AS text))",
} | {rf"\bP{low:03d}\b": f"('P' || lpad(CAST(:sku_{low} AS text), 3, '0'))" for low, _ in _THIRDS}
_VARIABLES = "\n".join(
    (
        *(f"\\set sku_{low} random({low}, {high})" for low, high in _THIRDS),
        f"\\set customer random({_FIRST_CUSTOMER}, {_FIRST_CUSTOMER + CUSTOMERS - 1})",
    )
)


def main() -> None:
    settings = {"max_connections": "200", "shared_buffers": "256MB", **SETTINGS}
    with database_server(settings) as (server, folder), (folder / "log").open("w") as log:
        with redirect_stderr(log):
            configure_logging()
        _run(server, folder)


def _run(server: EmbeddedPostgres, folder: Path) -> None:
    server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    uvloop.run(_fill(server))
    scripts = uvloop.run(_record(server, folder))
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(uvloop.run(_through_the_service(server)))
        theirs.append(_through_pgbench(server, scripts))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(f"{'orders of three lines until shipped':40} {'orders/s':>10}   runs")
    print(f"{'OrderService':40} {mine:10.0f}   {_runs(ours)}")
    print(f"{'the same statements, pgbench -M prepared':40} {peer:10.0f}   {_runs(theirs)}")
    sold, seconds = uvloop.run(_fight(server))
    print(f"{FIGHTERS} clients for {HOT_STOCK} of one product: {sold} sold in {seconds:.1f} s")
    oversold = uvloop.run(_oversold(server)) + abs(HOT_STOCK - sold)
    print(f"BENCH orders ratio={mine / peer:.2f} oversold={oversold}")


def _runs(figures: list[float]) -> str:
    return " ".join(f"{figure:.0f}" for figure in figures)


async def _fill(server: EmbeddedPostgres) -> None:
    database = Database(server.url(DATABASE))
    await make_schema(database)
    async with database.begin() as session:
        await session.execute(
            insert(Level).values(code="retail", name_zh="零售", name_en="Retail", rank=4)
        )
        await session.execute(
            insert(PricePolicy).values(
                code="p95", name_zh="九五折", name_en="5 % off", discount=Decimal("0.95")
            )
        )
        rule = {"says": "hold", "name_zh": "规则", "name_en": "rule"}
        rules = [rule | {"kind": kind, "value": 10**6, "words": []} for kind in _REVIEW]
        rules.append(rule | {"kind": "note_words", "value": 0, "words": [_WORD]})
        await session.execute(insert(OrderReviewRule), rules)
        await seed_roles(session)
        await seed_limits(session)
        await session.execute(insert(User).values(_reviewer_row()))
        await session.execute(
            insert(Product).values(sku=HOT, name_zh="货", name_en="goods", unit="箱", list_price=10)
        )
        await ledger.receive(session, HOT, HOT_STOCK, datetime.now(UTC))
        await session.execute(
            insert(Product),
            [
                {
                    "sku": _sku(n),
                    "name_zh": "货",
                    "name_en": "goods",
                    "unit": "箱",
                    "list_price": 10,
                }
                for n in range(PRODUCTS)
            ],
        )
        await session.execute(
            insert(Customer),
            [
                {
                    "id": _FIRST_CUSTOMER + n,
                    "name": f"客户{n}",
                    "level_code": "retail",
                    "price_policy_code": "p95",
                    "credit_limit": 10**11,
                    "email": f"customer{n}@example.com",
                }
                for n in range(CUSTOMERS)
            ],
        )
        await session.execute(
            insert(CustomerPhone),
            [
                {"number": f"138{n:08d}", "customer_id": _FIRST_CUSTOMER + n, "is_main": True}
                for n in range(CUSTOMERS)
            ],
        )
        for n in range(PRODUCTS):
            for _ in range(100):
                await ledger.receive(session, _sku(n), 100_000, datetime.now(UTC))
    await database.close()
    server.execute("VACUUM ANALYZE", DATABASE)


class Shop:
    """The service with so many connections, and the people who see its orders off."""

    def __init__(self, server: EmbeddedPostgres, *, clients: int) -> None:
        self._database = Database(server.url(DATABASE), pool_size=clients)
        self._service = OrderService(
            self._database, Bus(), clock=lambda: datetime.now(UTC), channels=("email", "sms")
        )

    async def order(self, skus: Sequence[str], customer: int, *, held: bool) -> None:
        """Placed, approved by itself or by a person, picked, shipped."""
        lines = tuple(OrderLine(sku, 1) for sku in skus)
        note = f"{_WORD}包装" if held else None
        command = PlaceOrder(uuid.uuid4().hex, customer, lines, note=note)
        order = (await self._service.place(SYSTEM, command)).order
        assert order.status == (Status.REVIEW if held else Status.PLACED)
        await self._service.move(order.id, Status.REVIEWED, _REVIEWER if held else SYSTEM)
        for status in (Status.PICKING, Status.SHIPPED):
            await self._service.move(order.id, status, _REVIEWER)

    async def close(self) -> None:
        await self._database.close()


def _reviewer_row() -> dict[str, object]:
    return {
        "id": _REVIEWER.user_id,
        "login": _REVIEWER.login,
        "name": _REVIEWER.name,
        "role_code": _REVIEWER.role,
        "password_hash": "-",
    }


async def _through_the_service(server: EmbeddedPostgres) -> float:
    """Orders a second."""
    shop, collector = Shop(server, clients=16), Collector(lambda: CLIENTS)
    collector.start()
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS

    async def client(number: int) -> int:
        chosen, done = random.Random(number), 0
        while loop.time() < end:
            skus = tuple(_sku(chosen.randint(*third)) for third in _THIRDS)
            customer = _FIRST_CUSTOMER + chosen.randrange(CUSTOMERS)
            await shop.order(skus, customer, held=chosen.randrange(10) < HELD_OF_TEN)
            done += 1
        return done

    began = loop.time()
    placed = sum(await asyncio.gather(*(client(n) for n in range(CLIENTS))))
    took = loop.time() - began
    await collector.close()
    await shop.close()
    return placed / took


def _through_pgbench(server: EmbeddedPostgres, scripts: Mapping[Path, int]) -> float:
    """Orders a second, as pgbench counts what it calls transactions; `scripts` with their weights."""
    options = ["-n", "-c", str(CLIENTS), "-j", "2", "-T", f"{SECONDS:.0f}", "-M", "prepared"]
    weighted = [f"--file={script}@{weight}" for script, weight in scripts.items()]
    pgbench = server.binaries / "bin" / "pgbench"
    said = subprocess.run(
        [str(pgbench), *options, *weighted, server.url(DATABASE)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PGOPTIONS": "-c jit=off"},
    ).stdout
    found = re.search(r"tps = ([0-9.]+)", said)
    assert found, said
    return float(found[1])


async def _record(server: EmbeddedPostgres, folder: Path) -> Mapping[Path, int]:
    """The scripts of an order that passes and of one that is held, and how many of ten orders are such."""
    server.execute(f"ALTER DATABASE {DATABASE} SET log_statement = 'all'", "postgres")
    server.execute(
        f"ALTER SEQUENCE orders_id_seq RESTART {_FIRST_ORDER}; "
        f"ALTER SEQUENCE order_status_log_id_seq RESTART {_FIRST_STEP}",
        DATABASE,
    )
    shop = Shop(server, clients=1)
    recorder = Recorder(server, DATABASE, _MARKS)
    scripts = {}
    for held, of_ten in ((False, 10 - HELD_OF_TEN), (True, HELD_OF_TEN)):
        skus, customer = tuple(_sku(low) for low, _ in _THIRDS), _FIRST_CUSTOMER
        said = await recorder.record(partial(shop.order, skus, customer, held=held), _RESULTS)
        script = folder / f"orders-{held}.sql"
        script.write_text(f"{_VARIABLES}\n{said}\n")
        script.chmod(0o644)
        scripts[script] = of_ten
    await shop.close()
    server.execute(f"ALTER DATABASE {DATABASE} RESET log_statement", "postgres")
    return scripts


async def _fight(server: EmbeddedPostgres) -> tuple[int, float]:
    """How many of the hot product were sold when nobody got any more, and how long it took."""
    database = Database(server.url(DATABASE), pool_size=16)
    service = OrderService(database, Bus(), clock=lambda: datetime.now(UTC), patience_s=60)
    loop = asyncio.get_running_loop()

    async def client(number: int) -> int:
        sold = 0
        while True:
            command = PlaceOrder(
                uuid.uuid4().hex, _FIRST_CUSTOMER + number % CUSTOMERS, (OrderLine(HOT, 1),)
            )
            try:
                await service.place(SYSTEM, command)
            except OutOfStock:
                return sold
            sold += 1

    began = loop.time()
    sold = sum(await asyncio.gather(*(client(n) for n in range(FIGHTERS))))
    took = loop.time() - began
    await database.close()
    return sold, took


async def _oversold(server: EmbeddedPostgres) -> int:
    """Products whose ledger went below nothing, or differs from the balance or from what orders hold and took."""
    database = Database(server.url(DATABASE))
    async with database.begin() as session:
        found = await session.scalar(
            text("""
                SELECT count(*) FROM stock s JOIN (
                    SELECT sku, sum(on_hand_change) AS goods, sum(reserved_change) AS held,
                           -coalesce(sum(on_hand_change) FILTER (WHERE on_hand_change < 0), 0) AS taken
                    FROM stock_moves GROUP BY sku) m USING (sku)
                LEFT JOIN (
                    SELECT sku, sum(base_quantity) FILTER (WHERE status = 'shipped') AS shipped,
                           sum(base_quantity) FILTER (WHERE status <> 'shipped') AS open
                    FROM order_lines l JOIN orders o ON o.id = l.order_id GROUP BY sku) o USING (sku)
                WHERE m.goods <> s.on_hand OR m.held <> s.reserved OR m.held > m.goods
                   OR m.held <> coalesce(o.open, 0) OR m.taken <> coalesce(o.shipped, 0)""")
        )
    await database.close()
    return int(found or 0)


def _sku(number: int) -> str:
    return f"P{number:03d}"


if __name__ == "__main__":
    main()
