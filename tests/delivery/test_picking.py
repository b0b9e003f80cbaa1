"""The picking list, read back: by warehouse, with the batches that shipping takes; and which batches went out."""

from datetime import date, timedelta
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from crm_core.rights import SYSTEM
from orders.delivery.commands import WaybillIds
from orders.delivery.errors import NotInPicking
from orders.delivery.picking import Wanted, shared_out
from orders.errors import OutOfStock, UnknownOrder
from orders.stock.views import BatchPart
from tests.delivery.depot import Depot
from tests.orders.stock_room import StockRoom, on

SOON, LATER, LAST = on(5), on(20), on(60)


@pytest.fixture(scope="module")
async def room(depot: Depot) -> StockRoom:
    room = StockRoom(depot.shop)
    await room.warehouse("hebei")
    return room


async def perishable(room: StockRoom, **batches: tuple[date, int]) -> str:
    """A product with these batches in the main warehouse."""
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    for number, (expires_on, quantity) in batches.items():
        await room.shop.receive(sku, quantity, batch_no=number, expires_on=expires_on)
    return sku


async def picked(room: StockRoom, *lines: tuple[str, int], **rest):
    """An order that is being picked."""
    placed = await room.shop.place(*lines, address="天津市河西区友谊路5号", **rest)
    return await room.shop.move(placed.order.id, "reviewed", "picking")


async def printed(depot: Depot, *orders) -> list[str]:
    """The list's pages, each in one line."""
    pdf = await depot.trade.papers.picking_list(SYSTEM, tuple(each.id for each in orders))
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages]


def parts(order) -> list[tuple[str, int]]:
    return [(each.batch_no, each.quantity) for each in order.batches]


async def test_each_warehouse_takes_its_own_from_what_expires_first(depot: Depot, room: StockRoom):
    sku = await perishable(room, LATE=(LATER, 10), EARLY=(SOON, 4), OVER=(on(-1), 5), BAD=(SOON, 3))
    await room.block((await room.batches(sku))["BAD"])
    await room.shop.receive(sku, 9, batch_no="NORTH", expires_on=LAST, warehouse="hebei")
    plain = await room.shop.product(on_hand=20, packs=({"unit": "件", "factor": 5},))
    first = await picked(room, (sku, 3), (plain, 3))
    second = await picked(room, (sku, 6), (plain, 2, "件"))
    north = await picked(room, (sku, 2), warehouse="hebei")
    hebei, main = await printed(depot, north, second, first)
    assert "(hebei)" in hebei
    assert f"{sku} 货{sku} NORTH {LAST} 箱 2 {north.number}×2" in hebei
    assert (f"{first.number} " in hebei, "EARLY" in hebei) == (False, False)
    early = f"{sku} 货{sku} EARLY {SOON} 箱 4 {first.number}×3 {second.number}×1"
    late = f"{sku} 货{sku} LATE {LATER} 箱 5 {second.number}×5"
    assert main.index(early) < main.index(late)
    assert f"{plain} 货{plain} 箱 13 {first.number}×3 {second.number}×10" in main
    assert all(word not in main for word in ("OVER", "BAD", "NORTH", "缺货"))
    assert parts(await room.shop.move(first.id, "shipped")) == [("EARLY", 3)]
    assert parts(await room.shop.move(second.id, "shipped")) == [("EARLY", 1), ("LATE", 5)]
    assert parts(await room.shop.move(north.id, "shipped")) == [("NORTH", 2)]


async def test_an_order_that_is_not_picked_is_refused_with_what_to_do(
    depot: Depot, room: StockRoom
):
    sku = await room.shop.product(on_hand=20)
    ready = await picked(room, (sku, 1))
    placed = (await room.shop.place((sku, 1))).order
    gone = await room.shop.move((await picked(room, (sku, 1))).id, "shipped")
    with pytest.raises(NotInPicking) as refused:
        await printed(depot, ready, placed, gone)
    assert refused.value.fields == {placed.number: "placed", gone.number: "shipped"}
    assert f"{placed.number} (placed), {gone.number} (shipped)" in refused.value.message
    assert "move them to picking" in refused.value.message
    with pytest.raises(UnknownOrder):
        await depot.trade.papers.picking_list(SYSTEM, (ready.id, 99_999))


@pytest.mark.parametrize("fate", ["blocked", "expired"])
async def test_what_went_out_is_told_when_it_is_not_what_was_proposed(
    depot: Depot, room: StockRoom, fate: str
):
    sku = await perishable(room, EARLY=(SOON, 5), LATE=(LATER, 5))
    order = await picked(room, (sku, 4))
    assert f"EARLY {SOON} 箱 4" in (await printed(depot, order))[0]
    made = await depot.waybill(order.id)
    kept = room.shop.clock.now
    try:
        if fate == "blocked":
            await room.block((await room.batches(sku))["EARLY"])
        else:
            room.shop.clock.now += timedelta(days=6)
            assert f"LATE {LATER} 箱 4" in (await printed(depot, order))[0]
            await room.expire()
        told = WaybillIds(waybill_ids=(made.id,))
        (done,) = await depot.trade.waybills.hand_over(SYSTEM, told)
    finally:
        room.shop.clock.now = kept
    assert [(each.sku, each.batch_no, each.expires_on, each.quantity) for each in done.batches] == [
        (sku, "LATE", LATER, 4)
    ]
    shown = await room.shop.service.get(SYSTEM, order.id)
    assert shown.batches == done.batches
    assert await room.held(sku) == {"EARLY": 5, "LATE": 1}


async def test_goods_of_no_batch_that_may_be_sold_are_missing_on_the_list(
    depot: Depot, room: StockRoom
):
    sku = await perishable(room, EARLY=(SOON, 5), LATE=(LATER, 2))
    order = await picked(room, (sku, 6))
    await room.block((await room.batches(sku))["EARLY"])
    (page,) = await printed(depot, order)
    assert f"LATE {LATER} 箱 2 {order.number}×2" in page
    assert f"缺货 冻结或过期 箱 4 {order.number}×4" in page
    with pytest.raises(OutOfStock):
        await room.shop.move(order.id, "shipped")
    assert (await room.shop.service.get(SYSTEM, order.id)).batches == ()


async def test_the_batches_of_what_came_back_stay_with_the_order(depot: Depot, room: StockRoom):
    sku = await perishable(room, EARLY=(SOON, 5))
    order = await picked(room, (sku, 2))
    await room.shop.move(order.id, "shipped", "in_transit", "delivered", "returned")
    assert parts(await room.shop.service.get(SYSTEM, order.id)) == [("EARLY", 2)]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.lists(st.integers(1, 9), max_size=6),
)
def test_every_unit_of_every_order_stands_on_the_list_once(orders, held):
    wanted = [Wanted("S", "货", None, "箱", True, f"O{n}", many) for n, many in enumerate(orders)]
    left, taken = sum(orders), []
    for n, many in enumerate(held):
        if left:
            taken.append(BatchPart("S", f"B{n}", SOON, min(many, left)))
            left -= taken[-1].quantity
    picks = list(shared_out(wanted, taken))
    assert [(each.batch_no, each.quantity) for each in picks if not each.missing] == [
        (each.batch_no, each.quantity) for each in taken
    ]
    assert sum(each.quantity for each in picks if each.missing) == left
    for n, many in enumerate(orders):
        assert many == sum(q for each in picks for order, q in each.orders if order == f"O{n}")
