"""Payments while things die: our row and its token are there before the gateway is asked, so nothing is lost."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.rights import SYSTEM
from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.server import charge_content
from tests.payments.till import Till, open_till
from tests.proxy import Proxy

ROOT = Path(__file__).resolve().parent.parent.parent
# A program of its own that does one thing with the gateway; it is killed while it waits for the answer.
CHILD = """
import asyncio, json, sys
from pathlib import Path
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.payments.commands import StartPayment, StartRefund
from orders.payments.gateway import GatewayService
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.wechat.client import WechatGateway
from tests.orders.order_shop import Clock
from tests.payments.till import account

async def main(told):
    keys, clock = SandboxKeys.in_folder(Path(told["keys"])), Clock()
    gateway = WechatGateway(
        account(keys, told["endpoint"], told["notify"], timeout_s=60.0), clock=clock
    )
    service = GatewayService(Database(told["url"]), Bus(), gateway, clock=clock)
    if told["payment"] is None:
        await service.start(SYSTEM, told["order"], StartPayment(), "killed-key-1")
    else:
        wanted = StartRefund(payment_id=told["payment"], amount="100", words="x")
        await service.refund(SYSTEM, told["order"], wanted, "killed-key-2")

asyncio.run(main(json.loads(sys.argv[1])))
"""


async def killed_while_asking(till: Till, order_id: int, payment: int | None = None) -> None:
    """Another process asks the gateway, which has done it and does not answer; then it is killed."""
    url = till.shop.database._engine.url.render_as_string(hide_password=False)
    told = {
        "keys": str(till.keys.folder),
        "endpoint": till.sandbox.address,
        "notify": "http://127.0.0.1:9/",
        "url": url,
        "order": order_id,
        "payment": payment,
    }
    till.sandbox.answering.clear()
    before = len(till.sandbox.requests)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, json.dumps(told), cwd=ROOT
    )
    async with asyncio.timeout(30):
        while len(till.sandbox.requests) == before:
            assert child.returncode is None
            await asyncio.sleep(0.01)
    child.kill()
    await child.wait()
    till.sandbox.answering.set()


async def test_a_payment_whose_daemon_was_killed_while_asking_is_found_by_its_token(till: Till):
    order_id = await till.order()
    await killed_while_asking(till, order_id)
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


async def test_a_refund_whose_daemon_was_killed_while_asking_goes_back_once(till: Till):
    order_id = await till.order()
    payment = await till.pay(order_id)
    await till.shop.move(order_id, "cancelled")
    await killed_while_asking(till, order_id, payment.id)
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
