"""Invoices: tax to the fen, each amount of an order once, taken back by red letters."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from crm_core.rights import SYSTEM
from orders.invoices.commands import InvoiceQuery, Issued, NewInvoice, NewTitle, RedLetter, Voided
from orders.invoices.errors import (
    InvoiceClosed,
    MoreThanInvoiced,
    NothingToInvoice,
    NoTitle,
    NumberUsed,
    UnknownInvoice,
)
from orders.invoices.tax import Split, after_discount, part_of, share, split
from orders.money import FEN
from orders.payments.errors import SameKeyOtherPayment
from tests.orders.order_shop import Shop, open_shop

TITLE = NewTitle(
    title="滨海商贸有限公司",
    tax_no="91120116MA05XXXX1A",
    address="天津市滨海新区1号",
    phone="022-66666666",
    bank="工商银行天津分行",
    account="0302000100020003",
)
AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
RATES = st.sampled_from([Decimal(rate) for rate in ("0", "0.01", "0.03", "0.06", "0.09", "0.13")])
GROSS = st.decimals("0.01", "999999.99", places=2)
WEIGHTS = st.lists(st.decimals("0", "99999.99", places=2), min_size=1, max_size=30)


@pytest.fixture(scope="module")
async def shop(database):
    return await open_shop(database)


async def ordered(shop: Shop, *prices: str, rate: str = "0.13") -> int:
    """An order with a line for each price; its customer has a title."""
    skus = [await shop.product(on_hand=3, price=p, tax_rate=Decimal(rate)) for p in prices]
    customer = await shop.customer("开票客户")
    await shop.trade.invoices.set_title(SYSTEM, customer, TITLE)
    placed = await shop.place(*((sku, 1) for sku in skus), customer=customer)
    return placed.order.id


async def invoiced(shop: Shop, order_id: int, number: str, **wanted):
    """Asked for and issued."""
    invoices = shop.trade.invoices
    made = await invoices.request(SYSTEM, order_id, NewInvoice(**wanted), f"inv-{number}")
    given_ = Issued(number=number, issued_at=AT)
    return await invoices.issued(SYSTEM, made.invoice.id, given_)


async def test_an_invoice_splits_the_tax_out_of_every_line(shop: Shop):
    order_id = await ordered(shop, "113.00", "10.00", "0.01")
    made = await invoiced(shop, order_id, "24112000000000000001", kind="special")
    assert [(line.gross, line.net, line.tax) for line in made.lines] == [
        (Decimal("113.00"), Decimal("100.00"), Decimal("13.00")),
        (Decimal("10.00"), Decimal("8.85"), Decimal("1.15")),
        (Decimal("0.01"), Decimal("0.01"), Decimal("0.00")),
    ]
    bill = made.invoice
    assert (bill.gross, bill.net, bill.tax) == (
        Decimal("123.01"),
        Decimal("108.86"),
        Decimal("14.15"),
    )
    assert (bill.state, bill.number, bill.tax_no) == (
        "issued",
        "24112000000000000001",
        TITLE.tax_no,
    )


async def test_an_order_is_invoiced_once_whoever_asks_at_the_same_time(shop: Shop):
    order_id = await ordered(shop, "50.00")
    invoices = shop.trade.invoices
    asked = await asyncio.gather(
        *(invoices.request(SYSTEM, order_id, NewInvoice(), f"once-key-{n}") for n in range(5)),
        return_exceptions=True,
    )
    (made,) = [each for each in asked if not isinstance(each, Exception)]
    assert [type(each) for each in asked if isinstance(each, Exception)] == [NothingToInvoice] * 4
    key = await shop.scalar("SELECT key FROM invoices WHERE id = :id", id=made.invoice.id)
    same = await invoices.request(SYSTEM, order_id, NewInvoice(), key)
    assert same.invoice.id == made.invoice.id
    with pytest.raises(SameKeyOtherPayment):
        await invoices.request(SYSTEM, await ordered(shop, "1.00"), NewInvoice(), key)


async def test_a_request_that_is_dropped_may_be_asked_for_again(shop: Shop):
    order_id = await ordered(shop, "50.00")
    invoices = shop.trade.invoices
    made = await invoices.request(SYSTEM, order_id, NewInvoice(), "drop-key-1")
    assert (
        await invoices.void(SYSTEM, made.invoice.id, Voided(reason="抬头有误"))
    ).invoice.state == "void"
    again = await invoiced(shop, order_id, "24112000000000000002")
    assert again.invoice.gross == 50
    for late in (Voided(reason="x"),):
        with pytest.raises(InvoiceClosed):
            await invoices.void(SYSTEM, again.invoice.id, late)


async def test_the_number_is_told_once_and_belongs_to_one_invoice(shop: Shop):
    first, second = await ordered(shop, "5.00"), await ordered(shop, "5.00")
    invoices = shop.trade.invoices
    made = await invoiced(shop, first, "24112000000000000003")
    same = Issued(number="24112000000000000003", issued_at=AT)
    assert (await invoices.issued(SYSTEM, made.invoice.id, same)).invoice.state == "issued"
    other = Issued(number="24112000000000000004", issued_at=AT)
    with pytest.raises(InvoiceClosed):
        await invoices.issued(SYSTEM, made.invoice.id, other)
    wanted = await invoices.request(SYSTEM, second, NewInvoice(), "number-key-1")
    with pytest.raises(NumberUsed):
        await invoices.issued(SYSTEM, wanted.invoice.id, same)


async def test_a_red_letter_takes_back_a_part_then_the_rest_and_the_order_can_be_invoiced_again(
    shop: Shop,
):
    order_id = await ordered(shop, "113.00", "10.00")
    invoices = shop.trade.invoices
    whole = await invoiced(shop, order_id, "24112000000000000005")
    part = RedLetter(reason="部分退货", lines=({"order_line": 2, "amount": "3.33"},))
    red = await invoices.take_back(SYSTEM, whole.invoice.id, part, "red-key-01")
    assert (red.invoice.red_of, red.invoice.gross) == (whole.invoice.id, Decimal("3.33"))
    assert (
        await invoices.take_back(SYSTEM, whole.invoice.id, part, "red-key-01")
    ).invoice.id == red.invoice.id
    with pytest.raises(NothingToInvoice):
        await invoices.request(SYSTEM, order_id, NewInvoice(), "red-key-02")
    await invoices.issued(
        SYSTEM, red.invoice.id, Issued(number="24112000000000000006", issued_at=AT)
    )
    anew = await invoices.request(SYSTEM, order_id, NewInvoice(), "red-key-03")
    assert [(line.order_line, line.gross) for line in anew.lines] == [(2, Decimal("3.33"))]
    rest = await invoices.take_back(
        SYSTEM, whole.invoice.id, RedLetter(reason="冲红"), "red-key-04"
    )
    assert rest.invoice.gross + red.invoice.gross == whole.invoice.gross
    assert rest.invoice.net + red.invoice.net == whole.invoice.net
    with pytest.raises(NothingToInvoice):
        await invoices.take_back(SYSTEM, whole.invoice.id, RedLetter(reason="x"), "red-key-05")
    with pytest.raises(InvoiceClosed):
        await invoices.take_back(SYSTEM, red.invoice.id, RedLetter(reason="x"), "red-key-06")


async def test_no_more_is_taken_back_than_was_invoiced(shop: Shop):
    order_id = await ordered(shop, "10.00")
    whole = await invoiced(shop, order_id, "24112000000000000007")
    for line in ({"order_line": 1, "amount": "10.01"}, {"order_line": 2, "amount": "1"}):
        with pytest.raises(MoreThanInvoiced):
            await shop.trade.invoices.take_back(
                SYSTEM, whole.invoice.id, RedLetter(reason="x", lines=(line,)), "red-most-1"
            )


async def test_invoices_of_orders_that_came_back_are_listed_until_they_are_taken_back(shop: Shop):
    order_id = await ordered(shop, "10.00")
    whole = await invoiced(shop, order_id, "24112000000000000008")
    query = InvoiceQuery(to_take_back=True, order_id=order_id)
    invoices = shop.trade.invoices
    assert await invoices.listed(SYSTEM, query) == ()
    await shop.move(order_id, "reviewed", "cancelled")
    assert [each.id for each in await invoices.listed(SYSTEM, query)] == [whole.invoice.id]
    await invoices.take_back(SYSTEM, whole.invoice.id, RedLetter(reason="退货"), "back-key-1")
    assert await invoices.listed(SYSTEM, query) == ()
    with pytest.raises(NothingToInvoice):
        await invoices.request(SYSTEM, order_id, NewInvoice(), "back-key-2")


async def test_the_discount_of_the_whole_order_is_spread_over_the_lines(shop: Shop):
    rule = await shop.rule(
        "order_amount_off", name_zh="满减", name_en="Off", min_total=Decimal(29), value=Decimal(1)
    )
    order_id = await ordered(shop, "10.00", "10.00", "10.00")
    made = await shop.trade.invoices.request(SYSTEM, order_id, NewInvoice(), "discount-1")
    assert made.invoice.gross == Decimal("29.00")
    assert sorted(line.gross for line in made.lines) == [
        Decimal("9.66"),
        Decimal("9.67"),
        Decimal("9.67"),
    ]
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE price_rules SET active = false WHERE id = :id"), {"id": rule.id}
        )


async def test_a_special_invoice_needs_every_part_of_the_title(shop: Shop):
    order_id = await ordered(shop, "10.00")
    invoices = shop.trade.invoices
    customer = await shop.scalar("SELECT customer_id FROM orders WHERE id = :id", id=order_id)
    titles = await invoices.set_title(SYSTEM, customer, NewTitle(title="个人"))
    assert [(t.title, t.is_main) for t in titles] == [("个人", True), (TITLE.title, False)]
    with pytest.raises(NoTitle) as refused:
        await invoices.request(SYSTEM, order_id, NewInvoice(kind="special"), "special-1")
    assert "tax_no" in refused.value.fields
    with pytest.raises(UnknownInvoice):
        await invoices.request(SYSTEM, order_id, NewInvoice(title_id=999_999), "special-2")
    wanted = NewInvoice(kind="special", title_id=titles[1].id)
    made = await invoices.request(SYSTEM, order_id, wanted, "special-3")
    assert made.invoice.title == TITLE.title
    for each in titles:
        await invoices.remove_title(SYSTEM, each.id)
    assert await invoices.titles(SYSTEM, customer) == ()
    with pytest.raises(UnknownInvoice):
        await invoices.remove_title(SYSTEM, titles[0].id)
    with pytest.raises(ValidationError):
        NewTitle(title="x", tax_no="123")


@given(GROSS, RATES)
def test_net_and_tax_are_the_price_and_the_tax_is_that_of_the_net_to_the_fen(gross, rate):
    made = split(gross, rate)
    assert made.net + made.tax == gross
    assert made.net >= 0
    assert made.tax >= 0
    assert abs(made.net * rate - made.tax) < FEN * (1 + rate)


@given(st.decimals("0", "999999.99", places=2), WEIGHTS)
def test_shares_add_up_and_none_is_a_fen_off(total, weights):
    shares = share(total, weights)
    assert sum(shares) == total
    assert all(part >= 0 for part in shares)
    if whole := sum(weights):
        for part, weight in zip(shares, weights, strict=True):
            assert abs(part - total * weight / whole) < FEN
            assert part == part.quantize(FEN)


@given(WEIGHTS, st.decimals("0", "1", places=4))
def test_a_discounted_line_brings_no_more_than_it_did(totals, factor):
    total = (sum(totals) * factor).quantize(FEN)
    total = min(total, sum(totals))
    for line, before in zip(after_discount(totals, total), totals, strict=True):
        assert line < before + FEN


@given(GROSS, RATES, st.data())
def test_the_parts_of_a_line_add_up_to_it_again(gross, rate, data):
    left = whole = split(gross, rate)
    parts = []
    while left.gross:
        amount = (
            data.draw(st.decimals("0.01", left.gross, places=2)) if len(parts) < 4 else left.gross
        )
        part = part_of(left, amount, rate)
        assert min(part.net, part.tax) >= 0
        assert part.net + part.tax == amount
        parts.append(part)
        left = Split(left.gross - part.gross, left.net - part.net, left.tax - part.tax)
    assert sum(part.net for part in parts) == whole.net
    assert sum(part.tax for part in parts) == whole.tax
