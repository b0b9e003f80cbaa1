"""Sending parcels while the process is killed at every step of it, or PostgreSQL crashes: whoever asks for the same
again finds everything done once.
"""

import contextlib
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from crm_core.rights import SYSTEM
from orders.delivery.commands import MakeWaybills, Report, Reports, WaybillIds, WaybillQuery
from orders.delivery.errors import RunState
from orders.delivery.run_commands import MoveRun, NewRun, SettleRun
from tests.delivery.depot import Depot, open_depot
from tests.delivery.test_load_lists import DAY, delivered
from tests.own_postgres import own_postgres
from tests.victims import EachStep, Victims

pytestmark = pytest.mark.timeout(300)

PATH = ["picking", "shipped", "in_transit", "delivered"]


_WENT = """
SELECT (SELECT array_agg(to_status ORDER BY id) FROM order_status_log WHERE order_id = o.id) AS steps,
       (SELECT sum(on_hand_change) FROM stock_moves WHERE order_id = o.id) AS moved,
       (SELECT sum(base_quantity) FROM order_lines WHERE order_id = o.id) AS ordered,
       (SELECT array_agg(m.kind || ' ' || m.channel ORDER BY m.kind, m.channel) FROM outbox m
        WHERE m.subject = 'order' AND m.subject_id = o.id
          AND m.kind IN ('order_shipped', 'order_delivered')) AS told,
       (SELECT count(*) FROM waybills WHERE order_id = o.id) AS waybills,
       (SELECT count(*) FROM waybill_events e JOIN waybills w ON w.id = e.waybill_id
        WHERE w.order_id = o.id) AS words
FROM orders o WHERE o.id = :id"""


async def assert_went_once(depot: Depot, order_id: int, *, words: int) -> None:
    """The order stands where it should, each step behind it once, the goods left once, the customer was told once by
    each channel, and so many words of the courier's were kept.
    """
    async with depot.shop.database.reading() as connection:
        went = (await connection.execute(text(_WENT), {"id": order_id})).one()
    assert went.steps[-len(PATH) :] == PATH
    assert len(went.steps) == len(set(went.steps))
    assert went.moved == -went.ordered
    assert went.told == [
        f"order_{kind} {channel}"
        for kind in ("delivered", "shipped")
        for channel in ("email", "sms")
    ]
    assert (went.waybills, went.words) == (1, words)


async def picked(depot: Depot, sku: str) -> int:
    """A new order that is being picked."""
    placed = await depot.shop.place(
        (sku, 1), address="天津市河西区友谊路5号", payment="cash_on_delivery"
    )
    await depot.shop.move(placed.order.id, "reviewed", "picking")
    return placed.order.id


@pytest.fixture
async def sku(depot: Depot) -> str:
    return await depot.shop.product(on_hand=500, weight_g=1500, volume_ml=2000)


async def test_a_parcel(depot: Depot, victims: Victims, sku: str):
    each, waybills = EachStep(victims), depot.trade.waybills
    while each.again():
        order = await picked(depot, sku)
        await each.kill("make", content={"order_ids": [order]})
        await waybills.make(SYSTEM, MakeWaybills(order_ids=(order,)))
        (made,) = await waybills.list(SYSTEM, WaybillQuery(order_id=order))
        assert (made.state, made.order_status) == ("created", "picking")
        these = WaybillIds(waybill_ids=(made.id,))
        await each.kill("hand_over", content=these.model_dump())
        await waybills.hand_over(SYSTEM, these)
        assert await depot.now(made) == ("handed_over", "shipped")
        report = Report(number=made.number, code="delivered", at=depot.shop.clock())
        said = Reports(courier_code=made.courier_code, reports=(report,))
        await each.kill("hear", content=said.model_dump(mode="json"))
        await waybills.report(SYSTEM, said)
        assert await depot.now(made) == ("delivered", "delivered")
        await assert_went_once(depot, order, words=1)
    numbers = await depot.shop.scalar("SELECT count(*) - count(DISTINCT number) FROM waybills")
    assert numbers == 0
    await depot.shop.assert_ledger_adds_up()
    assert min(each.died.values()) >= 8


async def test_a_load_list(depot: Depot, victims: Victims, sku: str):
    each, wanted = EachStep(victims), await on_the_road(depot)
    while each.again():
        await a_load_list(depot, each, wanted, [await picked(depot, sku)])
    await depot.shop.assert_ledger_adds_up()
    assert min(each.died.values()) >= 12


async def test_a_load_list_of_which_some_stops_were_done(depot: Depot, victims: Victims, sku: str):
    each, wanted = EachStep(victims, first=30), await on_the_road(depot)
    await a_load_list(depot, each, wanted, [await picked(depot, sku) for _ in range(3)])
    assert each.died == {"depart": 1, "come_back": 1}
    await depot.shop.assert_ledger_adds_up()


async def on_the_road(depot: Depot) -> NewRun:
    return NewRun(
        day=DAY,
        courier_code="own",
        vehicle_code=await depot.vehicle(),
        driver_code=await depot.driver(),
    )


async def a_load_list(depot: Depot, each: EachStep, wanted: NewRun, orders: list[int]) -> None:
    runs = depot.trade.runs
    run = (await runs.create(SYSTEM, wanted.model_copy(update={"order_ids": tuple(orders)}))).run
    loaded = await runs.load(SYSTEM, run.id, MoveRun(version=run.version))
    leave = MoveRun(version=loaded.run.version)
    await each.kill("depart", run=run.id, content=leave.model_dump())
    view = await runs.depart(SYSTEM, run.id, leave)
    ended = tuple(delivered(order, cash_collected="9.50") for order in orders)
    back = SettleRun(version=view.run.version, stops=ended)
    await each.kill("come_back", run=run.id, content=back.model_dump(mode="json"))
    with contextlib.suppress(RunState):
        await runs.settle(SYSTEM, run.id, back)
    done = await runs.get(SYSTEM, run.id)
    assert (done.run.state, done.run.cash_collected) == (
        "settled",
        len(orders) * Decimal("9.50"),
    )
    for order in orders:
        await assert_went_once(depot, order, words=2)


async def test_postgresql_crashes_while_parcels_are_handed_over(tmp_path: Path):
    async with own_postgres(tmp_path) as postgres:
        depot = await open_depot(postgres.database)
        made = [await depot.waybill() for _ in range(4)]
        these = WaybillIds(waybill_ids=tuple(each.id for each in made))
        async with postgres.crashing_while("waybills", made[2].id):
            said = await depot.trade.waybills.hand_over(SYSTEM, these)
        assert [each.code for each in said[:3]] == [None, None, "database_unavailable"]
        assert [await depot.now(each) for each in made[:3]] == [
            ("handed_over", "shipped"), ("handed_over", "shipped"), ("created", "picking"),
        ]  # fmt: skip
        again = await depot.trade.waybills.hand_over(SYSTEM, these)
        assert [each.code for each in again[:3]] == ["waybill_state", "waybill_state", None]
        for each in made:
            await depot.hear(each, "delivered")
            await assert_went_once(depot, each.order_id, words=1)
        await depot.shop.assert_ledger_adds_up()
