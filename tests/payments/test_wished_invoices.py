"""The invoice that is wanted of an order: kept with it, changed with it, asked for once when the goods are delivered."""

import asyncio
from dataclasses import asdict
from decimal import Decimal

import pytest
from pydantic import ValidationError

from crm_core.rights import SYSTEM
from orders.buyers import InvoiceWish, Kind
from orders.errors import InvoiceAskedFor, SameKeyOtherOrder
from orders.invoices.asking import InvoiceAsking
from orders.invoices.commands import InvoiceQuery, NewInvoice, NewTitle, Voided
from orders.sales.commands import SplitOrder
from tests.orders.order_shop import Shop, open_shop
from tests.orders.test_order_editing import anew
from tests.payments.test_invoices import TITLE

PERSON = InvoiceWish(title="王小明", email="wang@example.com")
SPECIAL = InvoiceWish(kind=Kind.SPECIAL, electronic=False, **TITLE.model_dump(exclude={"is_main"}))
DELIVERED = ("reviewed", "picking", "shipped", "in_transit", "delivered")


@pytest.fixture(scope="module")
async def shop(database):
    return await open_shop(database)


async def ordered(shop: Shop, many: int = 2, wish: InvoiceWish | None = PERSON, **more):
    sku = await shop.product(on_hand=9, price="113.00")
    customer = await shop.customer("开票客户")
    return (await shop.place((sku, many), customer=customer, invoice=wish, **more)).order


async def ask_for_all(shop: Shop) -> None:
    """Until nothing is left to do."""
    worker = InvoiceAsking(shop.database, shop.trade.invoices)
    while await worker.run_once():
        pass


async def invoices_of(shop: Shop, order_id: int):
    return await shop.trade.invoices.listed(SYSTEM, InvoiceQuery(order_id=order_id))


async def test_the_wish_is_seen_with_the_order_and_asked_for_once_it_is_delivered(shop: Shop):
    order = await ordered(shop, wish=SPECIAL)
    seen = await shop.service.get(SYSTEM, order.id)
    assert order.invoice == seen.invoice
    assert asdict(seen.invoice) == SPECIAL.model_dump() | {"asked_at": None}
    await shop.move(order.id, *DELIVERED[:-1])
    await ask_for_all(shop)
    assert await invoices_of(shop, order.id) == ()
    await shop.move(order.id, "delivered")
    workers = [InvoiceAsking(shop.database, shop.trade.invoices) for _ in range(3)]
    await asyncio.gather(*(worker.run_once() for worker in workers))
    await ask_for_all(shop)
    (made,) = await invoices_of(shop, order.id)
    assert (made.state, made.kind, made.electronic) == ("requested", "special", False)
    assert (made.title, made.tax_no, made.gross) == (TITLE.title, TITLE.tax_no, Decimal("226.00"))
    assert (await shop.service.get(SYSTEM, order.id)).invoice.asked_at == shop.clock.now


async def test_the_same_order_sent_again_has_one_wish_and_another_wish_is_another_order(
    shop: Shop,
):
    sku = await shop.product(on_hand=9)
    command = shop.order((sku, 1), customer=shop.plain, invoice=PERSON)
    first, again = [await shop.service.place(SYSTEM, command) for _ in range(2)]
    assert (again.created, again.order.invoice) == (False, first.order.invoice)
    for wish in (None, SPECIAL):
        other = shop.order((sku, 1), key=command.key, customer=shop.plain, invoice=wish)
        with pytest.raises(SameKeyOtherOrder):
            await shop.service.place(SYSTEM, other)


async def test_an_edit_leaves_the_wish_changes_it_or_takes_it_away(shop: Shop):
    order = await ordered(shop)
    line = (order.lines[0].sku, 3)
    edit = shop.trade.changes.edit
    kept = await edit(SYSTEM, order.id, anew(line))
    assert kept.invoice.title == PERSON.title
    special = SPECIAL.model_dump()
    changed = await edit(SYSTEM, order.id, anew(line, version=2, invoice=special))
    assert (changed.invoice.kind, changed.invoice.tax_no) == ("special", TITLE.tax_no)
    none = await edit(SYSTEM, order.id, anew(line, version=3, invoice=None))
    assert none.invoice is None
    back = await edit(SYSTEM, order.id, anew(line, version=4, invoice=PERSON.model_dump()))
    assert back.invoice.title == PERSON.title
    told = await shop.scalar(
        "SELECT string_agg(after->'invoice'->>'title', ' ' ORDER BY id) FROM audit_log"
        " WHERE entity = 'order' AND entity_id = :id",
        id=str(order.id),
    )
    assert told == f"{TITLE.title} {PERSON.title}"
    await shop.move(order.id, *DELIVERED)
    await ask_for_all(shop)
    assert [each.gross for each in await invoices_of(shop, order.id)] == [Decimal("339.00")]


async def test_once_the_invoice_is_asked_for_the_wish_stays_and_the_rest_may_change(shop: Shop):
    order = await ordered(shop)
    line = (order.lines[0].sku, 2)
    made = await shop.trade.invoices.request(SYSTEM, order.id, NewInvoice(), "wish-early-1")
    assert (made.invoice.title, made.invoice.email) == (PERSON.title, PERSON.email)
    for wish in (None, SPECIAL.model_dump()):
        with pytest.raises(InvoiceAskedFor):
            await shop.trade.changes.edit(SYSTEM, order.id, anew(line, invoice=wish))
    same = anew(line, note="门卫", invoice=PERSON.model_dump())
    assert (await shop.trade.changes.edit(SYSTEM, order.id, same)).note == "门卫"
    await shop.trade.invoices.void(SYSTEM, made.invoice.id, Voided(reason="抬头有误"))
    await shop.move(order.id, *DELIVERED)
    await ask_for_all(shop)
    assert [each.state for each in await invoices_of(shop, order.id)] == ["void"]


async def test_what_is_said_when_asking_goes_before_the_wish(shop: Shop):
    order = await ordered(shop)
    await shop.trade.invoices.set_title(SYSTEM, order.customer_id, NewTitle(title="公司抬头"))
    made = await shop.trade.invoices.request(
        SYSTEM, order.id, NewInvoice(electronic=False), "wish-other-1"
    )
    assert (made.invoice.title, made.invoice.electronic) == ("公司抬头", False)


async def test_parts_of_an_order_are_invoiced_each_for_what_it_brings(shop: Shop):
    sku = await shop.product(on_hand=4, price="10.00")
    customer = await shop.customer("分批开票")
    placed = await shop.place((sku, 6), customer=customer, invoice=PERSON, backorder=True)
    later = await shop.service.get(SYSTEM, placed.order.parts[0].id)
    assert later.invoice == placed.order.invoice
    split = SplitOrder(version=1, lines=({"line_no": 1, "quantity": 1},))
    part = await shop.trade.changes.split(SYSTEM, placed.order.id, split)
    assert part.invoice == placed.order.invoice
    for each in (placed.order.id, part.id):
        await shop.move(each, *DELIVERED)
    await ask_for_all(shop)
    sums = [[each.gross for each in await invoices_of(shop, i)] for i in (placed.order.id, part.id)]
    assert sums == [[Decimal("30.00")], [Decimal("10.00")]]
    assert await invoices_of(shop, later.id) == ()


async def test_what_stands_on_the_invoice_is_offered_for_the_next_one(shop: Shop):
    order = await ordered(shop, wish=SPECIAL)
    titles = shop.trade.invoices.titles
    assert await titles(SYSTEM, order.customer_id) == ()
    await shop.move(order.id, *DELIVERED)
    await ask_for_all(shop)
    (kept,) = await titles(SYSTEM, order.customer_id)
    assert (kept.title, kept.bank, kept.is_main) == (TITLE.title, TITLE.bank, True)
    sku = await shop.product(on_hand=1)
    other = await shop.place((sku, 1), customer=order.customer_id, invoice=PERSON)
    await shop.move(other.order.id, *DELIVERED)
    await ask_for_all(shop)
    mains = [(each.title, each.is_main) for each in await titles(SYSTEM, order.customer_id)]
    assert mains == [(TITLE.title, True), (PERSON.title, False)]


async def test_an_order_of_which_nothing_is_to_be_invoiced_is_not_looked_at_again(shop: Shop):
    sku = await shop.product(on_hand=1, price="0.00")
    order = (await shop.place((sku, 1), customer=shop.plain, invoice=PERSON)).order
    await shop.move(order.id, *DELIVERED)
    worker = InvoiceAsking(shop.database, shop.trade.invoices)
    assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    assert await invoices_of(shop, order.id) == ()


async def test_what_came_instead_of_exchanged_goods_is_invoiced_by_itself(shop: Shop):
    order = await ordered(shop, many=1)
    await shop.move(order.id, *DELIVERED)
    await ask_for_all(shop)
    exchanged = await shop.move(order.id, "exchanged")
    (part,) = exchanged.parts
    await shop.move(part.id, *DELIVERED)
    await ask_for_all(shop)
    assert [each.gross for each in await invoices_of(shop, part.id)] == [Decimal("113.00")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "甲", "tax_no": "123"},
        {"title": "甲", "kind": "special"},
        {"title": "甲", "kind": "other"},
        SPECIAL.model_dump() | {"bank": None},
    ],
)
def test_a_wish_that_could_not_be_issued_is_refused(wrong):
    with pytest.raises(ValidationError) as refused:
        InvoiceWish.model_validate(wrong)
    if wrong.get("kind") == "special":
        assert "a special invoice also needs" in str(refused.value)
