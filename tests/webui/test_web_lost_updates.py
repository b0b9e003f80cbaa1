"""No edit is lost: of two made from the same version of a record at once, one succeeds and the other is refused.

Every route whose body names a version must stand in `EDITS`: how a record is made, and two edits of it.
"""

import asyncio
import re
import secrets
from dataclasses import dataclass
from typing import Any

import pytest

from tests.ivr.ivr_line import LINE_FILE
from tests.webui.web_house import PASSWORD, Browser, House
from webui.routes import ROUTES

NAMES = {"name_zh": "新", "name_en": "New"}
RIGHTS = {"rights": ["customer.view"]}


@dataclass(frozen=True)
class Edit:
    """`make`: the body that makes the record, None when it is always there; `id` its code, if it has no number.

    `field` is the one that the two edits fill differently, without `values` with what is there; `whole`: they
    name all that the record has, but for what is `only_made`.
    """

    make: dict[str, Any] | None
    field: str
    values: tuple[Any, Any] | None = ("甲", "乙")
    id: str | None = None
    whole: bool = False
    more: tuple[tuple[str, Any], ...] = ()
    only_made: tuple[str, ...] = ()


def edits(house: House) -> dict[str, Edit]:
    customer = {"customer_id": house.customer_id}
    put = {"whole": True}
    return {
        "PATCH /api/users/{}": Edit(
            {"login": "lost", "name": "失", "role": "agent", "password": PASSWORD}, "name"
        ),
        "PUT /api/skills/{}": Edit(
            {"skills": {}, "version": 1}, "skills", ({"wine": 2}, {"wine": 4}),
            id=str(house.ids["agent2"]), **put,
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
        "PUT /api/orders/{}": Edit(
            customer | LINES, "note", more=(("lines", LINES["lines"]),)
        ),
        "PUT /api/order-review-rules/{}": Edit(
            NAMES | {"kind": "total_over", "says": "note", "value": "1000000"}, "name_zh", **put
        ),
        "PUT /api/order-review-limits/{}": Edit(
            {"most_total": "9000"}, "most_total", ("8000", "7000"), id="agent", **put
        ),
        "PUT /api/exception-levels/{}": Edit(
            NAMES | {"hours": 9, "version": 0}, "name_zh", id="1", **put
        ),
        "PUT /api/exception-rules/{}": Edit({"level": 2, "kind": "delay"}, "level", (1, 3), **put),
        "PUT /api/return-terms/{}": Edit({"days": 9, "version": 0}, "days", (8, 7), id="general", **put),
        "PUT /api/suppliers/{}": Edit(NAMES, "name_zh", id="lost", **put),
        "PUT /api/quotas/{}": Edit(
            {"sku": "A1", "period": "day", "quantity": 900, "valid_from": "2026-01-01"},
            "quantity", (800, 700), **put,
        ),
        "PUT /api/order-windows/{}": Edit(
            NAMES | {"weekdays": [1], "opens": "00:00", "closes": "00:00", "active": False},
            "name_zh", **put,
        ),
        "PUT /api/couriers/{}": Edit(
            NAMES | {"kind": "own", "paper": "delivery_note_a5", "ways": ["standard"]},
            "name_zh", id="lost", **put,
        ),
        "PUT /api/delivery/drivers/{}": Edit(
            {"name": "失", "phone": "13711118003"}, "name", id="lost", **put
        ),
        "PUT /api/delivery/routes/{}": Edit(NAMES, "name_zh", id="lost", **put),
        "PUT /api/delivery/vehicles/{}": Edit(
            {"plate": "津A00001", "capacity_g": 9, "capacity_ml": 9}, "plate",
            ("津A00002", "津A00003"), id="lost", **put,
        ),
        "PUT /api/message-templates": Edit(
            {"kind": "order_placed", "language": "zh", "subject": "失", "body": "失"},
            "subject", id="order_placed", **put,
        ),
        "PUT /api/message-choices/{}": Edit(
            {"told": True}, "told", (False, True), id="order_picking", **put
        ),
        "PUT /api/line": Edit(None, "text", (f"# 甲\n{LINE}", f"# 乙\n{LINE}")),
        "PUT /api/stock/policies": Edit(
            {"sku": "A1", "min_quantity": 1, "target_quantity": 9}, "target_quantity", (8, 7), **put
        ),
        "PUT /api/warehouses/{}": Edit(NAMES | {"code": "lost"}, "name_zh", id="lost", **put),
        "PUT /api/webhooks/{}": Edit(
            {"name": "失", "url": "http://127.0.0.1:9/hook", "kinds": ["order.changed"]}, "name",
            more=(("active", True),), **put,
        ),
        "PUT /api/connections/{}": Edit(
            {"code": "lost", "kind": "qimen", "name": "失"} | QIMEN, "name",
            more=(("active", True),), only_made=("code", "kind"), **put,
        ),
    }  # fmt: skip


LINE = LINE_FILE.read_text(encoding="utf-8")
LINES = {"lines": [{"sku": "A1", "quantity": 1}]}
QIMEN: dict[str, Any] = {"settings": {}, "secrets": {"app_key": "k", "app_secret": "eight or more"}}


ID = re.compile(r"\{id:.*?\}(?=/|$)")
# A batch comes with a receipt, a consignee with an order: tests/orders/stock_room.py, tests/delivery.
NOT_MADE_BY_ITSELF = {"PUT /api/stock/batches/{}", "PUT /api/orders/{}/consignee"}
NAMES_OF_FIELD = {"label_zh": "失", "label_en": "Lost"}
VERSIONED = sorted(
    f"{route.method} {ID.sub('{}', route.path)}"
    for route in ROUTES
    if route.method in ("PUT", "PATCH") and "version" in route.body.model_fields
)


def test_every_route_that_names_a_version_is_tried(house: House):
    assert sorted({*edits(house), *NOT_MADE_BY_ITSELF}) == VERSIONED


@pytest.mark.parametrize("route", sorted({*VERSIONED} - NOT_MADE_BY_ITSELF))
async def test_of_two_edits_of_the_same_version_one_is_refused(house: House, route: str):
    edit = edits(house)[route]
    method, _, path = route.partition(" ")
    async with house.browser("admin") as admin:
        record = await made(admin, path, edit)
        values = edit.values or (record[edit.field],) * 2
        whole = edit.make if edit.whole and edit.make else {}
        whole = {name: value for name, value in whole.items() if name not in edit.only_made}
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
        key = {"Idempotency-Key": secrets.token_hex(8)}
        status, answer = await admin.ask("POST", collection, edit.make, headers=key)
        assert status == 201, answer
        return next(
            each for each in answer.values() if isinstance(each, dict) and "version" in each
        )
    status, answer = await admin.ask("PUT", path.format(edit.id), edit.make)
    assert status in (200, 204), answer
    _, answer = await admin.ask("GET", collection)
    names = ("code", "role", "role_code", "kind", "level", "user_id")
    items = [own for each in answer["items"] for own in (each, *each.get("words", ()))]
    return next(
        each
        for each in items
        if each.get("version") and str(edit.id) in [str(each.get(name)) for name in names]
    )
