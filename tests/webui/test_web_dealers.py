"""Dealers' stock reports and applications over the API."""

import asyncio
import itertools

import pytest
from sqlalchemy import text

from tests.webui.web_house import Browser, House

_days = itertools.count(1)
_phones = itertools.count(13700000000)
LINES = [{"product_code": "A1", "on_hand": "12.5", "sold": 3, "needed": "0"}]


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


@pytest.fixture
async def manager(house: House):
    async with house.browser("operations") as browser:
        yield browser


async def give(house: House, login: str | None) -> None:
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET salesperson_id = :user WHERE id = :id"),
            {"user": house.ids[login] if login else None, "id": house.customer_id},
        )


def report(house: House, **more: object) -> dict:
    day = f"2025-01-{next(_days):02d}"
    return {"customer_id": house.customer_id, "report_date": day, "lines": LINES} | more


async def test_a_salesperson_reports_and_corrects_the_stock_of_his_dealer(
    house: House, agent: Browser
):
    await give(house, None)
    wanted = report(house)
    status, body = await agent.ask("POST", "/api/dealer-stock/reports", wanted)
    assert (status, body["error"]["code"]) == (403, "forbidden")
    await give(house, "agent")
    status, made = await agent.ask("POST", "/api/dealer-stock/reports", wanted)
    assert (status, made["report"]["version"]) == (201, 1)
    assert made["lines"] == [
        {"product_code": "A1", "on_hand": "12.500", "sold": "3.000", "needed": "0.000"}
    ]
    path = f"/api/dealer-stock/reports/{made['report']['id']}"
    status, body = await agent.ask("POST", "/api/dealer-stock/reports", wanted)
    assert (status, body["error"]["code"]) == (409, "dealer_stock_reported")
    assert body["error"]["fields"] == {"id": made["report"]["id"], "version": 1}
    given = {"version": 1, "lines": [{"product_code": "B2", "on_hand": 1}], "note": "更正"}
    status, body = await agent.ask("PATCH", path, given)
    assert (status, body["report"]["version"], body["lines"][0]["product_code"]) == (200, 2, "B2")
    assert (await agent.ask("GET", path))[1] == body
    status, body = await agent.ask("PATCH", path, given)
    assert (status, body["error"]["fields"]) == (409, {"version": 2})
    _, body = await agent.ask("GET", f"{path}?of_version=1")
    assert (body["lines"], body["report"]["shown_version"]) == (made["lines"], 1)
    _, body = await agent.ask("GET", f"{path}/versions")
    assert [each["shown_version"] for each in body["items"]] == [2, 1]
    query = f"/api/dealer-stock/reports?customer_id={house.customer_id}"
    _, body = await agent.ask("GET", query)
    assert made["report"]["id"] in {each["id"] for each in body["items"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"lines": []},
        {"lines": [{"product_code": "A1", "on_hand": -1}]},
        {"lines": [{"product_code": "A1", "on_hand": "1e400"}]},
        {"lines": LINES * 2},
        {"report_date": "2199-12-31"},
        {"report_date": "9999-12-31"},
        {"report_date": "2025-02-30"},
        {"note": "x" * 501},
        {"version": 1},
    ],
)
async def test_a_report_that_cannot_be_is_refused(house: House, manager: Browser, wrong: dict):
    status, body = await manager.ask("POST", "/api/dealer-stock/reports", report(house, **wrong))
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_who_has_not_reported_and_what_there_is(
    house: House, agent: Browser, manager: Browser
):
    await give(house, None)
    path = "/api/dealer-stock/silent"
    _, body = await manager.ask("GET", f"{path}?under={house.customer_id}")
    assert [each["customer_id"] for each in body["items"]] == [house.customer_id]
    assert (await agent.ask("GET", path))[1] == {"items": []}
    day = str(house.services.clock().date())
    wanted = report(house, report_date=day, lines=[{"product_code": "Q", "on_hand": 7}])
    assert (await manager.ask("POST", "/api/dealer-stock/reports", wanted))[0] == 201
    _, body = await manager.ask("GET", f"{path}?under={house.customer_id}&days=3")
    assert body == {"items": []}
    query = f"/api/dealer-stock/summary?under={house.customer_id}"
    status, body = await manager.ask("GET", query)
    assert (status, [each["product_code"] for each in body["items"]]) == (200, ["Q"])
    assert (body["items"][0]["on_hand"], body["items"][0]["dealers"]) == ("7.000", 1)
    assert (await manager.ask("GET", f"{query}&after=Q"))[1] == {"items": []}
    status, _ = await agent.ask("GET", query)
    assert status == 403
    status, _ = await manager.ask("GET", f"{path}?under=987654")
    assert status == 404


def application(**more: object) -> dict:
    return {"name": "老陈", "phone": str(next(_phones)), "level_code": "county"} | more


async def test_an_application_is_approved_once_and_its_number_is_masked(
    house: House, manager: Browser
):
    wanted = application(province="河北", city="唐山")
    status, body = await manager.ask("POST", "/api/dealer-applications", wanted)
    made = body["application"]
    assert (status, made["state"], made["phone"]) == (201, "new", f"137****{wanted['phone'][-4:]}")
    path = f"/api/dealer-applications/{made['id']}"
    status, body = await manager.ask("PATCH", path, {"version": 1, "note": "有门店"})
    assert (status, body["application"]["version"]) == (200, 2)
    given = {"version": 2, "parent_id": house.customer_id}
    ended = await asyncio.gather(*(manager.ask("POST", f"{path}/approve", given) for _ in range(3)))
    assert sorted(status for status, _ in ended) == [200, 409, 409]
    refused = next(body for status, body in ended if status == 409)
    assert refused["error"]["code"] == "application_state"
    _, body = await manager.ask("GET", path)
    customer_id = body["application"]["customer_id"]
    async with house.browser("supervisor") as supervisor:
        _, seen = await supervisor.ask("GET", path)
        assert seen["application"]["phone"] == wanted["phone"]
        status, body = await supervisor.ask("GET", f"/api/customers/{customer_id}")
    assert (status, body["customer"]["name"]) == (200, "老陈")
    assert [each["id"] for each in body["customer"]["above"]] == [house.customer_id]


async def test_an_application_is_refused_with_a_reason(manager: Browser):
    _, body = await manager.ask("POST", "/api/dealer-applications", application())
    path = f"/api/dealer-applications/{body['application']['id']}"
    status, _ = await manager.ask("POST", f"{path}/refuse", {"version": 1})
    assert status == 422
    given = {"version": 1, "reason": "区域已满"}
    status, body = await manager.ask("POST", f"{path}/refuse", given)
    assert (status, body["application"]["reason"]) == (200, "区域已满")
    _, body = await manager.ask("GET", "/api/dealer-applications?state=refused&limit=1")
    assert [each["state"] for each in body["items"]] == ["refused"]
    query = f"/api/dealer-applications?before={body['items'][0]['id']}&state=refused"
    assert (await manager.ask("GET", query))[1] == {"items": []}


async def test_an_application_that_cannot_be_is_refused(manager: Browser):
    for wrong in ({"phone": "12"[:1]}, {"level_code": "consumer"}, {"level_code": "x" * 31}):
        status, body = await manager.ask("POST", "/api/dealer-applications", application(**wrong))
        assert (status, body["error"]["code"]) == (422, "invalid"), wrong
