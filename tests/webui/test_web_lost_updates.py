"""No edit is lost: of two made from the same version of a record at once, one succeeds and the other is refused.

Every route whose body names a version must stand in `EDITS`: how a record is made, and two edits of it.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.webui.web_house import PASSWORD, Browser, House
from webui.routes import ROUTES

NAMES = {"name_zh": "新", "name_en": "New"}
RIGHTS = {"rights": ["customer.view"]}


@dataclass(frozen=True)
class Edit:
    """`make`: the body that makes the record, None when it is always there; `id` its code, if it has no number.

    `field` is the one that the two edits fill differently, without `values` with what is there; `whole`: they
    name all that the record has.
    """

    make: dict[str, Any] | None
    field: str
    values: tuple[Any, Any] | None = ("甲", "乙")
    id: str | None = None
    whole: bool = False
    more: tuple[tuple[str, Any], ...] = ()


def edits(house: House) -> dict[str, Edit]:
    customer = {"customer_id": house.customer_id}
    put = {"whole": True}
    return {
        "PATCH /api/users/{}": Edit(
            {"login": "lost", "name": "失", "role": "agent", "password": PASSWORD}, "name"
        ),
        "PUT /api/catalogue/products/{}": Edit(
            NAMES | {"sku": "LOST", "unit": "箱", "list_price": "5"}, "name_zh", id="LOST", **put
        ),
        "PUT /api/catalogue/categories/{}": Edit(
            NAMES | {"code": "lost"}, "name_zh", id="lost", **put
        ),
        "PUT /api/price-rules/{}": Edit(
            NAMES | {"kind": "price", "sku": "A1", "value": "5"}, "name_zh", **put
        ),
        "PATCH /api/customers/{}": Edit({"name": "失", "phones": ["13711118001"]}, "note"),
        "PUT /api/saved-searches/{}": Edit({"name": "失", "conditions": []}, "name", **put),
        "PATCH /api/custom-fields/{}": Edit(
            NAMES_OF_FIELD | {"code": "lost", "type": "text"}, "label_en"
        ),
        "PUT /api/levels/{}": Edit(NAMES | {"rank": 50}, "name_zh", id="lost", **put),
        "PUT /api/price-policies/{}": Edit(NAMES | {"discount": "0.5"}, "name_zh", id="lost", **put),
        "PUT /api/payment-terms/{}": Edit(NAMES | {"days": 9}, "name_zh", id="lost", **put),
        "PUT /api/roles/{}": Edit(NAMES | RIGHTS | {"code": "lost"}, "name_zh", id="lost", **put),
        "PUT /api/export-limits/{}": Edit({"per_day": 9}, "per_day", (8, 7), id="agent", **put),
        "PUT /api/units/{}": Edit({"name": "失"}, "name", **put),
        "PUT /api/groups/{}": Edit({"name": "失"}, "name", **put),
        "PUT /api/insight/rules": Edit(None, "rules", None),
        "PUT /api/coupon-kinds/{}": Edit(
            NAMES | {"what": "amount", "value": "5"}, "name_zh", id="lost", **put
        ),
        "PUT /api/package-kinds/{}": Edit(
            NAMES | {"purpose": "service", "items": [NAMES]},
            "name_zh", id="lost", **put,
        ),
        "PUT /api/referral-rule": Edit(None, "referrer_kind_code", None),
        "PATCH /api/leads/{}": Edit({"name": "失"}, "note"),
        "PATCH /api/opportunities/{}": Edit(customer | {"title": "失"}, "title"),
        "PUT /api/opportunity-stages/{}": Edit(
            NAMES | {"percent": 7, "place": 77}, "name_zh", id="losing", **put
        ),
        "PATCH /api/notices/{}": Edit({"title": "失", "body": "失"}, "title"),
        "PATCH /api/todos/{}": Edit({"title": "失", "due_at": "2100-01-01T00:00:00Z"}, "title"),
        "PATCH /api/complaints/categories": Edit(
            NAMES | {"code": "lost", "handling_hours": 5}, "name_zh", more=(("code", "lost"),)
        ),
        "PATCH /api/complaints/{}": Edit(
            customer | {"category_code": "delivery_late", "description": "失"}, "description"
        ),
        "PATCH /api/care/rules/{}": Edit(
            NAMES | {"code": "lost", "occasion": "birthday", "title_zh": "t", "title_en": "t"},
            "name_zh", id="lost",
        ),
        "PATCH /api/dealer-stock/reports/{}": Edit(
            customer | {"report_date": "2026-01-05", "lines": [{"product_code": "A1", "on_hand": "5"}]},
            "note", more=(("lines", [{"product_code": "A1", "on_hand": "6"}]),),
        ),
        "PATCH /api/dealer-applications/{}": Edit(
            {"name": "失", "phone": "13711118002", "level_code": "city"}, "name"
        ),
        "PATCH /api/knowledge/categories": Edit(
            NAMES | {"code": "lost"}, "name_zh", more=(("code", "lost"),)
        ),
        "PATCH /api/knowledge/entries/{}": Edit(
            {"title": "失", "category_code": "order", "body": "失"}, "title"
        ),
    }  # fmt: skip


NAMES_OF_FIELD = {"label_zh": "失", "label_en": "Lost"}
VERSIONED = sorted(
    f"{route.method} {route.path.partition('{')[0] + ('{}' if '{' in route.path else '')}"
    for route in ROUTES
    if route.method in ("PUT", "PATCH") and "version" in route.body.model_fields
)


def test_every_route_that_names_a_version_is_tried(house: House):
    assert sorted(edits(house)) == VERSIONED


@pytest.mark.parametrize("route", VERSIONED)
async def test_of_two_edits_of_the_same_version_one_is_refused(house: House, route: str):
    edit = edits(house)[route]
    method, _, path = route.partition(" ")
    async with house.browser("admin") as admin:
        record = await made(admin, path, edit)
        values = edit.values or (record[edit.field],) * 2
        whole = edit.make if edit.whole and edit.make else {}
        same = {**whole, **dict(edit.more), "version": record["version"]}
        for name in ("code", "sku"):
            if same.get(name) == edit.id:
                same.pop(name, None)
        answers = await asyncio.gather(
            *(
                admin.ask(
                    method, path.format(edit.id or record.get("id")), same | {edit.field: value}
                )
                for value in values
            )
        )
    assert sorted(status for status, _ in answers) in ([200, 409], [204, 409]), answers


async def made(admin: Browser, path: str, edit: Edit) -> dict[str, Any]:
    """The record as it is shown."""
    collection = path.removesuffix("/{}")
    if edit.make is None:
        _, record = await admin.ask("GET", path)
        return record
    if ("POST", collection) in {(route.method, route.path) for route in ROUTES}:
        status, answer = await admin.ask("POST", collection, edit.make)
        assert status == 201, answer
        return next(
            each for each in answer.values() if isinstance(each, dict) and "version" in each
        )
    status, answer = await admin.ask("PUT", path.format(edit.id), edit.make)
    assert status in (200, 204), answer
    _, answer = await admin.ask("GET", collection)
    return next(each for each in answer["items"] if edit.id in (each.get("code"), each.get("role")))
