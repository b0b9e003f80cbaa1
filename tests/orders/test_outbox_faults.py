"""What becomes of messages when a provider, the daemon or PostgreSQL goes away: nothing lost, nothing twice."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.outbox import messages
from crm_core.outbox.flow import Pace
from crm_core.outbox.messages import Contact
from crm_core.outbox.outcome import OutboxRules
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.wecom import WeComApp, WeComGroup, WeComPerson
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from orders.sales.wording import ORDER_WORDS
from tests.orders.order_shop import Clock, Shop, open_shop
from tests.orders.provider_servers import SECRET, WeComServer
from tests.own_postgres import own_postgres
from zongji.settings import ROOT

RULES = OutboxRules(look_again_s=0.02)
CONTACT = Contact(None, None, "zh", wecom="zhangsan", wecom_group=WeComServer.ROBOT)


@pytest.fixture
async def empty(shop: Shop) -> Shop:
    async with shop.database.begin() as session:
        await session.execute(text("DELETE FROM outbox"))
    shop.heard.clear()
    return shop


async def tell(shop: Shop, *channels: str, orders: int = 1, step: str = "") -> None:
    """Messages about this many orders, each with words of its own."""
    async with shop.database.begin() as session:
        for number in range(1, orders + 1):
            params = {"number": f"order-{number}", "total": "1.00"}
            told = messages.messages("order_placed", CONTACT, channels, params)
            await messages.tell(
                session,
                "order",
                number,
                customer_id=shop.dealer,
                told=told,
                now=shop.clock(),
                step=step,
            )


async def states(database: Database) -> Counter[tuple[str, str]]:
    async with database.reading() as connection:
        rows = await connection.execute(text("SELECT channel, state FROM outbox"))
        return Counter((channel, state) for channel, state in rows)


def said(server: WeComServer) -> Counter[str]:
    return Counter(json.dumps(each["text"]) for each in server.accepted)


@asynccontextmanager
async def working(
    database: Database, bus: Bus, clock, server: WeComServer, **more
) -> AsyncIterator[OutboxWorker]:
    book = WordBook(ORDER_WORDS, "总机商贸")
    app = WeComApp("corp", SECRET, 1, server.endpoint)
    ways = (WeComGroup(book, endpoint=server.endpoint), WeComPerson(app, book, clock=clock))
    if isinstance(clock, Clock):
        more |= {"steady": clock.steady}
    yield OutboxWorker(OutboxStore(database), ways, bus, clock=clock, rules=RULES, **more)
    for way in ways:
        await way.close()


class Counted(WeComServer):
    """A server that can be away, on one port, and counts who knocks nevertheless."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.away = False
        self.knocked = 0

    async def _handle(self, request):
        if self.away:
            self.knocked += 1
            request.transport.abort()
        return await super()._handle(request)


async def test_a_day_without_the_provider_costs_no_message_and_no_attempt(empty: Shop):
    clock = empty.clock
    async with WeComServer(clock) as gone:
        nobody = gone.endpoint
    await tell(empty, "wecom", orders=40)
    async with (
        WeComServer(clock) as server,
        working(empty.database, empty.bus, clock, server) as worker,
    ):
        way = worker._ways["wecom"].notifier
        there, way._endpoint = way._endpoint, type(way._endpoint)(nobody)
        tried = 0
        for _ in range(24 * 12):
            tried += await worker.run_once()
            clock.pass_by(timedelta(minutes=5))
        assert await states(empty.database) == {("wecom", "pending"): 40}
        assert tried < 24 * 6 + 40
        way._endpoint = there
        clock.pass_by(timedelta(minutes=10))
        while (await states(empty.database))["wecom", "pending"]:
            await worker.run_once()
            clock.pass_by(timedelta(seconds=1))
    assert set(said(server).values()) == {1}
    assert len(server.accepted) == 40
    assert await empty.scalar("SELECT max(attempts) FROM outbox") == 1
    assert not [each for each in empty.heard if type(each).__name__ == "MessageFailed"]


async def test_a_provider_that_cuts_every_line_is_left_alone_after_a_few_doubts(empty: Shop):
    clock = empty.clock
    await tell(empty, "wecom_group", orders=60)
    pace = Pace(at_once=1, faults=5)
    async with Counted(clock) as server:
        server.away = True
        paces = {"wecom_group": pace}
        async with working(empty.database, empty.bus, clock, server, paces=paces) as worker:
            for _ in range(20):
                await worker.run_once()
    assert server.knocked == 5
    assert await states(empty.database) == {
        ("wecom_group", "unknown"): 5,
        ("wecom_group", "pending"): 55,
    }


async def test_a_slow_provider_does_not_hold_up_the_others(empty: Shop):
    clock = empty.clock
    await tell(empty, "wecom_group", "wecom", orders=3)
    async with WeComServer(clock) as slow, WeComServer(clock) as quick:
        slow.held = asyncio.Event()
        async with working(empty.database, empty.bus, clock, quick) as worker:
            group = worker._ways["wecom_group"].notifier
            group._endpoint = type(group._endpoint)(slow.endpoint)
            await worker.start()
            async with asyncio.timeout(10):
                while (await states(empty.database))["wecom", "sent"] < 3:
                    await asyncio.sleep(0.01)
            slow.held.set()
            await worker.close()
    assert (await states(empty.database))["wecom_group", "sent"] == 3


async def test_a_step_that_is_told_again_is_told_once(empty: Shop):
    await tell(empty, "wecom", "wecom_group")
    await tell(empty, "wecom", "wecom_group")
    assert await states(empty.database) == {("wecom", "pending"): 1, ("wecom_group", "pending"): 1}
    await tell(empty, "wecom", step="second delivery")
    assert (await states(empty.database))["wecom", "pending"] == 2


async def test_an_order_that_two_people_move_at_once_tells_the_customer_once(empty: Shop):
    order = (await empty.place((await empty.product(on_hand=5), 1))).order
    await empty.move(order.id, "reviewed", "picking")
    moves = [empty.move(order.id, "shipped") for _ in range(5)]
    ended = await asyncio.gather(*moves, return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in ended) == 1
    told = await empty.scalar("SELECT count(*) FROM outbox WHERE kind = 'order_shipped'")
    assert told == 2


@pytest.mark.parametrize(("channel", "becomes"), [("wecom", "sent"), ("wecom_group", "unknown")])
async def test_a_daemon_killed_while_sending_neither_loses_nor_doubles(
    empty: Shop, channel: str, becomes: str
):
    def clock() -> datetime:
        return datetime.now(UTC) + late

    late = timedelta(0)
    shop = replace(empty, clock=clock)
    await tell(shop, channel)
    async with WeComServer(clock) as server:
        server.held = asyncio.Event()
        daemon = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.orders.outbox_sender",
            shop.database._engine.url.render_as_string(hide_password=False),
            server.endpoint,
            channel,
            cwd=ROOT,
        )
        async with asyncio.timeout(20):
            while not server.accepted:
                await asyncio.sleep(0.01)
        daemon.send_signal(signal.SIGKILL)
        await daemon.wait()
        server.held.set()
        server.held = None
        assert await states(shop.database) == {(channel, "sending"): 1}
        async with working(shop.database, shop.bus, clock, server) as worker:
            await worker.run_once()
            assert await states(shop.database) == {(channel, "sending"): 1}
            late = RULES.lease + timedelta(seconds=5)
            await worker.run_once()
    assert await states(shop.database) == {(channel, becomes): 1}
    assert list(said(server).values()) == [1]


async def test_postgresql_restarted_while_a_message_is_out_learns_that_it_was_sent(tmp_path):
    async with own_postgres(tmp_path) as postgres:
        database = postgres.database
        shop = await open_shop(database)
        await tell(shop, "wecom_group", orders=3)
        async with WeComServer(shop.clock) as server:
            server.held = asyncio.Event()
            async with working(database, shop.bus, shop.clock, server) as worker:
                await worker.start()
                async with asyncio.timeout(10):
                    while len(server.accepted) < 3:
                        await asyncio.sleep(0.01)
                await postgres.stop()
                server.held.set()
                await postgres.start()
                async with asyncio.timeout(20):
                    while (await states(database))["wecom_group", "sent"] < 3:
                        await asyncio.sleep(0.05)
                await worker.close()
        assert set(said(server).values()) == {1}
