"""Messages per second through a provider that fails for one request in five: once with a provider that removes
doubles (WeCom's application), once with one that does not (Tencent's SMS).

Rule: what arrived is counted by the provider. Lost is what is neither there nor shown as failed or unknown;
double is what arrived twice.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import structlog
import uvloop
from sqlalchemy import func, insert, select

from bench.failing_provider import SECRET
from bench.server import database_server, make_schema
from crm_core.bus import Bus
from crm_core.customers.tables import Customer, Level, PricePolicy
from crm_core.db import Database
from crm_core.outbox import messages
from crm_core.outbox.flow import Pace
from crm_core.outbox.messages import Contact
from crm_core.outbox.outcome import OutboxRules
from crm_core.outbox.ports import Notifier
from crm_core.outbox.sms_tencent import TencentAccount, TencentSms, TencentTemplate
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.wecom import WeComApp, WeComPerson
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from orders.sales.wording import ORDER_WORDS
from zongji.platform.postgres import EmbeddedPostgres

MESSAGES, AT_ONCE, TIMEOUT_S = 2_000, 40, 2.0
DATABASE = "bench_outbox"
_CONTACT = Contact(None, "13800138000", "zh", wecom="zhangsan")
_RULES = OutboxRules(
    attempts=20,
    first_wait=timedelta(seconds=0.1),
    longest_wait=timedelta(seconds=0.5),
    look_again_s=0.05,
)


@dataclass(frozen=True)
class Outcome:
    """`states` as the outbox shows them; `lost` and `double` as the provider knows."""

    per_s: float
    states: Counter[str]
    lost: int
    double: int


def main() -> None:
    with (
        database_server({"shared_buffers": "256MB"}) as (server, folder),
        (folder / "log").open("w") as log,
        _provider() as address,
    ):
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(log))
        removing, plain = uvloop.run(_run(server, address))
    _show("removes doubles", removing)
    _show("does not", plain)
    lost, double = removing.lost + plain.lost, removing.double + plain.double
    print(f"BENCH outbox per_s={removing.per_s:.0f} lost={lost} double={double}")


def _show(name: str, outcome: Outcome) -> None:
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(outcome.states.items()))
    print(
        f"provider {name}: {outcome.per_s:,.0f}/s; {states}; {outcome.lost} lost, {outcome.double} double"
    )


@contextmanager
def _provider() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.failing_provider"]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        finally:
            process.terminate()


async def _run(server: EmbeddedPostgres, address: str) -> tuple[Outcome, Outcome]:
    server.execute(f"CREATE DATABASE {DATABASE}", "postgres")
    database = Database(server.url(DATABASE))
    await make_schema(database)
    await _fill(database)
    book = WordBook(ORDER_WORDS, "总机商贸", database=database)
    person = WeComPerson(WeComApp("corp", SECRET, 1, address, TIMEOUT_S), book, clock=_now)
    templates = {"order_placed": TencentTemplate("1", ("number",))}
    account = TencentAccount(
        address, "id", SECRET, "1", "总机", "ap-guangzhou", templates, TIMEOUT_S
    )
    sms = TencentSms(account, clock=_now)
    found = (
        await _send(database, person, address, "params->>'number'"),
        await _send(database, sms, address, "token"),
    )
    for each in (person, sms):
        await each.close()
    await database.close()
    return found


async def _fill(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(insert(Level).values(code="l", name_zh="级", name_en="level", rank=1))
        policy = {"code": "p", "name_zh": "价", "name_en": "price", "discount": 1}
        await session.execute(insert(PricePolicy).values(policy))
        customer = {"name": "客户", "level_code": "l", "price_policy_code": "p"}
        await session.execute(insert(Customer).values(customer))


async def _send(database: Database, notifier: Notifier, address: str, name: str) -> Outcome:
    """Every message until none is to be sent any more."""
    await _write(database, notifier.channel)
    pace = Pace(1e6, MESSAGES, AT_ONCE, first_pause=timedelta(seconds=0.5))
    store = OutboxStore(database)
    worker = OutboxWorker(
        store, (notifier,), Bus(), clock=_now, rules=_RULES, paces={notifier.channel: pace}
    )
    began = time.perf_counter()
    await worker.start()
    while await _left(database, notifier.channel):
        await asyncio.sleep(0.05)
    took = time.perf_counter() - began
    await worker.close()
    return await _count(database, notifier.channel, address, name, MESSAGES / took)


async def _write(database: Database, channel: str) -> None:
    async with database.begin() as session:
        for number in range(1, MESSAGES + 1):
            params = {"number": f"{number:08d}", "total": "88.06"}
            told = messages.messages("order_placed", _CONTACT, [channel], params)
            await messages.tell(session, "order", number, customer_id=1, told=told, now=_now())


async def _left(database: Database, channel: str) -> int:
    async with database.reading() as connection:
        left = await connection.scalar(
            select(func.count()).where(
                OutboxMessage.channel == channel, OutboxMessage.state.in_(("pending", "sending"))
            )
        )
        return int(left or 0)


async def _count(
    database: Database, channel: str, address: str, name: str, per_s: float
) -> Outcome:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/arrived") as answer:
        arrived: dict[str, int] = (await answer.json())[channel]
    async with database.reading() as connection:
        rows = (
            await connection.execute(
                select(OutboxMessage.state, OutboxMessage.token, OutboxMessage.params).where(
                    OutboxMessage.channel == channel
                )
            )
        ).all()
    states, lost = Counter[str](row.state for row in rows), 0
    texts = "\n".join(arrived)
    for row in rows:
        known = row.token if name == "token" else row.params["number"]
        lost += row.state == "sent" and known not in texts
    double = sum(count > 1 for count in arrived.values())
    double += max(len(arrived) - len(rows), 0)
    return Outcome(per_s, states, lost + MESSAGES - len(rows), double)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
