"""Callers who serve themselves, over a real FastAGI connection, with the services that agents use."""

from datetime import date, time
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.rights import SYSTEM
from ivr.spoken.speaker import Speaker
from orders.lines import OrderLine
from orders.quotas.commands import NewQuota, NewWindow
from orders.sales.commands import PlaceOrder
from orders.sales.tables import OrderedLine
from tests.ivr.ivr_line import NOON, Channel, until
from tests.ivr.ivr_line import OrderLine as Line
from tests.ivr.shop import ORDER, Shop, heard, keys, open_shop, orders, ring

STRANGER = "02223456789"
OTHER = "13900139000"
TODAY = date(2026, 3, 2)
SAID = Speaker("en")  # the known customer is spoken to in English
OF_DAY = ("status_of_day", *SAID.day(TODAY, TODAY))


@pytest.fixture
async def shop(line: Line, database: Database) -> Shop:
    return await open_shop(line, database)


async def customer(database: Database, number: str) -> int:
    new = NewCustomer(name="别家", phones=(number,), level_code="retailer")
    return (await CustomerService(database).create(SYSTEM, new)).id


async def test_a_product_is_told_with_the_own_price_stock_and_quota(shop: Shop) -> None:
    new = NewQuota(sku=shop.beer, period="month", quantity=12, valid_from=NOON.date())
    await shop.trade.quotas.add(SYSTEM, new)

    caller = await ring(shop, ["4", "1", *keys(shop.beer)])

    price = SAID.money(Decimal("65.00"))
    assert heard(
        caller, *SAID.code(shop.beer), "price_for_one", "unit_case", "price_is", *price,
        "stock_is", *SAID.quantity(20, "箱"), "quota_is", *SAID.quantity(12, "箱"), "product_menu",
    )  # fmt: skip


async def test_a_stranger_hears_the_list_price_and_no_quota(shop: Shop) -> None:
    caller = await ring(shop, ["4", "1", *keys(shop.wine)], caller=STRANGER)

    assert heard(caller, "price_is", *Speaker("zh").money(Decimal("168.50")), "stock_is")
    assert "quota_is" not in caller.played


async def test_keys_pressed_while_the_product_is_looked_up_answer_what_is_asked_then(
    shop: Shop, database: Database
) -> None:
    caller = Channel(keys=["4", "1", *keys(shop.beer)])
    async with database.begin() as session:
        await session.execute(text("LOCK TABLE products"))
        await shop.line.begin(caller)
        await until(lambda: caller.listens)
        caller.press("1")
        await until(lambda: not caller.listens)
        await until(lambda: caller.listens)
    await until(lambda: "pin_enter" in caller.played)
    assert "product_menu" not in caller.played
    caller.hang_up()
    await shop.line.over()


async def test_a_code_that_means_nothing_is_asked_for_again(shop: Shop) -> None:
    caller = await ring(shop, ["4", "1", *"77#", *keys(shop.wine)])

    assert heard(caller, "product_code", "product_unknown")
    assert "stock_is" in caller.played


async def test_what_is_confirmed_is_ordered_for_the_caller(shop: Shop, database: Database) -> None:
    caller = await ring(
        shop, [*ORDER, *keys(shop.beer), *"3#", "1", *keys(shop.wine), *"2#", "2", None, "1"]
    )

    (order,) = await orders(shop, database)
    assert (order.call_id, order.medium, order.total) == (
        caller.call_id,
        "电视广告",
        Decimal("532.00"),
    )
    async with database.begin() as session:
        lines = await session.execute(
            select(OrderedLine.sku, OrderedLine.quantity).where(OrderedLine.order_id == order.id)
        )
        assert set(map(tuple, lines)) == {(shop.beer, 3), (shop.wine, 2)}
        named = await session.get_one(Customer, order.customer_id)
    assert named.name == "滨海商贸"
    assert heard(caller, "order_total", *SAID.money(Decimal("532.00")), "order_confirm")
    assert heard(caller, "order_placed", *SAID.code(order.number), "menu_self_service")


async def test_without_the_last_confirmation_nothing_is_ordered(
    shop: Shop, database: Database
) -> None:
    caller = await ring(shop, shop.ordered()[:-1])

    assert await orders(shop, database) == []
    assert "order_none" in caller.played


async def test_only_customers_order(shop: Shop, database: Database) -> None:
    caller = await ring(shop, shop.ordered(), caller=STRANGER)

    assert "customers_only" in caller.played
    assert await orders(shop, database) == []


async def test_more_than_there_is_is_not_added(shop: Shop, database: Database) -> None:
    caller = await ring(
        shop, [*ORDER, *keys(shop.beer), *"21#", *keys(shop.beer), *"20#", "2", "1"]
    )

    assert "order_short" in caller.played
    assert [order.total for order in await orders(shop, database)] == [Decimal(1300)]


async def test_beyond_the_quota_nothing_is_ordered(shop: Shop, database: Database) -> None:
    new = NewQuota(sku=shop.beer, period="month", quantity=2, valid_from=NOON.date())
    await shop.trade.quotas.add(SYSTEM, new)

    caller = await ring(shop, shop.ordered())

    assert heard(caller, "order_over_quota", *SAID.number(2))
    assert await orders(shop, database) == []


async def test_outside_the_order_window_nothing_is_ordered(shop: Shop, database: Database) -> None:
    new = NewWindow(name_zh="早市", name_en="Morning", weekdays=(1,), opens=time(6), closes=time(8))
    await shop.trade.quotas.add_window(SYSTEM, new)

    caller = await ring(shop, shop.ordered())

    assert "order_closed" in caller.played
    assert await orders(shop, database) == []


async def test_beyond_the_credit_the_order_waits_for_review(shop: Shop, database: Database) -> None:
    async with database.begin() as session:
        await session.execute(update(Customer).values(credit_limit=100))

    caller = await ring(shop, shop.ordered())

    (order,) = await orders(shop, database)
    assert order.status == "review"
    assert heard(caller, "order_held", *SAID.code(order.number))


@pytest.mark.parametrize("command", range(8, 60, 2))
async def test_a_line_that_drops_leaves_one_order_or_none(
    shop: Shop, database: Database, command: int
) -> None:
    """And who comes back with the same call places none beside it."""
    dropped = await ring(shop, shop.ordered(), hang_up_at=command)
    placed = len(await orders(shop, database))
    confirmed = "order_is" in dropped.played

    await ring(shop, shop.ordered(), call_id=dropped.call_id)

    assert placed <= int(confirmed)
    assert len(await orders(shop, database)) == 1


async def test_the_last_order_and_any_other_is_told_by_its_number(
    shop: Shop, database: Database
) -> None:
    await ring(shop, shop.ordered())
    await ring(shop, shop.ordered())
    first, last = await orders(shop, database)

    digits = first.number.replace("-", "")
    caller = await ring(shop, ["4", "3", None, *digits, "#"])

    assert heard(
        caller, "status_order", *SAID.code(last.number), *OF_DAY, "status_placed", "status_number"
    )
    assert heard(caller, "status_order", *SAID.code(first.number), *OF_DAY, "status_placed")


@pytest.mark.parametrize(("check", "told"), [("9000", True), ("8000", False)])
async def test_anothers_order_is_told_only_to_who_knows_the_number(
    shop: Shop, database: Database, check: str, told: bool
) -> None:
    theirs = await customer(database, OTHER) if told else await _known(database, OTHER)
    command = PlaceOrder(f"a key {check}", theirs, (OrderLine(shop.beer, 1),))
    order = (await shop.trade.orders.place(SYSTEM, command)).order

    caller = await ring(shop, ["4", "3", *order.number.replace("-", ""), "#", *check])

    assert (f"status_{order.status}" in caller.played) is told
    assert ("status_unknown" in caller.played) is not told


async def test_who_guesses_the_digits_of_anothers_order_is_locked_out(
    shop: Shop, database: Database
) -> None:
    theirs = await _known(database, OTHER)
    command = PlaceOrder("a guessed key", theirs, (OrderLine(shop.beer, 1),))
    order = (await shop.trade.orders.place(SYSTEM, command)).order
    asked = [*order.number.replace("-", ""), "#"]

    guesses = [key for n in range(3) for key in (*asked, *f"700{n}")]
    first = await ring(shop, ["4", "3", *guesses], caller=STRANGER)
    second = await ring(shop, ["4", "3", *guesses], caller=STRANGER)
    hidden = await ring(shop, ["4", "3", *asked, *"9000"], caller="anonymous")

    assert first.played.count("status_unknown") == 3
    assert second.played.count("status_unknown") == 2
    assert heard(second, "status_locked", "menu_self_service")
    assert heard(hidden, "status_check", "status_locked")


async def _known(database: Database, number: str) -> int:
    found = await CustomerService(database).identify(number)
    return found.customer_id if found else await customer(database, number)


async def test_the_record_keeps_what_was_pressed(shop: Shop) -> None:
    caller = await ring(shop, shop.ordered())

    steps = shop.line.steps(caller)
    assert [kind for kind in steps if kind in {"service", "digits", "service_done"}] == [
        "service", "digits", "digits", "digits", "service_done",
    ]  # fmt: skip


async def test_who_served_themselves_did_not_leave_in_the_menu(shop: Shop) -> None:
    caller = Channel(keys=shop.ordered(), endless=["menu_self_service"])
    await shop.line.begin(caller)
    await until(lambda: "order_placed" in caller.played and caller.played[-1].startswith("menu"))
    caller.hang_up()
    await shop.line.over()

    assert shop.line.row(caller).outcome == "self_service"


async def test_without_the_database_the_caller_hears_it(shop: Shop, database: Database) -> None:
    shop.trade.catalogue._database = Database("postgresql://nobody@127.0.0.1:1/none")

    caller = await ring(shop, ["4", "1", *keys(shop.beer)])

    assert heard(caller, "try_later", "menu_self_service")
