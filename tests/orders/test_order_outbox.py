import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_core.outbox.aliyun_signature import canonical_query, digest, signature
from crm_core.outbox.email import EmailNotifier
from crm_core.outbox.email import MailServer as MailSettings
from crm_core.outbox.events import MessageFailed, MessageSent
from crm_core.outbox.outcome import OutboxRules, Result
from crm_core.outbox.ports import MaybeSent, Message, NotNow, NotSent
from crm_core.outbox.sms_aliyun import AliyunAccount, AliyunSms
from crm_core.outbox.store import OutboxStore
from crm_core.outbox.wording import WordBook
from crm_core.outbox.worker import OutboxWorker
from crm_core.rights import SYSTEM
from orders.sales.wording import ORDER_WORDS
from tests.orders.order_shop import Shop
from tests.orders.provider_servers import SECRET, MailServer, SmsServer
from tests.ports import free_port

RULES = OutboxRules(attempts=3, look_again_s=0.02)
KINDS = ("placed", "review", "reviewed", "shipped", "delivered", "cancelled")


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
async def sms(shop: Shop) -> AsyncIterator[SmsServer]:
    async with SmsServer(shop.clock) as server:
        yield server


@pytest.fixture
async def desk(shop: Shop, mail: MailServer, sms: SmsServer) -> AsyncIterator["Desk"]:
    async with shop.database.begin() as session:
        await session.execute(text("DELETE FROM outbox"))
    desk = Desk(shop, mail, sms)
    yield desk
    await desk.text.close()


def book() -> WordBook:
    return WordBook(ORDER_WORDS, "总机商贸")


class Desk:
    """A shop whose worker talks to the test's providers."""

    def __init__(self, shop: Shop, mail: MailServer, sms: SmsServer) -> None:
        self.shop = shop
        self.mail = EmailNotifier(
            MailSettings("127.0.0.1", mail.port, "orders@shop.example"),
            words=book(),
            clock=shop.clock,
        )
        templates = {f"order_{kind}": f"SMS_{n:09d}" for n, kind in enumerate(KINDS, 1)}
        self.account = AliyunAccount(sms.endpoint, "test-id", SECRET, "总机商贸", templates)
        self.text = AliyunSms(self.account, clock=shop.clock)
        self.store = OutboxStore(shop.database)
        self.worker = self.new_worker()
        shop.heard.clear()

    def new_worker(self) -> OutboxWorker:
        shop = self.shop
        return OutboxWorker(
            self.store,
            (self.mail, self.text),
            shop.bus,
            clock=shop.clock,
            steady=shop.clock.steady,
            rules=RULES,
        )

    async def place(self, **rest):
        return (await self.shop.place((await self.shop.product(on_hand=9), 1), **rest)).order

    async def states(self, order_id: int) -> dict[str, str]:
        found = await self.shop.service.get(SYSTEM, order_id)
        return {message.channel: message.status for message in found.messages}

    async def reasons(self, order_id: int) -> dict[str, str | None]:
        found = await self.shop.service.get(SYSTEM, order_id)
        return {message.channel: message.reason for message in found.messages}

    def outcomes(self) -> list[tuple[str, str]]:
        """(channel, state) of what the bus heard about messages."""
        return sorted(
            (event.channel, "sent" if isinstance(event, MessageSent) else event.state)
            for event in self.shop.heard
            if isinstance(event, MessageSent | MessageFailed)
        )


def test_the_signature_is_that_of_the_providers_documented_example():
    query = canonical_query(
        {
            "RegionId": "cn-shanghai",
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        }
    )
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": digest(b""),
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    made = signature("YourAccessKeySecret", "POST", query, headers)
    assert made == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"


async def test_every_kind_of_message_has_words_in_both_languages():
    params = {"number": "260302-000001", "total": "12.50"}
    words = book()
    said = [
        await words.of(Message("t", kind, "a@b", language, params), "email")
        for kind in ORDER_WORDS.told
        for language in ("zh", "en")
    ]
    assert len({each.body for each in said}) == len(said)
    assert all("260302-000001" in each.subject and "总机商贸" in each.body for each in said)
    with pytest.raises(NotSent) as refused:
        await words.of(Message("t", "order_lost", "a@b", "zh", params), "email")
    assert refused.value.permanent


async def test_the_customer_hears_of_the_order_by_mail_and_sms(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    order = await desk.place()
    assert await desk.states(order.id) == {"email": "pending", "sms": "pending"}
    assert [m.recipient_masked for m in order.messages] == ["a***@example.com", "138****8000"]
    assert await desk.worker.run_once() == 2
    assert await desk.states(order.id) == {"email": "sent", "sms": "sent"}
    (letter,) = mail.box.accepted
    token = await desk.shop.scalar("SELECT token FROM outbox WHERE channel = 'email'")
    assert letter["Message-ID"] == f"<{token}@shop.example>"
    assert letter["Subject"] == f"订单 {order.number} 已收到"
    assert f"{order.total} 元" in letter.get_content()
    (request,) = sms.accepted
    assert request["PhoneNumbers"] == "13800138000"
    assert json.loads(request["TemplateParam"]) == {
        "number": order.number,
        "total": str(order.total),
    }
    assert desk.outcomes() == [("email", "sent"), ("sms", "sent")]
    assert await desk.worker.run_once() == 0


async def test_a_customer_with_a_landline_and_no_mail_is_not_told(desk: Desk):
    assert (await desk.place(customer=desk.shop.plain)).messages == ()


async def test_shipping_is_told_with_its_own_words(desk: Desk, mail: MailServer, sms: SmsServer):
    order = await desk.place()
    await desk.shop.move(order.id, "reviewed", "picking", "shipped")
    assert await desk.worker.run_once() == 4
    assert {letter["Subject"] for letter in mail.box.accepted} == {
        f"订单 {order.number} 已收到",
        f"订单 {order.number} 已发货",
    }
    assert {each["TemplateCode"] for each in sms.accepted} == {"SMS_000000001", "SMS_000000004"}


async def test_a_refusal_for_now_is_tried_again_later_and_not_sooner(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    mail.box.answers = ["451 try later"]
    sms.answers = [(400, "isv.BUSINESS_LIMIT_CONTROL")] * 2
    order = await desk.place()
    await desk.worker.run_once()
    assert await desk.states(order.id) == {"email": "pending", "sms": "pending"}
    assert await desk.worker.run_once() == 0
    desk.shop.clock.pass_by(timedelta(seconds=15))
    assert await desk.worker.run_once() == 2
    desk.shop.clock.pass_by(timedelta(seconds=60))
    assert await desk.worker.run_once() == 1
    assert await desk.states(order.id) == {"email": "sent", "sms": "sent"}
    assert (len(mail.box.accepted), len(sms.accepted)) == (1, 1)


async def test_what_is_refused_for_good_or_too_often_waits_for_a_person(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    mail.box.answers = ["554 spam"]
    sms.answers = [(400, "isv.BUSINESS_LIMIT_CONTROL")] * 3
    order = await desk.place()
    for _ in range(3):
        await desk.worker.run_once()
        desk.shop.clock.pass_by(timedelta(hours=1))
    assert await desk.states(order.id) == {"email": "failed", "sms": "failed"}
    assert desk.outcomes() == [("email", "failed"), ("sms", "failed")]
    assert await desk.reasons(order.id) == {
        "email": "554 spam",
        "sms": "isv.BUSINESS_LIMIT_CONTROL: isv.BUSINESS_LIMIT_CONTROL",
    }


async def test_an_answer_that_was_lost_is_unknown_and_never_sent_again(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    mail.box.cut_after_data = True
    sms.answers = [None]
    order = await desk.place()
    await desk.worker.run_once()
    assert await desk.states(order.id) == {"email": "unknown", "sms": "unknown"}
    desk.shop.clock.pass_by(timedelta(days=1))
    assert await desk.worker.run_once() == 0
    assert (len(mail.box.accepted), len(sms.accepted)) == (1, 1)


async def test_providers_that_are_away_lose_nothing(desk: Desk, mail: MailServer, sms: SmsServer):
    away = OutboxWorker(
        desk.store,
        (
            EmailNotifier(
                MailSettings("127.0.0.1", 1, "a@b.example"),
                words=book(),
                clock=desk.shop.clock,
            ),
            AliyunSms(replace(desk.account, endpoint="http://127.0.0.1:1"), clock=desk.shop.clock),
        ),
        desk.shop.bus,
        clock=desk.shop.clock,
        steady=desk.shop.clock.steady,
        rules=RULES,
    )
    order = await desk.place()
    assert await away.run_once() == 2
    assert await desk.states(order.id) == {"email": "pending", "sms": "pending"}
    desk.shop.clock.pass_by(timedelta(minutes=1))
    await desk.worker.run_once()
    assert await desk.states(order.id) == {"email": "sent", "sms": "sent"}


async def test_a_day_without_the_mail_server_costs_no_letter_and_no_attempt(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    clock, there = desk.shop.clock, desk.mail._server
    orders = [await desk.place() for _ in range(12)]
    desk.mail._server = replace(there, port=free_port())
    tried = 0
    for _ in range(24 * 6):
        tried += await desk.worker.run_once()
        clock.pass_by(timedelta(minutes=10))
    assert {(await desk.states(each.id))["email"] for each in orders} == {"pending"}
    assert tried < 24 * 6 + 3 * len(orders)
    desk.mail._server = there
    while "pending" in {(await desk.states(each.id))["email"] for each in orders}:
        clock.pass_by(timedelta(minutes=1))
        await desk.worker.run_once()
    letters = [letter["Message-ID"] for letter in mail.box.accepted]
    assert len(set(letters)) == len(letters) == len(orders)
    attempts = "SELECT max(attempts) FROM outbox WHERE channel = 'email'"
    assert await desk.shop.scalar(attempts) == 1
    assert {state for _, state in desk.outcomes()} == {"sent"}


async def test_a_worker_killed_while_sending_leaves_unknown_and_no_double(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    sms.held = asyncio.Event()
    order = await desk.place()
    killed = desk.new_worker()
    await killed.start()
    await asyncio.wait_for(sms.reached.wait(), 10)
    await killed.close(grace_s=0)
    sms.held.set()
    sms.held = None
    assert (await desk.states(order.id))["sms"] == "sending"
    await desk.worker.run_once()
    assert (await desk.states(order.id))["sms"] == "sending"
    desk.shop.clock.pass_by(RULES.lease + timedelta(seconds=1))
    await desk.worker.run_once()
    assert (await desk.states(order.id))["sms"] == "unknown"
    assert ("sms", "unknown") in desk.outcomes()
    assert len(sms.accepted) == 1


async def test_a_worker_that_is_closed_ends_what_it_began(desk: Desk, sms: SmsServer):
    sms.held = asyncio.Event()
    order = await desk.place()
    await desk.worker.start()
    await asyncio.wait_for(sms.reached.wait(), 10)
    closing = asyncio.create_task(desk.worker.close())
    await asyncio.sleep(0)
    sms.held.set()
    await closing
    assert await desk.states(order.id) == {"email": "sent", "sms": "sent"}


async def test_two_workers_at_once_send_each_message_once(
    desk: Desk, mail: MailServer, sms: SmsServer
):
    orders = [await desk.place() for _ in range(15)]
    workers = [desk.new_worker() for _ in range(4)]
    while sum(await asyncio.gather(*(worker.run_once() for worker in workers))):
        pass
    assert len(mail.box.accepted) == len(sms.accepted) == len(orders)
    assert len({letter["Message-ID"] for letter in mail.box.accepted}) == len(orders)


async def test_a_late_result_does_not_overwrite_what_was_decided_meanwhile(desk: Desk):
    await desk.place()
    now = desk.shop.clock()
    (claimed,) = await desk.store.claim({"sms": 5}, now, now + timedelta(seconds=1))
    later = now + timedelta(seconds=2)
    (lost,) = await desk.store.find_lost({}, later, RULES.lease, ())
    assert (lost.id, lost.state) == (claimed.id, "unknown")
    assert not await desk.store.finish([(claimed, Result("sent", later, 1))])


async def test_a_lost_sender_is_repeated_where_the_provider_removes_doubles(desk: Desk):
    order = await desk.place()
    now = desk.shop.clock()
    await desk.store.claim({"sms": 5}, now, now + timedelta(seconds=1))
    window = {"sms": timedelta(seconds=10)}
    (lost,) = await desk.store.find_lost(window, now + timedelta(seconds=2), RULES.lease, ())
    assert lost.state == "pending"
    assert (await desk.states(order.id))["sms"] == "pending"


@pytest.mark.parametrize(
    "address", ["nobody@example.com", "a@b.example\r\nBcc: x@y.example", "王@", "王@example.com"]
)
async def test_an_address_that_cannot_be_used_fails_for_good(desk: Desk, address):
    with pytest.raises(NotSent) as refused:
        await desk.mail.send(
            Message("t", "order_placed", address, "zh", {"number": "1", "total": "2"})
        )
    assert refused.value.permanent


@pytest.mark.parametrize(
    ("status", "code", "raised", "permanent"),
    [
        (200, "isv.MOBILE_NUMBER_ILLEGAL", NotSent, True),
        (400, "isv.SMS_TEMPLATE_ILLEGAL", NotSent, True),
        (200, "isv.BUSINESS_LIMIT_CONTROL", NotSent, False),
        (200, "isv.AMOUNT_NOT_ENOUGH", NotNow, None),
        (400, "SignatureDoesNotMatch", NotNow, None),
        (503, "ServiceUnavailable", NotNow, None),
        (500, "InternalError", MaybeSent, None),
    ],
)
async def test_the_providers_codes_say_what_became_of_the_message(
    desk: Desk, sms: SmsServer, *, status, code, raised, permanent
):
    sms.answers = [(status, code)]
    message = Message("t", "order_placed", "13800138000", "zh", {"number": "1"})
    with pytest.raises(raised) as refused:
        await desk.text.send(message)
    if permanent is not None:
        assert refused.value.permanent is permanent


async def test_a_message_without_a_template_fails_for_good(desk: Desk):
    with pytest.raises(NotSent) as refused:
        await desk.text.send(Message("t", "order_lost", "13800138000", "zh", {}))
    assert refused.value.permanent
