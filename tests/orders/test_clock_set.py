"""The clock is set by a day, forward or back, while work goes on: nothing is lost, nothing done twice, nothing waits."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_core.outbox.flow import Pace
from crm_core.outbox.store import OutboxStore
from crm_core.rights import SYSTEM
from orders.errors import OverQuota
from orders.sales.rounds import OrderApproval
from tests.orders.order_shop import Shop
from tests.orders.provider_servers import WeComServer
from tests.orders.test_outbox_faults import RULES, Counted, said, states, tell, working
from tests.orders.test_quotas import quota

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
by_a_day = pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])


@pytest.fixture(autouse=True)
def _right_again(shop: Shop) -> Iterator[None]:
    yield
    shop.clock.set_by(shop.clock.truth() - shop.clock())


@pytest.fixture
async def empty(shop: Shop) -> Shop:
    async with shop.database.begin() as session:
        await session.execute(text("DELETE FROM outbox"))
    return shop


@by_a_day
async def test_messages_go_on_at_their_pace(empty: Shop, by: timedelta):
    clock = empty.clock
    await tell(empty, "wecom", orders=8)
    paces = {"wecom": Pace(per_s=1, burst=2)}
    async with (
        WeComServer(clock.truth) as server,
        working(empty.database, empty.bus, clock, server, paces=paces) as worker,
    ):
        await worker.run_once()
        assert len(server.accepted) == 2
        clock.set_by(by)
        for gone in range(3, 9):
            clock.pass_by(SECOND)
            await worker.run_once()
            assert len(server.accepted) == gone
    assert set(said(server).values()) == {1}
    assert await states(empty.database) == {("wecom", "sent"): 8}


@by_a_day
async def test_a_way_that_was_closed_opens_after_its_pause(empty: Shop, by: timedelta):
    clock = empty.clock
    await tell(empty, "wecom", orders=5)
    pace = Pace(faults=2)
    async with Counted(clock.truth) as server:
        server.away = True
        async with working(
            empty.database, empty.bus, clock, server, paces={"wecom": pace}
        ) as worker:
            await worker.run_once()
            knocked, server.away = server.knocked, False
            clock.set_by(by)
            await worker.run_once()
            assert (len(server.accepted), server.knocked) == (0, knocked)
            clock.pass_by(pace.first_pause)
            for _ in range(2):
                await worker.run_once()
    assert sorted(said(server).values()) == [1] * 5
    assert await states(empty.database) == {("wecom", "sent"): 5}


@by_a_day
async def test_a_message_that_is_out_meanwhile_is_not_taken_for_lost(empty: Shop, by: timedelta):
    clock = empty.clock
    await tell(empty, "wecom_group")
    async with WeComServer(clock.truth) as server:
        server.held = asyncio.Event()
        async with working(empty.database, empty.bus, clock, server) as worker:
            await worker.start()
            async with asyncio.timeout(10):
                while not server.accepted:
                    await asyncio.sleep(0.01)
            clock.set_by(by)
            await worker._find_lost()
            assert await states(empty.database) == {("wecom_group", "sending"): 1}
            server.held.set()
            await worker.close()
    assert await states(empty.database) == {("wecom_group", "sent"): 1}
    assert len(server.accepted) == 1


async def test_what_a_dead_daemon_held_when_the_clock_was_set_back_is_found_after_its_lease(
    empty: Shop,
):
    clock, store = empty.clock, OutboxStore(empty.database)
    await tell(empty, "wecom")
    (held,) = await store.claim({"wecom": 1}, clock(), clock() + RULES.lease)
    clock.set_by(-DAY)
    async with (
        WeComServer(clock.truth) as server,
        working(empty.database, empty.bus, clock, server) as worker,
    ):
        await worker.run_once()
        assert await states(empty.database) == {("wecom", "sending"): 1}
        clock.pass_by(RULES.lease + SECOND)
        await worker.run_once()
    assert await states(empty.database) == {("wecom", "unknown"): 1}
    assert (held.channel, server.accepted) == ("wecom", [])


@by_a_day
async def test_orders_are_approved_by_themselves_once(shop: Shop, by: timedelta):
    after = timedelta(minutes=10)
    order = (await shop.place((await shop.product(on_hand=5), 1))).order
    approval = OrderApproval(shop.database, shop.service, clock=shop.clock, after=after)
    shop.clock.set_by(by)
    shop.clock.pass_by(after)
    for _ in range(2):
        await approval.run_once()
    assert (await shop.service.get(SYSTEM, order.id)).status == "reviewed"
    moved = "SELECT count(*) FROM order_status_log WHERE order_id = :id AND to_status = 'reviewed'"
    assert await shop.scalar(moved, id=order.id) == 1


@by_a_day
async def test_a_quota_counts_each_order_on_the_one_day_that_it_bears(shop: Shop, by: timedelta):
    sku = await shop.product(on_hand=100)
    await quota(shop, sku=sku, quantity=3)
    for _ in range(2):
        await shop.place((sku, 3))
        with pytest.raises(OverQuota):
            await shop.place((sku, 1))
        shop.clock.set_by(by)
    shop.clock.set_by(-2 * by)
    with pytest.raises(OverQuota):
        await shop.place((sku, 1))
    assert await shop.balance(sku) == (100, 6)
    await shop.assert_ledger_adds_up()
