"""What a reviewer is told of an order: true when the catalogue, the stock or the prices have changed since."""

from decimal import Decimal

from sqlalchemy import text

from crm_core.rights import SYSTEM
from orders.payments.commands import EnteredMoney
from tests.orders.order_shop import Shop
from tests.orders.test_order_quotes import accepted, offered
from tests.orders.test_order_review import rule


async def report(shop: Shop, order_id: int):
    return await shop.trade.changes.report(SYSTEM, order_id)


def codes(found) -> list[str]:
    return [each.code for each in found.findings]


async def change(shop: Shop, what: str, sku: str) -> None:
    async with shop.database.begin() as session:
        await session.execute(text(f"UPDATE products SET {what} WHERE sku = :sku"), {"sku": sku})


async def test_goods_that_were_taken_off_sale_since_are_a_finding(shop: Shop):
    sku = await shop.product(on_hand=9)
    _, end = await rule(shop, "discount_over", "hold", value="50")
    order = (await shop.place((sku, 3), customer=shop.plain)).order
    await change(shop, "active = false", sku)
    found = await report(shop, order.id)
    (line,) = found.lines
    assert (line.sku, line.name_zh, line.wanted, line.on_sale) == (sku, f"货{sku}", 3, False)
    assert [each.params for each in found.findings if each.code == "not_on_sale"] == [{"sku": sku}]
    assert (found.verdict, found.can_be_fulfilled) == ("pass", True)
    await end()


async def test_goods_that_ran_out_cost_what_they_cost_last(shop: Shop):
    sku = await shop.product(on_hand=0, price="10.00")
    await shop.receive(sku, 4, unit_cost=Decimal("5.00"))
    await shop.receive(sku, 4, unit_cost=Decimal("7.00"))
    first = (await shop.place((sku, 8), customer=shop.plain)).order
    found = await report(shop, first.id)
    assert (found.cost, found.margin, found.lines[0].cost) == (48, 32, 48)
    await shop.move(first.id, "reviewed", "picking", "shipped")
    assert await shop.balance(sku) == (0, 0)
    waits = (await shop.place((sku, 3), customer=shop.plain, backorder=True)).order
    found = await report(shop, waits.id)
    assert (found.cost, found.margin) == (18, 12)
    assert "cost_unknown" not in codes(found)


async def test_what_nobody_knows_the_cost_of_has_no_margin(shop: Shop):
    known = await shop.product(on_hand=0)
    await shop.receive(known, 4, unit_cost=Decimal("5.00"))
    never = await shop.product(on_hand=0)
    order = (await shop.place((known, 1), (never, 1), customer=shop.plain, backorder=True)).order
    (part,) = order.parts
    assert (await report(shop, order.id)).cost == 5
    found = await report(shop, part.id)
    assert (found.cost, found.margin, found.lines[0].cost) == (None, None, None)
    assert [each.params for each in found.findings if each.code == "cost_unknown"] == [
        {"sku": never}
    ]


async def test_what_is_off_is_counted_as_when_it_was_placed(shop: Shop):
    sku = await shop.product(
        on_hand=99, price="10.00", packs=[{"unit": "件", "factor": 6, "list_price": "50.00"}]
    )
    await shop.rule("free_goods", sku=sku, min_quantity=6, free_quantity=3, free_most=99)
    _, end = await rule(shop, "discount_over", "hold", value="5")
    order = (await shop.place((sku, 1, "件"), customer=shop.plain)).order
    assert [line.quantity for line in order.lines] == [1, 3]
    assert (order.total, order.review) == (50, "pass")
    assert (await report(shop, order.id)).verdict == "pass"
    await change(shop, "list_price = 30", sku)
    found = await report(shop, order.id)
    assert (found.verdict, found.lines[0].wanted) == ("pass", 9)
    await end()


async def test_what_is_off_a_quoted_price_is_told_the_same_later(shop: Shop):
    sku = await shop.product(on_hand=99, price="10.00")
    _, end = await rule(shop, "discount_over", "hold", value="20")
    quote = await offered(shop, sku, 2, "30")
    order_id = await accepted(shop, quote)
    order = await shop.service.get(SYSTEM, order_id)
    assert (order.status, order.review) == ("review", "hold")
    await change(shop, "list_price = 1", sku)
    found = await report(shop, order_id)
    assert (found.verdict, found.why) == ("hold", order.review_why)
    await end()


async def test_what_is_paid_needs_no_credit(shop: Shop):
    sku = await shop.product(on_hand=9, price="60.00")
    order = (await shop.place((sku, 2), customer=shop.poor)).order
    assert order.review == "hold"  # 120 where the credit is 100
    assert (await report(shop, order.id)).standing.beyond == 20
    money = EnteredMoney(
        amount=Decimal(50), method="cash", reference="report-1", paid_at=shop.clock.now
    )
    await shop.trade.payments.enter(SYSTEM, order.id, money)
    found = await report(shop, order.id)
    assert (found.standing.beyond, found.verdict) == (0, "pass")
    await shop.move(order.id, "cancelled")


async def test_a_pack_of_many_base_units_is_reported_too(shop: Shop):
    sku = await shop.product(on_hand=0, packs=[{"unit": "托", "factor": 60_000}])
    order = (await shop.place((sku, 2, "托"), customer=shop.plain, backorder=True)).order
    found = await report(shop, order.id)
    assert (found.lines[0].wanted, found.lines[0].short) == (120_000, 120_000)
