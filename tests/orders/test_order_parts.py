"""Orders in parts: what is there now and what comes later; split by people; filled when goods come."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import Forbidden
from crm_core.rights import SYSTEM
from orders.errors import BadOrder, ChangedMeanwhile, EditNotAllowed, OutOfStock
from orders.money import line_total, shared, total_of
from orders.sales.commands import SplitOrder
from orders.sales.events import OrderChanged
from orders.sales.parts import by_stock
from orders.sales.rounds import BackorderFilling
from orders.sales.views import QuotedLine
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop

FEN = st.integers(0, 10_000_000).map(lambda fen: Decimal(fen) / 100)


@given(FEN, st.lists(FEN, min_size=1, max_size=8))
def test_a_sum_that_is_shared_adds_up_and_nobody_gets_a_fen_too_much(amount, weights):
    parts = shared(amount, weights)
    assert sum(parts) == amount
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert part.as_tuple().exponent >= -2
        if whole:
            assert abs(part - amount * weight / whole) < Decimal("0.01")


def line(sku: str, quantity: int, factor: int, price: Decimal) -> QuotedLine:
    return QuotedLine(
        sku, sku, sku, "件", factor, quantity, price, line_total(price, quantity), Decimal(0), 0, ()
    )


LINES = st.lists(
    st.builds(line, st.sampled_from("ABC"), st.integers(1, 20), st.integers(1, 6), FEN),
    min_size=1,
    max_size=6,
)


@given(LINES, st.dictionaries(st.sampled_from("ABC"), st.integers(-2, 40)), st.integers(0, 100))
def test_parts_have_the_goods_and_the_money_of_the_whole(lines, free, percent):
    goods = total_of(each.line_total for each in lines)
    discount = (goods * percent / 100).quantize(Decimal("0.01"))
    now, later = by_stock(lines, discount, free)
    assert now.total + later.total == goods - discount
    assert now.discount + later.discount == discount
    assert now.total >= 0
    assert later.total >= 0

    def many(part, sku):
        return sum(each.quantity * each.factor for each in part if each.sku == sku)

    for sku in {each.sku for each in lines}:
        assert many(now.lines, sku) + many(later.lines, sku) == many(lines, sku)
        assert many(now.lines, sku) <= max(free.get(sku, 0), 0)


async def test_what_is_there_goes_now_and_the_rest_when_it_comes(shop: Shop):
    there, short = await shop.product(on_hand=9), await shop.product(on_hand=2)
    with pytest.raises(OutOfStock):
        await shop.place((there, 3), (short, 5))
    placed = await shop.place((there, 3), (short, 5), backorder=True)
    order, (part,) = placed.order, placed.order.parts
    assert [(each.sku, each.quantity) for each in order.lines] == [(there, 3), (short, 2)]
    assert (part.number, part.status) == (f"{order.number}-2", "backordered")
    assert [(w.code, w.params["quantity"]) for w in placed.warnings] == [("backordered", "3")]
    assert await shop.service.get(SYSTEM, order.id) == order
    waiting = await shop.service.get(SYSTEM, part.id)
    assert waiting.split_from is not None
    assert waiting.split_from.id == order.id
    assert [(each.sku, each.quantity) for each in waiting.lines] == [(short, 3)]
    assert [message.kind for message in waiting.messages] == ["order_backordered"] * 2
    assert await shop.balance(short) == (2, 2)
    await shop.assert_ledger_adds_up()

    filling = BackorderFilling(shop.database, shop.service)
    await shop.receive(short, 2)
    assert await filling.run_once() == 0
    await shop.receive(short, 1)
    assert await filling.run_once() == 1
    filled = await shop.service.get(SYSTEM, part.id)
    assert (filled.status, filled.credit_held) == ("placed", filled.total)
    assert await shop.balance(short) == (5, 5)
    assert await filling.run_once() == 0
    await shop.assert_ledger_adds_up()


async def test_an_order_of_which_nothing_is_there_waits_as_a_whole_and_can_be_sent_again(
    shop: Shop,
):
    sku = await shop.product(on_hand=0)
    command = shop.order((sku, 4), backorder=True)
    first = await shop.service.place(SYSTEM, command)
    again = await shop.service.place(SYSTEM, command)
    assert (first.order.status, first.order.parts) == ("backordered", ())
    assert (again.created, again.order.id) == (False, first.order.id)
    cancelled = await shop.move(first.order.id, "cancelled")
    assert cancelled.credit_held == 0
    await shop.assert_ledger_adds_up()


async def test_waiting_orders_are_filled_oldest_first_and_held_ones_go_to_review(shop: Shop):
    sku = await shop.product(on_hand=0, price="60.00")
    first, second = [
        (await shop.place((sku, 1), customer=who, backorder=True)).order
        for who in (shop.poor, shop.plain)
    ]
    third = (await shop.place((sku, 2), customer=shop.poor, backorder=True)).order
    assert third.review == "hold"  # beyond the credit of 100
    await shop.receive(sku, 1)
    filling = BackorderFilling(shop.database, shop.service)
    await filling.run_once()
    status = [(await shop.service.get(SYSTEM, o.id)).status for o in (first, second, third)]
    assert status == ["placed", "backordered", "backordered"]
    await shop.receive(sku, 3)
    await filling.run_once()
    status = [(await shop.service.get(SYSTEM, o.id)).status for o in (first, second, third)]
    assert status == ["placed", "placed", "review"]
    await shop.assert_ledger_adds_up()


async def test_agents_who_take_the_last_goods_with_back_orders_oversell_nothing(shop: Shop):
    sku = await shop.product(on_hand=25)
    placed = await asyncio.gather(*(shop.place((sku, 2), backorder=True) for _ in range(30)))
    now = sum(
        each.quantity
        for one in placed
        if one.order.status != "backordered"
        for each in one.order.lines
    )
    assert now == 25
    assert await shop.balance(sku) == (25, 25)
    await shop.assert_ledger_adds_up()


async def test_a_part_is_split_off_with_its_share_of_everything(shop: Shop):
    one, two = [await shop.product(on_hand=20, price="33.33") for _ in range(2)]
    await shop.rule("order_percent_off", min_total=Decimal(200), value=Decimal(7))
    order = (await shop.place((one, 5), (two, 4), customer=shop.plain)).order
    await shop.move(order.id, "reviewed", "picking")
    wanted = SplitOrder.model_validate(
        {"version": 1, "lines": [{"line_no": 1, "quantity": 2}, {"line_no": 2, "quantity": 4}]}
    )
    with pytest.raises(Forbidden):
        await shop.trade.changes.split(person("agent"), order.id, wanted)
    shop.heard.clear()
    part = await shop.trade.changes.split(SYSTEM, order.id, wanted)
    left = await shop.service.get(SYSTEM, order.id)
    assert [(each.sku, each.quantity) for each in left.lines] == [(one, 3)]
    assert [(each.sku, each.quantity) for each in part.lines] == [(one, 2), (two, 4)]
    assert (part.number, part.status, part.credit_held) == (
        f"{order.number}-2",
        "picking",
        part.total,
    )
    assert left.total + part.total == order.total
    assert left.discount + part.discount == order.discount
    assert left.credit_held + part.credit_held == order.total
    assert [type(event) for event in shop.heard].count(OrderChanged) == 2
    await shop.assert_ledger_adds_up()
    with pytest.raises(ChangedMeanwhile):
        await shop.trade.changes.split(SYSTEM, order.id, wanted)
    await shop.move(part.id, "shipped")
    assert await shop.balance(two) == (16, 0)
    assert await shop.balance(one) == (18, 3)
    with pytest.raises(EditNotAllowed):
        await shop.trade.changes.split(SYSTEM, part.id, wanted)
    again = SplitOrder.model_validate(
        {"version": 2, "lines": [{"line_no": 1, "quantity": 1}], "backorder": True}
    )
    third = await shop.trade.changes.split(SYSTEM, order.id, again)
    assert (third.number, third.status) == (f"{order.number}-3", "backordered")
    assert await shop.balance(one) == (18, 2)
    await shop.assert_ledger_adds_up()


@pytest.mark.parametrize(
    "lines",
    [
        [{"line_no": 1, "quantity": 3}],
        [{"line_no": 1, "quantity": 4}],
        [{"line_no": 2, "quantity": 1}],
        [{"line_no": 1, "quantity": 1}, {"line_no": 1, "quantity": 1}],
    ],
    ids=["everything", "too much", "no such line", "twice"],
)
async def test_what_cannot_be_split_off_is_refused(shop: Shop, lines):
    order = (await shop.place((await shop.product(on_hand=9), 3))).order
    with pytest.raises(BadOrder):
        await shop.trade.changes.split(
            SYSTEM, order.id, SplitOrder.model_validate({"version": 1, "lines": lines})
        )
    assert (await shop.service.get(SYSTEM, order.id)).version == 1
