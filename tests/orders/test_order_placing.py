import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm_core.errors import Forbidden, NotFound
from crm_core.rights import SYSTEM, Principal, Right
from orders import demo
from orders.errors import (
    BadOrder,
    MoveNotAllowed,
    OutOfStock,
    OverCredit,
    SameKeyOtherOrder,
    UnknownOrder,
    UnknownProduct,
)
from orders.lines import OrderLine
from orders.sales.events import OrderMoved, OrderPlaced
from orders.stock.events import StockChanged
from tests.orders.order_shop import Shop


async def test_an_order_holds_stock_and_credit_and_its_total_is_right_to_the_fen(shop: Shop):
    one = await shop.product(on_hand=10, price="10.00", level_price="8.99")
    two = await shop.product(on_hand=5, price="62.50")
    shop.heard.clear()
    placed = await shop.place((one, 3), (two, 2), (one, 1), call_id="c" * 32, note="加急")
    order = placed.order
    assert placed.created
    assert order.number.startswith("260302-")
    assert order.status == "placed"
    assert [(line.sku, line.quantity, line.line_total) for line in order.lines] == [
        (one, 4, Decimal("34.16")),
        (two, 2, Decimal("118.76")),
    ]
    assert order.total == Decimal("152.92")
    assert await shop.balance(one) == (10, 4)
    assert [type(event) for event in shop.heard] == [OrderPlaced, StockChanged, StockChanged]
    assert {(e.sku, e.available) for e in shop.heard[1:]} == {(one, 6), (two, 3)}
    assert await shop.service.get(SYSTEM, order.id) == order
    assert await shop.service.find_by_key(SYSTEM, "never used") is None
    await shop.assert_ledger_adds_up()


async def test_the_same_order_sent_twice_at_once_is_placed_once(shop: Shop):
    sku = await shop.product(on_hand=50)
    command = shop.order((sku, 2))
    answers = await asyncio.gather(*(shop.service.place(SYSTEM, command) for _ in range(12)))
    assert [answer.created for answer in answers].count(True) == 1
    assert len({answer.order.id for answer in answers}) == 1
    assert await shop.balance(sku) == (50, 2)
    found = await shop.service.find_by_key(SYSTEM, command.key)
    assert found is not None
    assert found.id == answers[0].order.id
    await shop.assert_ledger_adds_up()


async def test_the_same_order_comes_back_although_the_product_is_gone_meanwhile(shop: Shop):
    sku = await shop.product(on_hand=1)
    command = shop.order((sku, 1))
    first = await shop.service.place(SYSTEM, command)
    async with shop.database.begin() as session:
        await session.execute(text("UPDATE products SET active = false WHERE sku = :s"), {"s": sku})
    again = await shop.service.place(SYSTEM, command)
    assert not again.created
    assert again.order == first.order


async def test_a_key_used_for_another_order_is_refused(shop: Shop):
    sku = await shop.product(on_hand=9)
    first = await shop.place((sku, 1), key="the-key")
    with pytest.raises(SameKeyOtherOrder) as refused:
        await shop.place((sku, 2), key="the-key")
    assert refused.value.code == "same_key_other_order"
    assert refused.value.fields == {"number": first.order.number}
    assert await shop.balance(sku) == (9, 1)


async def test_of_200_agents_who_want_the_last_item_exactly_one_gets_it(shop: Shop):
    sku = await shop.product(on_hand=1)
    answers = await asyncio.gather(
        *(shop.place((sku, 1)) for _ in range(200)), return_exceptions=True
    )
    refusals = [answer for answer in answers if isinstance(answer, OutOfStock)]
    assert len(refusals) == 199
    assert all(refusal.fields == {"sku": sku, "available": 0} for refusal in refusals)
    assert await shop.balance(sku) == (1, 1)
    await shop.assert_ledger_adds_up()


async def test_orders_of_the_same_goods_in_opposite_order_do_not_deadlock(shop: Shop):
    skus = [await shop.product(on_hand=400) for _ in range(4)]
    there, back = [(sku, 1) for sku in skus], [(sku, 1) for sku in reversed(skus)]
    await asyncio.gather(*(shop.place(*(back if n % 2 else there)) for n in range(120)))
    assert [await shop.balance(sku) for sku in skus] == [(400, 120)] * 4


async def test_a_refused_line_leaves_nothing_of_the_order(shop: Shop):
    plenty, short = await shop.product(on_hand=10), await shop.product(on_hand=1)
    used = await shop.credit_used(shop.dealer)
    with pytest.raises(OutOfStock) as refused:
        await shop.place((plenty, 1), (short, 2), key="refused-line")
    assert refused.value.fields == {"sku": short, "available": 1}
    with pytest.raises(UnknownProduct):
        await shop.place((plenty, 1), ("NOWHERE", 1), key="refused-line")
    with pytest.raises(NotFound):
        await shop.place((plenty, 1), customer=999_999)
    assert await shop.balance(plenty) == (10, 0)
    assert await shop.credit_used(shop.dealer) == used
    assert await shop.service.find_by_key(SYSTEM, "refused-line") is None


async def test_an_order_beyond_the_credit_waits_for_review_and_holds_its_stock(shop: Shop):
    sku = await shop.product(on_hand=20, price="60.00")
    held = await shop.place((sku, 2), customer=shop.poor)
    assert held.order.status == "review"
    assert [why.code for why in held.warnings] == ["over_credit"]
    assert held.warnings[0].params == {"total": "120.00", "available": "100.00"}
    assert await shop.balance(sku) == (20, 2)
    assert await shop.credit_used(shop.poor) == 0
    with pytest.raises(OverCredit):
        await shop.move(held.order.id, "reviewed")
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET credit_limit = 500 WHERE id = :id"), {"id": shop.poor}
        )
    assert (await shop.move(held.order.id, "reviewed")).status == "reviewed"
    assert await shop.credit_used(shop.poor) == Decimal("120.00")
    await shop.assert_ledger_adds_up()
    await shop.move(held.order.id, "cancelled")
    assert await shop.credit_used(shop.poor) == 0


async def test_orders_racing_for_the_last_credit_never_exceed_it(shop: Shop):
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET credit_limit = 100 WHERE id = :id"), {"id": shop.poor}
        )
    sku = await shop.product(on_hand=100, price="30.00")
    placed = await asyncio.gather(*(shop.place((sku, 1), customer=shop.poor) for _ in range(10)))
    assert sorted(p.order.status for p in placed) == ["placed"] * 3 + ["review"] * 7
    assert await shop.credit_used(shop.poor) == Decimal("90.00")
    for each in placed:
        await shop.move(each.order.id, "cancelled")
    assert await shop.balance(sku) == (100, 0)
    await shop.assert_ledger_adds_up()


async def test_shipping_takes_the_goods_and_a_return_brings_them_back(shop: Shop):
    sku = await shop.product(on_hand=10)
    used = await shop.credit_used(shop.dealer)
    order = (await shop.place((sku, 4))).order
    await shop.move(order.id, "reviewed", "picking", "shipped")
    assert await shop.balance(sku) == (6, 0)
    with pytest.raises(MoveNotAllowed):
        await shop.move(order.id, "cancelled")
    shop.heard.clear()
    view = await shop.move(order.id, "in_transit", "refused", "returned")
    assert await shop.balance(sku) == (10, 0)
    assert await shop.credit_used(shop.dealer) == used
    assert [(c.from_status, c.to_status) for c in view.history][-2:] == [
        ("in_transit", "refused"),
        ("refused", "returned"),
    ]
    moves = [event.status for event in shop.heard if isinstance(event, OrderMoved)]
    assert moves == ["in_transit", "refused", "returned"]
    await shop.assert_ledger_adds_up()


async def test_of_two_people_who_cancel_at_once_one_is_refused(shop: Shop):
    sku = await shop.product(on_hand=3)
    order = (await shop.place((sku, 3))).order
    answers = await asyncio.gather(
        *(shop.move(order.id, "cancelled") for _ in range(2)), return_exceptions=True
    )
    assert [type(a) for a in answers].count(MoveNotAllowed) == 1
    assert await shop.balance(sku) == (3, 0)


async def test_a_move_needs_the_right_that_stands_in_the_table(shop: Shop):
    sku = await shop.product(on_hand=1)
    order = (await shop.place((sku, 1))).order
    agent = Principal(1, "amy", "Amy", "agent", frozenset({Right.ORDER_PLACE}), "zh-CN", "801", 1)
    with pytest.raises(Forbidden):
        await shop.service.move(order.id, "reviewed", agent)
    with pytest.raises(UnknownOrder):
        await shop.move(999_999, "reviewed")
    assert (await shop.service.get(SYSTEM, order.id)).status == "placed"


async def test_a_quote_says_price_availability_and_what_is_wrong(shop: Shop):
    sku = await shop.product(on_hand=2, price="80.00")
    quote = await shop.service.quote(SYSTEM, shop.poor, [OrderLine(sku, 3)])
    assert quote.total == Decimal("240.00")
    assert quote.lines[0].available == 2
    assert [w.code for w in quote.warnings] == ["out_of_stock", "over_credit"]
    assert await shop.balance(sku) == (2, 0)


@pytest.mark.parametrize("quantity", [0, -1, 100_001])
def test_an_impossible_quantity_is_refused_before_it_travels(quantity):
    with pytest.raises(BadOrder):
        OrderLine("A", quantity)


async def test_an_order_without_lines_is_refused(shop: Shop):
    with pytest.raises(BadOrder):
        shop.order()


async def test_products_show_this_customers_own_price_and_are_found_by_either_name(shop: Shop):
    sku = await shop.product(on_hand=7, price="10.00", level_price="9.00")
    (own,) = await shop.service.products(SYSTEM, f"货{sku}", shop.dealer)
    assert (own.own_price, own.list_price, own.available) == (Decimal("8.55"), Decimal("10.00"), 7)
    (listed,) = await shop.service.products(SYSTEM, f"goods {sku}".upper())
    assert listed.own_price == Decimal("10.00")
    assert await shop.service.products(SYSTEM, "100%_") == ()


async def test_the_last_orders_of_a_customer_come_newest_first_with_their_lines(shop: Shop):
    sku = await shop.product(on_hand=90)
    placed = [(await shop.place((sku, n), customer=shop.plain)).order.id for n in (1, 2, 3, 4)]
    last = await shop.service.last_orders(shop.plain, 3)
    assert [order.id for order in last] == placed[:0:-1]
    assert [order.lines[0].quantity for order in last] == [4, 3, 2]
    assert last[0].lines[0].name_en == f"Goods {sku}"


async def test_the_database_itself_refuses_what_must_not_happen(shop: Shop):
    sku = await shop.product(on_hand=1)
    order = (await shop.place((sku, 1))).order
    for statement in (
        f"UPDATE stock SET reserved = 2 WHERE sku = '{sku}'",
        f"UPDATE stock SET reserved = -1 WHERE sku = '{sku}'",
        f"UPDATE order_lines SET line_total = 1 WHERE order_id = {order.id}",
        f"UPDATE orders SET status = 'lost' WHERE id = {order.id}",
        f"UPDATE orders SET credit_held = total + 1 WHERE id = {order.id}",
    ):
        with pytest.raises(IntegrityError):
            async with shop.database.begin() as session:
                await session.execute(text(statement))


async def test_the_demo_catalogue_fills_once(shop: Shop):
    await demo.fill(shop.database, clock=shop.clock)
    await demo.fill(shop.database, clock=shop.clock)
    found = await shop.service.products(SYSTEM, "白酒", shop.dealer)
    assert [product.sku for product in found] == ["BJ-001"]
    assert found[0].own_price == Decimal("137.26")
    assert found[0].available == 240
    await shop.assert_ledger_adds_up()
