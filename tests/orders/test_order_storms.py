"""Orders while things go wrong: callers who give up, connections that are cut at the commit."""

import asyncio
import random
from typing import Self

import pytest

from crm_core.bus import Bus
from crm_core.customers.merging import MergeService
from crm_core.db import Database
from crm_core.errors import CommitUnknown, DatabaseUnavailable
from crm_core.rights import SYSTEM
from orders.sales.service import OrderService
from tests.orders.order_shop import Shop
from tests.proxy import Proxy


async def test_no_acknowledged_order_is_lost_when_callers_give_up_in_a_storm(shop: Shop):
    skus = [await shop.product(on_hand=100_000) for _ in range(6)]
    chance = random.Random(7)
    acknowledged: set[str] = set()
    asked: dict[str, tuple] = {}

    async def caller(number: int) -> None:
        for turn in range(12):
            lines = [(sku, 1) for sku in chance.sample(skus, 3)]
            key = f"storm-{number}-{turn}"
            asked[key] = tuple(lines)
            try:
                async with asyncio.timeout(chance.choice((0.003, 0.01, 0.03, 5))):
                    await shop.service.place(SYSTEM, shop.order(*lines, key=key))
                acknowledged.add(key)
            except TimeoutError:
                pass

    await asyncio.gather(*(caller(number) for number in range(40)))
    assert 0 < len(acknowledged) < len(asked)
    stored = {key for key in asked if await shop.service.find_by_key(SYSTEM, key)}
    assert acknowledged <= stored
    await shop.assert_ledger_adds_up()
    again = [
        await shop.service.place(SYSTEM, shop.order(*lines, key=key))
        for key, lines in asked.items()
    ]
    assert {p.created for p, key in zip(again, asked, strict=True) if key in stored} == {False}
    held = sum([(await shop.balance(sku))[1] for sku in skus])
    assert held == 3 * len(asked)
    await shop.assert_ledger_adds_up()


class CuttingProxy:
    """Passes bytes to PostgreSQL; when armed it lets COMMIT through and cuts before the answer."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()

    async def _serve(self, reader, writer) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        cut = asyncio.Event()
        pumps = (self._up(reader, up_writer, cut), self._down(up_reader, writer, cut))
        await asyncio.gather(*pumps, return_exceptions=True)
        writer.close()
        up_writer.close()

    async def _up(self, reader, writer, cut) -> None:
        while data := await reader.read(65536):
            if b"COMMIT;" in data and self.cuts:
                self.cuts -= 1
                cut.set()
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _down(self, reader, writer, cut) -> None:
        while data := await reader.read(65536):
            if cut.is_set():
                break
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.fixture
async def cut_shop(shop: Shop, pg_server):
    """The same shop through the proxy: (proxy, service)."""
    async with CuttingProxy(pg_server.port) as proxy:
        url = shop.database._engine.url.render_as_string(hide_password=False)
        database = Database(url.replace(f":{pg_server.port}/", f":{proxy.port}/"), pool_size=2)
        yield proxy, OrderService(database, Bus(), clock=shop.clock)
        await database.close()


async def test_an_order_whose_commit_answer_was_lost_is_found_again_and_not_doubled(
    shop: Shop, cut_shop
):
    proxy, service = cut_shop
    sku = await shop.product(on_hand=5)
    proxy.cuts = 1
    placed = await service.place(SYSTEM, shop.order((sku, 1), key="cut-once"))
    assert not placed.created
    assert await shop.balance(sku) == (5, 1)
    await shop.assert_ledger_adds_up()


async def test_a_database_that_stays_away_is_said_so_and_the_same_key_asks_later(
    shop: Shop, cut_shop
):
    proxy, service = cut_shop
    sku = await shop.product(on_hand=5)
    command = shop.order((sku, 1))
    proxy.cuts = 1
    proxy._server.close()
    with pytest.raises(DatabaseUnavailable):
        await service.place(SYSTEM, command)
    assert await shop.balance(sku) == (5, 0)
    assert (await shop.service.place(SYSTEM, command)).created


async def test_a_commit_lost_while_the_database_goes_away_is_unknown(shop: Shop, cut_shop):
    proxy, service = cut_shop
    sku = await shop.product(on_hand=5)
    command = shop.order((sku, 1))
    await service.quote(SYSTEM, shop.dealer, command.lines)
    proxy._server.close()
    proxy.cuts = 1
    with pytest.raises(CommitUnknown):
        await service.place(SYSTEM, command)
    assert not (await shop.service.place(SYSTEM, command)).created
    assert await shop.balance(sku) == (5, 1)


async def test_a_rush_on_a_frozen_database_is_refused_whole_and_placed_once_afterwards(
    shop: Shop, pg_server
):
    sku = await shop.product(on_hand=50)
    commands = [shop.order((sku, 1)) for _ in range(30)]
    async with Proxy(pg_server.port) as proxy:
        url = shop.database._engine.url.render_as_string(hide_password=False)
        slow = Database(
            url.replace(f":{pg_server.port}/", f":{proxy.port}/"), statement_timeout_s=2
        )
        service = OrderService(slow, Bus(), clock=shop.clock, writers=2, patience_s=0.2)
        await service.quote(SYSTEM, shop.dealer, commands[0].lines)
        proxy.stall()
        async with asyncio.timeout(15):
            refused = await asyncio.gather(
                *(service.place(SYSTEM, command) for command in commands), return_exceptions=True
            )
        assert {type(error) for error in refused} == {DatabaseUnavailable}
        proxy.open()
        await slow.close()
    assert await shop.balance(sku) == (50, 0)
    for command in commands:
        assert (await shop.service.place(SYSTEM, command)).created
    assert await shop.balance(sku) == (50, 30)


async def test_an_order_placed_while_its_customer_is_merged_is_the_kept_customer_s(shop: Shop):
    merges = MergeService(shop.database)
    sku = await shop.product(on_hand=1_000)
    for turn in range(6):
        kept, dropped = await shop.customer(f"留{turn}"), await shop.customer(f"并{turn}")
        placed = [
            asyncio.create_task(shop.place((sku, 1), customer=dropped, key=f"merge-{turn}-{n}"))
            for n in range(8)
        ]
        await asyncio.sleep(0)
        await merges.merge(SYSTEM, (kept, 1), (dropped, 1))
        late = await shop.place((sku, 1), customer=dropped, key=f"late-{turn}")
        await asyncio.gather(*placed)
        again = await shop.place((sku, 1), customer=dropped, key=f"merge-{turn}-0")
        assert late.order.customer_id == kept
        assert again.created is False
        held = await shop.scalar(
            "SELECT count(*) FROM orders WHERE customer_id = :dropped", dropped=dropped
        )
        assert held == 0
    await shop.assert_ledger_adds_up()
