"""Customer care over the API."""

import itertools
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from crm_core.care.ports import CareSources
from crm_core.care.worker import CareWorker
from tests.webui.web_house import Browser, House

_numbers = itertools.count(1)


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


@pytest.fixture
async def manager(house: House):
    async with house.browser("operations") as browser:
        yield browser


def today(house: House):
    return house.services.clock().astimezone(ZoneInfo("Asia/Shanghai")).date()


def rule(**more: object) -> dict:
    return {
        "code": f"rule_{next(_numbers)}",
        "name_zh": "生日",
        "name_en": "Birthday",
        "occasion": "birthday",
        "title_zh": "{customer}生日",
        "title_en": "Birthday of {customer}",
    } | more


async def birthday(house: House) -> None:
    """Let the house's customer have one today (1992 has a 29 February)."""
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET birthday = :day WHERE id = :id"),
            {"day": today(house).replace(year=1992), "id": house.customer_id},
        )


async def test_a_rule_is_entered_shown_changed_and_refused_when_it_is_old(
    house: House, manager: Browser
):
    wanted = rule(days_before=5, level_codes=["city"])
    status, body = await manager.ask("POST", "/api/care/rules", wanted)
    assert (status, body["rule"]["version"], body["rule"]["local_hour"]) == (201, 1, 10)
    path = f"/api/care/rules/{wanted['code']}"
    status, body = await manager.ask("PATCH", path, {"version": 1, "active": False})
    assert (status, body["rule"]["active"], body["rule"]["days_before"]) == (200, False, 5)
    assert (await manager.ask("GET", path))[1] == body
    status, body = await manager.ask("PATCH", path, {"version": 1, "active": True})
    assert (status, body["error"]["code"], body["error"]["fields"]) == (
        409,
        "conflict",
        {"version": 2},
    )
    status, body = await manager.ask("POST", "/api/care/rules", wanted)
    assert (status, body["error"]["fields"]) == (409, {"code": "taken"})
    _, body = await manager.ask("GET", "/api/care/rules")
    assert {"birthday", "first_order", "after_delivery"} <= {each["code"] for each in body["items"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"occasion": "full_moon"},
        {"title_zh": "{customer.__class__}"},
        {"hours_after": 3},
        {"days_before": -1},
        {"level_codes": ["no_such"]},
        {"assignee_id": 3},
        {"name_zh": "a\u0000"},
        {"local_hour": 10**30},
        {"version": 1},
    ],
)
async def test_a_rule_that_cannot_be_is_refused(manager: Browser, wrong: dict):
    status, body = await manager.ask("POST", "/api/care/rules", rule(**wrong))
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_an_agent_sees_no_rules(agent: Browser):
    for method, path in (("GET", "/api/care/rules"), ("GET", "/api/care/rules/birthday/preview")):
        status, body = await agent.ask(method, path)
        assert (status, body["error"]["code"]) == (403, "forbidden")


async def test_whose_day_is_coming_is_listed_and_previewed(
    house: House, agent: Browser, manager: Browser
):
    await birthday(house)
    status, body = await agent.ask("GET", "/api/care/upcoming?occasion=birthday&days=0")
    assert status == 200
    (found,) = body["items"]
    assert (found["customer_id"], found["customer_name"]) == (house.customer_id, "滨海商贸")
    assert found["day"] == str(today(house))
    assert found["years"] == today(house).year - 1992
    query = f"/api/care/upcoming?occasion=birthday&days=0&after={found['key']}"
    assert (await agent.ask("GET", query))[1] == {"items": []}
    wanted = rule(days_before=0)
    await manager.ask("POST", "/api/care/rules", wanted)
    status, body = await manager.ask("GET", f"/api/care/rules/{wanted['code']}/preview")
    assert (status, body) == (200, {"today": 1, "seven_days": 1})
    for occasion in ("contact_birthday", "anniversary", "first_order"):
        status, body = await agent.ask("GET", f"/api/care/upcoming?occasion={occasion}")
        assert (status, body) == (200, {"items": []})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "occasion=after_delivery",
        "occasion=birthday&days=61",
        "occasion=birthday&limit=201",
        "occasion=birthday&after=2026-02-31:1:0",
        "occasion=birthday&after=0000-00-00:1:0",
        "occasion=birthday&after=1",
    ],
)
async def test_a_list_that_cannot_be_is_refused(agent: Browser, query: str):
    status, body = await agent.ask("GET", f"/api/care/upcoming?{query}")
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_what_rules_made_is_the_customer_s_care(house: House, agent: Browser):
    await birthday(house)
    worker = CareWorker(house.services.database, CareSources(), clock=house.services.clock)
    assert await worker.run_once() >= 1
    status, body = await agent.ask("GET", f"/api/care/history?customer_id={house.customer_id}")
    assert status == 200
    assert {each["source_kind"] for each in body["items"]} == {"care"}
    before = body["items"][-1]["id"]
    query = f"/api/care/history?customer_id={house.customer_id}&before={before}"
    assert (await agent.ask("GET", query))[1] == {"items": []}
    status, body = await agent.ask("GET", "/api/care/history?customer_id=987654")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_a_first_order_of_a_year_ago_is_listed(house: House, agent: Browser):
    placed_at = house.services.clock() - timedelta(days=365 * 4 + 1)
    async with house.services.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO orders (number, key, fingerprint, customer_id, status, total,"
                " credit_held, placed_at) VALUES ('F1', 'F1', '-', :id, 'settled', 0, 0, :at)"
            ),
            {"id": house.customer_id, "at": placed_at},
        )
    _, body = await agent.ask("GET", "/api/care/upcoming?occasion=first_order&days=1")
    assert [(each["customer_id"], each["years"]) for each in body["items"]] == [
        (house.customer_id, 4)
    ]


async def test_fields_that_a_role_is_kept_from_are_in_no_list_of_care(house: House):
    await birthday(house)
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE customers SET salesperson_id = :user WHERE id = :id"),
            {"user": house.ids["agent"], "id": house.customer_id},
        )
        await session.execute(
            text(
                "INSERT INTO role_fields (role_code, field, access) VALUES"
                " ('agent', 'customer.level', 'hidden'), ('agent', 'customer.salesperson', 'hidden'),"
                " ('agent', 'customer.anniversary', 'hidden')"
            )
        )
    async with house.browser("agent2") as kept_out:
        _, body = await kept_out.ask("GET", "/api/care/upcoming?occasion=birthday&days=0")
        (found,) = body["items"]
        assert found["customer_name"] == "滨海商贸"
        assert found["level_code"] is found["salesperson_id"] is found["salesperson_name"] is None
        status, body = await kept_out.ask("GET", "/api/care/upcoming?occasion=anniversary")
        assert (status, body["error"]["fields"]) == (403, {"anniversary": "forbidden"})
        _, body = await kept_out.ask("GET", "/api/dealer-stock/silent")
        assert {each["level_code"] for each in body["items"]} <= {None}
