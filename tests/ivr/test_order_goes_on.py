"""What becomes of an order by keypad when something in it cannot be had any more, over a real FastAGI connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, text, update

from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.rights import SYSTEM
from orders.catalogue.tables import Product
from orders.pricing.commands import NewRule
from orders.quotas.commands import NewQuota
from orders.sales.tables import OrderedLine
from orders.stock.tables import Stock
from tests.ivr.ivr_line import NOON, Channel, until
from tests.ivr.ivr_line import OrderLine as Line
from tests.ivr.shop import ORDER, Shop, heard, keys, open_shop, orders, ring
from tests.ivr.test_self_service import SAID


@pytest.fixture
async def shop(line: Line, database: Database) -> Shop:
    return await open_shop(line, database)


@asynccontextmanager
async def caller_at(shop: Shop, prompt: str, pressed: list[str]) -> AsyncIterator[Channel]:
    """A caller who has pressed these keys and hears this prompt; afterwards the call goes on to its end."""
    await shop.line.agent(1, "north", "service", "retail")
    caller = Channel(keys=pressed, endless=[prompt], dials=[("ANSWER", 1)])
    await shop.line.begin(caller)
    await until(lambda: caller.played[-1:] == [prompt])
    yield caller
    await shop.line.over()


async def press(caller: Channel, key: str, then: str) -> None:
    """A key, and what is heard after it."""
    already = len(caller.played)
    caller.press(key)
    await until(lambda: then in caller.played[already:])


async def lines(database: Database, order_id: int) -> dict[str, int]:
    async with database.begin() as session:
        found = select(OrderedLine.sku, OrderedLine.quantity)
        rows = await session.execute(found.where(OrderedLine.order_id == order_id))
        return {row.sku: row.quantity for row in rows}


async def withdraw(database: Database, sku: str) -> None:
    async with database.begin() as session:
        await session.execute(update(Product).where(Product.sku == sku).values(active=False))


async def test_goods_withdrawn_before_the_read_back_are_taken_out_and_the_rest_is_ordered(
    shop: Shop, database: Database
) -> None:
    pressed = [*ORDER, *keys(shop.beer), *"3#", "1", *keys(shop.wine), *"2#"]
    async with caller_at(shop, "order_more", pressed) as caller:
        await withdraw(database, shop.beer)
        await press(caller, "2", "order_withdrawn")
        await press(caller, "2", "order_confirm")
        await press(caller, "1", "order_placed")
        caller.hang_up()

    assert heard(caller, *SAID.code(shop.beer), "order_withdrawn", "order_more")
    (order,) = await orders(shop, database)
    assert await lines(database, order.id) == {shop.wine: 2}


async def test_goods_withdrawn_after_the_read_back_are_taken_out_and_another_can_be_had(
    shop: Shop, database: Database
) -> None:
    async with caller_at(shop, "order_confirm", shop.ordered()[:-1]) as caller:
        await withdraw(database, shop.beer)
        await press(caller, "1", "order_withdrawn")
        for key in (*keys(shop.wine), *"2#", "2"):
            caller.press(key)
        await until(lambda: caller.played[-1:] == ["order_confirm"])
        await press(caller, "1", "order_placed")
        caller.hang_up()

    assert heard(caller, "order_withdrawn", "product_code")
    (order,) = await orders(shop, database)
    assert await lines(database, order.id) == {shop.wine: 2}


async def confirm_and_lose(database: Database, caller: Channel, sku: str) -> None:
    """The caller confirms, and while the order is being written somebody else takes all there is of the product."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with database.begin() as session:
        await session.execute(
            update(Stock).where(Stock.sku == sku).values(reserved=Stock.on_hand - Stock.blocked)
        )
        caller.press("1")
        async with database.reading() as connection:
            while not await connection.scalar(waiting):
                continue


async def test_a_free_gift_that_runs_out_meanwhile_has_the_order_confirmed_once_more(
    shop: Shop, database: Database
) -> None:
    new = NewRule(
        kind="free_goods", sku=shop.beer, min_quantity=3, free_sku=shop.wine, free_quantity=1
    )
    await shop.trade.price_rules.add(SYSTEM, new)
    async with caller_at(shop, "order_confirm", shop.ordered()[:-1]) as caller:
        await confirm_and_lose(database, caller, shop.wine)
        await until(lambda: "order_gift_gone" in caller.played)
        await press(caller, "2", "order_confirm")
        await press(caller, "1", "order_placed")
        caller.hang_up()

    assert heard(caller, "order_gift_gone", "order_more")
    (order,) = await orders(shop, database)
    assert await lines(database, order.id) == {shop.beer: 3}


async def test_goods_that_somebody_else_takes_meanwhile_are_named_and_taken_out(
    shop: Shop, database: Database
) -> None:
    more = ("1", *keys(shop.wine), *"2#")
    async with caller_at(shop, "order_confirm", shop.ordered(3, *more)[:-1]) as caller:
        await confirm_and_lose(database, caller, shop.beer)
        await until(lambda: "order_taken_out" in caller.played)
        await press(caller, "2", "order_confirm")
        await press(caller, "1", "order_placed")
        caller.hang_up()

    assert heard(caller, *SAID.code(shop.beer), "stock_none", "order_taken_out", "order_more")
    (order,) = await orders(shop, database)
    assert await lines(database, order.id) == {shop.wine: 2}


async def test_beyond_the_quota_the_caller_takes_fewer(shop: Shop, database: Database) -> None:
    new = NewQuota(sku=shop.beer, period="month", quantity=2, valid_from=NOON.date())
    await shop.trade.quotas.add(SYSTEM, new)

    again = ["1", *keys(shop.beer), *"2#", "2", "1"]
    caller = await ring(shop, [*shop.ordered(), *again])

    assert "order_over_quota" in caller.played
    (order,) = await orders(shop, database)
    assert await lines(database, order.id) == {shop.beer: 2}


async def refused(*_: object, **__: object) -> None:
    raise NotFound("There is no such customer.")


async def test_who_cannot_be_told_a_total_hears_that_it_cannot_be_ordered_here(
    shop: Shop, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.trade.orders, "quote", refused)

    caller = await ring(shop, shop.ordered()[:-1])

    assert heard(caller, "order_refused", "menu_self_service")
    assert await orders(shop, database) == []


async def test_a_service_that_is_refused_says_so_and_comes_back_to_the_menu(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.trade.orders, "products", refused)

    caller = await ring(shop, ["4", "1", *keys(shop.beer)])

    assert heard(caller, "try_later", "menu_self_service")
