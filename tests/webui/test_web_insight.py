"""Insight over the API."""

import asyncio
import uuid

import pytest

from crm_core.insight.worker import InsightWorker
from tests.webui.web_house import SOURCES, Browser, House

ROOM = "/api/insight"


@pytest.fixture(scope="module")
async def sold(house: House) -> int:
    """The customer has ordered for 380 yuan, and it was worked out."""
    async with house.browser("agent") as agent:
        wanted = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 4}]}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        status, body = await agent.ask("POST", "/api/orders", wanted, headers=headers)
        assert status == 201, body
    worker = InsightWorker(house.services.database, SOURCES, clock=house.services.clock)
    assert await worker.run_once() == 1
    return house.customer_id


@pytest.fixture
async def supervisor(house: House):
    async with house.browser("supervisor") as browser:
        yield browser


async def test_an_agent_reads_why_a_customer_is_what_it_is(house: House, sold: int):
    async with house.browser("agent") as agent:
        status, body = await agent.ask("GET", f"{ROOM}/customers/{sold}")
        found = body["insight"]
        assert (status, found["segment"]["code"], found["grade"]["code"]) == (200, "new", "D")
        figures = {each["metric"]: each["value"] for each in found["figures"]}
        assert (figures["revenue_12m"], figures["orders_total"]) == ("380.00", 1)
        chosen = [each for each in found["rules"] if each["chosen"]]
        assert chosen[0]["kind"] == "segment"
        assert chosen[0]["tried"][0] == {
            "metric": "days_since_first_order", "operator": "<=", "bound": "60", "value": 0,
            "held": True,
        }  # fmt: skip
        assert chosen[0]["advice"]["zh"]
        assert found["pending"] is False
        assert (await agent.ask("GET", f"{ROOM}/customers/987654"))[0] == 404
        assert (await agent.ask("GET", f"{ROOM}/segments"))[0] == 403


async def test_contribution_segments_and_warnings_are_listed(
    house: House, sold: int, supervisor: Browser
):
    today = house.services.clock().date()
    path = f"{ROOM}/contribution?since={today.replace(day=1)}&until=2199-12-31"
    status, body = await supervisor.ask("GET", path)
    assert (status, body["error"]["code"]) == (422, "invalid")
    path = f"{ROOM}/contribution?since=2024-01-01&until={today.year + 1}-01-31"
    for by, code in (("customer", str(sold)), ("level", "city"), ("province", None)):
        status, body = await supervisor.ask("GET", f"{path}&by={by}")
        assert status == 200, body
        assert body["items"][0] == {
            "place": 1, "rank": 1, "code": code, "name_zh": body["items"][0]["name_zh"],
            "name_en": body["items"][0]["name_en"], "customers": 1, "orders": 1,
            "revenue": "380.00", "share_percent": "100.00",
        }  # fmt: skip
    _, body = await supervisor.ask("GET", f"{ROOM}/segments")
    counted = {each["code"]: each["customers"] for each in body["items"]}
    assert counted["new"] == 1
    _, body = await supervisor.ask("GET", f"{ROOM}/segments/new/customers?limit=200")
    assert [each["customer_id"] for each in body["items"]] == [sold]
    assert body["items"][0]["revenue_12m"] == "380.00"
    _, body = await supervisor.ask("GET", f"{ROOM}/segments/new/customers?after={sold}")
    assert body["items"] == []
    _, body = await supervisor.ask("GET", f"{ROOM}/health")
    assert {each["code"]: each["customers"] for each in body["items"]}["no_contact"] == 0
    _, body = await supervisor.ask("GET", f"{ROOM}/health/no_contact/customers")
    assert body["items"] == []


@pytest.mark.parametrize(
    "path",
    [
        "segments/no_such/customers",
        "health/no_such/customers",
    ],
)
async def test_a_code_that_is_not_among_the_rules_is_not_found(supervisor: Browser, path: str):
    status, body = await supervisor.ask("GET", f"{ROOM}/{path}")
    assert (status, body["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "since=2026-01-01",
        "since=2026-02-01&until=2026-01-01",
        "since=0001-01-01&until=2026-01-01",
        "since=2026-01-01&until=9999-12-31",
        "since=2026-01-01&until=2026-01-02&by=colour",
        "since=2026-01-01&until=2026-01-02&limit=201",
        "since=1970-01-01&until=2199-12-31",
    ],
)
async def test_a_time_that_is_none_is_refused_by_name(supervisor: Browser, query: str):
    status, body = await supervisor.ask("GET", f"{ROOM}/contribution?{query}")
    assert (status, body["error"]["code"]) == (422, "invalid")
    assert body["error"]["fields"]


async def test_rules_are_read_changed_and_counted(house: House, sold: int, supervisor: Browser):
    _, body = await supervisor.ask("GET", f"{ROOM}/rules")
    version, rules = body["version"], body["rules"]
    assert body["progress"] == {"customers": 1, "current": 1, "queued": 0, "due": 0}
    rules["grades"][0]["revenue_at_least"] = "300000"
    wanted = {"version": version, "rules": rules}
    answers = await asyncio.gather(
        *(supervisor.ask("PUT", f"{ROOM}/rules", wanted) for _ in range(3))
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409]
    refused = next(body for status, body in answers if status == 409)
    assert refused["error"]["fields"] == {"version": version + 1}
    done = next(body for status, body in answers if status == 200)
    assert done["rules"] == rules
    assert (done["version"], done["progress"]["current"]) == (version + 1, 0)
    worker = InsightWorker(house.services.database, SOURCES, clock=house.services.clock)
    assert await worker.run_once() == 1
    _, body = await supervisor.ask("GET", f"{ROOM}/rules")
    assert body["progress"]["current"] == 1


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("rules.segments.0.when.0.metric", "price"),
        ("rules.segments.0.when.0.operator", "=>"),
        ("rules.segments.0.when.0.value", "-1"),
        ("rules.segments.0.when.0.value", "NaN"),
        ("rules.segments.0.when.0.value", "1e20"),
        ("rules.segments.0.name_zh", "字" * 51),
        ("rules.segments.0.name_en", "\x00"),
        ("rules.grades.0.revenue_at_least", "Infinity"),
        ("rules.health.0.severity", "deadly"),
        ("rules.health.0.when", []),
        ("rules.rfm.r_days", [1, 2, 3]),
        ("rules.rfm.r_days", [4, 3, 2, 1]),
        ("rules.rfm.colour", 1),
        ("version", 0),
    ],
)
async def test_rules_that_are_wrong_are_refused_and_the_place_is_named(
    supervisor: Browser, place: str, wrong: object
):
    _, body = await supervisor.ask("GET", f"{ROOM}/rules")
    wanted = {"version": body["version"], "rules": body["rules"]}
    target = wanted
    *path, last = place.split(".")
    for name in path:
        target = target[int(name) if name.isdecimal() else name]
    target[last] = wrong
    status, body = await supervisor.ask("PUT", f"{ROOM}/rules", wanted)
    assert (status, body["error"]["code"]) == (422, "invalid")
    assert any(name.startswith(".".join(path)) for name in body["error"]["fields"])


async def test_everybody_is_worked_out_anew_in_the_background(house: House, sold: int):
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        assert (await agent.ask("POST", f"{ROOM}/recompute", {}))[0] == 403
        status, body = await desk.ask("POST", f"{ROOM}/recompute", {})
        assert (status, body["progress"]["queued"]) == (202, body["progress"]["customers"])
        worker = InsightWorker(house.services.database, SOURCES, clock=house.services.clock)
        while await worker.run_once():
            pass
        rules = (await desk.ask("GET", f"{ROOM}/rules"))[1]
        assert rules["progress"]["queued"] == 0
        listed = (await desk.ask("GET", f"{ROOM}/rules/versions?limit=1"))[1]["items"]
        assert listed[0]["version"] == rules["version"]
        one = await desk.ask("GET", f"{ROOM}/rules/versions/{rules['version']}")
        assert one[1]["rules"] == rules["rules"]
