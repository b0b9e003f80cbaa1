"""Payments while things die: our row and its token are there before the gateway is asked, so nothing is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.rights import SYSTEM
from orders.payments.commands import StartRefund
from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.server import charge_content
from tests.payments.till import Till, open_till
from tests.proxy import Proxy
from tests.victims import Victims


async def killed_while_asking(victims: Victims, till: Till, order_id: int, **what) -> None:
    """Another process asks the gateway, which has done it and does not answer; then it is killed."""
    before = len(till.sandbox.requests)
    till.sandbox.answering.clear()
    try:
        await victims.kill_when(
            lambda: len(till.sandbox.requests) > before,
            **what,
            order=order_id,
            keys=till.keys.folder,
            endpoint=till.sandbox.address,
            now=till.shop.clock(),
        )
    finally:
        till.sandbox.answering.set()


async def test_a_payment_whose_daemon_was_killed_while_asking_is_found_by_its_token(
    till: Till, victims: Victims
):
    order_id = await till.order()
    await killed_while_asking(victims, till, order_id, do="charge")
    (attempt,) = (await till.money(order_id)).payments
    assert attempt.state == "requested"
    assert len(till.sandbox.ledger.charges) == 1
    till.shop.clock.pass_by(timedelta(minutes=1))
    await till.watch.run_once()
    (attempt,) = (await till.money(order_id)).payments
    assert (attempt.state, len(till.sandbox.ledger.charges)) == ("pending", 1)
    await till.sandbox.pay(await till.token(attempt.id), {Fault.LOST})
    await till.shop.trade.gateway.check(SYSTEM, attempt.id)
    assert await till.paid(order_id) == 100


async def test_a_refund_whose_daemon_was_killed_while_asking_goes_back_once(
    till: Till, victims: Victims
):
    order_id = await till.order()
    payment = await till.pay(order_id)
    await till.shop.move(order_id, "cancelled")
    await killed_while_asking(victims, till, order_id, do="repay", payment=payment.id)
    (refund,) = (await till.money(order_id)).refunds
    assert (refund.state, await till.paid(order_id)) == ("requested", 100)
    till.shop.clock.pass_by(timedelta(minutes=1))
    await till.watch.run_once()
    assert await till.paid(order_id) == 0
    assert till.sandbox.ledger.found(await till.token(payment.id)).refunded == 10_000
    await till.shop.assert_ledger_adds_up()


@pytest.fixture
async def wired(till: Till, pg_server):
    """The same till through a wire to PostgreSQL that can be cut: (proxy, till)."""
    async with Proxy(pg_server.port) as proxy:
        url = till.shop.database._engine.url.render_as_string(hide_password=False)
        database = Database(url.replace(f":{pg_server.port}/", f":{proxy.port}/"), pool_size=2)
        async with open_till(database, till.keys, shop=till.shop) as opened:
            yield proxy, opened
        await database.close()


async def test_a_call_back_while_the_database_is_away_is_refused_and_told_again(till: Till, wired):
    proxy, away = wired
    order_id = await till.order()
    payment = await away.start(order_id)
    proxy.cut()
    with pytest.raises(DatabaseUnavailable):
        await away.watch.run_once()
    charge = await away.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    content = charge_content(charge)
    tell = away.sandbox.callbacks.tell
    await tell(charge.notify_url, "TRANSACTION.SUCCESS", content, set())
    assert away.sandbox.callbacks.statuses == [503]
    proxy.open()
    await tell(charge.notify_url, "TRANSACTION.SUCCESS", content, set())
    assert away.sandbox.callbacks.statuses == [503, 204]
    assert await till.paid(order_id) == 100
    await till.shop.assert_ledger_adds_up()


@pytest.mark.parametrize("days", [1, -1])
async def test_a_clock_that_was_wrong_by_a_day_books_a_payment_once_when_it_is_right_again(
    till: Till, days: int
):
    clock, sandbox = till.shop.clock, till.sandbox
    sandbox._clock = sandbox.callbacks._clock = clock.truth
    order_id = await till.order()
    payment = await till.start(order_id)
    clock.set_by(timedelta(days=days))
    clock.pass_by(timedelta(minutes=1))
    await sandbox.pay(await till.token(payment.id))
    assert till.heard == ["notice_refused"]
    await till.watch.run_once()
    clock.set_by(timedelta(days=-days))
    clock.pass_by(timedelta(minutes=1))
    for _ in range(2):
        await till.watch.run_once()
    assert await till.paid(order_id) == 100
    assert await till.differences(order_id) == []
    sandbox._clock = sandbox.callbacks._clock = clock
    await till.shop.assert_ledger_adds_up()


async def test_payments_are_looked_after_at_once_when_the_clock_was_set_back(till: Till):
    order_id = await till.order()
    await till.pay(order_id, Fault.LOST)
    till.shop.clock.set_by(timedelta(days=-1))
    await till.watch.run_once()
    assert await till.paid(order_id) == 100
    asked = len(till.sandbox.requests)
    await till.watch.run_once()
    assert len(till.sandbox.requests) == asked
    till.shop.clock.set_by(timedelta(days=1))


async def test_a_day_without_the_gateway_books_and_sends_back_everything_once(till: Till):
    clock, there = till.shop.clock, till.wechat._account
    back, cancelled, late = [await till.order() for _ in range(3)]
    payment = await till.start(back)
    refunded = await till.pay(cancelled)
    await till.shop.move(cancelled, "cancelled")
    till.wechat._account = replace(there, endpoint="http://127.0.0.1:9")
    charge = await till.sandbox.pay(await till.token(payment.id), {Fault.LOST})
    wanted = StartRefund(payment_id=refunded.id, amount="100", words="x")
    await till.shop.trade.gateway.refund(SYSTEM, cancelled, wanted, "away-key-1")
    asked_late = await till.start(late)
    looks = 0
    for _ in range(24 * 4):
        clock.pass_by(timedelta(minutes=15))
        looks += await till.watch.run_once()
    assert looks < 3 * 24 * 4
    paid = [await till.paid(each) for each in (back, cancelled, late)]
    assert (paid, asked_late.state) == ([0, 100, 0], "requested")
    till.wechat._account = there
    clock.pass_by(timedelta(minutes=30))
    for _ in range(3):
        await till.watch.run_once()
    told = till.sandbox.callbacks.tell
    for _ in range(2):
        await told(charge.notify_url, "TRANSACTION.SUCCESS", charge_content(charge), set())
    assert till.heard[-2:] == ["repeated", "repeated"]
    assert [await till.paid(each) for each in (back, cancelled, late)] == [100, 0, 0]
    assert till.sandbox.ledger.found(await till.token(refunded.id)).refunded == 10_000
    assert (await till.money(late)).payments[0].state == "expired"
    assert (await till.pay(late)).state == "paid"
    for each in (back, cancelled, late):
        assert await till.differences(each) == []
    await till.shop.assert_ledger_adds_up()
