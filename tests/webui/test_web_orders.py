"""Orders over the API: changed, split, moved, reviewed, and seen only by who may see the customer."""

import secrets

from tests.webui.web_house import Browser, House


async def order_of(agent: Browser, house: House, quantity: int = 2, **more) -> dict:
    wanted = {
        "customer_id": house.customer_id,
        "lines": [{"sku": "A1", "quantity": quantity}],
    }
    key = {"Idempotency-Key": secrets.token_hex(8)}
    status, body = await agent.ask("POST", "/api/orders", wanted | more, headers=key)
    assert status == 201, body
    return body["order"]


async def test_an_agent_changes_an_order_until_the_warehouse_picks_it(house: House):
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        order = await order_of(agent, house, urgent=True, wanted_on="2199-01-01")
        path = f"/api/orders/{order['id']}"
        assert (order["urgent"], order["wanted_on"]) == (True, "2199-01-01")
        assert order["allowed"] == ["edit", "cancelled"]
        edit = {"version": 1, "lines": [{"sku": "A1", "quantity": 3}], "note": "门卫代收"}
        status, body = await agent.ask("PUT", path, edit)
        assert (status, body["order"]["version"], body["order"]["note"]) == (200, 2, "门卫代收")
        status, body = await agent.ask("PUT", path, edit)
        assert (status, body["error"]["code"]) == (409, "changed_meanwhile")
        assert (await agent.ask("POST", f"{path}/move", {"to": "reviewed"}))[0] == 403
        for to in ("reviewed", "picking"):
            status, body = await desk.ask("POST", f"{path}/move", {"to": to, "reason": "看过"})
            assert (status, body["order"]["status"]) == (200, to)
        status, body = await agent.ask("PUT", path, edit | {"version": 2})
        assert (status, body["error"]["code"]) == (409, "edit_not_allowed")
        history = (await agent.ask("GET", path))[1]["order"]["history"]
        assert [(each["to_status"], each["reason"]) for each in history] == [
            ("placed", None),
            ("reviewed", "看过"),
            ("picking", "看过"),
        ]


async def test_an_order_is_split_and_reviewed_with_what_must_be_known(house: House):
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        order = await order_of(agent, house, 5)
        path = f"/api/orders/{order['id']}"
        wanted = {"version": 1, "lines": [{"line_no": 1, "quantity": 2}], "backorder": True}
        assert (await agent.ask("POST", f"{path}/split", wanted))[0] == 403
        status, body = await desk.ask("POST", f"{path}/split", wanted)
        assert (status, body["order"]["status"]) == (201, "backordered")
        assert body["order"]["split_from"]["number"] == order["number"]
        status, report = await desk.ask("GET", f"{path}/review")
        assert (status, report["verdict"], report["can_be_fulfilled"]) == (200, "pass", True)
        assert report["lines"][0]["reserved"] == 3
        assert float(report["standing"]["credit_limit"]) == 1_000_000
        listed = await desk.ask("GET", "/api/orders?status=backordered&limit=5")
        assert body["order"]["id"] in {each["id"] for each in listed[1]["items"]}


async def test_rules_of_review_are_entered_and_ended_by_who_manages_rules(house: House):
    rule = {
        "kind": "note_words",
        "says": "hold",
        "name_zh": "定制",
        "name_en": "Custom",
        "words": ["专用标签"],
    }
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        assert (await agent.ask("GET", "/api/order-review-rules"))[0] == 403
        status, body = await desk.ask("POST", "/api/order-review-rules", rule)
        assert (status, body["rule"]["version"]) == (201, 1)
        held = await order_of(agent, house, note="要专用标签")
        assert (held["status"], held["review"]) == ("review", "hold")
        assert held["review_why"][0]["params"]["words"] == "专用标签"
        one = f"/api/order-review-rules/{body['rule']['id']}"
        ended = rule | {"version": 1, "active": False}
        assert (await desk.ask("PUT", one, ended))[0] == 200
        assert (await desk.ask("PUT", one, ended))[0] == 409
        assert (await order_of(agent, house, note="要专用标签"))["status"] == "placed"
    async with house.browser("admin") as admin:
        limit = {"most_total": "5000", "most_beyond_credit": "100"}
        status, body = await admin.ask("PUT", "/api/order-review-limits/operations", limit)
        assert (status, body["limit"]["version"]) == (200, 1)
        listed = (await admin.ask("GET", "/api/order-review-limits"))[1]["items"]
        assert [each["role_code"] for each in listed] == ["operations"]
        assert (await admin.ask("PUT", "/api/order-review-limits/nobody", limit))[0] == 422


async def test_an_order_says_which_invoice_it_shall_have_and_a_bad_wish_is_named(house: House):
    wish = {"title": "滨海商贸有限公司", "tax_no": "91120116MA05XXXX1A", "email": "fp@example.com"}
    async with house.browser("agent") as agent:
        order = await order_of(agent, house, invoice=wish)
        path = f"/api/orders/{order['id']}"
        shown = (await agent.ask("GET", path))[1]["order"]["invoice"]
        assert shown == order["invoice"]
        assert {name: shown[name] for name in wish} == wish
        assert (shown["kind"], shown["electronic"], shown["asked_at"]) == ("normal", True, None)
        edit = {"version": 1, "lines": [{"sku": "A1", "quantity": 3}]}
        body = (await agent.ask("PUT", path, edit))[1]
        assert body["order"]["invoice"] == shown
        body = (await agent.ask("PUT", path, edit | {"version": 2, "invoice": None}))[1]
        assert body["order"]["invoice"] is None
        lines = {"customer_id": house.customer_id, "lines": edit["lines"]}
        for wrong, field in (
            ({"tax_no": "123"}, "invoice.tax_no"),
            ({"kind": "special"}, "invoice"),
        ):
            wanted = lines | {"invoice": wish | wrong}
            key = {"Idempotency-Key": secrets.token_hex(8)}
            status, body = await agent.ask("POST", "/api/orders", wanted, headers=key)
            assert (status, list(body["error"]["fields"])) == (422, [field])


async def test_the_buyer_s_number_is_masked_for_who_sees_no_numbers(house: House):
    wish = {"title": "滨海商贸有限公司", "phone": "13812345678"}
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        order = await order_of(agent, house, invoice=wish)
        path = f"/api/orders/{order['id']}"
        assert order["invoice"]["phone"] == "138****5678"
        assert (await agent.ask("GET", path))[1]["order"]["invoice"]["phone"] == "138****5678"
        assert (await boss.ask("GET", path))[1]["order"]["invoice"]["phone"] == wish["phone"]


async def test_a_short_line_of_a_quote_names_its_substitutes_and_what_they_cost(house: House):
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        product = {
            "sku": "SHORT-1",
            "name_zh": "断货",
            "name_en": "Short",
            "unit": "箱",
            "list_price": "5",
            "substitutes": ["A1"],
        }
        assert (await desk.ask("POST", "/api/catalogue/products", product))[0] == 201
        asked = {"customer_id": house.customer_id, "lines": [{"sku": "SHORT-1", "quantity": 2}]}
        status, quote = await agent.ask("POST", "/api/orders/quote", asked)
        assert (status, quote["warnings"][0]["code"]) == (200, "out_of_stock")
        (found,) = quote["lines"][0]["substitutes"]
        assert (found["sku"], found["quantity"]) == ("A1", 2)
        assert float(found["line_total"]) == 2 * float(found["unit_price"]) > 0
        instead = [{"sku": found["sku"], "quantity": 2, "unit": found["unit"]}]
        quote = (await agent.ask("POST", "/api/orders/quote", asked | {"lines": instead}))[1]
        assert quote["warnings"] == []
        (line,) = quote["lines"]
        assert (line["unit_price"], line["substitutes"]) == (found["unit_price"], [])
