"""Which warehouse serves an order, and what that changes."""

import asyncio

import pytest
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from orders.errors import OutOfStock, UnknownWarehouse
from orders.stock.commands import ChangedWarehouse, NewWarehouse
from orders.stock.events import StockChanged
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop
from tests.orders.stock_room import StockRoom

NAMES = {"name_zh": "仓", "name_en": "House"}


@pytest.fixture(scope="module")
async def room(shop: Shop) -> StockRoom:
    found = StockRoom(shop)
    await found.warehouse("hebei", serves=("河北",), priority=1)
    await found.warehouse("shijiazhuang", serves=("石家庄",), priority=9)
    await found.warehouse("second", serves=("河北", "石家庄"), priority=10)
    await found.warehouse("closed", serves=("河北", "唐山"), active=False)
    return found


async def lives_in(shop: Shop, province: str | None, city: str | None) -> int:
    made = await shop.customer("搬家")
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET province = :province, city = :city WHERE id = :id"),
            {"province": province, "city": city, "id": made},
        )
    return made


@pytest.mark.parametrize(
    ("home", "asked", "warehouse", "why"),
    [
        (("河北", "石家庄"), None, "shijiazhuang", "warehouse_city"),
        (("河北", "唐山"), None, "hebei", "warehouse_province"),
        (("河北", None), None, "hebei", "warehouse_province"),
        (("广东", "深圳"), None, "main", "warehouse_main"),
        ((None, None), None, "main", "warehouse_main"),
        (("河北", "石家庄"), "second", "second", "warehouse_asked"),
        (("河北", "石家庄"), "main", "main", "warehouse_asked"),
    ],
)
async def test_the_nearest_warehouse_serves_unless_another_one_is_asked_for(
    room: StockRoom, home, asked, warehouse, why
):
    shop = room.shop
    sku = await shop.product(on_hand=0)
    customer = await lives_in(shop, *home)
    await shop.receive(sku, 7, warehouse=warehouse)
    command = shop.order((sku, 2), customer=customer, warehouse=asked)
    quote = await shop.service.quote(SYSTEM, customer, command.lines, asked)
    assert (quote.warehouse, quote.warehouse_why.code) == (warehouse, why)
    assert quote.lines[0].available == 7
    (product,) = await shop.service.products(SYSTEM, sku, customer, warehouse=asked)
    assert (product.available, product.warehouse) == (7, warehouse)
    shop.heard.clear()
    placed = (await shop.service.place(SYSTEM, command)).order
    assert placed.warehouse == (await shop.service.get(SYSTEM, placed.id)).warehouse == warehouse
    assert StockChanged(sku, 5, warehouse) in shop.heard
    assert (await room.level(sku, warehouse)).reserved == 2
    await shop.move(placed.id, "reviewed", "picking", "shipped")
    assert (await room.level(sku, warehouse)).on_hand == 5
    await shop.assert_ledger_adds_up()


async def test_goods_of_another_warehouse_are_not_sold_from_this_one(room: StockRoom):
    sku = await room.shop.product(on_hand=9)
    with pytest.raises(OutOfStock) as refused:
        await room.shop.place((sku, 1), warehouse="hebei")
    assert refused.value.fields["available"] == 0


async def test_a_warehouse_that_is_closed_or_none_serves_nobody(room: StockRoom):
    sku = await room.shop.product(on_hand=9)
    for code in ("closed", "nowhere"):
        with pytest.raises(UnknownWarehouse):
            await room.shop.place((sku, 1), warehouse=code)
        with pytest.raises(UnknownWarehouse):
            await room.shop.service.products(SYSTEM, sku, warehouse=code)


async def test_the_warehouse_is_part_of_the_order_only_when_it_is_given(room: StockRoom):
    sku = await room.shop.product(on_hand=9)
    plain = room.shop.order((sku, 1), key="same")
    asked = room.shop.order((sku, 1), key="same", warehouse="main")
    other = room.shop.order((sku, 1), key="same", warehouse="hebei")
    assert len({each.fingerprint for each in (plain, asked, other)}) == 3


async def test_exchanged_goods_come_back_to_and_go_out_of_the_orders_warehouse(room: StockRoom):
    sku = await room.shop.product(on_hand=0)
    await room.shop.receive(sku, 4, warehouse="hebei")
    order = await room.shipped((sku, 2), warehouse="hebei")
    await room.shop.move(order.id, "in_transit", "delivered", "exchanged")
    level = await room.level(sku, "hebei")
    assert (level.on_hand, level.reserved) == (4, 2)
    await room.shop.assert_ledger_adds_up()


async def test_warehouses_are_kept_like_other_master_data(room: StockRoom):
    stock = room.shop.trade.stock
    new = NewWarehouse(code="kept", serves=("天津", "天津"), **NAMES)
    made = await stock.add_warehouse(SYSTEM, new)
    assert (made.serves, made.version) == (("天津",), 1)
    with pytest.raises(Conflict):
        await stock.add_warehouse(SYSTEM, new)
    change = ChangedWarehouse(version=1, active=False, **NAMES)
    ended = await asyncio.gather(
        *(stock.change_warehouse(SYSTEM, "kept", change) for _ in range(2)), return_exceptions=True
    )
    assert sorted(isinstance(each, Conflict) for each in ended) == [False, True]
    with pytest.raises(NotFound):
        await stock.change_warehouse(SYSTEM, "nowhere", change)
    with pytest.raises(Invalid):
        await stock.change_warehouse(SYSTEM, "main", change)
    with pytest.raises(Invalid):
        await stock.add_warehouse(SYSTEM, NewWarehouse(code="who", keeper_id=9999, **NAMES))
    with pytest.raises(Forbidden):
        await stock.add_warehouse(person("agent"), new)
    assert "kept" in {each.code for each in await stock.warehouses(person("agent"))}
