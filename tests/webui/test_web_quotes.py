"""Quotes over the API: from a lead to an order."""

from tests.webui.web_house import House


async def test_a_lead_becomes_an_opportunity_a_quote_and_an_order(house: House):
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        lead = (await agent.ask("POST", "/api/leads", {"name": "报价客户"}))[1]["lead"]
        convert = {"version": 1, "title": "首单", "amount": "200"}
        _, body = await agent.ask("POST", f"/api/leads/{lead['id']}/convert", convert)
        opportunity = body["opportunity"]
        wanted = {
            "customer_id": opportunity["customer_id"],
            "opportunity_id": opportunity["id"],
            "lines": [{"sku": "A1", "quantity": 2, "discount_percent": "5"}],
            "valid_until": "2199-01-01",
        }
        status, body = await agent.ask("POST", "/api/quotes", wanted)
        assert (status, body["quote"]["total"]) == (201, "190.00"), body
        path = f"/api/quotes/{body['quote']['id']}"
        revised = {"lines": [{"sku": "A1", "quantity": 1}], "valid_until": "2199-01-01"}
        status, body = await agent.ask("POST", f"{path}/revise", revised)
        assert (status, body["quote"]["total"]) == (200, "100.00")
        status, refused = await agent.ask("POST", f"{path}/accept", {})
        assert (status, refused["error"]["code"]) == (409, "quote_closed")
        path = f"/api/quotes/{body['quote']['id']}"
        assert (await desk.ask("POST", f"{path}/accept", {}))[0] == 403
        status, order = await agent.ask("POST", f"{path}/accept", {"note": "先发货"})
        assert (status, order["order"]["total"]) == (200, "100.00"), order
        again = await agent.ask("POST", f"{path}/accept", {})
        assert again[1]["order"]["id"] == order["order"]["id"]
        quote = (await desk.ask("GET", path))[1]["quote"]
        assert (quote["state"], quote["order_number"]) == ("accepted", order["order"]["number"])
        won = (await agent.ask("GET", f"/api/opportunities/{opportunity['id']}"))[1]
        assert won["opportunity"]["outcome"] == "won"
        listed = await agent.ask("GET", f"/api/quotes?opportunity_id={opportunity['id']}")
        assert [each["state"] for each in listed[1]["items"]] == ["accepted", "replaced"]
        timeline = f"/api/customers/{opportunity['customer_id']}/timeline?limit=50"
        kinds = {each["kind"] for each in (await agent.ask("GET", timeline))[1]["items"]}
        assert {"quote.created", "order.placed", "opportunity.moved"} <= kinds or {
            "quote.created",
            "order.review",
            "opportunity.moved",
        } <= kinds
        other = (await agent.ask("POST", "/api/quotes", wanted | {"opportunity_id": None}))[1]
        reject = {"reason": "太贵"}
        rejected = await agent.ask("POST", f"/api/quotes/{other['quote']['id']}/reject", reject)
        assert rejected[1]["quote"]["state"] == "rejected"


async def test_a_quote_is_printed_and_sent(house: House):
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        wanted = {
            "customer_id": house.customer_id,
            "lines": [{"sku": "A1", "quantity": 2}],
            "valid_until": "2199-01-01",
        }
        _, body = await agent.ask("POST", "/api/quotes", wanted)
        assert (body["quote"]["sent_at"], body["lines"][0]["tax_rate"]) == (None, "0.1300")
        path = f"/api/quotes/{body['quote']['id']}"
        status, paper = await desk.ask("GET", f"{path}/paper")
        assert (status, paper[:5]) == (200, b"%PDF-")
        assert (await desk.ask("POST", f"{path}/send", {}))[0] == 403
        status, refused = await agent.ask("POST", f"{path}/send", {"channels": ["wecom"]})
        assert (status, refused["error"]["fields"]) == (422, {"channels": "none"})
        status, sent = await agent.ask("POST", f"{path}/send", {"channels": ["sms"]})
        assert (status, sent["quote"]["sent_by"]) == (200, house.ids["agent"]), sent
        again = await agent.ask("POST", f"{path}/send", {"channels": ["sms"]})
        assert again[1]["quote"]["sent_at"] == sent["quote"]["sent_at"]
