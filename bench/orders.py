"""Orders of three lines on 100 hot products from 50 clients, held against the rules of review and told to the
customer: through the service, and beside it the same SQL statements sent by PostgreSQL's own pgbench. Same
server, same schema, in alternate runs; the service writes its log lines to a file, as the daemon does. Then 200
clients fight for one product until it is sold out.

Rule: the ratio is of medians; at the end the ledger must prove that nothing was oversold.
"""

import asyncio
import os
import random
import re
import statistics
import subprocess
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import structlog
import uvloop
from sqlalchemy import insert, text

from bench.server import database_server, make_schema
from crm_core.bus import Bus
from crm_core.customers.tables import Customer, CustomerPhone, Level, PricePolicy
from crm_core.db import Database
from crm_core.rights import SYSTEM
from crm_core.statement import Statement
from orders.catalogue.tables import Product
from orders.errors import OutOfStock
from orders.lines import OrderLine
from orders.review.tables import OrderReviewRule
from orders.sales import facts, writing
from orders.sales.commands import PlaceOrder
from orders.sales.service import OrderService
from orders.stock import ledger
from zongji.platform.postgres import EmbeddedPostgres

CLIENTS, PRODUCTS, CUSTOMERS = 50, 100, 500
HOT, FIGHTERS, HOT_STOCK = "HOT", 200, 3000
_REVIEW = ("total_over", "overdue_over", "bad_history", "discount_over", "not_prepaid")
SECONDS, ROUNDS = 8.0, 3
DATABASE = "bench_orders"
_CREDIT = """UPDATE customers SET credit_used = credit_used + 28.50 WHERE id = :customer
AND merged_into_id IS NULL AND credit_used + 28.50 <= credit_limit RETURNING id;"""
_THIRDS = ((0, 32), (33, 65), (66, 99))


def main() -> None:
    settings = {"max_connections": "200", "shared_buffers": "256MB"}
    with database_server(settings) as (server, folder), (folder / "log").open("w") as log:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(log))
        _run(server, folder)


def _run(server: EmbeddedPostgres, folder: Path) -> None:
    server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    uvloop.run(_fill(server))
    script = folder / "orders.sql"
    script.write_text(_script())
    script.chmod(0o644)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(uvloop.run(_through_the_service(server)))
        theirs.append(_through_pgbench(server, script))
    mine, peer = statistics.median(ours), statistics.median(theirs)
    print(f"{'orders of three lines, 50 clients':40} {'orders/s':>10}   runs")
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
        await session.execute(
            insert(OrderReviewRule),
            [
                {"kind": kind, "says": "hold", "name_zh": "规则", "name_en": "rule", "value": 10**6}
                for kind in _REVIEW
            ],
        )
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
                {"number": f"138{n:08d}", "customer_id": n + 1, "is_main": True}
                for n in range(CUSTOMERS)
            ],
        )
        for n in range(PRODUCTS):
            for _ in range(100):
                await ledger.receive(session, _sku(n), 100_000, datetime.now(UTC))
    await database.close()
    server.execute("VACUUM ANALYZE", DATABASE)


async def _through_the_service(server: EmbeddedPostgres) -> float:
    """Orders a second."""
    database = Database(server.url(DATABASE), pool_size=16)
    service = OrderService(
        database, Bus(), clock=lambda: datetime.now(UTC), channels=("email", "sms")
    )
    loop = asyncio.get_running_loop()
    end = loop.time() + SECONDS

    async def client(number: int) -> int:
        chosen, done = random.Random(number), 0
        while loop.time() < end:
            lines = tuple(OrderLine(_sku(chosen.randint(*third)), 1) for third in _THIRDS)
            customer = chosen.randint(1, CUSTOMERS)
            await service.place(SYSTEM, PlaceOrder(uuid.uuid4().hex, customer, lines))
            done += 1
        return done

    began = loop.time()
    placed = sum(await asyncio.gather(*(client(n) for n in range(CLIENTS))))
    took = loop.time() - began
    await database.close()
    return placed / took


def _through_pgbench(server: EmbeddedPostgres, script: Path) -> float:
    """Orders a second, as pgbench counts its transactions."""
    options = ["-n", "-c", str(CLIENTS), "-j", "2", "-T", f"{SECONDS:.0f}", "-M", "prepared"]
    pgbench = server.binaries / "bin" / "pgbench"
    said = subprocess.run(
        [str(pgbench), *options, "-f", str(script), server.url(DATABASE)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PGOPTIONS": "-c jit=off"},
    ).stdout
    found = re.search(r"tps = ([0-9.]+)", said)
    assert found, said
    return float(found[1])


def _script() -> str:
    """The service's own statements, their parameters written as pgbench variables."""
    line = """json_build_object('line_no', %d, 'sku', 'P' || lpad(CAST(:%s AS text), 3, '0'),
        'quantity', 1, 'unit', '箱', 'factor', 1, 'tax_rate', 0.13, 'unit_price', 9.50, 'line_total', 9.50, 'why', '[{"code": "list_price",
        "params": {"amount": "10.00"}}, {"code": "policy_discount", "params": {"policy": "p95",
        "factor": "0.9500"}}]'::json)"""
    message = """json_build_object('token', md5(random()::text), 'kind', 'order_placed',
        'channel', '%s', 'recipient', '%s', 'language', 'zh', 'params', '{"total": "28.50"}'::json)"""
    lines = ", ".join(line % (n, v) for n, v in enumerate("abc", 1))
    told = [message % ("email", "customer1@example.com"), message % ("sms", "13800000001")]
    skus = ", ".join(f"'P' || lpad(CAST(:{v} AS text), 3, '0')" for v in "abc")
    values = {
        "skus": f"ARRAY[{skus}]",
        "quantities": "'{1,1,1}'",
        "units": "'{NULL,NULL,NULL}'",
        "today": "CAST(now() AS date)",
        "lines": f"json_build_array({lines})",
        "messages": f"json_build_array({', '.join(told)})",
        "warehouse": "'main'",
        "customer_id": ":customer",
        "key": "CAST(CAST(:k AS bigint) AS text)",
        "fingerprint": "md5('order')",
        "day": "'260302'",
        "status": "'placed'",
        "total": "28.50",
        "discount": "0",
        "discount_why": "'[]'",
        "credit_held": "28.50",
        "at": "now()",
        "goods": "0",
        "held": "1",
        "barred": "0",
        "frees": "-1",
        "urgent": "false",
        "review": "'pass'",
        "review_why": "'[]'",
        "reserves": "true",
        "kind": "'reserve'",
    }

    def written(statement: Statement) -> str:
        return (
            re.sub(r"(?<!:):([a-z_]+)", lambda m: values.get(m[1], "NULL"), statement.sql).strip()
            + ";"
        )

    sets = [
        f"\\set {v} random({low}, {high})" for v, (low, high) in zip("abc", _THIRDS, strict=True)
    ]
    return "\n".join(
        (
            *sets,
            f"\\set customer random(1, {CUSTOMERS})",
            "\\set k random(1, 9000000000000000000)",
            written(facts.FACTS),
            "BEGIN;",
            _CREDIT,
            written(writing.INSERT),
            "COMMIT;",
            "",
        )
    )


async def _fight(server: EmbeddedPostgres) -> tuple[int, float]:
    """How many of the hot product were sold when nobody got any more, and how long it took."""
    database = Database(server.url(DATABASE), pool_size=16)
    service = OrderService(database, Bus(), clock=lambda: datetime.now(UTC), patience_s=60)
    loop = asyncio.get_running_loop()

    async def client(number: int) -> int:
        sold = 0
        while True:
            command = PlaceOrder(uuid.uuid4().hex, number % CUSTOMERS + 1, (OrderLine(HOT, 1),))
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
    """Products whose ledger went below nothing or differs from the balance."""
    database = Database(server.url(DATABASE))
    async with database.begin() as session:
        found = await session.scalar(
            text("""
                SELECT count(*) FROM stock s JOIN (
                    SELECT sku, sum(on_hand_change) AS goods, sum(reserved_change) AS held
                    FROM stock_moves GROUP BY sku) m USING (sku)
                WHERE m.goods <> s.on_hand OR m.held <> s.reserved OR m.held > m.goods
                   OR m.held <> (SELECT sum(base_quantity) FROM order_lines l WHERE l.sku = s.sku)""")
        )
    await database.close()
    return int(found or 0)


def _sku(number: int) -> str:
    return f"P{number:03d}"


if __name__ == "__main__":
    main()
