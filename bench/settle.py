"""A month of 100,000 delivered orders of one courier, cash on delivery: settled through the product (drafted, the
courier's own statement of as many rows taken, confirmed, paid, all orders booked and moved), beside one statement
by hand that only adds up the same sums, and one that keeps what they consist of, each thing once.

Rule: the ratios are of drafting and confirming over the statements by hand; all read the same rows of the same server.
Memory is what this process grew by at most.
"""

import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import text

from bench.server import database_server, make_schema
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.services import Trade
from orders.settlement.commands import ChangeSettlement, NewSettlement, NewSettlementPayment
from zongji.platform.postgres import EmbeddedPostgres

ORDERS, CUSTOMERS = 100_000, 5_000
DATABASE = "bench_settle"
_NOW = datetime(2026, 4, 2, 2, tzinfo=UTC)
_FILL = (
    """INSERT INTO levels (code, name_zh, name_en, rank) VALUES ('retail', '零售', 'Retail', 4)""",
    """INSERT INTO price_policies (code, name_zh, name_en, discount) VALUES ('plain', '原价', 'Plain', 1)""",
    """INSERT INTO customers (name, level_code, price_policy_code, credit_limit)
       SELECT '客户' || g, 'retail', 'plain', 1000000 FROM generate_series(1, :customers) g""",
    """INSERT INTO couriers (code, name_zh, name_en, kind, paper, ways, cod)
       VALUES ('ems', '邮政', 'EMS', 'ems', 'ems_100x150', '{standard}', true)""",
    """INSERT INTO orders (number, key, fingerprint, customer_id, status, total, credit_held, payment, placed_at)
       SELECT 'B' || g, 'b' || g, 'x', 1 + g % CAST(:customers AS int), 'delivered', 10 + g % 500, 10 + g % 500,
              'cash_on_delivery', CAST(:begins AS timestamptz) + g % 29 * interval '1 day' FROM generate_series(1, :orders) g""",
    """INSERT INTO order_status_log (order_id, from_status, to_status, at)
       SELECT id, 'in_transit', 'delivered', placed_at + interval '1 day' FROM orders""",
    """INSERT INTO waybills (order_id, courier_code, number, kind, state, weight_g, volume_ml, freight, cod_amount,
                             cod_fee, collected, created_at, handed_over_at, state_at)
       SELECT id, 'ems', 'EE' || lpad(CAST(id AS text), 8, '0') || 'CN', 'outward', 'delivered', 500, 1000, 8 + id % 5, total,
              2, total, placed_at, placed_at, placed_at + interval '1 day' FROM orders""",
    """UPDATE customers c SET credit_used = h.held
       FROM (SELECT customer_id, sum(credit_held) AS held FROM orders GROUP BY 1) h WHERE h.customer_id = c.id""",
)
_BY_HAND = """
CREATE TABLE by_hand AS
SELECT w.courier_code, count(*) AS parcels, sum(w.cod_amount) AS cod, sum(w.freight) AS freight,
       sum(w.cod_fee) AS fee, sum(w.cod_amount - w.freight - w.cod_fee) AS balance,
       count(*) FILTER (WHERE w.collected <> w.cod_amount) AS differing
  FROM waybills w JOIN orders o ON o.id = w.order_id
 WHERE w.courier_code = 'ems' AND w.kind = 'outward' AND w.state = 'delivered'
   AND w.state_at < CAST(:until AS timestamptz) AND o.status = 'delivered'
 GROUP BY 1
"""

_TABLE = """CREATE TABLE kept_by_hand (kind text, waybill_id integer, number text, at timestamptz,
                                       amount numeric(14, 2), PRIMARY KEY (waybill_id, kind))"""
_KEPT = """
INSERT INTO kept_by_hand
SELECT k.kind, w.id, w.number, w.state_at, k.amount
  FROM waybills w
 CROSS JOIN LATERAL (VALUES ('cod', w.cod_amount), ('freight', -w.freight), ('cod_fee', -w.cod_fee)) k (kind, amount)
 WHERE w.courier_code = 'ems' AND w.kind = 'outward' AND w.state = 'delivered'
   AND w.state_at < CAST(:until AS timestamptz)
"""


def main() -> None:
    with (
        database_server({"shared_buffers": "256MB"}) as (server, _),
        tempfile.TemporaryDirectory() as folder,
    ):
        uvloop.run(_run(server, Path(folder)))


async def _run(server: EmbeddedPostgres, folder: Path) -> None:
    server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    database = Database(server.url(DATABASE), statement_timeout_s=60)
    await make_schema(database)
    await _fill(database)
    server.execute("VACUUM ANALYZE", DATABASE)
    file = folder / "statement.csv"
    _write_statement(file)
    trade = Trade.of(database, Bus(), clock=lambda: _NOW, zone=ZoneInfo("Asia/Shanghai"))
    hand, kept = await _by_hand(database, _BY_HAND), await _kept_by_hand(database)
    before = _memory_mb()
    took = await _settle(trade, file)
    grown = _memory_mb() - before
    await _prove(database)
    await database.close()
    for name, seconds in took.items():
        print(f"{name:48} {seconds:8.2f} s")
    print(f"{'the sums alone, one statement by hand':48} {hand:8.2f} s")
    print(f"{'each thing kept once, one statement by hand':48} {kept:8.2f} s")
    sums = took["draft"] + took["confirm"]
    whole = sum(took.values())
    print(
        f"BENCH settle ratio={sums / hand:.1f} kept_ratio={sums / kept:.2f} s={whole:.1f} mb={grown:.0f}"
        f" orders_per_s={ORDERS / took['orders paid and settled']:.0f}"
    )


async def _settle(trade: Trade, file: Path) -> dict[str, float]:
    """Seconds of each step."""
    settlements, took = trade.settlements, {}
    new = NewSettlement.model_validate(
        {
            "party_kind": "courier",
            "party_code": "ems",
            "begins": "2026-03-01",
            "ends": "2026-03-31",
        }
    )
    began = time.perf_counter()
    view = (await settlements.draft(SYSTEM, new)).settlement
    took["draft"] = time.perf_counter() - began
    began = time.perf_counter()
    taken = await settlements.take_statement(SYSTEM, view.id, file, view.version)
    took[f"the courier's statement of {taken.rows:,} rows"] = time.perf_counter() - began
    assert taken.matched == ORDERS
    version = ChangeSettlement(version=taken.detail.settlement.version)
    began = time.perf_counter()
    done = (await settlements.confirm(SYSTEM, view.id, version)).settlement
    took["confirm"] = time.perf_counter() - began
    money = NewSettlementPayment(
        amount=done.balance, method="transfer", reference="slip", paid_at=_NOW
    )
    await settlements.pay(SYSTEM, view.id, money)
    began = time.perf_counter()
    while await trade.finisher.finish_some() is not None:
        pass
    took["orders paid and settled"] = time.perf_counter() - began
    return took


async def _fill(database: Database) -> None:
    values = {
        "orders": ORDERS,
        "customers": CUSTOMERS,
        "begins": datetime(2026, 3, 1, tzinfo=UTC),
    }
    async with database.begin() as session:
        for statement in _FILL:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            await session.execute(text(statement), used)


def _write_statement(path: Path) -> None:
    with path.open("w", encoding="gbk") as file:
        file.write("运单号,代收货款,运费,手续费\n")
        for n in range(1, ORDERS + 1):
            file.write(f"EE{n:08d}CN,{10 + n % 500},{8 + n % 5},2\n")


async def _kept_by_hand(database: Database) -> float:
    async with database.begin() as session:
        await session.execute(text(_TABLE))
    return await _by_hand(database, _KEPT)


async def _by_hand(database: Database, statement: str) -> float:
    began = time.perf_counter()
    async with database.begin() as session:
        until = datetime(2026, 3, 31, 16, tzinfo=UTC)
        await session.execute(text(statement), {"until": until})
    return time.perf_counter() - began


async def _prove(database: Database) -> None:
    """To the fen: the settlement is the sum by hand, every order is paid and settled, no credit is left."""
    async with database.reading() as connection:
        row = (
            await connection.execute(
                text("""
            SELECT (SELECT balance FROM settlements) = (SELECT balance FROM by_hand),
                   (SELECT count(*) FROM orders WHERE status = 'settled'),
                   (SELECT sum(amount) FROM payment_entries) = (SELECT cod FROM by_hand),
                   (SELECT sum(credit_used) FROM customers)""")
            )
        ).one()
    assert tuple(row) == (True, ORDERS, True, 0), row


def _memory_mb() -> float:
    """The most this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
