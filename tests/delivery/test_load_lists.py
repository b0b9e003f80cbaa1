"""Own delivery: routes, vehicles and drivers; load lists from planning to the driver's cash."""

import asyncio
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from orders.delivery.commands import VoidWaybill
from orders.delivery.errors import OnLoadList, RunState, UnknownRun, WaybillOutdated
from orders.delivery.run_commands import (
    MoveRun,
    NewRun,
    PutDriver,
    PutRoute,
    PutVehicle,
    RunOrders,
    RunQuery,
    SettleRun,
    StopOutcome,
)
from tests.crm_core.crm_core_support import person
from tests.delivery.depot import Depot
from tests.delivery.test_waybills import split_off

DAY = date(2026, 3, 2)


async def planned(depot: Depot, *orders: int, vehicle: str | None = None, **more):
    return await depot.trade.runs.create(
        SYSTEM,
        NewRun(
            day=DAY,
            courier_code="own",
            vehicle_code=vehicle or await depot.vehicle(),
            driver_code=await depot.driver(),
            order_ids=orders,
            **more,
        ),
    )


async def out(depot: Depot, *orders: int):
    run = await planned(depot, *orders)
    loaded = await depot.trade.runs.load(SYSTEM, run.run.id, MoveRun(version=run.run.version))
    return await depot.trade.runs.depart(SYSTEM, run.run.id, MoveRun(version=loaded.run.version))


async def settled(depot: Depot, view, *stops: StopOutcome):
    wanted = SettleRun(version=view.run.version, stops=stops)
    return await depot.trade.runs.settle(SYSTEM, view.run.id, wanted)


def delivered(order_id: int, **more) -> StopOutcome:
    return StopOutcome(order_id=order_id, result="delivered", **more)


async def status(depot: Depot, order_id: int) -> str:
    return (await depot.shop.service.get(SYSTEM, order_id)).status


async def test_a_vehicle_is_loaded_in_the_order_of_the_route_as_far_as_it_can_carry(depot: Depot):
    route = PutRoute(
        name_zh="城南线",
        name_en="South",
        weekdays={1, 4},
        areas=("天津/河西区",),
        customer_ids=(depot.shop.plain, depot.shop.dealer),
    )
    await depot.trade.fleet.put_route(SYSTEM, "south", route)
    first = await depot.order(weight_g=4000)
    heavy = await depot.order(weight_g=9000)
    early = await depot.order(weight_g=5000, customer=depot.shop.plain)
    vehicle = await depot.vehicle(capacity_g=10_000)
    run = await planned(depot, heavy, first, early, 99_999, vehicle=vehicle, route_code="south")
    assert [(stop.order_id, stop.place) for stop in run.stops] == [(early, 1), (first, 2)]
    assert [(each.order_id, each.code) for each in run.left] == [
        (heavy, "over_capacity"),
        (99_999, "unknown_order"),
    ]
    assert (run.run.weight_g, run.capacity_g) == (9000, 10_000)
    removed = await depot.trade.runs.remove(
        SYSTEM, run.run.id, RunOrders(version=run.run.version, order_ids=(early, first))
    )
    assert removed.stops == ()
    again = await depot.trade.runs.add(
        SYSTEM, run.run.id, RunOrders(version=removed.run.version, order_ids=(heavy, first))
    )
    assert [stop.order_id for stop in again.stops] == [first]


async def test_an_order_stands_on_one_open_load_list_also_when_two_take_it_at_once(depot: Depot):
    order = await depot.order()
    runs = await asyncio.gather(planned(depot, order), planned(depot, order))
    assert sorted(len(run.stops) for run in runs) == [0, 1]
    (left,) = [each for run in runs for each in run.left]
    assert left.code in {"conflict", "waybill_exists"}
    (taken,) = [run for run in runs if run.stops]
    double = "INSERT INTO run_stops (run_id, waybill_id, place) VALUES (:run, :waybill, 1)"
    other = await planned(depot)
    values = {"run": other.run.id, "waybill": taken.stops[0].waybill_id}
    with pytest.raises(IntegrityError, match="uq_run_stops_open"):
        async with depot.shop.database.begin() as session:
            await session.execute(text(double), values)
    given_up = await depot.trade.runs.cancel(
        SYSTEM, taken.run.id, MoveRun(version=taken.run.version)
    )
    assert given_up.run.state == "cancelled"
    assert len((await planned(depot, order)).stops) == 1


async def test_what_another_courier_has_or_is_not_picked_is_left_with_the_reason(depot: Depot):
    elsewhere, placed = await depot.order(), await depot.order(status="placed")
    await depot.waybill(elsewhere, courier_code="ems", reason="x")
    run = await planned(depot, elsewhere, placed)
    assert [(each.order_id, each.code) for each in run.left] == [
        (elsewhere, "waybill_exists"),
        (placed, "move_not_allowed"),
    ]
    with pytest.raises(Invalid):
        await depot.trade.runs.load(SYSTEM, run.run.id, MoveRun(version=run.run.version))


async def test_the_driver_brings_back_cash_signatures_and_goods(depot: Depot):
    cash = await depot.order(payment="cash_on_delivery", quantity=3)
    refused, absent = await depot.order(quantity=2), await depot.order()
    view = await out(depot, cash, refused, absent)
    assert view.run.state == "out"
    assert [await status(depot, each) for each in (cash, refused, absent)] == ["in_transit"] * 3
    (line,) = (await depot.shop.service.get(SYSTEM, refused)).lines
    done = await settled(
        depot,
        view,
        delivered(cash, cash_collected=Decimal("28.50"), signer="王五"),
        StopOutcome(
            order_id=refused,
            result="refused",
            note="不要了",
            returned=({"sku": line.sku, "quantity": 2},),
        ),
        StopOutcome(order_id=absent, result="not_delivered", note="无人在家"),
    )
    assert (done.run.state, done.run.cash_due, done.run.cash_collected) == (
        "settled", Decimal("28.50"), Decimal("28.50"),
    )  # fmt: skip
    results = {stop.order_id: (stop.result, len(stop.returned)) for stop in done.stops}
    assert results == {
        cash: ("delivered", 0), refused: ("refused", 1), absent: ("not_delivered", 0),
    }  # fmt: skip
    assert [await status(depot, each) for each in (cash, refused, absent)] == [
        "delivered", "refused", "in_transit",
    ]  # fmt: skip
    collected = await depot.shop.scalar(
        "SELECT collected FROM waybills WHERE order_id = :id", id=cash
    )
    assert collected == Decimal("28.50")
    second = await out(depot, absent)
    assert [stop.order_id for stop in second.stops] == [absent]
    await settled(depot, second, delivered(absent))
    assert await status(depot, absent) == "delivered"
    await depot.shop.assert_ledger_adds_up()


async def test_a_driver_does_not_leave_with_an_order_that_changed_since(depot: Depot):
    order, other = await depot.order(payment="cash_on_delivery", quantity=3), await depot.order()
    run = await planned(depot, order, other)
    (old,) = [stop for stop in run.stops if stop.order_id == order]
    loaded = await depot.trade.runs.load(SYSTEM, run.run.id, MoveRun(version=run.run.version))
    await split_off(depot, order, 1)
    leave = MoveRun(version=loaded.run.version)
    with pytest.raises(WaybillOutdated):
        await depot.trade.runs.depart(SYSTEM, run.run.id, leave)
    assert [await status(depot, each) for each in (order, other)] == ["picking"] * 2
    with pytest.raises(OnLoadList):
        await depot.trade.waybills.void(SYSTEM, old.waybill_id, VoidWaybill(reason="x"))
    back = await depot.trade.runs.unload(SYSTEM, run.run.id, leave)
    with pytest.raises(WaybillOutdated):
        await depot.trade.runs.load(SYSTEM, run.run.id, MoveRun(version=back.run.version))
    off = RunOrders(version=back.run.version, order_ids=(order,))
    removed = await depot.trade.runs.remove(SYSTEM, run.run.id, off)
    on = RunOrders(version=removed.run.version, order_ids=(order,))
    again = await depot.trade.runs.add(SYSTEM, run.run.id, on)
    assert [stop.cash_due for stop in again.stops if stop.order_id == order] == [Decimal("19.00")]
    assert again.left == ()


async def test_a_settlement_that_cannot_be_is_refused_as_a_whole(depot: Depot):
    one, two = await depot.order(), await depot.order()
    view = await out(depot, one, two)
    sku = (await depot.shop.service.get(SYSTEM, one)).lines[0].sku
    for stops in (
        (delivered(one),),
        (delivered(one), delivered(one)),
        (delivered(one), delivered(two), delivered(99_999)),
        (delivered(one), StopOutcome(order_id=two, result="refused", cash_collected="1")),
        (delivered(one, returned=({"sku": sku, "quantity": 2},)), delivered(two)),
        (delivered(one), delivered(two, returned=({"sku": sku, "quantity": 1},))),
    ):
        with pytest.raises(Invalid):
            await settled(depot, view, *stops)
    assert await status(depot, one) == "in_transit"
    with pytest.raises(Conflict):
        await depot.trade.runs.settle(
            SYSTEM, view.run.id, SettleRun(version=999, stops=(delivered(one), delivered(two)))
        )
    await settled(depot, view, delivered(one), delivered(two))
    with pytest.raises(RunState):
        await settled(depot, view, delivered(one), delivered(two))


async def test_a_list_is_changed_only_while_it_is_planned(depot: Depot):
    order = await depot.order()
    run = await planned(depot, order)
    runs = depot.trade.runs
    with pytest.raises(Conflict):
        await runs.load(SYSTEM, run.run.id, MoveRun(version=99))
    with pytest.raises(RunState):
        await runs.depart(SYSTEM, run.run.id, MoveRun(version=run.run.version))
    loaded = await runs.load(SYSTEM, run.run.id, MoveRun(version=run.run.version))
    wanted = RunOrders(version=loaded.run.version, order_ids=(order,))
    with pytest.raises(RunState):
        await runs.remove(SYSTEM, run.run.id, wanted)
    back = await runs.unload(SYSTEM, run.run.id, MoveRun(version=loaded.run.version))
    assert back.run.state == "planned"
    with pytest.raises(UnknownRun):
        await runs.get(SYSTEM, 99_999)
    with pytest.raises(Forbidden):
        await runs.cancel(person("agent"), run.run.id, MoveRun(version=1))
    listed = await runs.list(SYSTEM, RunQuery(day=DAY, state="planned", limit=1))
    assert [each.id for each in listed] == [run.run.id]
    actions = await depot.shop.scalar(
        "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log"
        " WHERE entity = 'delivery_run' AND entity_id = :id",
        id=str(run.run.id),
    )
    assert actions == "delivery_run.create delivery_run.load delivery_run.unload"


async def test_the_load_list_is_printed_in_the_order_of_visits(depot: Depot):
    run = await planned(depot, *[await depot.order() for _ in range(3)])
    pdf = await depot.trade.papers.load_list(SYSTEM, run.run.id)
    page = PdfReader(BytesIO(pdf)).pages[0].extract_text()
    places = [page.index(stop.number) for stop in run.stops]
    assert places == sorted(places)
    assert run.run.number in page
    assert run.run.plate in page


async def test_lists_are_for_own_drivers_who_are_there(depot: Depot):
    vehicle, driver = await depot.vehicle(), await depot.driver()
    good = {"day": DAY, "courier_code": "own", "vehicle_code": vehicle, "driver_code": driver}
    for wrong, field in (
        ({"courier_code": "ems"}, "courier_code"),
        ({"vehicle_code": "nothing"}, "vehicle_code"),
        ({"driver_code": "nobody"}, "driver_code"),
        ({"route_code": "nowhere"}, "route_code"),
    ):
        with pytest.raises(Invalid) as refused:
            await depot.trade.runs.create(SYSTEM, NewRun(**good | wrong))
        assert field in refused.value.fields


async def test_the_fleet_is_kept_with_versions_and_audit_entries(depot: Depot):
    fleet = depot.trade.fleet
    car = PutVehicle(plate="津B00001", capacity_g=1, capacity_ml=1)
    await fleet.put_vehicle(SYSTEM, "van", car)
    with pytest.raises(Conflict) as taken:
        await fleet.put_vehicle(SYSTEM, "van2", car)
    assert "plate" in taken.value.fields
    with pytest.raises(Conflict):
        await fleet.put_vehicle(SYSTEM, "van", car)
    changed = car.model_copy(update={"capacity_g": 2, "version": 1})
    assert (await fleet.put_vehicle(SYSTEM, "van", changed)).version == 2
    after = await depot.shop.scalar(
        "SELECT after ->> 'capacity_g' FROM audit_log WHERE action = 'vehicle.update'"
    )
    assert after == "2"
    named = PutDriver(name="李", phone="137-0000", user_id=depot.salesperson)
    await fleet.put_driver(SYSTEM, "li", named)
    with pytest.raises(Conflict):
        await fleet.put_driver(SYSTEM, "li2", named)
    with pytest.raises(Invalid):
        await fleet.put_driver(SYSTEM, "li3", named.model_copy(update={"user_id": 99_999}))
    route = PutRoute(name_zh="x", name_en="x", customer_ids=(99_999,))
    with pytest.raises(NotFound):
        await fleet.put_route(SYSTEM, "lost", route)
    assert "li" in {each.code for each in await fleet.drivers(SYSTEM)}
    with pytest.raises(Forbidden):
        await fleet.put_vehicle(person("agent"), "x", car)
