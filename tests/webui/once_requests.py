"""A request for every route that takes an `Idempotency-Key`, and the records that they need."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.webui.scope_records import records_of_a_colleague
from tests.webui.web_house import Browser, House

NOW = datetime.now(UTC)
TODAY, LATER = NOW.date().isoformat(), (NOW + timedelta(days=9)).isoformat()
NAMES = {"name_zh": "一次", "name_en": "Once"}
LINES = {"lines": [{"sku": "A1", "quantity": 2}]}
FIRST = {"lines": [{"line_no": 1, "quantity": 1}]}
SLIP = {"amount": "5.00", "method": "transfer", "paid_at": NOW.isoformat()}
ACCOUNT = {
    "account_no": "6222020200012345678",
    "account_name": "滨海商贸",
    "bank_code": "102110000012",
    "mandate": "SQ-1",
}
COURIER = NAMES | {
    "kind": "own",
    "paper": "delivery_note_a5",
    "ways": ["standard"],
    "tariffs": [{"first_g": 1000, "first_price": "5.00", "days": 1}],
}
HOOK = {"name": "once", "url": "http://127.0.0.1:9/once", "kinds": ["order.placed"]}


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


async def done(desk: Browser, method: str, path: str, body: Any) -> Any:
    status, answer = await desk.ask(method, path, body, headers=key())
    assert status < 300, (path, status, answer)
    return answer


async def records(house: House, desk: Browser) -> dict[str, Any]:
    """What the requests name, by what it is for."""
    made = await records_of_a_colleague(house)
    customer = made["customer"] = house.customer_id
    made["admin"] = house.ids["admin"]

    async def order(payment: str = "transfer", *moves: str) -> int:
        wanted = {"customer_id": customer, "payment": payment, "address": "天津市河西区友谊路5号"}
        placed: int = (await done(desk, "POST", "/api/orders", wanted | LINES))["order"]["id"]
        for to in moves:
            await done(desk, "POST", f"/api/orders/{placed}/move", {"to": to})
        return placed

    for purpose in ("split", "pay", "return money", "exception", "invoice", "take back"):
        made[purpose] = await order()
    made["debit"] = await order("debit")
    made["send"] = await order("transfer", "reviewed", "picking")
    there = ("reviewed", "picking", "shipped", "in_transit", "delivered")
    made["return"] = await order("transfer", *there)
    paid = SLIP | {"amount": "999.00", "reference": "too much"}
    await done(desk, "POST", f"/api/orders/{made['return money']}/receipts", paid)
    await done(desk, "PUT", f"/api/customers/{customer}/debit-accounts", ACCOUNT)
    titles = f"/api/customers/{customer}/invoice-titles"
    await done(desk, "PUT", titles, {"title": "滨海商贸有限公司", "tax_no": "91120116MA05XXXX1A"})
    asked = await done(desk, "POST", f"/api/orders/{made['take back']}/invoices", {})
    made["invoice to take back"] = invoice = asked["invoice"]["id"]
    number = {"number": "24112000000000000009", "issued_at": NOW.isoformat()}
    await done(desk, "POST", f"/api/invoices/{invoice}/issued", number)
    for name, phone in (("kept", "13711119010"), ("dropped", "13711119011")):
        body = {"name": f"并{name}", "phones": [phone]}
        made[name] = (await done(desk, "POST", "/api/customers", body))["customer"]["id"]
    wanted = {"customer_id": customer, "valid_until": LATER[:10]} | LINES
    made["quote"] = (await done(desk, "POST", "/api/quotes", wanted))["quote"]["id"]
    receipt = await done(desk, "POST", "/api/stock/receipts", LINES)
    made["receipt"] = receipt["document"]["id"]
    made["hook"] = (await done(desk, "POST", "/api/webhooks", HOOK))["webhook"]["id"]
    await _delivery(desk)
    made["settlement"] = await _settlement(desk)
    return made


async def _delivery(desk: Browser) -> None:
    await done(desk, "PUT", "/api/couriers/own", COURIER)
    numbers = {"prefix": "ZJ", "width": 6, "first_serial": 1, "last_serial": 99}
    await done(desk, "POST", "/api/couriers/own/numbers", numbers)
    car = {"plate": "津A12345", "capacity_g": 100_000, "capacity_ml": 1_000_000}
    await done(desk, "PUT", "/api/delivery/vehicles/van", car)
    driver = {"name": "李师傅", "phone": "13700000000"}
    await done(desk, "PUT", "/api/delivery/drivers/li", driver)
    await done(desk, "POST", "/api/warehouses", NAMES | {"code": "north"})


async def _settlement(desk: Browser) -> int:
    """A supplier who is owed something, confirmed."""
    await done(desk, "PUT", "/api/suppliers/jinwei", NAMES)
    days = {"begins": "2026-03-01", "ends": "2026-03-31"}
    party = {"party_kind": "supplier", "party_code": "jinwei"}
    await done(desk, "POST", "/api/supplier-charges", CHARGE | {"reference": "D-0"})
    draft = (await done(desk, "POST", "/api/settlements", days | party))["settlement"]
    path = f"/api/settlements/{draft['id']}/confirm"
    await done(desk, "POST", path, {"version": draft["version"]})
    found: int = draft["id"]
    return found


CHARGE = {
    "supplier_code": "jinwei",
    "kind": "goods",
    "amount": "120.50",
    "happened_at": "2026-03-05T02:00:00Z",
}
Request = tuple[int | str | None, dict[str, Any]]


def requests(made: Mapping[str, Any]) -> dict[str, Request]:
    """By route: the id in its path, and a body."""
    customer = {"customer_id": made["customer"]}
    reason = {"reason": "damaged"}
    dated = customer | {"valid_until": LATER[:10]} | LINES
    return {
        "POST /api/catalogue/products": (
            None,
            NAMES | {"sku": "ONCE", "unit": "箱", "list_price": "5"},
        ),
        "POST /api/catalogue/categories": (None, NAMES | {"code": "once"}),
        "POST /api/price-rules": (None, NAMES | {"kind": "price", "sku": "A1", "value": "90"}),
        "POST /api/warehouses": (None, NAMES | {"code": "once"}),
        "POST /api/stock/receipts": (None, LINES),
        "POST /api/stock/transfers": (
            None,
            LINES | {"warehouse": "main", "to_warehouse": "north"},
        ),
        "POST /api/stock/counts": (None, {"skus": ["A1"]}),
        "POST /api/stock/adjustments": (None, LINES | reason),
        "POST /api/stock/write-offs": (None, LINES | reason),
        "POST /api/stock/holds": (None, LINES | reason),
        "POST /api/stock/cost-changes": (None, {"lines": [{"sku": "A1", "unit_cost": "3.00"}]}),
        "POST /api/stock/price-changes": (None, {"lines": [{"sku": "A1", "price": "99.00"}]}),
        "POST /api/stock/documents/{id}/reversal": (made["receipt"], {}),
        "POST /api/orders": (None, customer | LINES),
        "POST /api/orders/{id}/split": (made["split"], FIRST | {"version": 1}),
        "POST /api/order-review-rules": (
            None,
            NAMES | {"kind": "total_over", "says": "note", "value": "1000000"},
        ),
        "POST /api/couriers/{id}/numbers": (
            "own",
            {"prefix": "ON", "width": 6, "first_serial": 1, "last_serial": 9},
        ),
        "POST /api/waybills": (None, {"order_ids": [made["send"]]}),
        "POST /api/delivery/runs": (
            None,
            {"day": TODAY, "courier_code": "own", "vehicle_code": "van", "driver_code": "li"},
        ),
        "POST /api/orders/{id}/receipts": (made["pay"], SLIP | {"reference": "once"}),
        "POST /api/orders/{id}/pay-back": (made["return money"], SLIP | {"reference": "back"}),
        "POST /api/debit-batches": (None, {"due_on": LATER[:10], "order_ids": [made["debit"]]}),
        "POST /api/settlements": (
            None,
            {
                "begins": "2026-04-01",
                "ends": "2026-04-30",
                "party_kind": "supplier",
                "party_code": "jinwei",
            },
        ),
        "POST /api/settlements/{id}/payments": (
            made["settlement"],
            SLIP | {"reference": "paid once"},
        ),
        "POST /api/supplier-charges": (None, CHARGE | {"reference": "D-1"}),
        "POST /api/accounting-periods": (None, {"begins": "2020-01-01", "ends": "2020-01-31"}),
        "POST /api/orders/{id}/invoices": (made["invoice"], {}),
        "POST /api/invoices/{id}/red-letters": (made["invoice to take back"], {"reason": "退货"}),
        "POST /api/orders/{id}/returns": (made["return"], FIRST | {"reason_code": "quality"}),
        "POST /api/orders/{id}/exceptions": (
            made["exception"],
            {"kind": "delay", "description": "还没到"},
        ),
        "POST /api/exception-rules": (None, {"level": 2, "kind": "delay"}),
        "POST /api/customers": (None, {"name": "一次", "phones": ["13711119001"]}),
        "POST /api/customers/{id}/merge": (
            made["kept"],
            {"version": 1, "dropped_id": made["dropped"], "dropped_version": 1},
        ),
        "POST /api/consents": (
            None,
            {"number": "13711119002", "proof": "门店登记", "given_at": "2026-03-01T02:00:00Z"},
        ),
        "POST /api/saved-searches": (None, {"name": "一次", "conditions": []}),
        "POST /api/custom-fields": (
            None,
            {"code": "once", "type": "text", "label_zh": "一次", "label_en": "Once"},
        ),
        "POST /api/exports": (None, {}),
        "POST /api/roles": (None, NAMES | {"code": "once", "rights": ["customer.view"]}),
        "POST /api/units": (None, {"name": "一次"}),
        "POST /api/groups": (
            None,
            {"name": "一次", "queues": ["north"], "members": [made["admin"]]},
        ),
        "POST /api/customers/{id}/packages": (made["customer"], {"kind_code": "scope"}),
        "POST /api/coupons": (
            None,
            {"kind_code": "thanks", "customer_ids": [made["customer"]]},
        ),
        "POST /api/entitlements/{id}/uses": (made["entitlements"], {}),
        "POST /api/coupon-runs": (
            None,
            {
                "kind_code": "thanks",
                "conditions": [{"field": "name", "op": "contains", "value": "滨"}],
            },
        ),
        "POST /api/leads": (None, {"name": "一次"}),
        "POST /api/opportunities": (None, customer | {"title": "一次"}),
        "POST /api/quotas": (
            None,
            {"sku": "A1", "period": "day", "quantity": 900, "valid_from": "2026-01-01"},
        ),
        "POST /api/quotas/{id}/grants": (
            made["quotas"],
            {"customer_id": made["customers"], "quantity": 3, "reason": "老客户"},
        ),
        "POST /api/order-windows": (
            None,
            NAMES | {"weekdays": [1], "opens": "00:00", "closes": "00:00", "active": False},
        ),
        "POST /api/quotes": (None, dated),
        "POST /api/quotes/{id}/revise": (made["quote"], {"valid_until": LATER[:10]} | LINES),
        "POST /api/notices": (None, {"title": "一次", "body": "一次"}),
        "POST /api/privacy-requests": (None, customer | {"kind": "access", "identified_by": "证"}),
        "POST /api/callbacks": (None, {"number": "13711119002"}),
        "POST /api/todos": (None, {"title": "一次", "due_at": LATER}),
        "POST /api/complaints/categories": (None, NAMES | {"code": "once", "handling_hours": 5}),
        "POST /api/complaints": (
            None,
            customer | {"category_code": "delivery_late", "description": "一次"},
        ),
        "POST /api/complaints/{id}/comment": (made["complaints"], {"text": "一次"}),
        "POST /api/care/rules": (
            None,
            NAMES | {"code": "once", "occasion": "birthday", "title_zh": "t", "title_en": "t"},
        ),
        "POST /api/dealer-stock/reports": (
            None,
            customer
            | {"report_date": "2026-01-05", "lines": [{"product_code": "A1", "on_hand": "5"}]},
        ),
        "POST /api/dealer-applications": (
            None,
            {"name": "一次", "phone": "13711119003", "level_code": "city"},
        ),
        "POST /api/knowledge/categories": (None, NAMES | {"code": "once"}),
        "POST /api/knowledge/entries": (
            None,
            {"title": "一次", "category_code": "order", "body": "一次"},
        ),
        "POST /api/knowledge/questions": (None, {"text": "一次?"}),
        "POST /api/webhooks/{id}/ping": (made["hook"], {}),
    }
