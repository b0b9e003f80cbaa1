"""Complaints over the API."""

import asyncio
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.webui.web_house import Browser, House


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


@pytest.fixture
async def supervisor(house: House):
    async with house.browser("supervisor") as browser:
        yield browser


async def entered(browser: Browser, house: House, **more: object) -> dict:
    wanted = {
        "customer_id": house.customer_id,
        "category_code": "delivery_late",
        "description": "没到",
    } | more
    status, body = await browser.ask("POST", "/api/complaints", wanted)
    assert status == 201, body
    return body["complaint"]


async def test_a_complaint_goes_its_way_and_shows_the_buttons_of_each_state(
    house: House, agent: Browser
):
    made = await entered(agent, house, severity=3)
    path = f"/api/complaints/{made['id']}"
    assert (made["state"], made["allowed"]) == ("open", ["take"])
    _, body = await agent.ask("POST", f"{path}/take")
    assert (body["complaint"]["state"], body["complaint"]["allowed"]) == (
        "in_progress",
        ["resolve"],
    )
    assert (await agent.ask("POST", f"{path}/comment", {"text": "已联系仓库"}))[0] == 204
    done = {"version": 2, "resolution": "补发", "compensation": "20元券"}
    _, body = await agent.ask("POST", f"{path}/resolve", done)
    assert body["complaint"]["allowed"] == ["close", "reopen"]
    status, body = await agent.ask("POST", f"{path}/close", {"version": 2, "satisfaction": 5})
    assert (status, body["error"]["code"]) == (409, "conflict")
    _, body = await agent.ask("POST", f"{path}/close", {"version": 3, "satisfaction": 5})
    assert (body["complaint"]["state"], body["complaint"]["satisfaction"]) == ("closed", 5)
    status, body = await agent.ask("POST", f"{path}/take")
    assert (status, body["error"]["code"]) == (409, "complaint_state")
    _, body = await agent.ask("POST", f"{path}/reopen", {"version": 4, "reason": "又没到"})
    assert (body["complaint"]["state"], body["complaint"]["reopened"]) == ("reopened", 1)
    assert (await agent.ask("GET", path))[1]["complaint"] == body["complaint"]
    _, body = await agent.ask("GET", f"{path}/steps")
    assert [each["kind"] for each in body["items"]].count("comment") == 1
    assert body["items"][-1]["text"] == "又没到"


async def test_of_two_people_who_take_it_at_once_one_does(house: House, agent: Browser):
    made = await entered(agent, house)
    path = f"/api/complaints/{made['id']}/take"
    async with house.browser("agent2") as other:
        ended = await asyncio.gather(agent.ask("POST", path), other.ask("POST", path))
    assert sorted(status for status, _ in ended) == [200, 409]


async def test_managers_assign_and_reject(house: House, agent: Browser, supervisor: Browser):
    made = await entered(agent, house)
    path = f"/api/complaints/{made['id']}"
    to_agent2 = {"version": 1, "handler_id": house.ids["agent2"]}
    assert (await agent.ask("POST", f"{path}/assign", to_agent2))[0] == 403
    _, body = await supervisor.ask("POST", f"{path}/assign", to_agent2)
    assert body["complaint"]["handler_id"] == house.ids["agent2"]
    status, _ = await agent.ask("POST", f"{path}/resolve", {"version": 2, "resolution": "x"})
    assert status == 403
    operations = {"version": 2, "handler_id": house.ids["operations"]}
    status, body = await supervisor.ask("POST", f"{path}/assign", operations)
    assert (status, body["error"]["fields"]) == (422, {"handler_id": "unknown"})
    reason = {"version": 2, "reason": "无此订单"}
    assert (await agent.ask("POST", f"{path}/reject", reason))[0] == 403
    _, body = await supervisor.ask("POST", f"{path}/reject", reason)
    assert (body["complaint"]["state"], body["complaint"]["allowed"]) == ("rejected", ["reopen"])


async def test_an_edit_changes_what_it_names(house: House, agent: Browser):
    made = await entered(agent, house)
    path = f"/api/complaints/{made['id']}"
    _, body = await agent.ask("PATCH", path, {"version": 1, "category_code": "invoice"})
    changed = body["complaint"]
    assert (changed["category_zh"], changed["description"]) == ("发票", "没到")
    assert changed["due_at"] > made["due_at"]
    status, body = await agent.ask("PATCH", path, {"version": 2, "category_code": None})
    assert (status, set(body["error"]["fields"])) == (422, {"category_code"})


async def test_the_lists_are_narrowed_and_paged(house: House, agent: Browser):
    first = await entered(agent, house, category_code="promotion")
    second = await entered(agent, house, category_code="promotion")
    _, body = await agent.ask("GET", "/api/complaints?category_code=promotion&open=true&limit=1")
    assert [each["id"] for each in body["items"]] == [second["id"]]
    query = f"/api/complaints?category_code=promotion&before={second['id']}"
    _, body = await agent.ask("GET", query)
    assert [each["id"] for each in body["items"]] == [first["id"]]
    _, body = await agent.ask("GET", "/api/complaints/overdue")
    assert body["items"] == []
    for wrong in ("state=lost", "limit=201", "before=x", "category_code=%27", "sort=id"):
        status, body = await agent.ask("GET", f"/api/complaints?{wrong}")
        assert (status, body["error"]["code"]) == (422, "invalid"), wrong
    status, _ = await agent.ask("GET", "/api/complaints?customer_id=987654")
    assert status == 404


async def test_managers_keep_the_categories(house: House, agent: Browser, supervisor: Browser):
    path = "/api/complaints/categories"
    _, body = await agent.ask("GET", path)
    assert {"quality", "delivery", "other"} <= {each["code"] for each in body["items"]}
    new = {"code": "gift", "name_zh": "赠品", "name_en": "Gifts", "handling_hours": 12}
    assert (await agent.ask("POST", path, new))[0] == 403
    status, body = await supervisor.ask("POST", path, new)
    assert (status, body["category"]["version"]) == (201, 1)
    status, body = await supervisor.ask("POST", path, new)
    assert (status, body["error"]["fields"]) == (409, {"code": "taken"})
    change = {"code": "gift", "version": 1, "active": False, "parent_code": "other"}
    _, body = await supervisor.ask("PATCH", path, change)
    assert (body["category"]["active"], body["category"]["parent_code"]) == (False, "other")
    status, body = await supervisor.ask("PATCH", path, change)
    assert (status, body["error"]["fields"]) == (409, {"version": 2})
    wanted = {"customer_id": house.customer_id, "category_code": "gift", "description": "x"}
    status, body = await agent.ask("POST", "/api/complaints", wanted)
    assert (status, body["error"]["fields"]) == (422, {"category_code": "unknown"})


async def test_the_report_counts_by_category_and_period(
    house: House, agent: Browser, supervisor: Browser
):
    await entered(agent, house, category_code="disturbance")
    now = house.services.clock()
    since, until = (quote((now + timedelta(days=n)).isoformat()) for n in (-1, 1))
    path = f"/api/complaints/report?since={since}&until={until}"
    assert (await agent.ask("GET", path))[0] == 403
    _, body = await supervisor.ask("GET", f"{path}&by=category,state,month")
    (line,) = [each for each in body["lines"] if each["category_code"] == "disturbance"]
    assert (line["state"], line["count"], line["overdue_share"]) == ("open", 1, 0)
    assert line["period_start"]
    _, body = await supervisor.ask("GET", f"{path}&by=salesperson,city,severity")
    assert {each["severity"] for each in body["lines"]} <= {1, 2, 3}
    listed = f"/api/complaints?text={quote('x')}&severity=2&since={since}&until={until}"
    assert (await agent.ask("GET", listed))[0] == 200
    backwards = f"/api/complaints/report?since={until}&until={since}"
    groupings = ("category,top_category", "colour", ",")
    for wrong in (backwards, *(f"{path}&by={each}" for each in groupings)):
        status, body = await supervisor.ask("GET", wrong)
        assert (status, body["error"]["code"]) == (422, "invalid"), wrong
    status, body = await supervisor.ask("GET", "/api/complaints/report")
    assert (status, set(body["error"]["fields"])) == (422, {"since", "until"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"customer_id": 0},
        {"category_code": "x y"},
        {"category_code": None},
        {"severity": 4},
        {"channel": "smoke"},
        {"description": ""},
        {"description": "a\x00"},
        {"description": "x" * 4001},
        {"order_number": "x" * 31},
        {"call_id": "1"},
        {"handler_id": 1},
    ],
    ids=str,
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    house: House, agent: Browser, wrong: dict
):
    wanted = {
        "customer_id": house.customer_id,
        "category_code": "other",
        "description": "x",
    } | wrong
    status, body = await agent.ask("POST", "/api/complaints", wanted)
    assert (status, body["error"]["code"]) == (422, "invalid")
    assert set(body["error"]["fields"]) == set(wrong)
