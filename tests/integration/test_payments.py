"""The daemon and the sandbox gateway over their own sockets: a customer pays, the daemon dies, PostgreSQL restarts."""

import asyncio
import email
import email.policy
from decimal import Decimal

from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.server import SandboxGateway, charge_content
from tests.integration.workplace import Workplace, until
from zongji.demo.agent import DemoAgent


def _gateway(work: Workplace) -> SandboxGateway:
    assert work.stack.gateway is not None
    return work.stack.gateway


async def _started(agent: DemoAgent, key: str) -> tuple[int, str]:
    """A new order, and the gateway's token of a payment of it."""
    found = await agent.request("GET", "/api/customers?q=02223456789")
    order = await agent.place_order(found["items"][0]["id"], [("YL-001", 1)])
    made = await agent.request(
        "POST", f"/api/orders/{order['id']}/payments", {}, **{"Idempotency-Key": key}
    )
    return order["id"], made["payment"]["pay_url"].rpartition("/")[2]


async def _paid(agent: DemoAgent, order_id: int) -> Decimal:
    return Decimal((await agent.request("GET", f"/api/orders/{order_id}/money"))["paid"])


async def test_a_customer_who_pays_is_told_so_once(work: Workplace) -> None:
    agent, gateway = await work.agent("agent1"), _gateway(work)
    known = len(work.stack.mailbox.messages())
    order_id, token = await _started(agent, "stack-pay-01")
    charge = await gateway.pay(token, {Fault.DUPLICATE})
    assert await _paid(agent, order_id) * 100 == charge.total

    async def told() -> list[str]:
        mails = (path.read_bytes() for path in work.stack.mailbox.messages()[known:])
        parsed = (email.message_from_bytes(mail, policy=email.policy.default) for mail in mails)
        return [mail["Subject"] for mail in parsed if "已收款" in mail["Subject"]]

    assert len(await until(told)) == 1


async def test_what_was_paid_while_the_daemon_was_dead_is_asked_for(work: Workplace) -> None:
    agent, gateway = await work.agent("agent1"), _gateway(work)
    order_id, token = await _started(agent, "stack-pay-02")
    work.stack.daemon.kill()
    charge = await gateway.pay(token)
    assert gateway.callbacks.statuses[-1] is None
    await work.restart_daemon()
    agent = await work.reopen("agent1")
    (payment,) = (await agent.request("GET", f"/api/orders/{order_id}/money"))["payments"]
    await agent.request("POST", f"/api/payments/{payment['id']}/check")
    assert await _paid(agent, order_id) * 100 == charge.total


async def test_a_call_back_while_postgresql_restarts_is_told_again_and_booked_once(
    work: Workplace,
) -> None:
    agent, gateway = await work.agent("agent1"), _gateway(work)
    order_id, token = await _started(agent, "stack-pay-03")
    await asyncio.to_thread(work.stack.postgres.stop, mode="immediate")
    charge = await gateway.pay(token)
    assert gateway.callbacks.statuses[-1] == 503
    await asyncio.to_thread(work.stack.postgres.start, settings={"fsync": "off"})

    async def taken() -> bool:
        told = gateway.callbacks
        await told.tell(charge.notify_url, "TRANSACTION.SUCCESS", charge_content(charge), ())
        return told.statuses[-1] == 204

    await until(taken)
    assert await _paid(agent, order_id) * 100 == charge.total
