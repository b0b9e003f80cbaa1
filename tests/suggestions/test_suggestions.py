"""Goods counted together from delivered orders, and suggested while an order is written."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Forbidden, NotFound
from crm_core.rights import SYSTEM, Principal, Right
from orders.lines import OrderLine
from orders.quotas.commands import NewQuota
from orders.suggestions.counting import PairCounting
from orders.suggestions.rules import Limits
from orders.suggestions.service import SuggestionService
from tests.orders.order_shop import Shop

LIMITS = Limits(orders=2, support=0.0, lift=1.05)
DELIVERED = ("reviewed", "picking", "shipped", "in_transit", "delivered")


def service(shop: Shop) -> SuggestionService:
    trade = shop.trade.suggestions
    return SuggestionService(shop.database, clock=shop.clock, zone=trade._zone, limits=LIMITS)


def worker(shop: Shop, batch: int = 50) -> PairCounting:
    return PairCounting(shop.database, clock=shop.clock, batch=batch)


async def goods(shop: Shop, *numbers: int) -> list[str]:
    return [await shop.product(on_hand=number) for number in numbers]


async def delivered(shop: Shop, *skus: str, customer: int | None = None) -> int:
    placed = await shop.place(*((sku, 1) for sku in skus), customer=customer)
    await shop.move(placed.order.id, *DELIVERED)
    return placed.order.id


async def suggested(shop: Shop, *skus: str, customer: int | None = None) -> list[str]:
    lines = tuple(OrderLine(sku, 1) for sku in skus)
    found = await service(shop).suggest(SYSTEM, customer or shop.plain, lines)
    return [each.product.sku for each in found]


async def alone(shop: Shop, sku: str) -> int:
    return await shop.scalar("SELECT orders FROM product_counts WHERE sku = :sku", sku=sku)


async def together(shop: Shop, a: str, b: str) -> int:
    return await shop.scalar(
        "SELECT coalesce((SELECT orders FROM product_pairs WHERE sku = :a AND with_sku = :b), 0)",
        a=a,
        b=b,
    )


async def test_delivered_orders_are_counted_once_however_often_it_is_looked(shop: Shop):
    tea, cups, rice = await goods(shop, 50, 50, 50)
    before = await shop.scalar("SELECT coalesce(max(orders), 0) FROM pair_counts")
    for _ in range(3):
        await delivered(shop, tea, cups)
    await delivered(shop, rice)
    await shop.place((tea, 1), (rice, 1))
    counting = worker(shop, batch=2)
    assert [await counting.run_once() for _ in range(4)] == [2, 2, 0, 0]
    await asyncio.gather(*(worker(shop).run_once() for _ in range(4)))
    assert await together(shop, tea, cups) == await together(shop, cups, tea) == 3
    assert await alone(shop, tea) == 3
    assert await together(shop, tea, rice) == 0
    assert await shop.scalar("SELECT orders FROM pair_counts") == before + 4


async def test_a_delivery_that_is_committed_late_is_counted_too(shop: Shop):
    one, two = await goods(shop, 9, 9)
    await delivered(shop, one)
    late = await delivered(shop, one, two)
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE order_status_log SET at = at - interval '5 min' WHERE order_id = :id"),
            {"id": late},
        )
        await session.execute(text("INSERT INTO counted_orders VALUES (:id, now())"), {"id": late})
    await worker(shop).run_once()
    assert await together(shop, one, two) == 0
    async with shop.database.begin() as session:
        await session.execute(text("DELETE FROM counted_orders WHERE order_id = :id"), {"id": late})
    await worker(shop).run_once()
    assert await together(shop, one, two) == 1


async def test_goods_that_go_together_are_suggested_with_the_reason(shop: Shop):
    pot, lid, salt = await goods(shop, 50, 50, 50)
    for _ in range(4):
        await delivered(shop, pot, lid, customer=shop.dealer)
    for _ in range(4):
        await delivered(shop, salt, customer=shop.dealer)
    await worker(shop).run_once()
    lines = (OrderLine(pot, 1),)
    found = await service(shop).suggest(SYSTEM, shop.plain, lines)
    assert [each.product.sku for each in found] == [lid]
    (why,) = found[0].why
    assert (why.code, why.params["percent"], why.params["orders"]) == (
        "bought_together",
        "100",
        "4",
    )
    assert why.params["name_zh"] == f"货{pot}"
    assert await suggested(shop, pot, lid) == []
    assert await suggested(shop) == []


async def test_a_suggestion_is_the_product_as_the_same_customer_finds_it(shop: Shop):
    coat = await shop.product(on_hand=50)
    hook = await shop.product(on_hand=50, packs=({"unit": "托", "factor": 12},))
    await shop.rule("percent_off", sku=hook, value=Decimal(10), name_zh="九折", name_en="10 % off")
    for _ in range(4):
        await delivered(shop, coat, hook, customer=shop.dealer)
    for _ in range(4):
        await delivered(shop, (await goods(shop, 1))[0], customer=shop.dealer)
    await worker(shop).run_once()
    (found,) = await service(shop).suggest(SYSTEM, shop.plain, (OrderLine(coat, 1),))
    (listed,) = await shop.trade.orders.products(SYSTEM, hook, shop.plain)
    assert found.product == listed
    assert found.product.own_price < found.product.list_price
    assert [pack.unit for pack in found.product.packs] == ["托"]


async def test_what_cannot_be_sold_is_not_suggested(shop: Shop):
    pan, oil, egg, wok = await goods(shop, 50, 4, 50, 50)
    for _ in range(4):
        await delivered(shop, pan, oil, egg, wok, customer=shop.dealer)
    for _ in range(6):
        await delivered(shop, (await goods(shop, 1))[0], customer=shop.dealer)
    await worker(shop).run_once()
    assert set(await suggested(shop, pan)) == {egg, wok}
    await shop.trade.quotas.add(
        SYSTEM,
        NewQuota(
            sku=egg,
            customer_id=shop.plain,
            period="month",
            quantity=0,
            valid_from=shop.clock.now.date(),
        ),
    )
    assert await suggested(shop, pan) == [wok]
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE products SET active = false WHERE sku = :sku"), {"sku": wok}
        )
    assert await suggested(shop, pan) == []


async def test_free_goods_say_nothing_of_taste(shop: Shop):
    soap, gift = await goods(shop, 50, 50)
    await shop.rule(
        "free_goods",
        sku=soap,
        min_quantity=1,
        free_sku=gift,
        free_quantity=1,
        name_zh="赠品",
        name_en="Gift",
    )
    for _ in range(3):
        await delivered(shop, soap)
    await worker(shop).run_once()
    assert await alone(shop, soap) == 3
    assert await together(shop, soap, gift) == 0


async def test_what_a_customer_buys_every_week_is_suggested_when_the_week_is_over(shop: Shop):
    milk, bread = await goods(shop, 50, 50)
    customer = await shop.customer("每周来一次")
    for _ in range(4):
        await shop.place((milk, 1), customer=customer)
        shop.clock.pass_by(timedelta(days=7))
    found = await service(shop).suggest(SYSTEM, customer, (OrderLine(bread, 1),))
    assert [(each.product.sku, each.why[0].code) for each in found] == [(milk, "usual_now")]
    assert found[0].why[0].params == {"days": "7", "since": "7"}
    assert await suggested(shop, milk, customer=customer) == []
    assert await suggested(shop, bread, customer=shop.poor) == []
    shop.clock.pass_by(timedelta(days=30))
    assert await suggested(shop, bread, customer=customer) == []


async def test_suggestions_are_for_those_who_place_orders(shop: Shop):
    nobody = Principal(1, "n", "n", "n", frozenset({Right.ORDER_VIEW}), "zh-CN", None, 1)
    with pytest.raises(Forbidden):
        await service(shop).suggest(nobody, shop.plain, ())
    with pytest.raises(NotFound):
        await service(shop).suggest(SYSTEM, 987_654, ())
