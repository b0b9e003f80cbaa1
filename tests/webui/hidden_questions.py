"""Every route that tells something, as requests with the ids that exist in a house."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from tests.webui.file_text import text_of
from tests.webui.web_house import Browser, House
from webui.api.progress import LINK
from webui.routes import ROUTES
from webui.routing import CALL, CODE, NUMBER, SKU, Route

_OPTIONAL = FieldInfo(default=None)
FILES_OF_NOBODY = {
    "GET /ws",
    "GET /metrics",
    "GET /api/openapi.json",
    "POST /api/inbound/{id}",
    "GET /api/calls/{id}/recording",
    "GET /api/faxes/{id}/document",
    "GET /api/voicemails/{id}/sound",
    "GET /api/imports/{id}/refused",
    "GET /api/do-not-call/imports/{id}/refused",
    "GET /api/places/imports/{id}/refused",
    "GET /api/places/file",
    "GET /api/exports/{id}/file",
}
"""They tell of no customer, are a sound, go back to who handed them in, or are tried by a test of their own."""
CALL_BOUND = [
    route.path
    for route in ROUTES
    if route.method == "GET" and route.query.model_fields.get("call_id", _OPTIONAL).is_required()
]
"""They tell of a call that stands on the asker's own screen."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that changes nothing of the customer; `body` is JSON."""

    method: str
    path: str
    body: str = ""

    @property
    def place(self) -> str:
        """The path without a query."""
        return self.path.partition("?")[0]


def questions(house: House, ids: dict[str, Any]) -> list[Question]:
    """Every GET route with the ids that exist here, and the others that only tell something."""
    return [
        *(Question("GET", path) for path in paths(house, ids)),
        *(Question("POST", path, json.dumps(body)) for path, body in told_by_post(ids)),
    ]


def told_by_post(ids: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Routes that only tell something and have a body."""
    basket = {"customer_id": ids["customers"], "lines": [{"sku": "A1", "quantity": 1}]}
    named = {"field": "name", "op": "contains", "value": "目标"}
    papers = ("delivery_note_a5", "express_100x150", "ems_100x150", "post_parcel")
    return [
        ("/api/orders/quote", basket),
        ("/api/suggestions", basket),
        ("/api/coupons/check", {**basket, "codes": ["AAAA-AAAA-AAAA"]}),
        ("/api/customers/search", {"conditions": [named]}),
        *(
            ("/api/waybills/papers", {"waybill_ids": [ids["waybills"]], "form": form})
            for form in papers
        ),
        ("/api/picking-lists", {"order_ids": [ids["orders"]]}),
        (f"/api/privacy-requests/{ids['access-requests']}/data", {}),
    ]


def paths(house: House, ids: dict[str, Any]) -> list[str]:
    """Every GET route that does not lead elsewhere, with the ids that exist here."""
    customer_id = ids["customers"]
    sample = {CODE: "scope", SKU: "A1", LINK: "x"}
    query = {
        "customer_id": str(customer_id), "since": "2026-01-01", "until": "2030-01-01",
        "occasion": "birthday", "number": "1", "by": "customer", "call_id": ids["on_screen"],
        "begins": "2026-01-01", "ends": "2026-12-31", "older": "1", "newer": "1",
    }  # fmt: skip
    found: list[str] = []
    for route in ROUTES:
        if route.method != "GET" or name_of(route) in FILES_OF_NOBODY:
            continue
        path = route.path.replace(CALL, str(ids["calls"]))
        for pattern, each in sample.items():
            path = path.replace(pattern, each)
        wanted = route.query.model_fields
        needed = [name for name, field in wanted.items() if field.is_required()]
        asked = "&".join(f"{name}={query[name]}" for name in needed)
        found += [
            path.replace(NUMBER, str(number)) + (f"?{asked}" if asked else "")
            for number in (numbers(route, ids) if NUMBER in path else (0,))
        ]
    codes = ("birthday", "anniversary", "contact_birthday")
    return [
        *found,
        "/api/customers?q=目标",
        "/api/complaints/report?since=2026-01-01T00:00:00Z&until=2026-12-31T00:00:00Z",
        *(f"/api/care/upcoming?occasion={code}&days=366" for code in codes),
        *(f"/api/insight/segments/{code}/customers" for code in ("new", "lost", "potential")),
        *(f"/api/insight/health/{code}/customers" for code in ("credit_overdue", "dormant")),
        f"/api/audit?entity=customer&entity_id={customer_id}&limit=200",
        "/api/audit?entity=order&limit=200",
        "/api/audit?limit=200",
        f"/api/orders?customer_id={customer_id}",
        f"/api/messages?customer_id={customer_id}",
    ]


def numbers(route: Route, ids: dict[str, Any]) -> set[int]:
    """The customer, the first record of the kind, and the one that was entered for the test."""
    kind = route.path.removeprefix("/api/").partition("/{")[0]
    return {ids["customers"], 1, ids.get(kind, 1)}


def name_of(route: Route) -> str:
    path = route.path
    for pattern in (CALL, NUMBER, CODE, SKU, LINK):
        path = path.replace(pattern, "{id}")
    return f"{route.method} {path}"


async def answered(browser: Browser, asked: Question) -> tuple[int, str]:
    """The status and what is answered, a file as its text."""
    given = json.loads(asked.body) if asked.body else None
    status, body = await browser.ask(asked.method, asked.path, given)
    if isinstance(body, bytes):
        return status, text_of(body)
    return status, json.dumps(body, ensure_ascii=False, separators=(",", ":"))
