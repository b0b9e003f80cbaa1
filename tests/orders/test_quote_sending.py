"""A quote goes to the customer: on paper, by e-mail with the paper, by fax with its lines, once by each channel."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from sqlalchemy import select, text

from crm_core.errors import Forbidden, Invalid
from crm_core.outbox.email import EmailNotifier
from crm_core.outbox.email import MailServer as MailSettings
from crm_core.outbox.ports import Message, NotSent
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from crm_core.rights import SYSTEM, Access
from orders.delivery.papers.content import Sender
from orders.errors import QuoteClosed, QuoteExpired, UnknownQuote
from orders.offers.papers import QuotePapers
from orders.offers.service import OfferService, SendQuote
from orders.offers.wording import KIND, QUOTE_WORDS
from orders.review.commands import ReviewLimit
from orders.sales.quote_commands import AcceptQuote, NewQuote, QuoteContent
from orders.sales.quote_reading import QuoteView
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop
from tests.orders.provider_servers import MailServer

UNTIL = date(2026, 3, 31)
SENDER = Sender("总机商贸", "4006001001", "天津市河西区友谊路5号")


class Desk:
    def __init__(self, shop: Shop, channels: frozenset[str]) -> None:
        self.shop = shop
        self.papers = QuotePapers(
            shop.database, clock=shop.clock, zone=ZoneInfo("Asia/Shanghai"), sender=SENDER
        )
        self.offers = OfferService(
            shop.database,
            shop.trade.quotes,
            self.papers,
            channels=channels,
            clock=shop.clock,
        )

    async def quote(self, lines: int = 1, customer: int | None = None) -> QuoteView:
        shop = self.shop
        skus = [
            await shop.product(on_hand=9, name_zh=f"陈酿白酒{n:02d}", specification="42度 500ml")
            for n in range(lines)
        ]
        wanted = {
            "customer_id": customer or shop.dealer,
            "lines": [{"sku": sku, "quantity": 3, "discount_percent": "10"} for sku in skus],
            "valid_until": UNTIL,
            "note": "含运费",
        }
        return await shop.trade.quotes.create(SYSTEM, NewQuote.model_validate(wanted))

    async def told(self, quote: QuoteView) -> list[OutboxMessage]:
        async with self.shop.database.reading_entities() as session:
            rows = await session.scalars(
                select(OutboxMessage)
                .where(OutboxMessage.subject == "quote", OutboxMessage.subject_id == quote.quote.id)
                .order_by(OutboxMessage.channel)
            )
            return list(rows)


@pytest.fixture
async def desk(shop: Shop) -> Desk:
    async with shop.database.begin() as session:
        await session.execute(text("DELETE FROM outbox"))
        await session.execute(
            text(
                "INSERT INTO payment_terms (code, name_zh, name_en, days)"
                " VALUES ('m30', '月结30天', '30 days', 30) ON CONFLICT DO NOTHING"
            )
        )
        await session.execute(
            text(
                "UPDATE customers SET payment_terms_code = 'm30', fax = '02288880000'"
                f" WHERE id = {shop.dealer}"
            )
        )
    return Desk(shop, frozenset({"email", "sms", "fax"}))


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


def read_back(document: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(document)).pages]


async def test_the_paper_says_what_is_offered_to_whom_until_when(desk: Desk):
    quote = await desk.quote()
    (line,) = quote.lines
    (page,) = read_back(await desk.offers.paper(SYSTEM, quote.quote.id))
    tax = (quote.quote.total - quote.quote.total / Decimal("1.13")).quantize(Decimal("0.01"))
    for said in (
        "报价单", quote.quote.number, quote.quote.customer_name, "有效期至: 2026-03-31",
        "报价日期: 2026-03-02", "总机商贸", "4006001001", "陈酿白酒00", line.sku, "42度 500ml",
        "箱", str(line.unit_price), str(line.line_total), "13%", f"含税总额 ¥{quote.quote.total}",
        f"其中税额 ¥{tax}", "付款条件: 月结30天", "说明: 含运费",
    ):  # fmt: skip
        assert said in page, said
    assert f"\n{line.quantity}\n" in page or f" {line.quantity} " in page


async def test_the_paper_keeps_terms_from_who_may_not_see_them(desk: Desk):
    quote = await desk.quote()
    hidden = {"customer.payment_terms": Access.HIDDEN}
    kept_from = replace(person("supervisor"), fields=hidden)
    (page,) = read_back(await desk.offers.paper(kept_from, quote.quote.id))
    assert "月结30天" not in page
    assert quote.quote.number in page


async def test_a_quote_of_many_lines_goes_on_over_pages_and_ends_with_its_sum(desk: Desk):
    quote = await desk.quote(45)
    pages = read_back(await desk.offers.paper(SYSTEM, quote.quote.id))
    assert len(pages) >= 2
    assert all(quote.quote.number in page for page in pages)
    whole = "".join(pages)
    assert all(line.sku in whole for line in quote.lines)
    assert [f"含税总额 ¥{quote.quote.total}" in page for page in pages].count(True) == 1
    assert f"含税总额 ¥{quote.quote.total}" in pages[-1]


async def test_a_customer_who_reads_english_gets_the_paper_in_english(desk: Desk):
    quote = await desk.quote()
    await _language(desk.shop, "en")
    try:
        (page,) = read_back(await desk.offers.paper(SYSTEM, quote.quote.id))
    finally:
        await _language(desk.shop, None)
    for said in ("Quotation", "Valid until: 2026-03-31", "Total with tax", "30 days"):
        assert said in page, said
    assert quote.lines[0].name_en in page
    assert "报价单" not in page


async def _language(shop: Shop, language: str | None) -> None:
    async with shop.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET language = :language WHERE id = :id"),
            {"language": language, "id": shop.dealer},
        )


async def test_a_sent_quote_is_noted_once_and_goes_out_once_by_each_channel(desk: Desk):
    quote, agent = await desk.quote(), person("agent", await _user(desk.shop))
    sent = await desk.offers.send(agent, quote.quote.id, SendQuote(channels=frozenset({"email"})))
    first = (sent.quote.sent_at, sent.quote.sent_by)
    assert first == (desk.shop.clock(), agent.user_id)
    desk.shop.clock.pass_by(timedelta(minutes=5))
    for _ in range(2):
        again = await desk.offers.send(SYSTEM, quote.quote.id, SendQuote())
        assert (again.quote.sent_at, again.quote.sent_by) == first
    told = await desk.told(quote)
    assert [each.channel for each in told] == ["email", "fax", "sms"]
    assert {each.kind for each in told} == {KIND}
    assert "陈酿白酒00 42度 500ml  3 箱 × " in told[1].params["lines"]
    assert "lines" not in told[0].params
    content = QuoteContent.model_validate(
        {"lines": [{"sku": quote.lines[0].sku, "quantity": 1}], "valid_until": UNTIL}
    )
    newer = await desk.shop.trade.quotes.revise(SYSTEM, quote.quote.id, content)
    assert newer.quote.sent_at is None
    with pytest.raises(QuoteClosed):
        await desk.offers.send(SYSTEM, quote.quote.id, SendQuote())
    await desk.offers.send(SYSTEM, newer.quote.id, SendQuote())
    assert len(await desk.told(newer)) == 3


async def _user(shop: Shop) -> int:
    return await shop.scalar("SELECT min(id) FROM users")


async def test_what_cannot_be_sent_is_refused_and_not_noted(desk: Desk):
    quote, shop = await desk.quote(), desk.shop
    nowhere = SendQuote(channels=frozenset({"wecom"}))
    with pytest.raises(Invalid, match="No way reaches"):
        await desk.offers.send(SYSTEM, quote.quote.id, nowhere)
    assert (await shop.trade.quotes.get(SYSTEM, quote.quote.id)).quote.sent_at is None
    with pytest.raises(Forbidden):
        await desk.offers.send(person("operations"), quote.quote.id, SendQuote())
    with pytest.raises(UnknownQuote):
        await desk.offers.send(SYSTEM, 999_999, SendQuote())
    with pytest.raises(UnknownQuote):
        await desk.offers.paper(SYSTEM, 999_999)
    before, shop.clock.now = shop.clock.now, shop.clock.now + timedelta(days=40)
    try:
        with pytest.raises(QuoteExpired):
            await desk.offers.send(SYSTEM, quote.quote.id, SendQuote())
    finally:
        shop.clock.now = before
    await shop.trade.quotes.accept(SYSTEM, quote.quote.id, AcceptQuote(address="新路1号"))
    with pytest.raises(QuoteClosed):
        await desk.offers.send(SYSTEM, quote.quote.id, SendQuote())
    assert await desk.told(quote) == []


async def test_the_e_mail_carries_the_paper(desk: Desk, mail: MailServer):
    shop, quote = desk.shop, await desk.quote()
    notifier = EmailNotifier(
        MailSettings("127.0.0.1", mail.port, "orders@shop.example"),
        words=WordBook(QUOTE_WORDS, "总机商贸"),
        clock=shop.clock,
        attachments=desk.papers.attached,
    )
    worker = OutboxWorker(OutboxStore(shop.database), (notifier,), shop.bus, clock=shop.clock)
    await desk.offers.send(SYSTEM, quote.quote.id, SendQuote(channels=frozenset({"email"})))
    assert await worker.run_once() == 1
    (letter,) = mail.box.accepted
    parsed = message_from_bytes(letter.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    assert parsed["Subject"] == f"报价单 {quote.quote.number}"
    body = parsed.get_body()
    assert body is not None
    for said in (quote.quote.number, str(quote.quote.total), "2026-03-31", "总机商贸"):
        assert said in body.get_content()
    (attached,) = parsed.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_filename() == f"{quote.quote.number}.pdf"
    (page,) = read_back(attached.get_content())
    assert quote.quote.number in page


async def test_a_message_of_another_kind_carries_nothing_and_a_lost_quote_is_not_sent(desk: Desk):
    other = Message("t", "order_placed", "a@b", "zh", {"number": "1", "total": "2"})
    assert await desk.papers.attached(other) is None
    lost = Message("t", KIND, "a@b", "zh", {"quote": "999999", "number": "Q"})
    with pytest.raises(NotSent) as refused:
        await desk.papers.attached(lost)
    assert refused.value.permanent


async def test_the_fax_says_every_line_and_the_mail_leaves_them_to_the_paper(desk: Desk):
    book = WordBook(QUOTE_WORDS, "总机商贸")
    params = {"number": "Q1", "total": "9.00", "date": "2026-03-31"}
    for language in ("zh", "en"):
        plain = await book.of(Message("t", KIND, "a@b", language, params), "email")
        fax = Message("t", KIND, "022", language, params | {"lines": "酒 3\n米 4"})
        sheet = await book.of(fax, "fax")
        assert "酒 3\n米 4" in sheet.body
        assert sheet.body.replace("酒 3\n米 4\n", "") == plain.body


async def test_how_much_may_be_given_is_a_matter_of_the_role(shop: Shop):
    sku = await shop.product(on_hand=9)
    async with shop.database.begin() as session:
        for number, role in ((911, "agent"), (912, "supervisor")):
            await session.execute(
                text(
                    "INSERT INTO roles (code, name_zh, name_en) VALUES (:role, :role, :role)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"role": role},
            )
            await session.execute(
                text(
                    "INSERT INTO users (id, login, name, role_code, password_hash)"
                    " OVERRIDING SYSTEM VALUE VALUES (:id, :login, :role, :role, '-')"
                ),
                {"id": number, "login": f"giver{number}", "role": role},
            )
    agent, boss = person("agent", 911), person("supervisor", 912)

    async def may_give(who, percent: str) -> bool:
        wanted = {
            "customer_id": shop.dealer,
            "lines": [{"sku": sku, "quantity": 1, "discount_percent": percent}],
            "valid_until": UNTIL,
        }
        try:
            await shop.trade.quotes.create(who, NewQuote.model_validate(wanted))
        except Forbidden:
            return False
        return True

    async def border(who, most: str, beyond: str) -> tuple[bool, bool]:
        return await may_give(who, most), await may_give(who, beyond)

    assert await border(agent, "10", "10.01") == (True, False)
    assert await may_give(boss, "100")
    rules = shop.trade.review_rules
    made = await rules.limit(SYSTEM, "agent", ReviewLimit(most_discount=Decimal("12.5")))
    assert made.most_discount == Decimal("12.50")
    assert await border(agent, "12.5", "12.51") == (True, False)
    await rules.limit(SYSTEM, "supervisor", ReviewLimit(most_discount=Decimal(30)))
    assert await border(boss, "30", "30.01") == (True, False)
    none = ReviewLimit(most_discount=None, version=1)
    await rules.limit(SYSTEM, "supervisor", none)
    assert await may_give(boss, "100")
    await rules.limit(SYSTEM, "agent", ReviewLimit(version=1))
    assert await border(agent, "10", "10.01") == (True, False)
    with pytest.raises(ValueError, match="less than or equal to 100"):
        ReviewLimit(most_discount=Decimal(101))
