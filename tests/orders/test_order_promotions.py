"""Packs, promotions and prices by customer, level, category and day, as an order meets them."""

from datetime import date
from decimal import Decimal

import pytest

from crm_core.rights import SYSTEM
from orders.catalogue.commands import NewCategory
from orders.errors import BadOrder, OutOfStock, UnknownUnit
from orders.lines import OrderLine
from tests.orders.order_shop import Shop

CASE = {"unit": "瓶", "packs": ({"unit": "箱", "factor": 12, "list_price": "110.00"},)}
TODAY, YESTERDAY, TOMORROW = date(2026, 3, 2), date(2026, 3, 1), date(2026, 3, 3)


async def price_of(shop: Shop, sku: str, quantity: int = 1, customer: int | None = None):
    quote = await shop.service.quote(SYSTEM, customer or shop.plain, [OrderLine(sku, quantity)])
    return quote.lines[0].unit_price


async def test_bottles_and_cases_of_one_product_take_base_units_of_stock(shop: Shop):
    sku = await shop.product(on_hand=30, **CASE)
    placed = await shop.place((sku, 5), (sku, 2, "箱"), customer=shop.plain)
    bottles, cases = placed.order.lines
    assert (bottles.unit, bottles.factor, bottles.unit_price) == ("瓶", 1, Decimal("10.00"))
    assert (cases.unit, cases.factor, cases.unit_price) == ("箱", 12, Decimal("110.00"))
    assert placed.order.total == Decimal("270.00")
    assert await shop.balance(sku) == (30, 29)
    with pytest.raises(OutOfStock) as refused:
        await shop.place((sku, 1, "箱"), customer=shop.plain)
    assert refused.value.fields == {"sku": sku, "available": 1}
    await shop.move(placed.order.id, "reviewed", "picking", "shipped")
    assert await shop.balance(sku) == (1, 0)
    await shop.assert_ledger_adds_up()


async def test_a_unit_that_the_product_does_not_have_is_refused_by_name(shop: Shop):
    sku = await shop.product(on_hand=30)
    with pytest.raises(UnknownUnit) as refused:
        await shop.place((sku, 1, "吨"))
    assert refused.value.fields == {"sku": sku, "unit": "吨"}


async def test_the_same_lines_in_another_unit_are_another_order(shop: Shop):
    sku = await shop.product(on_hand=300, **CASE)
    in_bottles, in_cases = (
        shop.order((sku, 1), key="k" * 8),
        shop.order((sku, 1, "箱"), key="k" * 8),
    )
    assert in_bottles.fingerprint != in_cases.fingerprint


async def test_goods_are_ordered_in_whole_steps(shop: Shop):
    sku = await shop.product(on_hand=90, unit="条", order_step=5)
    quote = await shop.service.quote(SYSTEM, shop.plain, [OrderLine(sku, 7)])
    assert [(w.code, w.params["step"]) for w in quote.warnings] == [("order_step", "5")]
    with pytest.raises(BadOrder) as refused:
        await shop.place((sku, 7), customer=shop.plain)
    assert refused.value.fields == {"sku": sku, "order_step": "5"}
    assert (await shop.place((sku, 10), customer=shop.plain)).created


async def test_prices_by_quantity_count_all_units_of_the_product_together(shop: Shop):
    sku = await shop.product(on_hand=900, **CASE)
    await shop.rule("price", sku=sku, min_quantity=24, value="9.00")
    assert await price_of(shop, sku, 23) == Decimal("10.00")
    assert await price_of(shop, sku, 24) == Decimal("9.00")
    lines = [OrderLine(sku, 12), OrderLine(sku, 1, "箱")]
    quote = await shop.service.quote(SYSTEM, shop.plain, lines)
    assert [line.unit_price for line in quote.lines] == [Decimal("9.00"), Decimal("108.00")]


async def test_a_rule_holds_for_its_customer_level_and_days(shop: Shop):
    sku = await shop.product(on_hand=9)
    await shop.rule("price", sku=sku, customer_id=shop.plain, value="7.00")
    assert await price_of(shop, sku) == Decimal("7.00")
    assert await price_of(shop, sku, customer=shop.poor) == Decimal("10.00")
    for days, cheaper in (
        ({"valid_from": TODAY, "valid_until": TODAY}, True),
        ({"valid_until": YESTERDAY}, False),
        ({"valid_from": TOMORROW}, False),
        ({"active": False}, False),
    ):
        own = await shop.product(on_hand=9)
        await shop.rule("amount_off", sku=own, value="1.00", **days)
        assert (await price_of(shop, own) == Decimal("9.00")) is cheaper


async def test_a_category_s_promotion_reaches_what_stands_below_it(shop: Shop):
    catalogue = shop.trade.catalogue
    for code, parent in (("drinks", None), ("spirits", "drinks"), ("baijiu", "spirits")):
        new = NewCategory(code=code, parent_code=parent, name_zh=code, name_en=code)
        await catalogue.add_category(SYSTEM, new)
    await shop.rule("percent_off", category_code="drinks", value="10")
    inside = await shop.product(on_hand=9, category_code="baijiu")
    outside = await shop.product(on_hand=9)
    assert await price_of(shop, inside) == Decimal("9.00")
    assert await price_of(shop, outside) == Decimal("10.00")


async def test_goods_come_free_as_lines_without_a_price_and_leave_the_stock(shop: Shop):
    glass = await shop.product(on_hand=3, price="2.00")
    sku = await shop.product(on_hand=100)
    await shop.rule("free_goods", sku=sku, min_quantity=10, free_sku=glass, free_quantity=1)
    placed = await shop.place((sku, 25), customer=shop.plain)
    bought, free = placed.order.lines
    assert (free.sku, free.quantity, free.unit_price) == (glass, 2, Decimal("0.00"))
    assert [why.code for why in free.why] == ["free_goods"]
    assert placed.order.total == bought.line_total
    assert await shop.balance(glass) == (3, 2)
    await shop.assert_ledger_adds_up()


async def test_free_goods_that_are_short_are_said_and_do_not_refuse_the_order(shop: Shop):
    sku = await shop.product(on_hand=11)
    await shop.rule("free_goods", sku=sku, min_quantity=5, free_quantity=1)
    placed = await shop.place((sku, 10), customer=shop.plain)
    assert [(line.quantity, line.unit_price) for line in placed.order.lines] == [
        (10, Decimal("10.00")),
        (1, Decimal("0.00")),
    ]
    short = [(w.code, w.params["quantity"]) for w in placed.warnings]
    assert short == [("free_goods_short", "1")]
    assert await shop.balance(sku) == (11, 11)


async def test_an_order_discount_comes_off_the_total_with_its_reason(shop: Shop):
    sku = await shop.product(on_hand=10_000)
    await shop.rule(
        "order_amount_off", name_zh="满减", name_en="Off", min_total="50000", value="500"
    )
    below = await shop.service.quote(SYSTEM, shop.plain, [OrderLine(sku, 4999)])
    assert (below.discount, below.discount_why) == (Decimal("0.00"), ())
    placed = (await shop.place((sku, 5000), customer=shop.plain)).order
    assert (placed.total, placed.discount) == (Decimal("49500.00"), Decimal("500.00"))
    stored = await shop.service.get(SYSTEM, placed.id)
    assert stored == placed
    (why,) = stored.discount_why
    assert (why.code, why.params["name_zh"], why.params["amount"]) == (
        "order_amount_off",
        "满减",
        "500.00",
    )


async def test_products_show_what_a_pack_costs_and_are_found_by_barcode_and_pinyin(shop: Shop):
    sku = await shop.product(on_hand=50, name_zh="蓝莓酒", barcode="6901234567892", **CASE)
    for words in ("6901234567892", "蓝莓", "lanmei", "lmj", sku.lower()):
        found = await shop.service.products(SYSTEM, words, shop.plain)
        assert sku in [each.sku for each in found], words
    (shown,) = await shop.service.products(SYSTEM, "6901234567892", shop.plain)
    (pack,) = shown.packs
    assert (pack.unit, pack.factor, pack.own_price) == ("箱", 12, Decimal("110.00"))
