"""Which steps of an order its customer is told of, with what, and how a business switches them."""

from decimal import Decimal
from string import Formatter

import pytest
from sqlalchemy import text

from crm_core.db import Database
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.messages.commands import Choice
from crm_core.messages.templates import TemplateService
from crm_core.outbox.wording import WordBook
from crm_core.rights import SYSTEM
from orders.sales.flow import MOVES, By, Status
from orders.sales.moving_many import move_many
from orders.sales.wording import ORDER_WORDS
from tests.crm_core.crm_core_support import person
from tests.delivery.depot import Depot, open_depot

TOLD = {
    ("backordered", "placed"): "order_placed",
    ("backordered", "review"): None,
    ("backordered", "cancelled"): "order_cancelled",
    ("review", "reviewed"): "order_reviewed",
    ("review", "cancelled"): "order_cancelled",
    ("placed", "review"): None,
    ("placed", "reviewed"): None,
    ("placed", "cancelled"): "order_cancelled",
    ("reviewed", "review"): None,
    ("reviewed", "picking"): "order_picking",
    ("reviewed", "cancelled"): "order_cancelled",
    ("picking", "reviewed"): None,
    ("picking", "shipped"): "order_shipped",
    ("picking", "cancelled"): "order_cancelled",
    ("shipped", "in_transit"): "order_in_transit",
    ("shipped", "refused"): "order_refused",
    ("in_transit", "delivered"): "order_delivered",
    ("in_transit", "refused"): "order_refused",
    ("delivered", "settled"): "order_settled",
    ("exchanged", "settled"): "order_settled",
}
WAY = ("reviewed", "picking", "shipped", "in_transit", "delivered", "exchanged")
AT_ONCE = ("order_placed", "order_review", "order_backordered")


@pytest.fixture(scope="module")
async def opened(database: Database) -> Depot:
    return await open_depot(database)


@pytest.fixture
async def depot(opened: Depot) -> Depot:
    depot = opened
    async with depot.shop.database.begin() as session:
        await session.execute(text("DELETE FROM message_choices"))
    for kind in ORDER_WORDS.told:
        await _words(depot).choose(SYSTEM, kind, Choice(told=True))
    return depot


def _words(depot: Depot) -> TemplateService:
    database = depot.shop.database
    book = WordBook(ORDER_WORDS, "总机商贸", database=database)
    return TemplateService(database, book, clock=depot.shop.clock)


async def told(depot: Depot, order_id: int) -> list[tuple[str, dict[str, str]]]:
    """By e-mail, the oldest first."""
    async with depot.shop.database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT kind, params FROM outbox WHERE subject = 'order' AND subject_id = :id"
                " AND channel = 'email' AND kind LIKE 'order!_%' ESCAPE '!' ORDER BY id"
            ),
            {"id": order_id},
        )
        return [(kind, params) for kind, params in rows]


async def brought_to(depot: Depot, status: str) -> int:
    """A new order in this status."""
    shop = depot.shop
    waits = status == "backordered"
    sku = await shop.product(on_hand=0 if waits else 1, price="10.00")
    order_id = (await shop.place((sku, 1), backorder=waits)).order.id
    if waits:
        await shop.receive(sku, 1)
    elif status == "review":
        await shop.move(order_id, "review")
    elif status != "placed":
        await shop.move(order_id, *WAY[: WAY.index(status) + 1])
    return order_id


def test_each_move_that_is_asked_for_is_in_the_list_of_what_is_told():
    assert set(TOLD) == {(str(a), str(b)) for (a, b), move in MOVES.items() if By.HAND in move.may}
    silent = {ends for ends, move in MOVES.items() if By.HAND not in move.may}
    assert all(MOVES[ends].tells is None for ends in silent)


async def test_each_move_tells_what_its_line_says_once(depot: Depot):
    for (origin, to), kind in TOLD.items():
        order_id = await brought_to(depot, origin)
        if to == "settled":
            await depot.shop.pay(order_id, Decimal("9.50"))
        before = await told(depot, order_id)
        await depot.shop.move(order_id, to)
        after = await told(depot, order_id)
        assert [each for each, _ in after[len(before) :]] == ([kind] if kind else []), (origin, to)


async def test_all_words_are_reached_and_what_stands_in_them_is_known(depot: Depot):
    found: dict[str, dict[str, str]] = {}

    async def look(*order_ids: int) -> None:
        for each in order_ids:
            found.update(await told(depot, each))

    shop = depot.shop
    dear = await shop.product(on_hand=1000000, price="9999.00")
    held = (await shop.place((dear, 1100))).order
    assert held.status == "review"
    await shop.service.move(held.id, "cancelled", SYSTEM, reason="超出信用额度")
    waits = await brought_to(depot, "backordered")
    approved = await brought_to(depot, "review")
    await shop.move(approved, "reviewed")
    sent, back = await depot.handed_over(), await depot.handed_over()
    for code in ("in_transit", "delivered"):
        await depot.hear(sent, code)
    await depot.hear(back, "refused", note="不要了")
    await shop.pay(sent.order_id, Decimal("9.50"))
    await shop.move(sent.order_id, "settled")
    await look(held.id, waits, approved, sent.order_id, back.order_id)
    assert set(found) == set(ORDER_WORDS.zh) == set(ORDER_WORDS.en) == set(ORDER_WORDS.told)
    for kind, params in found.items():
        for words in (ORDER_WORDS.zh[kind], ORDER_WORDS.en[kind]):
            names = {name for _, name, _, _ in Formatter().parse(words.subject + words.body)}
            assert names - {None, "link", "company"} <= {k for k, v in params.items() if v}, kind
        assert ORDER_WORDS.placeholders(kind) - {"link", "company"} <= set(params), kind
    assert found["order_cancelled"]["reason"] == "超出信用额度"
    assert found["order_refused"]["reason"] == "不要了"


async def test_what_an_order_passes_on_its_way_at_once_is_not_told(depot: Depot):
    sent = await depot.handed_over()
    await depot.hear(sent, "delivered")
    kinds = [kind for kind, _ in await told(depot, sent.order_id)]
    assert kinds[-2:] == ["order_shipped", "order_delivered"]


async def test_a_reason_of_the_house_is_not_told(depot: Depot):
    order_id = await brought_to(depot, "review")
    await depot.shop.service.move(order_id, "reviewed", SYSTEM, reason="老板的亲戚")
    assert "reason" not in (await told(depot, order_id))[-1][1]


async def test_what_is_settled_by_the_many_is_told_like_one(depot: Depot):
    shop = depot.shop
    orders = [await brought_to(depot, "delivered") for _ in range(3)]
    for each in orders:
        await shop.pay(each, Decimal("9.50"))
    await shop.move(orders[0], "settled")
    async with shop.database.begin() as session:
        await move_many(
            session,
            orders,
            Status.SETTLED,
            actor=SYSTEM,
            channels=("email", "sms"),
            now=shop.clock.now,
        )
    for each in orders:
        number = (await shop.service.get(SYSTEM, each)).number
        assert (await told(depot, each))[-1] == (
            "order_settled",
            {"number": number, "total": "9.50"},
        )
    steps = await shop.scalar(
        "SELECT count(*) FROM outbox m JOIN order_status_log l ON CAST(l.id AS text) = m.step"
        " AND l.order_id = m.subject_id AND l.to_status = 'settled' WHERE m.kind = 'order_settled'"
        " AND m.subject_id = ANY(:ids)",
        ids=orders,
    )
    assert steps == 6


async def test_a_business_switches_kinds_off_and_on(depot: Depot):
    shop, words = depot.shop, _words(depot)
    assert {each.kind for each in await words.choices(SYSTEM) if each.told} == set(ORDER_WORDS.told)
    for kind in (*AT_ONCE, "order_settled"):
        await words.choose(SYSTEM, kind, Choice(told=False, version=1))
    with pytest.raises(Conflict):
        await words.choose(SYSTEM, "order_placed", Choice(told=True, version=1))
    sku = await shop.product(on_hand=1)
    placed = (await shop.place((sku, 1))).order
    assert placed.messages == ()
    await shop.pay(placed.id, placed.total)
    await shop.move(placed.id, *WAY[:5])
    async with shop.database.begin() as session:
        at = shop.clock.now
        settled, channels = Status.SETTLED, ("email",)
        await move_many(session, [placed.id], settled, actor=SYSTEM, channels=channels, now=at)
    kinds = [kind for kind, _ in await told(depot, placed.id)]
    assert kinds == ["order_picking", "order_shipped", "order_in_transit", "order_delivered"]


async def test_packing_and_settling_are_told_only_where_that_is_chosen(depot: Depot):
    async with depot.shop.database.begin() as session:
        await session.execute(text("DELETE FROM message_choices"))
    order_id = await brought_to(depot, "delivered")
    await depot.shop.pay(order_id, Decimal("9.50"))
    await depot.shop.move(order_id, "settled")
    kinds = [kind for kind, _ in await told(depot, order_id)]
    assert kinds == ["order_placed", "order_shipped", "order_in_transit", "order_delivered"]


async def test_a_kind_that_is_always_told_is_not_switched_and_not_by_everybody(depot: Depot):
    with pytest.raises(Invalid):
        await _words(depot).choose(SYSTEM, "quote_sent", Choice(told=False))
    with pytest.raises(Forbidden):
        await _words(depot).choose(person("agent"), "order_placed", Choice(told=False))
