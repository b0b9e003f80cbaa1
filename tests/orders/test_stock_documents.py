"""Stock documents: what each does to balances, batches and values, once."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy.exc import DBAPIError

from crm_core.errors import Forbidden, Invalid
from crm_core.rights import SYSTEM
from orders.catalogue.commands import ChangedProduct
from orders.errors import (
    BadDocument,
    BatchDiffers,
    DocumentClosed,
    OutOfStock,
    SameKeyOtherDocument,
    TooMuchStock,
    UnknownBatch,
    UnknownDocument,
    UnknownProduct,
    UnknownWarehouse,
)
from orders.lines import StockLine
from orders.stock import ledger
from orders.stock.documents.commands import NewCostChange, NewPriceChange, NewReceipt
from orders.stock.moves import Goods
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop
from tests.orders.stock_room import StockRoom, key, on


@pytest.fixture(scope="module")
async def room(shop: Shop) -> StockRoom:
    found = StockRoom(shop)
    await found.warehouse("north", serves=("北京",))
    return found


async def test_goods_come_in_at_what_they_cost_and_go_out_at_the_average(room: StockRoom):
    sku = await room.shop.product(on_hand=0)
    await room.shop.receive(sku, 10, unit_cost="5.00")
    made = await room.shop.receive(sku, 5, unit_cost="7.333")
    assert made.lines[0].value == Decimal("36.67")
    level = await room.level(sku)
    assert (level.on_hand, level.value, level.average_cost) == (
        15,
        Decimal("86.67"),
        Decimal("5.7780"),
    )
    await room.shipped((sku, 4))
    assert (await room.level(sku)).value == Decimal("63.56")
    await room.shipped((sku, 11))
    assert ((await room.level(sku)).on_hand, (await room.level(sku)).value) == (0, 0)
    await room.shop.assert_ledger_adds_up()


async def test_returned_goods_are_worth_what_they_were_when_they_went(room: StockRoom):
    sku = await room.shop.product(on_hand=0)
    await room.shop.receive(sku, 3, unit_cost="10")
    order = await room.shipped((sku, 3))
    await room.shop.receive(sku, 1, unit_cost="99")
    await room.shop.move(order.id, "refused", "returned")
    assert (await room.level(sku)).value == Decimal("129.00")


async def test_the_same_receipt_sent_again_is_posted_once_also_at_the_same_time(room: StockRoom):
    sku = await room.shop.product(on_hand=0)
    new = NewReceipt(lines=({"sku": sku, "quantity": 4},))
    one = key()
    made = await asyncio.gather(*(room.documents.receive(SYSTEM, one, new) for _ in range(5)))
    assert sorted(each.created for each in made) == [False] * 4 + [True]
    assert len({each.view.document.number for each in made}) == 1
    assert (await room.level(sku)).on_hand == 4
    other = NewReceipt(lines=({"sku": sku, "quantity": 5},))
    with pytest.raises(SameKeyOtherDocument):
        await room.documents.receive(SYSTEM, one, other)


async def test_what_expires_first_is_shipped_first_and_what_is_expired_or_blocked_never(
    room: StockRoom,
):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    for number, days in (("late", 60), ("soon", 10), ("over", -1), ("barred", 5)):
        await room.shop.receive(sku, 10, batch_no=number, expires_on=on(days))
    await room.block((await room.batches(sku))["barred"])
    await room.shipped((sku, 12))
    assert await room.held(sku) == {"over": 10, "barred": 10, "late": 8}
    level = await room.level(sku)
    assert (level.on_hand, level.blocked, level.available) == (28, 10, 18)
    order = await room.shop.place((sku, 18))
    await room.shop.move(order.order.id, "reviewed", "picking")
    with pytest.raises(OutOfStock) as refused:
        await room.shop.move(order.order.id, "shipped")
    assert refused.value.fields == {"sku": sku, "available": 8}
    assert await room.held(sku) == {"over": 10, "barred": 10, "late": 8}
    await room.shop.assert_ledger_adds_up()


async def test_a_batch_leads_to_the_orders_and_customers_that_have_some_of_it(room: StockRoom):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    await room.shop.receive(sku, 10, batch_no="B1", made_on=on(-10))
    await room.shop.receive(sku, 10, batch_no="B2", made_on=on(-5))
    first = await room.shipped((sku, 8))
    both = await room.shipped((sku, 4), customer=room.shop.plain)
    returned = await room.shipped((sku, 2))
    await room.shop.move(returned.id, "refused", "returned")
    sent = await room.send({"sku": sku, "quantity": 3}, end="north")
    await room.arrive(sent.document.id)
    north = await room.shipped((sku, 1), warehouse="north")
    found = await room.batches(sku)
    recall = room.shop.trade.recalls
    known = (await room.batches(sku, "north"))["B2"]
    second = await recall.orders_of(SYSTEM, found["B2"].id)
    assert [(each.number, each.quantity) for each in second] == [
        (both.number, 2),
        (north.number, 1),
    ]
    assert second[0].customer_name == "Corner Shop"
    assert await recall.orders_of(SYSTEM, known.id) == second
    batch_one = await room.shop.scalar(
        "SELECT id FROM stock_batches WHERE sku = :sku AND batch_no = 'B1'", sku=sku
    )
    traced = await recall.orders_of(SYSTEM, batch_one)
    assert [(each.number, each.quantity) for each in traced] == [
        (first.number, 8),
        (both.number, 2),
    ]
    with pytest.raises(Forbidden):
        await recall.orders_of(person("agent"), batch_one)


async def test_goods_of_a_blocked_batch_come_back_blocked(room: StockRoom):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    await room.shop.receive(sku, 5, batch_no="B1", expires_on=on(30))
    order = await room.shipped((sku, 2))
    await room.block((await room.batches(sku))["B1"])
    await room.shop.move(order.id, "refused", "returned")
    level = await room.level(sku)
    assert (level.on_hand, level.blocked, level.available) == (5, 5, 0)
    await room.shop.assert_ledger_adds_up()


async def test_expired_goods_are_blocked_by_the_company_s_day_even_if_orders_hold_them(
    room: StockRoom,
):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    await room.shop.receive(sku, 6, batch_no="B1", expires_on=on(-1))
    await room.shop.place((sku, 4))
    assert await room.expire() >= 1
    level = await room.level(sku)
    assert (level.blocked, level.reserved, level.available) == (6, 4, -4)
    batch = (await room.batches(sku))["B1"]
    assert batch.blocked_reason == "expired"
    with pytest.raises(Invalid):
        await room.block(batch, None)
    with pytest.raises(OutOfStock) as refused:
        await room.shop.place((sku, 1))
    assert refused.value.fields["available"] <= 0
    await room.shop.assert_ledger_adds_up()


async def test_a_transfer_is_on_the_way_until_it_arrives_and_what_is_missing_is_a_loss(
    room: StockRoom,
):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    await room.shop.receive(sku, 4, batch_no="B1", expires_on=on(5), unit_cost="1")
    await room.shop.receive(sku, 4, batch_no="B2", expires_on=on(9), unit_cost="2")
    sent = await room.send({"sku": sku, "quantity": 6}, end="north")
    assert [(each.batch_no, each.quantity, each.value) for each in sent.lines] == [
        ("B1", 4, Decimal("6.00")),
        ("B2", 2, Decimal("3.00")),
    ]
    assert (await room.level(sku)).on_hand == 2
    came = await room.arrive(sent.document.id, _2=1)
    assert [each.difference for each in came.lines] == [0, -1]
    assert (came.document.state, (await room.level(sku)).on_the_way) == ("posted", 0)
    assert await room.held(sku, "north") == {"B1": 4, "B2": 1}
    assert (await room.level(sku, "north")).value == Decimal("7.50")
    with pytest.raises(DocumentClosed):
        await room.arrive(sent.document.id)
    await room.shop.assert_ledger_adds_up()


async def test_a_transfer_that_comes_back_is_as_if_it_had_not_gone(room: StockRoom):
    sku = await room.shop.product(on_hand=0)
    await room.shop.receive(sku, 3, unit_cost="3.33")
    sent = await room.send({"sku": sku, "quantity": 3}, end="north")
    await room.documents.call_back(SYSTEM, sent.document.id)
    level = await room.level(sku)
    assert (level.on_hand, level.value) == (3, Decimal("9.99"))
    with pytest.raises(DocumentClosed):
        await room.documents.call_back(SYSTEM, sent.document.id)


async def test_selling_goes_on_during_a_count_and_only_the_difference_is_posted(room: StockRoom):
    sku = await room.shop.product(on_hand=0, shelf_life_days=90)
    await room.shop.receive(sku, 10, batch_no="B1", expires_on=on(5))
    await room.shop.receive(sku, 10, batch_no="B2", expires_on=on(9))
    begun = await room.count(sku)
    assert [(each.batch_no, each.expected) for each in begun.lines] == [("B1", 10), ("B2", 10)]
    await room.shipped((sku, 3))
    entered = await room.counted(begun.document.id, _1=6, _2=11)
    assert [each.difference for each in entered.lines] == [-1, 1]
    with pytest.raises(UnknownDocument):
        await room.arrive(begun.document.id)
    await room.shipped((sku, 2))
    await room.finish(begun.document.id)
    assert await room.held(sku) == {"B1": 4, "B2": 11}
    with pytest.raises(DocumentClosed):
        await room.finish(begun.document.id)
    await room.shop.assert_ledger_adds_up()


async def test_a_count_is_posted_once_also_by_two_people_and_only_when_all_is_counted(
    room: StockRoom,
):
    skus = [await room.shop.product(on_hand=5) for _ in range(2)]
    begun = await room.count(*skus)
    await room.counted(begun.document.id, _1=4)
    with pytest.raises(BadDocument) as missing:
        await room.finish(begun.document.id)
    assert missing.value.fields == {"missing": 1}
    await room.counted(begun.document.id, _2=5)
    ended = await asyncio.gather(
        *(room.finish(begun.document.id) for _ in range(3)), return_exceptions=True
    )
    assert sorted(isinstance(each, DocumentClosed) for each in ended) == [False, True, True]
    assert [(await room.level(sku)).on_hand for sku in skus] == [4, 5]


async def test_what_orders_hold_is_not_counted_away(room: StockRoom):
    sku = await room.shop.product(on_hand=5)
    await room.shop.place((sku, 4))
    begun = await room.count(sku)
    await room.counted(begun.document.id, _1=3)
    with pytest.raises(OutOfStock):
        await room.finish(begun.document.id)
    given_up = await room.documents.give_up_count(SYSTEM, begun.document.id)
    assert given_up.view.document.state == "cancelled"
    assert await room.shop.balance(sku) == (5, 4)


async def test_every_posted_document_is_undone_by_its_opposite_once(room: StockRoom):
    sku = await room.shop.product(on_hand=0)
    batched = await room.shop.product(on_hand=0, shelf_life_days=90)
    await room.shop.receive(sku, 10, unit_cost="5")
    await room.shop.receive(batched, 10, batch_no="B1", expires_on=on(5), unit_cost="5")

    async def state() -> list[object]:
        levels = [await room.level(each) for each in (sku, batched)]
        return [*levels, await room.held(batched)]

    before = await state()
    recosted = NewCostChange(lines=({"sku": sku, "unit_cost": "6"},))
    for make in (
        lambda: room.shop.receive(sku, 3, unit_cost="9"),
        lambda: room.shop.receive(batched, 3, batch_no="B1", unit_cost="9"),
        lambda: room.adjust(sku=sku, quantity=2),
        lambda: room.adjust(sku=batched, quantity=-3),
        lambda: room.write_off(sku=sku, quantity=4),
        lambda: room.write_off(sku=batched, quantity=4, batch_no="B1"),
        lambda: room.hold(sku=sku, quantity=5),
    ):
        made = await make()
        assert await state() != before
        undone = await room.reverse(made.document.id)
        assert await state() == before, made.document.kind
        assert undone.document.reverses_id == made.document.id
        seen = await room.documents.get(SYSTEM, made.document.id)
        assert seen.document.reversed_by == undone.document.id
        for document_id in (made.document.id, undone.document.id):
            with pytest.raises(DocumentClosed):
                await room.reverse(document_id)
    made = (await room.documents.change_cost(SYSTEM, key(), recosted)).view
    assert (await room.level(sku)).value == Decimal("60.00")
    await room.reverse(made.document.id)
    assert await state() == before
    await room.shop.assert_ledger_adds_up()


async def test_blocked_goods_are_not_sold_and_can_be_written_off(room: StockRoom):
    sku = await room.shop.product(on_hand=10)
    await room.hold(sku=sku, quantity=4)
    with pytest.raises(OutOfStock) as refused:
        await room.shop.place((sku, 7))
    assert refused.value.fields == {"sku": sku, "available": 6}
    thrown = await room.write_off(sku=sku, quantity=3, blocked=True)
    level = await room.level(sku)
    assert (level.on_hand, level.blocked, level.available) == (7, 1, 6)
    await room.reverse(thrown.document.id)
    assert (await room.level(sku)).blocked == 4
    await room.hold(sku=sku, quantity=-4)
    assert (await room.level(sku)).available == 10
    with pytest.raises(OutOfStock):
        await room.hold(sku=sku, quantity=-1)


async def test_a_new_list_price_is_written_down_with_what_it_makes_of_the_goods(room: StockRoom):
    sku = await room.shop.product(on_hand=10, price="20.00", floor_price="15.00")
    sent = await room.send({"sku": sku, "quantity": 4}, end="north")
    await room.arrive(sent.document.id)
    new = NewPriceChange(lines=({"sku": sku, "price": "18.50"},))
    made = (await room.documents.change_prices(SYSTEM, key(), new)).view
    (line,) = made.lines
    assert (line.quantity, line.price_before, line.price, line.value) == (
        10, Decimal(20), Decimal("18.50"), Decimal("-15.00"),
    )  # fmt: skip
    product = await room.shop.trade.catalogue.get(SYSTEM, sku)
    assert (product.list_price, product.version) == (Decimal("18.50"), 2)
    low = NewPriceChange(lines=({"sku": sku, "price": "14.99"},))
    with pytest.raises(BadDocument):
        await room.documents.change_prices(SYSTEM, key(), low)


async def test_documents_that_cannot_be_are_refused_whole(room: StockRoom):
    plain = await room.shop.product(on_hand=1)
    lasting = await room.shop.product(on_hand=0, shelf_life_days=10)
    await room.shop.receive(lasting, 1, batch_no="B1", expires_on=on(3))
    for line, refusal in (
        ({"sku": "NOWHERE", "quantity": 1}, UnknownProduct),
        ({"sku": plain, "quantity": 1, "batch_no": "B1"}, BadDocument),
        ({"sku": lasting, "quantity": 1}, BadDocument),
        ({"sku": lasting, "quantity": 1, "batch_no": "B9"}, UnknownBatch),
        ({"sku": lasting, "quantity": 1, "batch_no": "B1", "expires_on": on(4)}, BatchDiffers),
    ):
        with pytest.raises(refusal):
            await room.shop.receive(**line)
    with pytest.raises(UnknownWarehouse):
        await room.shop.receive(plain, 1, warehouse="nowhere")
    with pytest.raises(BadDocument):
        await room.adjust(sku=lasting, quantity=1)
    with pytest.raises(BadDocument):
        await room.hold(sku=lasting, quantity=1)
    with pytest.raises(OutOfStock):
        await room.adjust(sku=plain, quantity=-2)
    with pytest.raises(Forbidden):
        await room.documents.reverse(person("agent"), key(), 1)
    assert (await room.level(plain)).on_hand == 1
    assert await room.held(lasting) == {"B1": 1}


async def test_a_balance_has_an_upper_bound(room: StockRoom):
    sku = await room.shop.product(on_hand=1)
    lines = [{"sku": sku, "quantity": 1_000_000}]
    await room.shop.receive(sku, 1_000_000)
    async with room.shop.database.begin() as session:
        cause = ledger.Cause(room.shop.clock())
        many = [StockLine(sku, 998_000_000)]
        await ledger.change(session, Goods.GAIN, "main", many, cause)
    with pytest.raises(TooMuchStock):
        await room.documents.receive(SYSTEM, key(), NewReceipt(lines=lines))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stock_moves SET on_hand_change = on_hand_change + 1",
        "DELETE FROM stock_moves",
        "TRUNCATE stock_moves CASCADE",
        "UPDATE stock_batch_moves SET quantity = quantity + 1",
        "DELETE FROM stock_batch_moves",
        "UPDATE stock_documents SET note = 'x' WHERE state = 'posted'",
        "DELETE FROM stock_documents",
        (
            "UPDATE stock_document_lines l SET quantity = 1 FROM stock_documents d"
            " WHERE d.id = l.document_id AND d.state = 'posted'"
        ),
        "DELETE FROM stock_document_lines",
    ],
)
async def test_the_database_itself_refuses_to_change_what_is_posted(
    room: StockRoom, statement: str
):
    sku = await room.shop.product(on_hand=0, shelf_life_days=10)
    await room.shop.receive(sku, 1, batch_no="B1", expires_on=on(3))
    with pytest.raises(DBAPIError, match=r"refused|posted"):
        await room.shop.scalar(statement)


async def test_a_shelf_life_is_not_given_to_goods_that_lie_there_without_batches(room: StockRoom):
    sku = await room.shop.product(on_hand=3)
    goods = {"name_zh": "货", "name_en": "Goods", "unit": "箱", "list_price": "1", "version": 1}
    with pytest.raises(Invalid) as refused:
        await room.shop.trade.catalogue.change(
            SYSTEM, sku, ChangedProduct(**goods, shelf_life_days=30)
        )
    assert refused.value.fields == {"shelf_life_days": "refused"}
    await room.write_off(sku=sku, quantity=3)
    changed = ChangedProduct(**goods, shelf_life_days=30)
    assert (await room.shop.trade.catalogue.change(SYSTEM, sku, changed)).shelf_life_days == 30
