"""Quotes: offered until a day, replaced, and accepted as one order at their prices."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Forbidden, Invalid
from crm_core.leads.opportunities import seed_leads
from crm_core.rights import SYSTEM
from crm_core.timeline import Place
from orders.errors import OutOfStock, QuoteClosed, QuoteExpired, UnknownProduct, UnknownQuote
from orders.sales.quote_commands import AcceptQuote, NewQuote, QuoteContent, QuoteQuery, RejectQuote
from orders.sales.quote_reading import QuoteView
from orders.sales.quotes import entries
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop

UNTIL = date(2026, 3, 31)


async def offered(shop: Shop, sku: str, quantity: int = 2, percent: str = "0", **more: object):
    wanted = {
        "customer_id": shop.dealer,
        "lines": [{"sku": sku, "quantity": quantity, "discount_percent": percent}],
        "valid_until": UNTIL,
    }
    return await shop.trade.quotes.create(SYSTEM, NewQuote.model_validate(wanted | more))


async def accepted(shop: Shop, quote: QuoteView) -> int:
    return await shop.trade.quotes.accept(SYSTEM, quote.quote.id, AcceptQuote(address="新路1号"))


async def test_a_quote_is_the_customers_price_less_what_is_given(shop: Shop):
    sku = await shop.product(on_hand=9, price="10.00")
    own = (
        (await shop.service.quote(SYSTEM, shop.dealer, shop.order((sku, 1)).lines))
        .lines[0]
        .unit_price
    )
    quote = await offered(shop, sku, 3, "10")
    (line,) = quote.lines
    assert (line.own_price, line.discount_percent) == (own, 10)
    assert line.unit_price == (own * Decimal("0.9")).quantize(Decimal("0.01"))
    assert quote.quote.total == line.line_total == line.unit_price * 3
    assert (quote.quote.state, quote.quote.number[:7]) == ("open", "Q260302")


async def test_of_many_who_accept_a_quote_all_get_the_same_order(shop: Shop):
    sku = await shop.product(on_hand=50, price="10.00")
    quote = await offered(shop, sku, 2, "10")
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE products SET list_price = 99 WHERE sku = :s"), {"s": sku}
        )
    orders = set(await asyncio.gather(*(accepted(shop, quote) for _ in range(6))))
    (order_id,) = orders
    order = await shop.service.get(SYSTEM, order_id)
    assert (order.total, order.address) == (quote.quote.total, "新路1号")
    assert [(why.code, why.params) for why in order.lines[0].why] == [
        ("list_price", {"amount": "99.00"}),
        ("quoted", {"number": quote.quote.number}),
    ]
    now = await shop.trade.quotes.get(SYSTEM, quote.quote.id)
    assert (now.quote.state, now.quote.order_number) == ("accepted", order.number)
    with pytest.raises(QuoteClosed):
        await shop.trade.quotes.reject(SYSTEM, quote.quote.id, RejectQuote(reason="晚了"))
    async with shop.database.reading() as connection:
        history = await entries(
            connection, (shop.dealer,), Place(shop.clock().replace(year=2027)), 99
        )
    assert quote.quote.number in {each.title for each in history}


async def test_an_accepted_quote_wins_its_opportunity(shop: Shop):
    async with shop.database.begin() as session:
        await seed_leads(session)
        opportunity = await session.scalar(
            text(
                "INSERT INTO opportunities (customer_id, title, stage_code, created_at)"
                f" VALUES ({shop.dealer}, '年货', 'quoted', now()) RETURNING id"
            )
        )
    sku = await shop.product(on_hand=9)
    with pytest.raises(Invalid, match="another customer"):
        await offered(shop, sku, customer_id=shop.plain, opportunity_id=opportunity)
    quote = await offered(shop, sku, opportunity_id=opportunity)
    await accepted(shop, quote)
    row = "SELECT stage_code FROM opportunities WHERE id = "
    assert await shop.scalar(f"{row}{opportunity}") == "won"
    (found,) = await shop.trade.quotes.listed(SYSTEM, QuoteQuery(opportunity_id=opportunity))
    assert found.id == quote.quote.id


async def test_after_its_last_day_a_quote_is_made_anew(shop: Shop):
    sku = await shop.product(on_hand=9)
    quote = await offered(shop, sku)
    before, shop.clock.now = shop.clock.now, shop.clock.now + timedelta(days=40)
    try:
        with pytest.raises(QuoteExpired):
            await accepted(shop, quote)
        assert (await shop.trade.quotes.get(SYSTEM, quote.quote.id)).quote.state == "expired"
        old = QuoteContent.model_validate(
            {"lines": [{"sku": sku, "quantity": 1}], "valid_until": UNTIL}
        )
        with pytest.raises(Invalid, match="later"):
            await shop.trade.quotes.revise(SYSTEM, quote.quote.id, old)
        fresh = old.model_copy(update={"valid_until": date(2026, 5, 1)})
        newer = await shop.trade.quotes.revise(SYSTEM, quote.quote.id, fresh)
        assert newer.quote.replaces_id == quote.quote.id
        for again in (shop.trade.quotes.revise(SYSTEM, quote.quote.id, fresh),
                      accepted(shop, quote)):  # fmt: skip
            with pytest.raises(QuoteClosed):
                await again
        assert await accepted(shop, newer)
    finally:
        shop.clock.now = before


async def test_what_cannot_be_offered_or_sold_is_refused(shop: Shop):
    sku = await shop.product(on_hand=1)
    agent = person("agent")
    with pytest.raises(UnknownProduct):
        await offered(shop, "NO-SUCH")
    wanted = NewQuote.model_validate(
        {
            "customer_id": shop.dealer,
            "lines": [{"sku": sku, "quantity": 1, "discount_percent": "10.01"}],
            "valid_until": UNTIL,
        }
    )
    with pytest.raises(Forbidden, match="10 per cent"):
        await shop.trade.quotes.create(agent, wanted)
    with pytest.raises(Forbidden):
        await shop.trade.quotes.create(person("operations"), wanted)
    with pytest.raises(ValueError, match="two lines"):
        QuoteContent.model_validate(
            {"lines": [{"sku": "A", "quantity": 1}] * 2, "valid_until": UNTIL}
        )
    quote = await offered(shop, sku, 2)
    with pytest.raises(OutOfStock):
        await accepted(shop, quote)
    assert (await shop.trade.quotes.get(SYSTEM, quote.quote.id)).quote.state == "open"
    rejected = await shop.trade.quotes.reject(SYSTEM, quote.quote.id, RejectQuote(reason="贵"))
    assert (rejected.quote.state, rejected.quote.rejected_reason) == ("rejected", "贵")
    with pytest.raises(UnknownQuote):
        await shop.trade.quotes.get(SYSTEM, 999_999)
