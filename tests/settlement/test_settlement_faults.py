"""Settling while the process is killed: at every step, then done again; nothing twice."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from crm_core.rights import SYSTEM
from orders.settlement.commands import (
    ChangeSettlement,
    NewSettlementPayment,
    ResolveDifference,
)
from orders.settlement.errors import (
    AlreadyEntered,
    DifferenceResolved,
    DraftOpen,
    SettlementState,
)
from orders.settlement.finishing import Finisher, SettlementWorker
from tests.own_postgres import own_postgres
from tests.settlement.counting_house import MARCH, CountingHouse, open_house
from tests.settlement.test_settling import HEADERS
from tests.victims import EachStep, Victims

pytestmark = pytest.mark.timeout(300)


async def test_killed_at_every_step_of_drafting_the_draft_is_the_same(
    house: CountingHouse, victims: Victims, tmp_path: Path
):
    each, settlements = EachStep(victims), house.settlements
    courier = await house.courier()
    _, number = await house.delivered(courier)
    path = tmp_path / "statement.csv"
    path.write_bytes(f"{HEADERS}{number},110,12\n".encode("gbk"))
    content = MARCH | {"party_kind": "courier", "party_code": courier}
    while each.again():
        await each.kill("draft", content=content)
        with contextlib.suppress(DraftOpen):
            await house.draft(courier)
        ((which, version),) = await house.rows(
            "SELECT id, version FROM settlements WHERE party_code = :code AND state = 'draft'",
            code=courier,
        )
        assert len(await house.items(which)) == 3
        await each.kill("statement", settlement=which, path=path, version=version)
        version = (await house.get(which)).settlement.version
        await settlements.take_statement(SYSTEM, which, path, version)
        (found,) = await house.differences(which)
        assert (found.ours, found.theirs) == (100, 110)
        word = ResolveDifference(resolution="theirs", reason="问过了")
        await each.kill("resolve", difference=found.id, content=word.model_dump())
        with contextlib.suppress(DifferenceResolved):
            await settlements.resolve(SYSTEM, found.id, word)
        drafted = (await house.get(which)).settlement
        assert (drafted.items, drafted.balance) == (4, 96)
        await assert_done_once(house, which, "draft", "resolve")
        await house.assert_adds_up()
        await settlements.discard(SYSTEM, which, ChangeSettlement(version=drafted.version))
    assert set(each.died) == {"draft", "statement", "resolve"}
    assert min(each.died.values()) >= 6


async def test_killed_at_every_step_of_paying_everything_is_settled_once(
    house: CountingHouse, victims: Victims
):
    each, settlements, now = EachStep(victims), house.settlements, house.shop.clock()
    while each.again():
        courier = await house.courier()
        order, _ = await house.delivered(courier)
        drafted = (await house.draft(courier)).settlement
        which = drafted.id
        await each.kill("confirm", settlement=which, content={"version": drafted.version})
        with contextlib.suppress(SettlementState):
            await house.confirm(drafted)
        money = NewSettlementPayment(
            amount=drafted.balance, method="transfer", reference=courier, paid_at=now
        )
        await each.kill("pay", settlement=which, content=money.model_dump(mode="json"))
        with contextlib.suppress(AlreadyEntered, SettlementState):
            await settlements.pay(SYSTEM, which, money)
        await each.kill("finish", settlement=which)
        await house.finish()
        done = (await house.get(which)).settlement
        assert (done.state, done.paid, done.finished_at is not None) == ("paid", 86, True)
        assert (await house.status(order), await house.paid(order)) == ("settled", 100)
        await assert_done_once(house, which, "confirm", "draft", "pay")
        await assert_settled_once(house, order)
    await house.assert_adds_up()
    assert set(each.died) == {"confirm", "pay", "finish"}
    assert min(each.died.values()) >= 6


async def assert_done_once(house: CountingHouse, which: int, *did: str) -> None:
    trail = await house.rows(
        "SELECT action, count(*) FROM audit_log WHERE entity = 'settlement' AND entity_id = :id"
        " AND action <> 'settlement.statement' GROUP BY 1 ORDER BY 1",
        id=str(which),
    )
    assert trail == [(f"settlement.{each}", 1) for each in did]


async def assert_settled_once(house: CountingHouse, order: int) -> None:
    for counted in (
        "SELECT count(*) FROM order_status_log WHERE order_id = :id AND to_status = 'settled'",
        "SELECT count(*) FROM payment_entries WHERE order_id = :id",
    ):
        assert await house.rows(counted, id=order) == [(1,)]


async def test_postgresql_crashes_while_a_settlement_is_worked_off(tmp_path: Path):
    async with own_postgres(tmp_path) as postgres:
        house = await open_house(postgres.database)
        courier = await house.courier()
        orders = [(await house.delivered(courier))[0] for _ in range(3)]
        paid = await house.pay(
            (await house.confirm((await house.draft(courier)).settlement)).settlement
        )
        finisher = Finisher(postgres.database, house.shop.bus, clock=house.shop.clock, batch=3)
        worker = SettlementWorker(finisher, every_s=0.05)
        async with postgres.crashing_while("orders", orders[1]):
            worker.start()
        async with asyncio.timeout(20):
            while (await house.get(paid.settlement.id)).settlement.finished_at is None:
                await asyncio.sleep(0.02)
        await worker.close()
        assert [await house.status(each) for each in orders] == ["settled"] * 3
        for order in orders:
            await assert_settled_once(house, order)
        await house.assert_adds_up()


async def test_several_daemons_at_once_work_a_settlement_off_once(house: CountingHouse):
    courier = await house.courier()
    orders = [(await house.delivered(courier))[0] for _ in range(3)]
    await house.pay((await house.confirm((await house.draft(courier)).settlement)).settlement)
    finishers = [
        Finisher(house.shop.database, house.shop.bus, clock=house.shop.clock, batch=2)
        for _ in range(4)
    ]

    async def work(finisher: Finisher) -> None:
        for _ in range(8):
            await finisher.finish_some()

    await asyncio.gather(*map(work, finishers))
    assert [await house.status(each) for each in orders] == ["settled"] * 3
    await house.assert_adds_up()


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_batches_of_any_size_end_alike(house: CountingHouse, batch: int):
    courier = await house.courier()
    orders = [(await house.delivered(courier))[0] for _ in range(2)]
    await house.pay((await house.confirm((await house.draft(courier)).settlement)).settlement)
    finisher = Finisher(house.shop.database, house.shop.bus, clock=house.shop.clock, batch=batch)
    while await finisher.finish_some() is not None:
        pass
    assert [await house.status(each) for each in orders] == ["settled"] * 2
    await house.assert_adds_up()
