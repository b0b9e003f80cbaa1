"""Callers who prove who they are by PIN, and what they hear then, over a real FastAGI connection."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select, text, update

from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.rights import SYSTEM
from dialer.do_not_call.tables import DoNotCall
from ivr.line.live import Line as ThisLine
from ivr.line_file import read_line
from ivr.menu import Language
from ivr.spoken.speaker import Speaker
from orders.catalogue.tables import Product
from orders.lines import OrderLine
from orders.quotas.commands import NewQuota
from orders.sales.commands import PlaceOrder
from orders.sales.tables import OrderedLine
from tests.ivr.ivr_line import KNOWN, LINE_FILE, NOON, Channel, until
from tests.ivr.ivr_line import OrderLine as Line
from tests.ivr.shop import PIN, Shop, heard, keys, open_shop, orders, ring

STRANGER = "02223456789"
OWN = "914260"
CODE = "1001"
SAID = Speaker("en")
CREDIT, NOTICES, NEW_PIN = ["4", "5", "1"], ["4", "5", "2"], ["4", "5", "3"]
BEST, NEW, RULES = ["4", "4", "1"], ["4", "4", "2"], ["4", "4", "3"]


@pytest.fixture
async def shop(line: Line, database: Database) -> Shop:
    """The known customer has the code 1001."""
    made = await open_shop(line, database)
    async with database.begin() as session:
        for table in (NoticeRecipient, Notice):
            await session.execute(delete(table))
        await session.execute(
            update(Product).where(Product.sku.not_in((made.beer, made.wine))).values(active=False)
        )
        await session.execute(
            update(Customer).where(Customer.id == made.customer).values(code=f"D{CODE}")
        )
    return made


def identified(pin: str = PIN) -> list[str]:
    return [*CODE, "#", *pin, "#"]


def steps(shop: Shop, caller: Channel) -> str:
    return "".join(
        str(step.detail) for step in shop.line.rows()[1] if step.call_id == caller.call_id
    )


async def test_credit_and_what_is_overdue_are_told_after_the_pin(
    shop: Shop, database: Database
) -> None:
    async with database.begin() as session:
        await session.execute(
            update(Customer).values(
                credit_limit=5000, credit_used=Decimal("1234.50"), overdue_entered=800
            )
        )

    caller = await ring(shop, [*CREDIT, *PIN, "#"])

    assert heard(
        caller, "pin_enter", "credit_limit", *SAID.money(Decimal(5000)), "credit_used", *SAID.money(Decimal("1234.50")),
        "credit_left", *SAID.money(Decimal("3765.50")), "credit_overdue", *SAID.money(Decimal(800)), "hear_again",
    )  # fmt: skip


async def test_without_the_pin_nothing_of_the_account_is_told(shop: Shop) -> None:
    caller = await ring(shop, [*CREDIT, *OWN, "#", *OWN, "#", *OWN, "#"])

    assert caller.played.count("pin_wrong") == 3
    assert "credit_limit" not in caller.played


async def test_no_digit_of_a_pin_stands_in_the_record(shop: Shop) -> None:
    caller = await ring(shop, [*CREDIT, *PIN, "#", "*", "3", *OWN, "#", *OWN, "#"])

    assert "pin_changed" in caller.played
    kept = steps(shop, caller)
    assert PIN not in kept
    assert OWN not in kept
    assert "****" in kept


async def test_the_pin_is_asked_for_once_a_call(shop: Shop) -> None:
    caller = await ring(shop, [*CREDIT, *PIN, "#", "*", "1", "*"])

    assert caller.played.count("pin_enter") == 1
    assert caller.played.count("credit_limit") == 2


async def test_after_too_many_wrong_pins_it_is_locked(shop: Shop) -> None:
    await ring(shop, [*CREDIT, *OWN, "#", *OWN, "#", *OWN, "#"])
    caller = await ring(shop, [*CREDIT, *OWN, "#", *OWN, "#"])

    assert heard(caller, "pin_wrong", "pin_locked")


async def test_who_was_given_a_pin_chooses_an_own_one_when_using_it(
    shop: Shop, database: Database
) -> None:
    customer_id = shop.customer
    await shop.line.house.pins.give(SYSTEM, customer_id, "605172")

    await ring(shop, [*CREDIT, *"605172#", *"123456#", *"123456#", *OWN, "#", *OWN, "#"])
    caller = await ring(shop, [*CREDIT, *OWN, "#"])

    assert "credit_limit" in caller.played


async def test_a_customer_without_a_pin_is_sent_to_an_agent(shop: Shop, database: Database) -> None:
    await shop.line.house.pins.take_away(SYSTEM, shop.customer)
    caller = await ring(shop, CREDIT)
    assert heard(caller, "pin_none", "menu_account")


async def test_a_dealer_on_another_telephone_orders_by_code_and_pin(
    shop: Shop, database: Database
) -> None:
    pressed = ["4", "2", *identified(), *keys(shop.beer), *"3#", "2", "1"]

    caller = await ring(shop, pressed, caller=STRANGER)

    (order,) = await orders(shop, database)
    assert (order.customer_id, order.call_id) == (shop.customer, caller.call_id)
    assert shop.line.row(caller).customer_id == order.customer_id


async def test_with_a_wrong_pair_of_code_and_pin_nobody_orders(
    shop: Shop, database: Database
) -> None:
    pair = [*"9999#", *PIN, "#"]
    caller = await ring(shop, ["4", "2", *pair, *identified(OWN), *pair], caller=STRANGER)

    assert caller.played.count("pin_wrong_pair") == 3
    assert "customers_only" in caller.played
    assert await orders(shop, database) == []


@pytest.mark.parametrize("command", range(12, 60, 4))
async def test_a_line_that_drops_leaves_a_dealer_one_order_or_none(
    shop: Shop, database: Database, command: int
) -> None:
    pressed = ["4", "2", *identified(), *keys(shop.beer), *"3#", "2", "1"]
    dropped = await ring(shop, pressed, caller=STRANGER, hang_up_at=command)
    placed = len(await orders(shop, database))
    confirmed = "order_is" in dropped.played

    await ring(shop, pressed, caller=STRANGER, call_id=dropped.call_id)

    assert placed <= int(confirmed)
    assert len(await orders(shop, database)) == 1


async def terms(shop: Shop, database: Database, *, credit: int, pin: bool) -> None:
    async with database.begin() as session:
        await session.execute(update(Customer).values(credit_limit=credit))
    if not pin:
        await shop.line.house.pins.take_away(SYSTEM, shop.customer)


def with_key(shop: Shop, key: str) -> None:
    """The line as it is shipped, but for the key that orders."""
    words = LINE_FILE.read_text(encoding="utf-8")
    assert "{service: order}" in words
    shop.line.house.line.now = ThisLine(1, *read_line(words.replace("{service: order}", key)))


async def test_a_forged_number_orders_nothing_for_who_has_a_pin(
    shop: Shop, database: Database
) -> None:
    await terms(shop, database, credit=0, pin=True)

    caller = await ring(shop, ["4", "2", *OWN, "#", *OWN, "#", *OWN, "#"])

    assert caller.played.count("pin_wrong") == 3
    assert "order_none" in caller.played
    assert "order_quantity" not in caller.played


async def test_who_has_credit_and_no_pin_orders_nothing_on_account(
    shop: Shop, database: Database
) -> None:
    await terms(shop, database, credit=5000, pin=False)

    caller = await ring(shop, ["4", "2"])

    assert heard(caller, "pin_none", "order_none")


async def test_who_has_neither_credit_nor_pin_orders_by_number_and_waits_for_review(
    shop: Shop, database: Database
) -> None:
    await terms(shop, database, credit=0, pin=False)

    caller = await ring(shop, ["4", "2", *keys(shop.beer), *"3#", "2", "1"])

    (order,) = await orders(shop, database)
    assert order.status == "review"
    assert "pin_enter" not in caller.played


async def test_where_the_line_says_so_the_number_alone_orders(
    shop: Shop, database: Database
) -> None:
    with_key(shop, "{service: order, pin: false}")

    await ring(shop, ["4", "2", *keys(shop.beer), *"3#", "2", "1"])

    assert [each.status for each in await orders(shop, database)] == ["placed"]


async def test_where_the_line_says_so_everybody_proves_who_they_are_to_order(
    shop: Shop, database: Database
) -> None:
    await terms(shop, database, credit=0, pin=False)
    with_key(shop, "{service: order, pin: true}")

    caller = await ring(shop, ["4", "2", *keys(shop.beer), *"3#", "2", "1"])

    assert "pin_none" in caller.played
    assert await orders(shop, database) == []


async def test_who_orders_a_product_that_was_looked_up_gives_the_pin_too(
    shop: Shop, database: Database
) -> None:
    caller = await ring(shop, ["4", "1", *keys(shop.beer), None, "1", *PIN, "#", *"3#", "2", "1"])

    assert heard(caller, "no_key", "pin_enter")
    assert len(await orders(shop, database)) == 1


async def place(shop: Shop, customer_id: int, sku: str, quantity: int) -> None:
    command = PlaceOrder(f"{sku} {quantity}", customer_id, (OrderLine(sku, quantity),))
    await shop.trade.orders.place(SYSTEM, command)


def offered(said: Speaker, sku: str, price: str) -> tuple[str, ...]:
    return (
        "offered_code", *said.code(sku[1:]), "price_for_one", *said.one("箱"),
        "price_is", *said.money(Decimal(price)), "offered_menu",
    )  # fmt: skip


@pytest.mark.parametrize(("number", "language"), [(KNOWN, "en"), (STRANGER, "zh")])
async def test_best_sellers_are_told_the_best_first(
    shop: Shop, database: Database, number: str, language: Language
) -> None:
    customer_id, said = shop.customer, Speaker(language)
    await place(shop, customer_id, shop.beer, 2)
    await place(shop, customer_id, shop.wine, 5)

    caller = await ring(shop, [*BEST, None, "3", None, "2", None, "2"], caller=number)

    wine, beer = offered(said, shop.wine, "168.50"), offered(said, shop.beer, "65.00")
    silent = (*wine, "no_key", *wine, "no_key", *beer, "no_key", "offered_end")
    assert heard(caller, "best_are", *silent)


async def test_what_was_cancelled_or_long_ago_is_no_best_seller(
    shop: Shop, database: Database
) -> None:
    customer_id = shop.customer
    await place(shop, customer_id, shop.beer, 9)
    async with database.begin() as session:
        await session.execute(
            text("UPDATE orders SET status = 'cancelled' WHERE id > :since"), {"since": shop.since}
        )
    await place(shop, customer_id, shop.wine, 1)

    caller = await ring(shop, [*BEST, None, "2"])
    assert not heard(caller, *SAID.code(shop.beer[1:]))
    shop.line.clock.now += timedelta(days=31)
    caller = await ring(shop, BEST)
    assert "offered_none" in caller.played
    shop.line.clock.now = NOON


async def test_what_the_callers_level_may_not_buy_is_not_offered(shop: Shop) -> None:
    new = NewQuota(
        sku=shop.beer, level_code="city", period="month", quantity=0, valid_from=NOON.date()
    )
    await shop.trade.quotas.add(SYSTEM, new)

    caller = await ring(shop, [*NEW, None, "2"])

    assert heard(caller, "new_are", *offered(SAID, shop.wine, "168.50"), "no_key", "offered_end")


async def test_a_new_product_is_ordered_by_a_key(shop: Shop, database: Database) -> None:
    await ring(shop, [*NEW, None, "1", *PIN, "#", *"2#", "2", "1"])

    (order,) = await orders(shop, database)
    async with database.begin() as session:
        line = (
            await session.scalars(select(OrderedLine).where(OrderedLine.order_id == order.id))
        ).one()
    assert (line.sku in (shop.beer, shop.wine), line.quantity) == (True, 2)


async def test_the_rules_are_windows_and_quotas(shop: Shop) -> None:
    new = NewQuota(sku=shop.beer, period="month", quantity=12, valid_from=NOON.date())
    await shop.trade.quotas.add(SYSTEM, new)

    caller = await ring(shop, RULES)

    assert heard(
        caller,
        "rules_always",
        *SAID.code(shop.beer),
        "quota_is",
        *SAID.quantity(12, "箱"),
        "hear_again",
    )


async def test_a_menu_may_ask_for_the_pin_before_any_service(shop: Shop) -> None:
    words = LINE_FILE.read_text(encoding="utf-8")
    plain, asking = "{service: products}", "{service: products, pin: true}"
    shop.line.house.line.now = ThisLine(1, *read_line(words.replace(plain, asking)))

    caller = await ring(shop, ["4", "1", *PIN, "#", *keys(shop.beer)])

    assert heard(caller, "pin_enter", "product_code")
    assert "price_is" in caller.played


async def notices(shop: Shop, customer_id: int, database: Database, *told: bool) -> list[int]:
    """Notices that went to the customer, each told before or not; they lie there as recordings."""
    made = []
    async with database.begin() as session:
        for each in told:
            notice = Notice(
                title="放假", body="放假三天。", channels=("call",), conditions=[], state="sent",
                created_at=NOON, sent_at=NOON,
            )  # fmt: skip
            session.add(notice)
            await session.flush()
            session.add(
                NoticeRecipient(
                    notice_id=notice.id, customer_id=customer_id, prepared_at=NOON, ways=1,
                    told_at=NOON if each else None,
                )
            )  # fmt: skip
            made.append(notice.id)
    folder = shop.line.folder / "prompts" / "custom" / "zh"
    folder.mkdir(parents=True, exist_ok=True)
    for each in made:
        (folder / f"notice_{each}.wav").touch()
    return made


async def told_by(database: Database) -> dict[int, str | None]:
    async with database.begin() as session:
        rows = await session.execute(
            select(NoticeRecipient.notice_id, NoticeRecipient.call_id).where(
                NoticeRecipient.told_at.is_not(None)
            )
        )
        return {row.notice_id: row.call_id for row in rows}


async def test_unread_notices_come_first_and_count_as_told_once_heard(
    shop: Shop, database: Database
) -> None:
    known_one, first, second = await notices(shop, shop.customer, database, True, False, False)

    caller = await ring(shop, [*NOTICES, None, "1", None, "2", None, "1"])

    order = [each for each in caller.played if each.startswith("notice_")]
    assert order == [f"notice_{each}" for each in (second, first, first, known_one)]
    assert heard(caller, "notices_unread", *SAID.number(2), "notices_many", f"notice_{second}")
    assert await told_by(database) == {
        known_one: None,
        second: caller.call_id,
        first: caller.call_id,
    }


async def test_a_notice_that_was_cut_short_by_the_way_back_is_not_told(
    shop: Shop, database: Database
) -> None:
    (only,) = await notices(shop, shop.customer, database, False)
    caller = Channel(keys=NOTICES, endless=[f"notice_{only}"], dials=[("ANSWER", 1)])
    await shop.line.agent(1, "north", "service", "retail")
    await shop.line.begin(caller)
    await until(lambda: f"notice_{only}" in caller.played)
    caller.press("*")
    await shop.line.over()
    assert await told_by(database) == {}


async def test_a_notice_that_cannot_be_spoken_stays_unread(shop: Shop, database: Database) -> None:
    (only,) = await notices(shop, shop.customer, database, False)
    (shop.line.folder / "prompts" / "custom" / "zh" / f"notice_{only}.wav").unlink()
    caller = await ring(shop, NOTICES)
    assert "notices_unspoken" in caller.played
    assert await told_by(database) == {}


async def refused(database: Database) -> list[tuple[str, str, str | None]]:
    async with database.reading_entities() as session:
        rows = (await session.scalars(select(DoNotCall))).all()
    return [(each.number, each.source, each.call_id) for each in rows]


async def test_who_wants_no_more_calls_confirms_it_by_a_key(shop: Shop, database: Database) -> None:
    with_key(shop, "{service: refuse_calls}")

    left = await ring(shop, ["4", "2", "*"])
    assert "refuse_calls_ask" in left.played
    assert await refused(database) == []

    caller = await ring(shop, ["4", "2", "1"])
    assert heard(caller, "refuse_calls_ask", "refuse_calls_done")
    assert await refused(database) == [(KNOWN, "inbound", caller.call_id)]


async def test_who_hides_the_number_is_sent_to_an_agent(shop: Shop, database: Database) -> None:
    with_key(shop, "{service: refuse_calls}")
    before = await refused(database)

    caller = await ring(shop, ["4", "2", "1"], caller="anonymous")

    assert "refuse_calls_hidden" in caller.played
    assert await refused(database) == before
