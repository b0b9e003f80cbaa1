"""Alarms, in and out, forecasts and advice, on the real tables."""

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden
from crm_core.rights import ROLES, SYSTEM
from crm_core.seeds import seed_roles
from orders.errors import UnknownProduct, UnknownWarehouse
from orders.sales.rounds import BackorderFilling
from orders.stock.commands import ComparisonQuery, MoveQuery
from orders.stock.documents.commands import NewCostChange
from orders.stock.planning.alarms import StockAlarms
from orders.stock.planning.commands import AdviceQuery, AlarmQuery, PlanQuery, Policy
from orders.stock.planning.views import ForecastView
from orders.stock.planning.worker import ForecastWorker
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import NOW, Shop
from tests.orders.stock_room import SHANGHAI, StockRoom, key, on


@pytest.fixture(scope="module")
async def room(shop: Shop) -> StockRoom:
    found = StockRoom(shop)
    await found.warehouse("north")
    async with shop.database.begin() as session:
        await seed_roles(session)
        for login, role in (("wang", "operations"), ("li", "operations"), ("agent", "agent")):
            await session.execute(
                text(
                    "INSERT INTO users (login, name, role_code, password_hash, locale)"
                    " VALUES (:login, :login, :role, 'x', :locale)"
                ),
                {"login": login, "role": role, "locale": "en" if login == "li" else "zh-CN"},
            )
    return found


@pytest.fixture(autouse=True)
def now(shop: Shop) -> None:
    shop.clock.now = NOW


async def look(room: StockRoom) -> int:
    shop = room.shop
    return await StockAlarms(shop.database, clock=shop.clock, zone=SHANGHAI).run_once()


async def alarms(room: StockRoom, sku: str, **query: object) -> list[tuple[str, int, int]]:
    found = await room.shop.trade.stock_planning.alarms(SYSTEM, AlarmQuery(sku=sku, **query))
    return [(each.kind, each.quantity, each.bound) for each in found]


async def todos(room: StockRoom, sku: str) -> list[tuple[str, str, str]]:
    async with room.shop.database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT u.login, t.state, t.title FROM todos t JOIN users u ON u.id = t.assignee_id"
                " WHERE t.title LIKE '%' || :sku || '%' ORDER BY t.id"
            ),
            {"sku": sku},
        )
        return [tuple(row) for row in rows]


async def test_low_stock_is_told_once_for_each_occasion_to_who_manages_stock(room: StockRoom):
    sku = await room.shop.product(on_hand=5)
    policy = Policy(sku=sku, min_quantity=5, target_quantity=20)
    await room.shop.trade.stock_planning.set_policy(SYSTEM, policy)
    assert await look(room) == 0
    placed = await room.shop.place((sku, 2))
    assert await look(room) == 1
    assert await look(room) == 0
    assert await alarms(room, sku) == [("low", 3, 5)]
    ((login, state, title),) = await todos(room, sku)
    assert (login, state) == ("wang", "open")
    assert title.endswith("可用 3,下限 5")
    await room.shop.move(placed.order.id, "cancelled")
    assert await look(room) == 1
    assert (await alarms(room, sku), await alarms(room, sku, ended=True)) == ([], [("low", 3, 5)])
    assert [each[1] for each in await todos(room, sku)] == ["done"]
    await room.write_off(sku=sku, quantity=5)
    assert await look(room) == 1
    assert [each[1] for each in await todos(room, sku)] == ["done", "open"]


async def test_what_expires_soon_and_what_is_promised_but_expired_is_told_to_the_keeper(
    room: StockRoom,
):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    async with room.shop.database.begin() as session:
        await session.execute(
            text("UPDATE warehouses SET keeper_id = (SELECT id FROM users WHERE login = 'li')"
                 " WHERE code = 'north'")
        )  # fmt: skip
    await room.shop.receive(sku, 3, warehouse="north", batch_no="B1", expires_on=on(30))
    await room.shop.receive(sku, 4, warehouse="north", batch_no="B2", expires_on=on(31))
    await room.shop.place((sku, 6), warehouse="north")
    assert await look(room) == 1
    assert await alarms(room, sku) == [("expiring", 3, 30)]
    ((login, _, title),) = await todos(room, sku)
    assert (login, title.startswith("Expires in 30 days")) == ("li", True)
    room.shop.clock.pass_by(timedelta(days=31))
    await room.expire()
    assert await look(room) == 3
    assert sorted(await alarms(room, sku)) == [("expiring", 4, 0), ("short", -2, 6)]
    await room.shop.receive(sku, 9, warehouse="north", batch_no="B3", expires_on=on(80))
    await look(room)
    assert await alarms(room, sku) == [("expiring", 4, 0)]


async def test_a_policy_is_replaced_by_who_has_seen_it(room: StockRoom):
    planning = room.shop.trade.stock_planning
    sku = await room.shop.product(on_hand=0)
    policy = Policy(sku=sku, warehouse="north", min_quantity=1, target_quantity=2, lot=6)
    made = await planning.set_policy(SYSTEM, policy)
    assert (made.version, made.lot) == (1, 6)
    with pytest.raises(Conflict):
        await planning.set_policy(SYSTEM, policy)
    changed = policy.model_copy(update={"version": 1, "min_quantity": 2})
    assert (await planning.set_policy(SYSTEM, changed)).version == 2
    (seen,) = await planning.policies(SYSTEM, PlanQuery(sku=sku))
    assert (seen.min_quantity, seen.version) == (2, 2)
    for wrong, refusal in (
        ({"sku": "NOWHERE"}, UnknownProduct),
        ({"warehouse": "nowhere"}, UnknownWarehouse),
    ):
        with pytest.raises(refusal):
            await planning.set_policy(SYSTEM, policy.model_copy(update=wrong))
    with pytest.raises(Forbidden):
        await planning.set_policy(person("agent"), policy)


async def test_the_closing_of_a_period_is_the_opening_of_the_next_whatever_happened(
    room: StockRoom,
):
    shop = room.shop
    sku = await shop.product(on_hand=0)
    shop.clock.now = NOW + timedelta(days=100)
    for turn in range(8):
        await shop.receive(sku, 5, unit_cost=f"{turn}.31")
        order = await room.shipped((sku, 1 + turn % 3))
        if turn % 2:
            await shop.move(order.id, "refused", "returned")
            sent = await room.send({"sku": sku, "quantity": 2}, end="north")
            await room.arrive(sent.document.id, _1=1)
            await room.reverse((await room.adjust(sku=sku, quantity=-1)).document.id)
        recosted = NewCostChange(lines=({"sku": sku, "unit_cost": "2.50"},))
        await room.documents.change_cost(SYSTEM, key(), recosted)
        shop.clock.pass_by(timedelta(hours=17))

    async def period(since: int, until: int):
        days = ComparisonQuery(since=on(100 + since), until=on(100 + until), sku=sku)
        found = await shop.trade.stock.compare(SYSTEM, days)
        assert [each.warehouse for each in found] == ["main", "north"]
        for each in found:
            change = sum(each.came_in.values()) - sum(each.went_out.values())
            assert each.opening + change == each.closing
        return found

    whole = await period(-1, 7)
    for first, second in itertools.combinations(range(7), 2):
        before, after = await period(-1, first), await period(first + 1, second)
        for one, other in zip(before, after, strict=True):
            assert (one.closing, one.closing_value) == (other.opening, other.opening_value)
    main, north = whole
    assert (main.opening, main.opening_value) == (0, 0)
    level = await room.level(sku)
    assert (main.closing, main.closing_value) == (level.on_hand, level.value)
    assert main.came_in == {"receive": 40, "restock": 8, "loss": 4}
    assert main.went_out == {"ship": 15, "transfer_out": 8, "loss": 4}
    assert (north.came_in, north.went_out) == ({"transfer_in": 8}, {"loss": 4})


async def test_demand_is_what_orders_took_and_the_advice_says_why(room: StockRoom):
    shop, planning = room.shop, room.shop.trade.stock_planning
    sku = await shop.product(on_hand=500, packs=({"unit": "托", "factor": 12},))
    idle = await shop.product(on_hand=1)
    await planning.set_policy(
        SYSTEM, Policy(sku=sku, min_quantity=0, target_quantity=0, lead_days=5)
    )
    shop.clock.now = NOW + timedelta(days=200)
    for day in range(60):
        await shop.place((sku, 4))
        if day % 10 == 0:
            cancelled = await shop.place((sku, 40))
            await shop.move(cancelled.order.id, "cancelled")
        shop.clock.pass_by(timedelta(days=1))
    await room.send({"sku": sku, "quantity": 20}, end="north")
    worker = ForecastWorker(shop.database, clock=shop.clock, zone=SHANGHAI)
    assert await worker.run_once() >= 2
    assert await worker.run_once() == 0
    (made,) = await planning.forecasts(SYSTEM, PlanQuery(sku=sku, warehouse="main"))
    assert (made.history_days, made.horizon_days, made.expected) == (60, 5, Decimal("20.00"))
    errors = {each.method: each for each in made.errors}
    assert (made.origins, errors[made.method].wape, errors["croston"].wape) == (8, 0, 0.05)
    (advice,) = await planning.advice(SYSTEM, AdviceQuery(sku=sku, warehouse="main"))
    assert (advice.quantity, [each.code for each in advice.why]) == (
        0,
        ["expected_sales", "safety_stock", "available"],
    )
    await room.write_off(sku=sku, quantity=235)
    (advice,) = await planning.advice(SYSTEM, AdviceQuery(sku=sku, warehouse="main"))
    why = {each.code: dict(each.params) for each in advice.why}
    assert why["available"] == {"quantity": "5"}
    assert why["whole_lots"] == {"lot": "12", "missing": "15"}
    assert advice.quantity == 24
    (nothing,) = await planning.advice(SYSTEM, AdviceQuery(sku=idle))
    assert nothing.quantity == 0
    shop.clock.pass_by(timedelta(days=1))
    assert await worker.run_once() >= 2


async def advised(room: StockRoom, sku: str) -> tuple[int, dict[str, dict[str, str]]]:
    (advice,) = await room.shop.trade.stock_planning.advice(SYSTEM, AdviceQuery(sku=sku))
    return advice.quantity, {each.code: dict(each.params) for each in advice.why}


async def forecast_of(room: StockRoom, sku: str) -> ForecastView:
    shop = room.shop
    worker = ForecastWorker(shop.database, clock=shop.clock, zone=SHANGHAI)
    while await worker.run_once():
        pass
    (made,) = await shop.trade.stock_planning.forecasts(SYSTEM, PlanQuery(sku=sku))
    return made


async def test_what_orders_wait_for_is_restocked_and_is_demand_of_the_day_of_the_order(
    room: StockRoom,
):
    shop = room.shop
    sku = await shop.product(on_hand=0)
    shop.clock.now = NOW + timedelta(days=300)
    await shop.place((sku, 9), backorder=True)
    shop.clock.pass_by(timedelta(days=10))
    made = await forecast_of(room, sku)
    assert (made.history_days, made.expected) == (10, Decimal("6.30"))
    before, why = await advised(room, sku)
    assert (why["available"], why["waiting"]) == ({"quantity": "0"}, {"quantity": "9"})
    expected = int(why["expected_sales"]["quantity"]) + int(why["safety_stock"]["quantity"])
    assert before == expected + 9
    await shop.receive(sku, 9)
    await BackorderFilling(shop.database, shop.service).run_once()
    after, why = await advised(room, sku)
    assert (after, "waiting" in why) == (expected, False)
    shop.clock.pass_by(timedelta(days=10))
    made = await forecast_of(room, sku)
    assert (made.history_days, made.expected) == (20, Decimal("3.15"))


async def test_days_without_goods_are_unknown_and_not_without_demand(room: StockRoom):
    shop = room.shop
    sku = await shop.product(on_hand=0)
    shop.clock.now = NOW + timedelta(days=400)
    for _ in range(2):
        await shop.receive(sku, 80)
        for _ in range(20):
            await shop.place((sku, 4))
            shop.clock.pass_by(timedelta(days=1))
        shop.clock.pass_by(timedelta(days=15))
    await shop.receive(sku, 1)
    made = await forecast_of(room, sku)
    assert (made.history_days, made.horizon_days, made.expected) == (70, 7, Decimal("28.00"))
    assert made.origins > 0
    assert {each.method: each.mae for each in made.errors}[made.method] == 0


async def test_the_ledger_is_read_by_what_caused_it(room: StockRoom):
    sku = await room.shop.product(on_hand=0, shelf_life_days=9)
    made = await room.shop.receive(sku, 3, batch_no="B1", expires_on=on(9), unit_cost="2")
    order = await room.shipped((sku, 1))
    stock = room.shop.trade.stock
    kinds = [each.kind for each in await stock.moves(SYSTEM, MoveQuery(sku=sku))]
    assert kinds == ["ship", "reserve", "receive"]
    (received,) = await stock.moves(SYSTEM, MoveQuery(document_id=made.document.id))
    assert (received.on_hand_change, received.value_change) == (3, Decimal("6.00"))
    assert len(await stock.moves(SYSTEM, MoveQuery(order_id=order.id))) == 2
    batch = (await room.batches(sku))["B1"]
    of_batch = await stock.moves(SYSTEM, MoveQuery(batch_id=batch.id))
    assert [each.kind for each in of_batch] == ["ship", "receive"]
    with pytest.raises(Forbidden):
        await stock.moves(person("agent"), MoveQuery())
    assert "stock.view" in ROLES["operations"].rights
