"""Payments at the gateway, over real sockets: what comes in is booked once, whatever the gateway does."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm_core.rights import SYSTEM
from orders.payments.commands import EnteredMoney, Resolution, StartRefund
from orders.payments.errors import (
    AlreadyBooked,
    AlreadyResolved,
    MoreThanRefundable,
    NothingToPay,
    PaymentOpen,
    SameKeyOtherPayment,
)
from orders.payments.events import PaymentBooked
from orders.payments.ports import Refused, Unclear
from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.server import charge_content
from orders.payments.wechat.client import WechatGateway
from tests.payments.till import Till, account

HUNDRED = Decimal("100.00")
_REFUND = """INSERT INTO payment_entries
    (order_id, kind, amount, method, source, reference, paid_at, booked_at)
    VALUES ({}, 'refund', 100.01, 'cash', 'x', 'x', now(), now())"""


async def test_a_payment_frees_the_credit_and_the_customer_is_told_once(till: Till):
    order_id = await till.order()
    assert await till.used(order_id) == HUNDRED
    till.shop.heard.clear()
    payment = await till.pay(order_id)
    assert (payment.state, payment.received, payment.gateway) == ("paid", HUNDRED, "wechat")
    money = await till.money(order_id)
    assert (money.owed, money.paid, money.refundable) == (HUNDRED, HUNDRED, 0)
    assert [(e.kind, e.method, e.source) for e in money.entries] == [
        ("receipt", "prepaid", "wechat")
    ]
    assert await till.used(order_id) == 0
    (booked,) = [event for event in till.shop.heard if isinstance(event, PaymentBooked)]
    assert (booked.order_id, booked.amount) == (order_id, HUNDRED)
    view = await till.shop.service.get(SYSTEM, order_id)
    assert [m.kind for m in view.messages].count("payment_received") == 1
    await till.shop.move(order_id, "reviewed", "picking", "shipped", "in_transit", "delivered")
    await till.shop.move(order_id, "settled")
    assert await till.used(order_id) == 0
    await till.shop.assert_ledger_adds_up()


async def test_call_backs_told_three_times_book_once(till: Till):
    order_id = await till.order()
    await till.pay(order_id, Fault.DUPLICATE)
    assert till.heard == ["booked", "repeated", "repeated"]
    assert await till.paid(order_id) == HUNDRED
    assert await till.used(order_id) == 0
    assert await till.differences(order_id) == []


async def test_call_backs_told_at_the_same_time_book_once(till: Till):
    order_id = await till.order()
    payment = await till.start(order_id)
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    back = till.sandbox.callbacks
    body = back.body("TRANSACTION.SUCCESS", charge_content(charge))
    await asyncio.gather(*(back.post(charge.notify_url, body, back.seal(body)) for _ in range(8)))
    assert sorted(till.heard) == ["booked", *["repeated"] * 7]
    assert await till.paid(order_id) == HUNDRED


async def test_a_replayed_call_back_is_refused(till: Till):
    order_id = await till.order()
    payment = await till.start(order_id)
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    back = till.sandbox.callbacks
    body = back.body("TRANSACTION.SUCCESS", charge_content(charge))
    headers = back.seal(body)
    assert await back.post(charge.notify_url, body, headers) == 204
    assert await back.post(charge.notify_url, body, headers) == 401
    assert till.heard == ["booked", "notice_refused"]


@pytest.mark.parametrize("fault", [Fault.BAD_SIGNATURE, Fault.OLD])
async def test_a_call_back_that_is_not_the_gateway_s_is_refused_and_changes_nothing(
    till: Till, fault: Fault
):
    order_id = await till.order()
    payment = await till.pay(order_id, fault)
    assert (payment.state, till.heard) == ("pending", ["notice_refused"])
    assert await till.paid(order_id) == 0
    assert await till.used(order_id) == HUNDRED


@pytest.mark.parametrize("change", ["another key", "another merchant", "not encrypted", "no json"])
async def test_a_sealed_call_back_that_makes_no_sense_is_refused(till: Till, change: str):
    order_id = await till.order()
    payment = await till.start(order_id)
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    content = charge_content(charge)
    if change == "another merchant":
        content["mchid"] = "1900000999"
    body = till.sandbox.callbacks.body("TRANSACTION.SUCCESS", content)
    if change == "not encrypted":
        body = body.replace("AEAD_AES_256_GCM", "NONE")
    if change == "no json":
        body = "{" + body
    headers = till.sandbox.callbacks.seal(body)
    if change == "another key":
        headers["Wechatpay-Serial"] = "PUB_KEY_ID_000"
    assert await till.sandbox.callbacks.post(charge.notify_url, body, headers) == 401
    assert await till.paid(order_id) == 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.WRONG_AMOUNT, "amount_differs"), (Fault.WRONG_CURRENCY, "wrong_currency")],
)
async def test_wrong_money_is_not_booked_but_shown_with_a_to_do(
    till: Till, fault: Fault, kind: str
):
    order_id = await till.order()
    payment = await till.pay(order_id, fault, Fault.DUPLICATE)
    assert till.heard == ["difference"] * 3
    assert (payment.state, payment.reason) == ("failed", kind)
    assert await till.paid(order_id) == 0
    assert await till.differences(order_id) == [(kind, "open")]


async def test_a_person_books_a_wrong_amount_as_what_came_in(till: Till):
    order_id = await till.order()
    payment = await till.pay(order_id, Fault.WRONG_AMOUNT)
    service = till.shop.trade.payments
    found = await till.shop.scalar(
        "SELECT id FROM payment_differences WHERE order_id = :id", id=order_id
    )
    given = Resolution(reason="顾客多付一分", book=True)
    resolved = await service.resolve(SYSTEM, found, given)
    assert (resolved.state, resolved.found) == ("resolved", Decimal("100.01"))
    assert resolved.entry_id is not None
    assert await till.paid(order_id) == Decimal("100.01")
    assert (await service.get(SYSTEM, payment.id)).state == "paid"
    assert await till.differences(order_id) == [
        ("amount_differs", "resolved"),
        ("overpaid", "open"),
    ]
    for again in (given, Resolution(reason="再一次")):
        with pytest.raises((AlreadyResolved, AlreadyBooked)):
            await service.resolve(SYSTEM, found, again)
    await till.shop.assert_ledger_adds_up()


async def test_money_for_an_unknown_payment_is_a_difference_of_no_order(till: Till):
    order_id = await till.order()
    await till.pay(order_id, Fault.STRANGER)
    assert till.heard == ["difference"]
    assert ("unknown_payment", "open") in await till.differences(None)
    assert await till.paid(order_id) == 0


async def test_a_lost_call_back_is_asked_for_and_a_late_one_is_harmless(till: Till):
    order_id = await till.order()
    payment = await till.start(order_id)
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    assert await till.paid(order_id) == 0
    till.shop.clock.pass_by(timedelta(seconds=31))
    await till.watch.run_once()
    assert await till.paid(order_id) == HUNDRED
    await till.sandbox.callbacks.tell(
        charge.notify_url, "TRANSACTION.SUCCESS", charge_content(charge), set()
    )
    assert till.heard == ["repeated"]
    assert await till.paid(order_id) == HUNDRED


async def test_an_attempt_that_runs_out_is_closed_there_and_here_and_another_may_begin(till: Till):
    order_id = await till.order()
    payment = await till.start(order_id, minutes=5)
    with pytest.raises(PaymentOpen):
        await till.start(order_id)
    till.shop.clock.pass_by(timedelta(minutes=6))
    await till.watch.run_once()
    view = await till.shop.trade.payments.get(SYSTEM, payment.id)
    assert (view.state, view.reason) == ("expired", "expired")
    assert till.sandbox.ledger.found(await till.token(payment.id)).state == "CLOSED"
    assert (await till.start(order_id)).state == "pending"


async def test_money_that_comes_after_the_end_is_booked_all_the_same(till: Till):
    order_id = await till.order()
    payment = await till.start(order_id, minutes=5)
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    async with till.shop.database.begin() as session:
        await session.execute(
            text("UPDATE payments SET state = 'expired' WHERE id = :id"), {"id": payment.id}
        )
    await till.sandbox.callbacks.tell(
        charge.notify_url, "TRANSACTION.SUCCESS", charge_content(charge), set()
    )
    assert (await till.shop.trade.payments.get(SYSTEM, payment.id)).state == "paid"
    assert await till.paid(order_id) == HUNDRED


async def test_an_answer_that_was_lost_leaves_an_attempt_that_is_found_by_its_token(till: Till):
    order_id = await till.order()
    till.sandbox.faults.add(Fault.ANSWER_LOST)
    payment = await till.start(order_id)
    assert (payment.state, payment.pay_url) == ("requested", None)
    till.sandbox.faults.clear()
    till.shop.clock.pass_by(timedelta(seconds=31))
    await till.watch.run_once()
    found = await till.shop.trade.payments.get(SYSTEM, payment.id)
    assert found.state == "pending"
    assert found.pay_url
    assert len([c for c in till.sandbox.ledger.charges.values() if c.token in found.pay_url]) == 1


async def test_the_same_key_gives_the_same_payment_and_no_other(till: Till):
    order_id, other = await till.order(), await till.order()
    first = await till.start(order_id, key="the-key-1")
    assert (await till.start(order_id, key="the-key-1")).id == first.id
    for wrong in ({"amount": Decimal(1)}, {}):
        with pytest.raises(SameKeyOtherPayment):
            await till.start(order_id if wrong else other, key="the-key-1", **wrong)


async def test_no_more_is_asked_for_than_is_owed(till: Till):
    order_id = await till.order()
    with pytest.raises(NothingToPay):
        await till.start(order_id, amount=Decimal("100.01"))
    await till.pay(order_id)
    with pytest.raises(NothingToPay):
        await till.start(order_id)


async def test_a_part_frees_a_part_of_the_credit(till: Till):
    order_id = await till.order()
    payment = await till.start(order_id, amount=Decimal("30.10"))
    await till.sandbox.pay(await till.token(payment.id))
    assert await till.used(order_id) == Decimal("69.90")
    await till.pay(order_id)
    assert (await till.paid(order_id), await till.used(order_id)) == (HUNDRED, 0)
    await till.shop.assert_ledger_adds_up()


async def test_an_order_paid_before_its_review_holds_only_what_is_still_owed(till: Till):
    sku = await till.shop.product(on_hand=5, price="150.00")
    placed = await till.shop.place((sku, 1), customer=till.shop.poor, payment="prepaid")
    order_id = placed.order.id
    assert placed.order.status == "review"
    payment = await till.start(order_id, amount=Decimal(60))
    await till.sandbox.pay(await till.token(payment.id))
    await till.shop.move(order_id, "reviewed")
    assert await till.shop.credit_used(till.shop.poor) == Decimal(90)
    await till.pay(order_id)
    assert await till.shop.credit_used(till.shop.poor) == 0
    await till.shop.assert_ledger_adds_up()


async def test_a_cancelled_order_s_money_is_shown_and_goes_back_the_way_it_came(till: Till):
    order_id = await till.order()
    payment = await till.pay(order_id)
    wanted = StartRefund(payment_id=payment.id, amount=Decimal(40), words="取消订单")
    refund = till.shop.trade.gateway.refund
    with pytest.raises(MoreThanRefundable):
        await refund(SYSTEM, order_id, wanted, "refund-0")
    await till.shop.move(order_id, "cancelled")
    await till.overpaid.run_once()
    assert await till.overpaid.run_once() == 0
    assert await till.differences(order_id) == [("overpaid", "open")]
    first = await refund(SYSTEM, order_id, wanted, "refund-1")
    again = await refund(SYSTEM, order_id, wanted, "refund-1")
    assert (first.id, first.state) == (again.id, "done")
    assert (await till.shop.trade.payments.get(SYSTEM, payment.id)).state == "partly_refunded"
    rest = wanted.model_copy(update={"amount": Decimal(60)})
    await refund(SYSTEM, order_id, rest, "refund-2")
    money = await till.money(order_id)
    assert (money.paid, money.refundable, money.payments[0].state) == (0, 0, "refunded")
    assert await till.differences(order_id) == [("overpaid", "resolved")]
    assert till.sandbox.ledger.found(await till.token(payment.id)).refunded == 10_000
    await till.shop.assert_ledger_adds_up()


async def test_a_refund_that_takes_time_is_booked_when_the_gateway_says_so(till: Till):
    order_id = await till.order()
    payment = await till.pay(order_id)
    await till.shop.move(order_id, "cancelled")
    till.sandbox.faults.add(Fault.REFUND_LATER)
    wanted = StartRefund(payment_id=payment.id, amount=HUNDRED, words="取消")
    made = await till.shop.trade.gateway.refund(SYSTEM, order_id, wanted, "refund-later")
    assert made.state == "pending"
    with pytest.raises(MoreThanRefundable):
        await till.shop.trade.gateway.refund(SYSTEM, order_id, wanted, "refund-more")
    by_hand = EnteredMoney(
        amount=Decimal(1), method="cash", reference="under-way", paid_at=till.shop.clock()
    )
    with pytest.raises(MoreThanRefundable):
        await till.shop.trade.payments.pay_back(SYSTEM, order_id, by_hand)
    till.heard.clear()
    token = await till.shop.scalar("SELECT token FROM payment_refunds WHERE id = :id", id=made.id)
    await till.sandbox.finish_refund(token, {Fault.DUPLICATE})
    assert till.heard == ["booked", "repeated", "repeated"]
    assert await till.paid(order_id) == 0


async def test_a_refund_whose_answer_was_lost_goes_back_once(till: Till):
    order_id = await till.order()
    payment = await till.pay(order_id)
    await till.shop.move(order_id, "cancelled")
    till.sandbox.faults.add(Fault.ANSWER_LOST)
    wanted = StartRefund(payment_id=payment.id, amount=HUNDRED, words="取消")
    made = await till.shop.trade.gateway.refund(SYSTEM, order_id, wanted, "refund-lost")
    assert made.state == "requested"
    till.sandbox.faults.clear()
    till.shop.clock.pass_by(timedelta(seconds=31))
    await till.watch.run_once()
    assert await till.paid(order_id) == 0
    assert till.sandbox.ledger.found(await till.token(payment.id)).refunded == 10_000


async def test_the_ledger_cannot_be_changed_and_no_more_goes_back_than_came_in(till: Till):
    order_id = await till.order()
    await till.pay(order_id)
    for statement in (
        "UPDATE payment_entries SET amount = 1",
        "DELETE FROM payment_entries",
        "TRUNCATE payment_entries CASCADE",
        _REFUND.format(order_id),
    ):
        with pytest.raises(DBAPIError):
            async with till.shop.database.begin() as session:
                await session.execute(text(statement))
    assert await till.paid(order_id) == HUNDRED


async def test_a_large_sum_entered_by_hand_twice_is_a_difference_and_no_error(till: Till):
    order_id = await till.order()
    for number in range(3):
        slip = EnteredMoney(
            amount=Decimal(1_000_000_000),
            method="transfer",
            reference=f"large-{number}",
            paid_at=till.shop.clock(),
        )
        await till.shop.trade.payments.enter(SYSTEM, order_id, slip)
    assert await till.paid(order_id) == Decimal(3_000_000_000)


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (404, b"<html>no such page</html>", Unclear),
        (404, b'{"code":"SOMETHING"}', Refused),
        (500, b'{"code":"SYSTEM_ERROR"}', Unclear),
        (429, b'{"code":"FREQUENCY_LIMITED"}', Unclear),
        (400, b'{"code":"PARAM_ERROR","message":"x"}', Refused),
        (200, b'{"trade_state":"SUCCESS"}', Unclear),
        (200, b"[1]", Unclear),
    ],
)
async def test_an_answer_that_is_not_the_gateway_s_is_not_believed(
    till: Till, status: int, body: bytes, raised: type[Exception]
):
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    async with TestServer(app) as stranger:
        other = account(till.keys, str(stranger.make_url("")).rstrip("/"), "http://x.invalid/")
        gateway = WechatGateway(other, clock=till.shop.clock)
        with pytest.raises(raised):
            await gateway.find_charge("0" * 32)
        await gateway.close()
