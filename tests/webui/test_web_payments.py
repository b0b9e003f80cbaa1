"""Payments, bank debit, statements and invoices over the API, with the gateway's call-backs over HTTP."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from orders.payments.sandbox.faults import Fault
from orders.payments.sandbox.keys import SandboxKeys
from orders.payments.sandbox.server import SandboxGateway
from orders.payments.wechat.bill import BEIJING
from orders.payments.wechat.client import WechatGateway
from tests.payments.till import account
from tests.webui.web_house import House, open_house

NOTICES = "/api/gateway/wechat"


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
async def gate(database, tmp_path_factory):
    """(house, sandbox): a house whose payments go through the sandbox."""
    keys = SandboxKeys.in_folder(tmp_path_factory.mktemp("keys"))
    sandbox = await SandboxGateway(keys, retry_after_s=()).start()
    wechat = WechatGateway(account(keys, sandbox.address, "http://set.invalid/"), clock=clock)
    async with open_house(database, tmp_path_factory.mktemp("house"), gateway=wechat) as house:
        there = f"{house.server.address}{NOTICES}"
        wechat._account = account(keys, sandbox.address, there)
        yield house, sandbox
    await wechat.close()
    await sandbox.close()


async def ordered(house: House, browser, payment: str = "prepaid") -> int:
    body = {
        "customer_id": house.customer_id,
        "lines": [{"sku": "A1", "quantity": 1}],
        "payment": payment,
    }
    key = {"Idempotency-Key": f"order-{clock().timestamp()}"}
    status, made = await browser.ask("POST", "/api/orders", body, headers=key)
    assert status == 201, made
    return made["order"]["id"]


async def test_a_customer_pays_by_qr_code_and_the_agent_sees_it(gate):
    house, sandbox = gate
    async with house.browser("agent") as agent:
        order_id = await ordered(house, agent)
        key = {"Idempotency-Key": "web-pay-0001"}
        path = f"/api/orders/{order_id}/payments"
        status, body = await agent.ask("POST", path, {}, headers=key)
        assert (status, body["payment"]["state"]) == (200, "pending"), body
        assert (await agent.ask("POST", path, {}, headers=key))[1] == body
        token = body["payment"]["pay_url"].rpartition("/")[2]
        async with aiohttp.ClientSession() as customer:
            async with customer.get(body["payment"]["pay_url"]) as page:
                assert token in await page.text()
            async with customer.post(
                body["payment"]["pay_url"], data={"fault": "duplicate"}
            ) as done:
                assert done.status == 200
        assert sandbox.callbacks.statuses[-3:] == [204, 204, 204]
        _, money = await agent.ask("GET", f"/api/orders/{order_id}/money")
        assert (money["paid"], money["owed"]) == ("95.00", "95.00")
        assert [each["source"] for each in money["entries"]] == ["wechat"]
        shown = await agent.ask("GET", f"/api/payments/{body['payment']['id']}")
        assert shown[1]["payment"]["state"] == "paid"
        listed = await agent.ask("GET", "/api/payments?state=paid")
        assert [each["order_id"] for each in listed[1]["items"]] == [order_id]


async def test_a_call_back_needs_the_gateway_s_seal_and_no_session_helps(gate):
    house, sandbox = gate
    async with house.browser("admin") as admin:
        status, body = await admin.ask("POST", NOTICES, {"id": "1"})
        assert (status, body["code"], body["error"]["code"]) == (401, "FAIL", "notice_refused")
        big = await admin.ask("POST", NOTICES, {"id": "x" * 1_000_000})
        assert (big[0], big[1]["error"]["code"]) == (413, "too_large")
    headers = sandbox.callbacks.seal("{}")
    assert await sandbox.callbacks.post(f"{house.server.address}{NOTICES}", "{}", headers) == 401


async def test_a_house_without_a_gateway_says_so(house: House):
    async with house.browser("agent") as agent:
        order_id = await ordered(house, agent)
        key = {"Idempotency-Key": "web-none-001"}
        status, body = await agent.ask("POST", f"/api/orders/{order_id}/payments", {}, headers=key)
        assert (status, body["error"]["code"]) == (409, "no_gateway")
        assert (await agent.ask("POST", NOTICES, {}))[0] == 409


async def test_wrong_money_is_a_difference_that_operations_resolve(gate):
    house, sandbox = gate
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        order_id = await ordered(house, agent)
        key = {"Idempotency-Key": "web-pay-0002"}
        path = f"/api/orders/{order_id}/payments"
        made = (await agent.ask("POST", path, {}, headers=key))[1]["payment"]
        await sandbox.pay(made["pay_url"].rpartition("/")[2], {Fault.WRONG_AMOUNT})
        query = f"/api/payment-differences?order_id={order_id}&state=open"
        ((found,),) = ((await desk.ask("GET", query))[1]["items"],)
        assert (found["kind"], found["expected"], found["found"]) == (
            "amount_differs",
            "95.00",
            "95.01",
        )
        todos = (await desk.ask("GET", "/api/todos"))[1]["items"] + (
            await agent.ask("GET", "/api/todos")
        )[1]["items"]
        async with house.browser("supervisor") as supervisor:
            todos += (await supervisor.ask("GET", "/api/todos"))[1]["items"]
        assert any("amount_differs" in each["title"] for each in todos)
        path = f"/api/payment-differences/{found['id']}/resolve"
        given = {"reason": "多付一分", "book": True}
        assert (await agent.ask("POST", path, given))[0] == 403
        status, body = await desk.ask("POST", path, given)
        assert (status, body["difference"]["state"]) == (200, "resolved"), body
        assert (await desk.ask("POST", path, given))[1]["error"]["code"] == "already_resolved"


async def test_slips_are_entered_once_and_cash_goes_back_only_when_it_is_not_owed(gate):
    house, _ = gate
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        order_id = await ordered(house, agent, "transfer")
        slip = {"amount": "100.00", "method": "transfer", "reference": "20260302-77",
                "paid_at": "2026-03-02T10:00:00+08:00"}  # fmt: skip
        path = f"/api/orders/{order_id}/receipts"
        assert (await agent.ask("POST", path, slip))[0] == 403
        status, money = await desk.ask("POST", path, slip)
        assert (status, money["paid"], money["refundable"]) == (200, "100.00", "5.00"), money
        assert (await desk.ask("POST", path, slip))[1]["error"]["code"] == "already_booked"
        back = slip | {"amount": "5.01", "reference": "20260303-1"}
        path = f"/api/orders/{order_id}/pay-back"
        status, refused = await desk.ask("POST", path, back)
        assert (status, refused["error"]["fields"]) == (409, {"refundable": "5.00"})
        money = (await desk.ask("POST", path, back | {"amount": "5"}))[1]
        assert (money["paid"], money["refundable"]) == ("95.00", "0.00")


@pytest.mark.parametrize("payment", ["wechat", "", "a" * 21, "微信"])
async def test_an_order_is_paid_by_a_code_that_exists(gate, payment: str):
    house, _ = gate
    async with house.browser("agent") as agent:
        body = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
        key = {"Idempotency-Key": "web-bad-pay1"}
        status, refused = await agent.ask(
            "POST", "/api/orders", body | {"payment": payment}, headers=key
        )
        assert (status, list(refused["error"]["fields"])) == (422, ["payment"])


async def test_a_debit_file_goes_out_and_its_answer_comes_in(gate):
    house, _ = gate
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        account_ = {"account_no": "6222020200012345678", "account_name": "滨海商贸",
                    "bank_code": "102110000012", "mandate": "SQ-1"}  # fmt: skip
        path = f"/api/customers/{house.customer_id}/debit-accounts"
        assert (await agent.ask("PUT", path, account_))[0] == 403
        body = (await desk.ask("PUT", path, account_))[1]
        assert body["items"][0]["account_masked"] == "****5678"
        order_id = await ordered(house, agent, "debit")
        wanted = {"due_on": "2026-12-01", "order_ids": [order_id]}
        status, made = await desk.ask("POST", "/api/debit-batches", wanted)
        assert (status, made["batch"]["total"]) == (201, "95.00"), made
        one = f"/api/debit-batches/{made['batch']['id']}"
        _, content = await desk.ask("GET", f"{one}/file")
        head, line, _ = content.decode("gbk").split("\r\n")
        number, token = head.split("|")[2], line.split("|")[2]
        answer = f"H|ZJ001|{number}|20261201|1|1|9500\r\nD|1|{token}|9500|0000|S1|成功\r\n"
        status, report = await desk.ask("POST", f"{one}/answer", data=answer.encode("gbk"))
        assert (status, report["paid"], report["batch"]["state"]) == (200, 1, "answered"), report
        status, bad = await desk.ask("POST", f"{one}/answer", data=b"H|x")
        assert (status, bad["error"]["code"]) == (422, "bad_debit_file")
        assert (await desk.ask("POST", f"{one}/answer"))[0] == 422
        shown = (await agent.ask("GET", one))[1]
        assert [each["state"] for each in shown["lines"]] == ["paid"]
        assert (await agent.ask("GET", "/api/debit-batches"))[1]["items"][0]["paid"] == 1


async def test_the_gateway_s_statement_is_fetched_and_handed_in(gate):
    house, sandbox = gate
    day = clock().astimezone(BEIJING).date()
    path = "/api/payment-statements"
    async with house.browser("operations") as desk:
        status, body = await desk.ask("POST", f"{path}/fetch", {"day": day.isoformat()})
        assert status == 200, body
        again = await desk.ask("POST", f"{path}?day={day}", data=sandbox.ledger.bill(day))
        assert again[1]["statement"]["lines"] == body["statement"]["lines"] > 0
        detail = (await desk.ask("GET", f"{path}/{body['statement']['id']}"))[1]
        assert len(detail["lines"]) == body["statement"]["lines"]
        wrong = await desk.ask("POST", f"{path}?day={day - timedelta(days=1)}", data=b"x")
        assert (wrong[0], wrong[1]["error"]["code"]) == (422, "bad_statement")
        assert (await desk.ask("GET", path))[1]["items"][0]["id"] == body["statement"]["id"]


async def test_an_invoice_is_asked_for_issued_and_taken_back(gate):
    house, _ = gate
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        order_id = await ordered(house, agent)
        titles = f"/api/customers/{house.customer_id}/invoice-titles"
        title = {"title": "滨海商贸有限公司", "tax_no": "91120116MA05XXXX1A"}
        body = (await agent.ask("PUT", titles, title))[1]
        assert body["items"][0]["is_main"] is True
        key = {"Idempotency-Key": "web-invoice-1"}
        path = f"/api/orders/{order_id}/invoices"
        status, made = await agent.ask("POST", path, {}, headers=key)
        assert (status, made["invoice"]["gross"], made["invoice"]["net"]) == (200, "95.00", "84.07")
        one = f"/api/invoices/{made['invoice']['id']}"
        number = {"number": "24112000000000000001", "issued_at": "2026-03-02T10:00:00+08:00"}
        assert (await agent.ask("POST", f"{one}/issued", number))[0] == 403
        assert (await desk.ask("POST", f"{one}/issued", number))[1]["invoice"]["state"] == "issued"
        assert (await desk.ask("POST", f"{one}/void", {"reason": "x"}))[0] == 409
        red = await desk.ask(
            "POST",
            f"{one}/red-letters",
            {"reason": "退货"},
            headers={"Idempotency-Key": "web-red-01"},
        )
        assert red[1]["invoice"]["red_of"] == made["invoice"]["id"]
        listed = (await agent.ask("GET", f"/api/invoices?order_id={order_id}"))[1]["items"]
        assert len(listed) == 2
        gone = await agent.ask("DELETE", f"/api/invoice-titles/{body['items'][0]['id']}")
        assert gone[0] == 204
