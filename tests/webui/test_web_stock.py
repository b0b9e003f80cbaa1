"""Warehouses, stock and its documents over the API, and what an order makes of them."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from crm_core.rights import SYSTEM
from orders.stock.planning.worker import ForecastWorker
from tests.webui.web_house import SHANGHAI, Browser, House

GOODS = {"name_zh": "鲜奶", "name_en": "Milk", "unit": "箱", "list_price": "40.00"}


@pytest.fixture
async def desk(house: House) -> Browser:
    async with house.browser("operations") as browser:
        yield browser


async def made(desk: Browser, path: str, body: object = None, status: int = 201):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    answer = await desk.ask("POST", f"/api/stock/{path}", body or {}, headers=headers)
    assert answer[0] == status, answer
    return answer[1]


async def test_goods_go_from_receipt_over_transfer_and_order_to_the_recall(
    house: House, desk: Browser
):
    product = {"sku": "MILK", **GOODS, "shelf_life_days": 30}
    assert (await desk.ask("POST", "/api/catalogue/products", product))[0] == 201
    outlet = {"code": "corner", "name_zh": "门市", "name_en": "Outlet", "kind": "outlet"}
    assert (await desk.ask("POST", "/api/warehouses", outlet))[0] == 201
    day = str(datetime.now(SHANGHAI).date())
    line = {"sku": "MILK", "quantity": 20, "unit_cost": "25.5", "batch_no": "M1", "made_on": day}
    receipt = await made(desk, "receipts", {"supplier": "奶厂", "lines": [line]})
    assert receipt["lines"][0]["value"] == "510.00"
    sent = await made(
        desk,
        "transfers",
        {"warehouse": "main", "to_warehouse": "corner", "lines": [{"sku": "MILK", "quantity": 8}]},
    )
    _, balance = await desk.ask("GET", "/api/stock?q=MILK&warehouse=main")
    assert (balance["items"][0]["on_hand"], balance["items"][0]["average_cost"]) == (12, "25.5000")
    path = f"/api/stock/documents/{sent['document']['id']}"
    came = {"lines": [{"line_no": 1, "quantity": 7}]}
    status, arrived = await desk.ask("POST", f"{path}/arrival", came)
    assert (status, arrived["lines"][0]["difference"]) == (200, -1)
    status, body = await desk.ask("POST", f"{path}/return", {})
    assert (status, body["error"]["code"]) == (409, "document_closed")

    wanted = {
        "customer_id": house.customer_id,
        "lines": [{"sku": "MILK", "quantity": 3}],
        "warehouse": "corner",
    }
    async with house.browser("agent") as agent:
        _, quote = await agent.ask("POST", "/api/orders/quote", wanted)
        assert (quote["warehouse"], quote["warehouse_why"]["code"]) == ("corner", "warehouse_asked")
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        status, body = await agent.ask("POST", "/api/orders", wanted, headers=headers)
        assert (status, body["order"]["warehouse"]) == (201, "corner")
        _, found = await agent.ask("GET", "/api/products?q=MILK&warehouse=corner")
        assert found["items"][0]["available"] == 4
        assert (await agent.ask("GET", "/api/stock"))[0] == 403
        status, refused = await agent.ask(
            "POST", "/api/orders/quote", wanted | {"warehouse": "nowhere"}
        )
        assert (status, refused["error"]["code"]) == (404, "unknown_warehouse")
    order_id = body["order"]["id"]
    for to in ("reviewed", "picking", "shipped"):
        await house.services.trade.orders.move(order_id, to, SYSTEM)
    _, shipped = await desk.ask("GET", f"/api/orders/{order_id}")
    (went,) = shipped["order"]["batches"]
    assert (went["sku"], went["batch_no"], went["quantity"]) == ("MILK", "M1", 3)
    _, batches = await desk.ask("GET", "/api/stock/batches?sku=MILK&warehouse=corner")
    (batch,) = batches["items"]
    assert (batch["batch_no"], batch["on_hand"]) == ("M1", 4)
    _, recall = await desk.ask("GET", f"/api/stock/batches/{batch['id']}/orders")
    assert [(each["order_id"], each["quantity"]) for each in recall["items"]] == [(order_id, 3)]
    assert "*" in recall["items"][0]["phone"]
    block = {"version": 1, "expires_on": batch["expires_on"], "blocked_reason": "recall"}
    status, body = await desk.ask("PUT", f"/api/stock/batches/{batch['id']}", block)
    assert (status, body["batch"]["blocked"]) == (200, True)
    _, ledger = await desk.ask("GET", "/api/stock/moves?sku=MILK&warehouse=corner")
    assert [each["kind"] for each in ledger["items"]] == [
        "block", "ship", "reserve", "loss", "transfer_in",
    ]  # fmt: skip
    days = f"since={day}&until={day}"
    _, compared = await desk.ask("GET", f"/api/stock/comparison?{days}&sku=MILK")
    first = compared["items"][0]
    assert (first["warehouse"], first["came_in"]) == ("corner", {"transfer_in": 8})


async def test_a_count_and_its_reversal(desk: Browser):
    assert (await desk.ask("POST", "/api/catalogue/products", {"sku": "SALT", **GOODS}))[0] == 201
    await made(desk, "receipts", {"lines": [{"sku": "SALT", "quantity": 9}]})
    begun = await made(desk, "counts", {"skus": ["SALT"]})
    path = f"/api/stock/documents/{begun['document']['id']}"
    status, body = await desk.ask("POST", f"{path}/posting", {})
    assert (status, body["error"]["code"]) == (422, "bad_document")
    counted = {"lines": [{"line_no": 1, "quantity": 7}]}
    assert (await desk.ask("PUT", f"{path}/counted", counted))[0] == 200
    status, posted = await desk.ask("POST", f"{path}/posting", {})
    assert (status, posted["document"]["state"]) == (200, "posted")
    undone = await made(desk, f"documents/{begun['document']['id']}/reversal")
    assert undone["document"]["reverses_id"] == begun["document"]["id"]
    _, listed = await desk.ask("GET", "/api/stock/documents?sku=SALT&kind=count")
    assert [each["reversed_by"] for each in listed["items"]] == [None, undone["document"]["id"]]
    _, level = await desk.ask("GET", "/api/stock?q=SALT")
    assert level["items"][0]["on_hand"] == 9
    hold = {"reason": "damaged", "lines": [{"sku": "SALT", "quantity": 2}]}
    await made(desk, "holds", hold)
    throw = {"reason": "damaged", "lines": [{"sku": "SALT", "quantity": 2, "blocked": True}]}
    await made(desk, "write-offs", throw)
    await made(desk, "adjustments", {"reason": "found", "lines": [{"sku": "SALT", "quantity": 1}]})
    await made(desk, "cost-changes", {"lines": [{"sku": "SALT", "unit_cost": "1.25"}]})
    await made(desk, "price-changes", {"lines": [{"sku": "SALT", "price": "39.90"}]})
    _, level = await desk.ask("GET", "/api/stock?q=SALT")
    assert (level["items"][0]["on_hand"], level["items"][0]["value"]) == (8, "10.00")
    begun = await made(desk, "counts", {"skus": ["SALT"]})
    ended = await desk.ask(
        "POST", f"/api/stock/documents/{begun['document']['id']}/cancellation", {}
    )
    assert ended[1]["document"]["state"] == "cancelled"


async def test_policies_forecasts_and_advice(house: House, desk: Browser):
    assert (await desk.ask("POST", "/api/catalogue/products", {"sku": "RICE", **GOODS}))[0] == 201
    policy = {"sku": "RICE", "min_quantity": 5, "target_quantity": 30, "lot": 8}
    status, body = await desk.ask("PUT", "/api/stock/policies", policy)
    assert (status, body["policy"]["version"]) == (200, 1)
    assert (await desk.ask("PUT", "/api/stock/policies", policy))[0] == 409
    later = datetime.now(UTC) + timedelta(days=1)
    worker = ForecastWorker(house.services.database, clock=lambda: later, zone=SHANGHAI)
    assert await worker.run_once() >= 1
    _, advice = await desk.ask("GET", "/api/stock/advice?sku=RICE&service_level=0.9")
    (item,) = advice["items"]
    assert (item["quantity"], item["why"][-1]["code"]) == (32, "whole_lots")
    _, forecasts = await desk.ask("GET", "/api/stock/forecasts?sku=RICE")
    assert forecasts["items"][0]["expected"] == "0.00"
    assert (await desk.ask("GET", "/api/stock/alarms"))[0] == 200
    _, policies = await desk.ask("GET", "/api/stock/policies")
    assert [each["sku"] for each in policies["items"]] == ["RICE"]
