"""What is ordered is changed before it is picked: goods, credit, coupons and review follow."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Forbidden
from crm_core.rights import SYSTEM, Scope
from orders.errors import ChangedMeanwhile, EditNotAllowed, OutOfStock, UnknownOrder
from orders.sales.commands import EditOrder, OrderQuery
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop
from tests.orders.test_order_coupons import coupon
from tests.orders.test_order_review import rule


def anew(*lines: tuple, version: int = 1, **more) -> EditOrder:
    named = [dict(zip(("sku", "quantity", "unit"), line, strict=False)) for line in lines]
    return EditOrder.model_validate({"version": version, "lines": named} | more)


async def test_an_edit_gives_back_and_takes_goods_and_credit(shop: Shop):
    one, two = [await shop.product(on_hand=10) for _ in range(2)]
    order = (await shop.place((one, 10), customer=shop.plain, note="旧")).order
    edited = await shop.trade.changes.edit(
        SYSTEM, order.id, anew((one, 4), (two, 3), address="新路1号", urgent=True)
    )
    assert [(each.sku, each.quantity) for each in edited.lines] == [(one, 4), (two, 3)]
    assert (edited.version, edited.note, edited.address, edited.urgent) == (
        2,
        None,
        "新路1号",
        True,
    )
    assert edited.total == edited.credit_held == Decimal("70.00")
    assert await shop.balance(one) == (10, 4)
    assert await shop.balance(two) == (10, 3)
    await shop.assert_ledger_adds_up()
    kept = await shop.scalar(
        "SELECT before->>'note' FROM audit_log WHERE entity = 'order' AND entity_id = :id",
        id=str(order.id),
    )
    assert kept == "旧"


async def test_its_own_goods_count_as_there_and_a_shortage_changes_nothing(shop: Shop):
    sku = await shop.product(on_hand=5)
    order = (await shop.place((sku, 5))).order
    assert (await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 5)))).version == 2
    with pytest.raises(OutOfStock) as refused:
        await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 6), version=2))
    assert refused.value.fields["available"] == 5
    assert (await shop.service.get(SYSTEM, order.id)).version == 2
    assert await shop.balance(sku) == (5, 5)


async def test_of_two_who_edit_at_once_one_hears_of_the_other(shop: Shop):
    sku = await shop.product(on_hand=50)
    order = (await shop.place((sku, 1))).order
    answers = await asyncio.gather(
        *(shop.trade.changes.edit(SYSTEM, order.id, anew((sku, n))) for n in range(2, 8)),
        return_exceptions=True,
    )
    assert [type(each) for each in answers].count(ChangedMeanwhile) == 5
    await shop.assert_ledger_adds_up()


async def test_orders_edited_and_placed_in_opposite_order_do_not_deadlock(shop: Shop):
    one, two = [await shop.product(on_hand=5000) for _ in range(2)]
    orders = [(await shop.place((one, 2), (two, 2))).order for _ in range(12)]

    async def turn(number: int, order_id: int) -> None:
        first, second = ((one, 3), (two, 1)) if number % 2 else ((two, 3), (one, 1))
        await shop.trade.changes.edit(SYSTEM, order_id, anew(first, second))
        await shop.place(second, first)

    await asyncio.gather(*(turn(number, each.id) for number, each in enumerate(orders)))
    await shop.assert_ledger_adds_up()


async def test_prices_are_those_of_the_day_and_a_coupon_stays_with_its_order(shop: Shop):
    code, sku = await coupon(shop), await shop.product(on_hand=50, price="100.00")
    order = (await shop.place((sku, 3), coupon_codes=(code,))).order
    edited = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 4)))
    assert [(each.code, each.discount) for each in edited.coupons] == [(code, 20)]
    assert edited.total == sum(each.line_total for each in edited.lines) - 20


async def test_an_edit_is_reviewed_anew_and_frees_only_what_the_rules_held(shop: Shop):
    sku = await shop.product(on_hand=50)
    _, end = await rule(shop, "note_words", "hold", words=["定制"])
    order = (await shop.place((sku, 1), customer=shop.plain)).order
    await shop.move(order.id, "reviewed")
    held = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 1), note="要定制"))
    assert (held.status, held.review) == ("review", "hold")
    freed = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 1), version=2))
    assert (freed.status, freed.review) == ("placed", "pass")
    await shop.move(order.id, "review")
    kept = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 2), version=3))
    assert (kept.status, kept.review) == ("review", "pass")
    await end()
    await shop.assert_ledger_adds_up()


async def test_beyond_the_credit_an_edit_goes_to_review_and_holds_none(shop: Shop):
    sku = await shop.product(on_hand=50, price="60.00")
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET credit_limit = 100 WHERE id = :id"), {"id": shop.poor}
        )
    order = (await shop.place((sku, 1), customer=shop.poor)).order
    beyond = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 2)))
    assert (beyond.status, beyond.credit_held) == ("review", 0)
    report = await shop.trade.changes.report(SYSTEM, order.id)
    assert (report.standing.beyond, report.verdict) == (Decimal("20.00"), "hold")
    within = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 1), version=2))
    assert (within.status, within.credit_held) == ("placed", Decimal("60.00"))
    await shop.move(order.id, "cancelled")
    await shop.assert_ledger_adds_up()


async def test_once_it_is_picked_sales_may_no_longer_change_it(shop: Shop):
    sku = await shop.product(on_hand=9)
    order = (await shop.place((sku, 1))).order
    agent = person("agent")
    assert "edit" in (await shop.service.get(agent, order.id)).allowed
    await shop.move(order.id, "reviewed", "picking")
    assert (await shop.service.get(agent, order.id)).allowed == ()
    for who in (agent, SYSTEM):
        with pytest.raises(EditNotAllowed):
            await shop.trade.changes.edit(who, order.id, anew((sku, 2)))
    await shop.move(order.id, "reviewed")
    assert (await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 2)))).version == 2
    with pytest.raises(Forbidden):
        await shop.trade.changes.edit(person("operations"), order.id, anew((sku, 2), version=2))


async def test_who_may_not_see_the_customer_finds_no_order_of_it(shop: Shop):
    sku = await shop.product(on_hand=9)
    order = (await shop.place((sku, 1), customer=shop.plain)).order
    async with shop.database.begin() as session:
        await session.execute(
            text("""
            INSERT INTO roles (code, name_zh, name_en) VALUES ('agent', '坐席', 'Agent')
              ON CONFLICT DO NOTHING;""")
        )
        owner = await session.scalar(
            text("""
            INSERT INTO users (login, name, password_hash, role_code, locale)
              VALUES ('owner', 'owner', 'x', 'agent', 'zh-CN') RETURNING id""")
        )
        await session.execute(
            text("UPDATE customers SET salesperson_id = :o WHERE id = :id"),
            {"o": owner, "id": shop.plain},
        )
    mine = replace(person("supervisor", user_id=owner), scope=Scope.OWN)
    other = replace(person("supervisor", user_id=owner + 1), scope=Scope.OWN)
    assert (await shop.service.get(mine, order.id)).id == order.id
    assert await shop.service.search(mine, OrderQuery(customer_id=shop.plain))
    assert not await shop.service.search(other, OrderQuery(customer_id=shop.plain))
    lines = shop.order((sku, 1)).lines
    for refused in (
        shop.service.get(other, order.id),
        shop.service.move(order.id, "reviewed", other),
        shop.trade.changes.edit(other, order.id, anew((sku, 2))),
        shop.trade.changes.report(other, order.id),
    ):
        with pytest.raises(UnknownOrder):
            await refused
    for refused in (
        shop.service.place(other, shop.order((sku, 1), customer=shop.plain)),
        shop.service.quote(other, shop.plain, lines),
        shop.service.products(other, sku, shop.plain),
    ):
        with pytest.raises(Exception, match="There is no customer"):
            await refused
