"""The customer's page over HTTP: who may ask, what no answer gives away, and what is never kept."""

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest

from orders.progress import links
from tests.orders.order_shop import LINKS
from tests.webui.web_house import House


async def ordered(agent, house: House, **more) -> dict:
    key = {"Idempotency-Key": f"progress-{datetime.now(UTC).timestamp()}"}
    body = {
        "customer_id": house.customer_id,
        "lines": [{"sku": "A1", "quantity": 1}],
        "address": "天津市河西区友谊路5号",
    }
    status, made = await agent.ask("POST", "/api/orders", body | more, headers=key)
    assert status == 201, made
    return made["order"]


async def link_of(agent, order_id: int) -> str:
    status, made = await agent.ask("POST", f"/api/orders/{order_id}/link")
    assert status == 200, made
    return made["link"].removeprefix("https://shop.example/o/")


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


async def test_a_customer_without_a_log_in_sees_and_changes_the_order(house: House, agent):
    order = await ordered(agent, house)
    path = f"/api/progress/{await link_of(agent, order['id'])}"
    async with house.browser() as customer:
        status, seen = await customer.ask("GET", path)
        assert (status, seen["number"], seen["editable"]) == (200, order["number"], True)
        assert "13800138000" not in str(seen)
        assert "滨海商贸" not in str(seen)
        assert "友谊路5号" not in str(seen)
        body = {"version": seen["version"], "note": "放门卫室"}
        status, changed = await customer.ask("POST", f"{path}/changes", body)
        assert (status, changed["version"]) == (200, seen["version"] + 1)
        status, refused = await customer.ask("POST", f"{path}/changes", body)
        assert (status, refused["error"]["code"]) == (409, "changed_meanwhile")
    _, shown = await agent.ask("GET", f"/api/orders/{order['id']}")
    assert shown["order"]["note"] == "放门卫室"


async def test_of_customer_and_agent_who_change_at_once_one_is_refused(house: House, agent):
    order = await ordered(agent, house)
    token = await link_of(agent, order["id"])
    edit = {"version": order["version"], "lines": [{"sku": "A1", "quantity": 2}]}
    async with house.browser() as customer:
        answers = await asyncio.gather(
            agent.ask("PUT", f"/api/orders/{order['id']}", edit),
            customer.ask(
                "POST",
                f"/api/progress/{token}/changes",
                {"version": order["version"], "note": "快一点"},
            ),
        )
    assert sorted(status for status, _ in answers) == [200, 409]


async def test_wrong_expired_and_revoked_links_are_answered_alike(house: House, agent):
    order = await ordered(agent, house)
    token = await link_of(agent, order["id"])
    status, _ = await agent.ask("DELETE", f"/api/orders/{order['id']}/link")
    assert status == 204
    now = datetime.now(UTC)
    wrong = (
        token,
        token[:-1],
        "x",
        "A" * 35,
        links.token(LINKS, 987_654, now),
        links.token(LINKS, order["id"], datetime(2020, 1, 1, tzinfo=UTC)),
    )
    async with house.browser() as customer:
        answers = [await customer.ask("GET", f"/api/progress/{each}") for each in wrong]
    assert {status for status, _ in answers} == {404}
    assert {str(body) for _, body in answers} == {str(answers[0][1])}
    assert answers[0][1]["error"]["code"] == "link_not_valid"


async def test_a_page_by_a_link_is_kept_by_nobody_and_found_by_no_search_engine(
    house: House, agent
):
    token = await link_of(agent, (await ordered(agent, house))["id"])
    async with aiohttp.ClientSession(house.server.address) as bare:
        for path in (f"/api/progress/{token}", f"/o/{token}", "/api/progress/x"):
            async with bare.get(path) as answer:
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


async def test_a_change_by_a_link_must_come_from_our_page(house: House, agent):
    token = await link_of(agent, (await ordered(agent, house))["id"])
    path = f"/api/progress/{token}/changes"
    async with aiohttp.ClientSession(house.server.address) as bare:
        headers = {"Origin": "https://evil.example", "X-Zongji": "1"}
        async with bare.post(path, json={"version": 1, "note": "x"}, headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (
                403,
                "origin_refused",
            )
        headers = {"Origin": house.server.address}
        async with bare.post(path, json={"version": 1, "note": "x"}, headers=headers) as answer:
            assert (await answer.json())["error"]["code"] == "not_our_page"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": 1},
        {"version": 0, "note": "x"},
        {"version": 1, "note": ""},
        {"version": 1, "note": "x" * 201},
        {"version": 1, "note": "a\0b"},
        {"version": 1, "wanted_on": "1999-01-01"},
        {"version": 1, "wanted_on": "9999-12-31"},
        {"version": 1, "total": "0.01"},
        {"version": 1, "address": {"street": "x"}},
        {
            "version": 1,
            "address": {
                "version": 0,
                "province": "天津市",
                "city": "天津市",
                "street": "路" * 201,
            },
        },
    ],
)
async def test_a_change_that_is_none_is_refused_by_name(house: House, agent, body):
    token = await link_of(agent, (await ordered(agent, house))["id"])
    async with house.browser() as customer:
        status, refused = await customer.ask("POST", f"/api/progress/{token}/changes", body)
    assert (status, refused["error"]["code"]) == (422, "invalid")


async def test_without_a_gateway_nobody_pays_online(house: House, agent):
    token = await link_of(agent, (await ordered(agent, house, payment="prepaid"))["id"])
    async with house.browser() as customer:
        _, seen = await customer.ask("GET", f"/api/progress/{token}")
        assert (seen["dues"]["state"], seen["dues"]["payable"]) == ("owed", False)
        key = {"Idempotency-Key": "customer-pays-1"}
        status, body = await customer.ask("POST", f"/api/progress/{token}/payments", headers=key)
    assert (status, body["error"]["code"]) == (409, "no_gateway")


async def test_suggestions_are_asked_for_while_an_order_is_written(house: House, agent):
    body = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
    status, found = await agent.ask("POST", "/api/suggestions", body)
    assert (status, found) == (200, {"items": []})
    status, found = await agent.ask("POST", "/api/suggestions", {"customer_id": 987_654})
    assert (status, found["error"]["code"]) == (404, "not_found")
