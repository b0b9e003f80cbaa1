"""The catalogue and price rules over the API, and what they do to an order."""

import uuid

import pytest

from tests.webui.web_house import Browser, House

WINE = {
    "name_zh": "葡萄酒",
    "name_en": "Wine",
    "unit": "瓶",
    "list_price": "80.00",
    "packs": [{"unit": "箱", "factor": 6, "list_price": "450.00"}],
}


@pytest.fixture
async def desk(house: House) -> Browser:
    async with house.browser("operations") as browser:
        yield browser


async def entered(desk: Browser, sku: str, **more: object) -> dict[str, object]:
    status, body = await desk.ask("POST", "/api/catalogue/products", {"sku": sku, **WINE, **more})
    assert status == 201, body
    return body["product"]


async def test_a_product_is_entered_changed_and_listed(desk: Browser):
    made = await entered(desk, "W-1.750", specification="750ml", attributes={"产地": "烟台"})
    path = "/api/catalogue/products/W-1.750"
    assert (await desk.ask("GET", path))[1]["product"] == made
    change = {**WINE, "version": 1, "list_price": "85.00", "packs": []}
    status, body = await desk.ask("PUT", path, change)
    assert (status, body["product"]["list_price"], body["product"]["packs"]) == (200, "85.00", [])
    status, body = await desk.ask("PUT", path, change)
    assert (status, body["error"]["code"]) == (409, "conflict")
    _, found = await desk.ask("GET", "/api/catalogue/products?q=W-1")
    assert [each["sku"] for each in found["items"]] == ["W-1.750"]
    wrong = {"sku": "W-2", **WINE, "list_price": "-1", "packs": [{"unit": "箱", "factor": 1}]}
    status, body = await desk.ask("POST", "/api/catalogue/products", wrong)
    assert (status, sorted(body["error"]["fields"])) == (422, ["list_price", "packs.0.factor"])


async def test_categories_are_a_tree(desk: Browser):
    path = "/api/catalogue/categories"
    names = {"name_zh": "酒", "name_en": "Wine"}
    assert (await desk.ask("POST", path, {"code": "wine", **names}))[0] == 201
    below = {"code": "red", "parent_code": "wine", **names}
    status, body = await desk.ask("POST", path, below)
    assert (status, body["category"]["path"]) == (201, ["wine", "red"])
    circle = {"version": 1, "parent_code": "red", **names}
    status, body = await desk.ask("PUT", f"{path}/wine", circle)
    assert (status, body["error"]["fields"]) == (422, {"parent_code": "circle"})
    assert len((await desk.ask("GET", path))[1]["items"]) == 2


async def test_a_rule_changes_what_the_next_order_costs(house: House, desk: Browser):
    await entered(desk, "W-3")
    goods = {"lines": [{"sku": "W-3", "quantity": 100, "unit_cost": "60.00"}]}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    assert (await desk.ask("POST", "/api/stock/receipts", goods, headers=headers))[0] == 201
    rule = {"kind": "price", "sku": "W-3", "unit": "箱", "customer_id": house.customer_id}
    status, body = await desk.ask("POST", "/api/price-rules", {**rule, "value": "400.00"})
    assert status == 201, body
    path = f"/api/price-rules/{body['rule']['id']}"
    gift = {"kind": "free_goods", "sku": "W-3", "min_quantity": 12, "free_quantity": 1}
    assert (await desk.ask("POST", "/api/price-rules", gift))[0] == 201
    wanted = {
        "customer_id": house.customer_id,
        "lines": [{"sku": "W-3", "quantity": 2, "unit": "箱"}],
    }
    async with house.browser("agent") as agent:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        status, body = await agent.ask("POST", "/api/orders", wanted, headers=headers)
        assert (status, body["order"]["total"]) == (201, "800.00"), body
        cases, free = body["order"]["lines"]
        assert (cases["unit"], cases["factor"], cases["unit_price"]) == ("箱", 6, "400.00")
        assert (free["quantity"], free["unit_price"], free["unit"]) == (1, "0.00", "瓶")
        refused = await agent.ask("GET", "/api/price-rules")
        assert refused[0] == 403
        ended = {**rule, "value": "400.00", "version": 1, "active": False}
        assert (await desk.ask("PUT", path, ended))[0] == 200
        _, quote = await agent.ask("POST", "/api/orders/quote", wanted)
        assert quote["lines"][0]["unit_price"] == "427.50"
        _, found = await agent.ask("GET", f"/api/products?q=W-3&customer_id={house.customer_id}")
        assert found["items"][0]["packs"] == [{"unit": "箱", "factor": 6, "own_price": "427.50"}]
        wanted["lines"][0]["unit"] = "吨"
        status, body = await agent.ask("POST", "/api/orders/quote", wanted)
        assert (status, body["error"]["code"]) == (404, "unknown_unit")
    _, listed = await desk.ask("GET", "/api/price-rules?sku=W-3&on=2026-03-02")
    assert [each["kind"] for each in listed["items"]] == ["free_goods"]
