"""Whoever sees the own customers only meets nothing of a colleague's, whatever route is asked.

The requests are made from the route table: a route that is added is tried too, and one with an `{id}` of a
kind that is not known here fails until somebody says whose record it is.
"""

import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from crm_core.people.tables import Role, RoleRight, User
from crm_core.rights import SYSTEM, Right
from tests.webui.customer_records import NOW
from tests.webui.file_text import text_of
from tests.webui.scope_records import PHONE, SECRET, records_of_a_colleague
from tests.webui.web_house import Browser, House, offer_in
from webui.asked import Model, Nothing
from webui.routes import ROUTES
from webui.routing import CALL, CODE, NUMBER, SKU, Route

OF_NO_CUSTOMER = (
    "/api/accounting-periods/",
    "/api/agent",
    "/api/blacklist/",
    "/api/catalogue/",
    "/api/connection-papers/",
    "/api/connections/",
    "/api/coupon-runs/",
    "/api/custom-fields/",
    "/api/debit-batches/",
    "/api/delivery/",
    "/api/exception-levels/",
    "/api/exception-rules/",
    "/api/do-not-call/",
    "/api/exports/",
    "/api/groups/",
    "/api/imports/",
    "/api/places/",
    "/api/insight/rules/",
    "/api/knowledge/entries/",
    "/api/line/",
    "/api/message-choices/",
    "/api/message-templates/",
    "/api/order-review-rules/",
    "/api/order-windows/",
    "/api/payment-statements/",
    "/api/saved-searches/",
    "/api/sessions/",
    "/api/settlement-differences/",
    "/api/settlements/",
    "/api/skills/",
    "/api/stock/",
    "/api/tokens/",
    "/api/units/",
    "/api/users/",
    "/api/webhook-deliveries/",
    "/api/webhooks/",
)
"""Records that are nobody's, of the person who asks, or of who may manage what they are about."""
SHARED = {
    "GET /api/notices/{id}",
    "PATCH /api/notices/{id}",
    "GET /api/notices/{id}/audience",
    "POST /api/notices/{id}/send",
    "POST /api/notices/{id}/cancel",
    "GET /api/notices/{id}/counts",
    "GET /api/notices/{id}/recipients",
}
"""Of many customers: they answer, without a word of the colleague's."""
IN_PART = {
    "POST /api/waybills",
    "POST /api/waybills/hand-over",
    "POST /api/delivery/runs",
    "POST /api/delivery/runs/{id}/orders",
    "POST /api/delivery/runs/{id}/remove",
    "POST /api/debit-batches",
}
"""They do what they can with several, and say that the colleague's is not there, or that nothing is to be done."""
OF_THE_HOUSE = {
    "/api/debit-batches/",
    "/api/delivery/runs/",
    "/api/payment-statements/",
    "/api/settlements/",
}
"""Of many customers, and tell of those whom one may see."""
TAKEN = {"POST /api/callbacks/{id}/call", "POST /api/callbacks/{id}/close"}
"""To take a call-back is like answering a call: whoever does learns who it is."""
LATER = (NOW + timedelta(days=9)).isoformat()
VALUES: dict[str, Callable[[dict[str, int]], Any]] = {
    "customer_id": lambda ids: ids["customers"],
    "customer_ids": lambda ids: [ids["customers"]],
    "referrer_customer_id": lambda ids: ids["customers"],
    "under": lambda ids: ids["customers"],
    "dropped_id": lambda ids: ids["anybodys"],
    "due_at": lambda _: LATER,
    "given_at": lambda _: NOW.isoformat(),
    "report_date": lambda _: NOW.date().isoformat(),
    "call_id": lambda _: "cd" * 16,
    "codes": lambda _: ["AAAA-AAAA-AAAA"],
    "phone": lambda _: "13655550009",
    "stage_code": lambda _: "needs",
    "number": lambda _: "12345678",
    "sku": lambda _: "A1",
    "valid_until": lambda _: LATER[:10],
    "account_no": lambda _: "62220000111122223",
    "bank_code": lambda _: "102110000000",
    "order_id": lambda ids: ids["orders"],
    "order_ids": lambda ids: [ids["orders"]],
    "waybill_ids": lambda ids: [ids["waybills"]],
    "courier_code": lambda _: "scope",
    "vehicle_code": lambda _: "scope",
    "driver_code": lambda _: "scope",
}

ONLY_WHERE_REQUIRED = {
    "courier_code",
    "driver_code",
    "due_at",
    "number",
    "phone",
    "report_date",
    "stage_code",
    "valid_until",
}
NO_GATEWAY = {"POST /api/orders/{id}/payments", "POST /api/orders/{id}/refunds"}
"""There is none in this house; they say so before they look at anything."""


_OF_A_CUSTOMER = {
    "customer_id",
    "customer_ids",
    "order_id",
    "order_ids",
    "under",
    "waybill_ids",
}


def name(route: Route) -> str:
    path = route.path
    for pattern in (CALL, NUMBER, CODE, SKU):
        path = path.replace(pattern, "{id}")
    return f"{route.method} {path}"


def _names_a_customer(route: Route) -> bool:
    fields = {*route.body.model_fields, *route.query.model_fields}
    shared = route.path.startswith("/api/connections/")  # a right over the whole house
    return not shared and bool(fields & _OF_A_CUSTOMER)


def _has_record(route: Route) -> bool:
    numbered = NUMBER in route.path or CALL in route.path
    return numbered and not route.path.startswith(OF_NO_CUSTOMER)


TRIED = [
    route
    for route in ROUTES
    if (_has_record(route) or _names_a_customer(route)) and name(route) not in TAKEN | NO_GATEWAY
]
HOUSE = [
    route
    for route in ROUTES
    if route.method == "GET"
    and NUMBER in route.path
    and any(route.path.startswith(each) for each in OF_THE_HOUSE)
]
LISTS = [
    route
    for route in ROUTES
    if route.method == "GET" and "{id" not in route.path and route.path.startswith("/api/")
]


def _resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or "anyOf" in schema:
        schema = schema["anyOf"][0] if "anyOf" in schema else _named(schema, whole)
    return schema


def _named(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return found


def _value(field: str, schema: dict[str, Any], whole: dict[str, Any], ids: dict[str, int]) -> Any:
    """The least that is accepted."""
    if field in VALUES:
        return VALUES[field](ids)
    schema = _resolved(schema, whole)
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return choices[0]
    if schema.get("type") == "object":
        return _least(schema, whole, ids)
    if schema.get("type") == "array":
        return [_value("", schema["items"], whole, ids)] if schema.get("minItems") else []
    plain = {"integer": 1, "number": 1, "boolean": False, "string": "abcd"}
    timed = {"date": NOW.date().isoformat(), "date-time": LATER}
    return timed.get(schema.get("format", ""), plain[schema["type"]])


def _least(schema: dict[str, Any], whole: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    """Required fields, and those that name a customer."""
    wanted = {*schema.get("required", ()), *(VALUES.keys() & schema.get("properties", {}).keys())}
    wanted -= ONLY_WHERE_REQUIRED - set(schema.get("required", ()))
    return {each: _value(each, schema["properties"][each], whole, ids) for each in sorted(wanted)}


def least(model: type[Model], ids: dict[str, int]) -> dict[str, Any]:
    if model is Nothing:
        return {}
    whole = model.model_json_schema()
    return _least(whole, whole, ids)


def record_of(route: Route) -> str:
    """The kind of record whose id stands in the path."""
    return route.path.removeprefix("/api/").partition("/{")[0]


@pytest.fixture(scope="module")
async def ids(house: House) -> dict[str, int]:
    return await records_of_a_colleague(house)


@pytest.fixture(scope="module")
async def narrow(house: House, ids: dict[str, int]):
    """Somebody with every right but those over the whole house, who sees the own customers only."""
    async with house.services.database.begin() as session:
        role = {"code": "narrow", "name_zh": "窄", "name_en": "Narrow", "scope": "own"}
        await session.execute(insert(Role).values(role))
        rights = [
            {"role_code": "narrow", "right_code": str(right)}
            for right in Right
            if right not in {Right.LEAD_MANAGE, Right.AUDIT_VIEW, Right.CONNECTION_MANAGE}
        ]
        await session.execute(insert(RoleRight).values(rights))
        await session.execute(update(User).where(User.login == "agent").values(role_code="narrow"))
    async with house.browser("agent") as browser:
        yield browser


async def asked(browser: Browser, route: Route, ids: dict[str, int]) -> tuple[int, Any]:
    path = route.path
    for pattern in (NUMBER, CALL):
        if pattern in path:
            path = path.replace(pattern, str(ids[record_of(route)]))
    query = {key: str(each) for key, each in least(route.query, ids).items()}
    if route.method == "GET":
        return await browser.ask("GET", path, params=query)
    body = least(route.body, ids)
    route.body.model_validate_json(json.dumps(body))
    key = {"Idempotency-Key": secrets.token_hex(8)}
    return await browser.ask(route.method, path, body, params=query, headers=key)


@pytest.mark.parametrize("route", TRIED, ids=name)
async def test_a_colleagues_customer_is_not_there(
    narrow: Browser, ids: dict[str, int], route: Route
):
    status, body = await asked(narrow, route, ids)
    assert_silent(body)
    if name(route) not in SHARED | IN_PART:
        nothing = status == 200 and (body.get("items") == [] or body.get("count") == 0)
        assert status == 404 or nothing, (status, body)


@pytest.mark.parametrize("route", LISTS, ids=name)
async def test_no_list_tells_of_a_colleagues_customer(
    narrow: Browser, ids: dict[str, int], route: Route
):
    _, body = await asked(narrow, route, ids)
    assert_silent(body)


def assert_silent(body: Any) -> None:
    """Nothing is told of the colleague's customer, in a file neither."""
    told = text_of(body) if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False)
    assert SECRET not in told
    assert PHONE not in told


@pytest.mark.parametrize("route", HOUSE, ids=name)
async def test_what_is_of_many_does_not_tell_of_a_colleagues_customer(
    narrow: Browser, ids: dict[str, int], route: Route
):
    status, body = await asked(narrow, route, ids)
    assert status in (200, 403)
    assert_silent(body)


async def test_a_batch_of_debits_is_for_those_who_see_all_its_customers(
    narrow: Browser, ids: dict[str, int]
):
    batch = f"/api/debit-batches/{ids['debit-batches']}"
    status, body = await narrow.ask("GET", batch)
    assert (status, body["lines"], body["refused"]) == (200, [], [])
    assert (await narrow.ask("GET", f"{batch}/file"))[0] == 403
    assert (await narrow.ask("POST", f"{batch}/cancel", {}))[0] == 403
    assert (await narrow.ask("POST", f"{batch}/answer", data=b"H|"))[0] in (403, 409)


async def test_a_load_list_keeps_the_stop_of_a_colleagues_customer(
    house: House, narrow: Browser, ids: dict[str, int]
):
    run = f"/api/delivery/runs/{ids['delivery/runs']}"
    _, body = await narrow.ask("GET", run)
    assert body["stops"] == []
    wanted = {"version": body["run"]["version"], "order_ids": [ids["orders"]]}
    await narrow.ask("POST", f"{run}/remove", wanted)
    async with house.browser("admin") as browser:
        assert len((await browser.ask("GET", run))[1]["stops"]) == 1


async def test_who_talks_with_a_colleagues_customer_sees_the_customer_until_the_work_is_done(
    house: House, narrow: Browser, ids: dict[str, int]
):
    path = f"/api/customers/{ids['customers']}"
    card = await house.services.crm.customers.get(SYSTEM, ids["customers"])
    async with house.at_work("agent"):
        record = house.call(PHONE, known=False)
        house.server.door.live.link_customer(record.call_id, card)
        ticket = house.queue(record)
        offer = offer_in(ticket)
        assert (await narrow.ask("GET", path))[0] == 404
        ticket.answered(offer)
        status, body = await narrow.ask("GET", path)
        assert (status, body["customer"]["name"]) == (200, SECRET)
        new = {"title": "回电", "due_at": LATER, "customer_id": ids["customers"]}
        status, made = await narrow.ask("POST", "/api/todos", new)
        assert status == 201
        ticket.finished(offer, "ANSWER", 1.0)
        record.end("answered")
        assert (await narrow.ask("GET", path))[0] == 200
    assert (await narrow.ask("GET", path))[0] == 404
    done = f"/api/todos/{made['todo']['id']}/complete"
    assert (await narrow.ask("POST", done, {"version": 1}))[0] == 200
