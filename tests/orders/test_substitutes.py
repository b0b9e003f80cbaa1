"""What could be sold instead of a line that is short: on sale, free, priced for the customer, within the quotas."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.rights import SYSTEM
from orders.lines import OrderLine
from orders.quotas.commands import NewQuota
from orders.sales.substitutes import MOST, in_steps
from tests.orders.order_shop import NOW, Shop


async def instead(shop: Shop, *lines: tuple, customer: int | None = None):
    """The substitutes of each line of a quote."""
    asked = [OrderLine(*line) for line in lines]
    quote = await shop.service.quote(SYSTEM, customer or shop.dealer, asked)
    return [line.substitutes for line in quote.lines]


async def test_a_short_line_says_what_could_be_had_instead_at_the_customers_own_price(shop: Shop):
    other = await shop.product(on_hand=9, price="10.00", level_price="8.00")
    sku = await shop.product(on_hand=2, substitutes=(other,))
    assert await instead(shop, (sku, 2)) == [()]
    ((found,),) = await instead(shop, (sku, 3))
    assert (found.sku, found.unit, found.quantity, found.available) == (other, "箱", 3, 9)
    assert (found.unit_price, found.line_total) == (Decimal("7.60"), Decimal("22.80"))
    assert [each.code for each in found.why] == ["list_price", "level_price", "policy_discount"]
    ((found,),) = await instead(shop, (sku, 3), customer=shop.plain)
    assert found.unit_price == Decimal("10.00")


async def test_the_price_is_that_of_the_quantity_there_would_be_in_all(shop: Shop):
    other = await shop.product(on_hand=20)
    await shop.rule("price", sku=other, value=Decimal(6), min_quantity=8)
    sku = await shop.product(on_hand=0, substitutes=(other,))
    found, nothing = await instead(shop, (sku, 3), (other, 5), customer=shop.plain)
    assert [each.unit_price for each in found] == [Decimal("6.00")]
    assert nothing == ()


async def test_only_what_could_be_ordered_in_its_place_is_offered_in_the_catalogues_order(
    shop: Shop,
):
    few = await shop.product(on_hand=4)
    first, second = await shop.product(on_hand=5), await shop.product(on_hand=5)
    ended = await shop.product(on_hand=9, active=False)
    elsewhere = await shop.product(on_hand=0)
    more = [await shop.product(on_hand=5) for _ in range(2)]
    others = (few, second, ended, elsewhere, first, *more)
    sku = await shop.product(on_hand=4, substitutes=others)
    (found,) = await instead(shop, (sku, 5))
    assert [each.sku for each in found] == [second, first, more[0]]
    assert len(found) == MOST
    taken, _ = await instead(shop, (sku, 5), (second, 1))
    assert [each.sku for each in taken] == [first, *more]


async def test_goods_of_another_warehouse_are_no_substitute(shop: Shop):
    await shop.scalar(
        "INSERT INTO warehouses (code, name_zh, name_en, kind) VALUES ('sub', '库', 'W', 'warehouse')"
        " RETURNING code"
    )
    other = await shop.product(on_hand=0)
    await shop.receive(other, 9, warehouse="sub")
    sku = await shop.product(on_hand=0, substitutes=(other,))
    assert await instead(shop, (sku, 1)) == [()]
    quote = await shop.service.quote(SYSTEM, shop.dealer, [OrderLine(sku, 1)], "sub")
    assert [each.sku for each in quote.lines[0].substitutes] == [other]


async def test_a_pack_is_swapped_for_a_pack_of_that_name_else_for_as_many_base_units(shop: Shop):
    pack = ({"unit": "件", "factor": 6},)
    packed = await shop.product(on_hand=60, packs=pack)
    loose = await shop.product(on_hand=60, order_step=5)
    sku = await shop.product(
        on_hand=0, packs=({"unit": "件", "factor": 4},), substitutes=(packed, loose)
    )
    ((first, second),) = await instead(shop, (sku, 3, "件"), customer=shop.plain)
    assert (first.sku, first.unit, first.factor, first.quantity) == (packed, "件", 6, 3)
    assert (first.unit_price, first.available) == (Decimal("60.00"), 10)
    assert (second.sku, second.unit, second.factor, second.quantity) == (loose, "箱", 1, 15)
    again = await shop.place((loose, second.quantity), customer=shop.plain)
    assert again.created


async def test_a_substitute_beyond_the_customers_quota_is_not_offered(shop: Shop):
    scarce, free = await shop.product(on_hand=50), await shop.product(on_hand=50)
    await shop.trade.quotas.add(
        SYSTEM, NewQuota(sku=scarce, period="day", quantity=6, valid_from=NOW.date())
    )
    sku = await shop.product(on_hand=0, substitutes=(scarce, free))
    ((first, second),) = await instead(shop, (sku, 6))
    assert (first.sku, second.sku) == (scarce, free)
    (found,) = await instead(shop, (sku, 7))
    assert [each.sku for each in found] == [free]
    beside, _ = await instead(shop, (sku, 4), (scarce, 3))
    assert [each.sku for each in beside] == [free]


async def test_nothing_is_read_of_substitutes_when_no_line_is_short(shop: Shop):
    other = await shop.product(on_hand=9)
    sku = await shop.product(on_hand=5, substitutes=(other,))
    async with shop.database.begin() as session:
        await session.execute(text("LOCK TABLE product_substitutes"))
        assert await instead(shop, (sku, 5)) == [()]


async def test_the_report_of_a_review_names_substitutes_of_what_is_short(shop: Shop):
    other = await shop.product(on_hand=9)
    sku = await shop.product(on_hand=1, substitutes=(other,))
    placed = await shop.place((sku, 3), backorder=True)
    part = placed.order.parts[0]
    report = await shop.trade.changes.report(SYSTEM, part.id)
    (line,) = report.lines
    assert (report.can_be_fulfilled, line.short) == (False, 2)
    assert [(each.sku, each.quantity) for each in line.substitutes] == [(other, 2)]
    there = await shop.trade.changes.report(SYSTEM, placed.order.id)
    assert [line.substitutes for line in there.lines] == [()]


@given(st.integers(1, 1000), st.integers(1, 50), st.integers(1, 50))
def test_a_quantity_in_steps_is_the_least_that_can_be_ordered(quantity, factor, step):
    found = in_steps(quantity, factor, step)
    assert found >= quantity
    assert found * factor % step == 0
    assert all(less * factor % step for less in range(quantity, found))
