"""Requests about personal data over the API."""

import json

from crm_core.customers.fields import NewCustomer
from crm_core.rights import SYSTEM
from tests.webui.web_house import House

ALL = "/api/privacy-requests"


async def test_an_agent_enters_a_request_and_the_administrator_answers_it(house: House):
    new = NewCustomer.model_validate({"name": "要求删除", "phones": ["13912340001"]})
    customer_id = (await house.services.crm.customers.create(SYSTEM, new)).id
    async with house.browser("agent") as agent, house.browser("admin") as admin:
        wanted = {"customer_id": customer_id, "kind": "access", "identified_by": "本机来电"}
        status, body = await agent.ask("POST", ALL, wanted)
        assert (status, body["request"]["state"]) == (201, "open")
        path = f"{ALL}/{body['request']['id']}"
        assert (await agent.ask("POST", f"{path}/data", {}))[0] == 403
        async with admin.http.post(f"{path}/data", json={}) as answer:
            assert "attachment" in answer.headers["Content-Disposition"]
            data = json.loads(await answer.text())
        assert data["tables"]["customers"][0]["name"] == "要求删除"
        assert data["tables"]["customer_phones"][0]["number"] == "13912340001"
        status, body = await agent.ask("POST", ALL, wanted | {"kind": "erasure"})
        path = f"{ALL}/{body['request']['id']}"
        found = (await admin.ask("GET", f"{ALL}?limit=200"))[1]["items"]
        assert body["request"]["id"] in {each["id"] for each in found}
        assert (await agent.ask("POST", f"{path}/erase", {}))[0] == 403
        status, body = await admin.ask("POST", f"{path}/erase", {})
        assert (status, body["request"]["done"]["customer_phones"]) == (200, 1)
        assert (await admin.ask("GET", f"/api/customers/{customer_id}"))[0] == 404
        assert (await admin.ask("POST", f"{path}/refuse", {"reason": "晚了"}))[0] == 409
        status, body = await admin.ask("GET", "/api/customers?q=13912340001")
        assert (status, body["items"]) == (200, [])


async def test_who_stands_in_an_open_order_is_not_erased(house: House):
    async with house.browser("agent") as agent, house.browser("admin") as admin:
        order = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
        key = {"Idempotency-Key": "privacy-1"}
        assert (await agent.ask("POST", "/api/orders", order, headers=key))[0] == 201
        wanted = {"customer_id": house.customer_id, "kind": "erasure", "identified_by": "来函"}
        _, body = await agent.ask("POST", ALL, wanted)
        status, body = await admin.ask("POST", f"{ALL}/{body['request']['id']}/erase", {})
        assert (status, body["error"]["code"]) == (409, "cannot_erase")
        assert "Orders still go on" in body["error"]["message"]
