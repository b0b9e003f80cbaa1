"""Coupons, packages and referrals over the API."""

from crm_core.customers.fields import NewCustomer
from crm_core.rights import SYSTEM
from tests.webui.web_house import House


async def made(house: House, name: str) -> int:
    new = NewCustomer(name=name, level_code="city", price_policy_code="list")
    return (await house.services.crm.customers.create(SYSTEM, new)).id


async def test_a_coupon_is_made_issued_checked_and_used_by_an_order(house: House):
    customer = await made(house, "用券")
    async with house.browser("supervisor") as boss, house.browser("agent") as agent:
        kind = {"name_zh": "满百减十", "name_en": "10 off", "what": "amount", "value": "10"}
        status, body = await boss.ask("PUT", "/api/coupon-kinds/ten_off", kind)
        assert status == 200, body
        assert "ten_off" in {each["code"] for each in body["items"]}
        assert (await agent.ask("PUT", "/api/coupon-kinds/ten_off", kind))[0] == 403
        issue = {"kind_code": "ten_off", "customer_ids": [customer]}
        assert (await boss.ask("POST", "/api/coupons", issue))[1] == {"issued": 1}
        path = f"/api/customers/{customer}/benefits"
        (coupon,) = (await agent.ask("GET", path))[1]["coupons"]
        wanted = {"customer_id": customer, "codes": [coupon["code"]], "total": "100.00"}
        status, body = await agent.ask("POST", "/api/coupons/check", wanted)
        assert (status, body["discount"]) == (200, "10.00")
        order = {
            "customer_id": customer,
            "lines": [{"sku": "A1", "quantity": 1}],
            "coupon_codes": [coupon["code"]],
        }
        key = {"Idempotency-Key": "benefit-order-1"}
        status, body = await agent.ask("POST", "/api/orders", order, headers=key)
        assert (status, body["order"]["total"]) == (201, "90.00"), body
        assert body["order"]["coupons"][0]["code"] == coupon["code"]
        key = {"Idempotency-Key": "benefit-order-2"}
        status, body = await agent.ask("POST", "/api/orders", order, headers=key)
        assert (status, body["error"]["code"]) == (422, "coupon_refused")
        assert (await boss.ask("DELETE", f"/api/coupons/{coupon['id']}", {}))[0] == 409


async def test_a_package_is_granted_used_and_undone(house: House):
    customer = await made(house, "年度服务")
    async with house.browser("supervisor") as boss, house.browser("agent") as agent:
        kind = {
            "purpose": "service",
            "name_zh": "金卡",
            "name_en": "Gold",
            "items": [{"name_zh": "免费配送", "name_en": "Free delivery", "many": 1}],
        }
        status, body = await boss.ask("PUT", "/api/package-kinds/gold", kind)
        assert status == 200, body
        grant = {"kind_code": "gold"}
        path = f"/api/customers/{customer}"
        assert (await agent.ask("POST", f"{path}/packages", grant))[0] == 403
        status, body = await boss.ask("POST", f"{path}/packages", grant)
        assert status == 201, body
        package = (await agent.ask("GET", f"{path}/benefits"))[1]["packages"][0]
        uses = f"/api/entitlements/{package['entitlements'][0]['id']}/uses"
        status, use = await agent.ask("POST", uses, {"note": "第一单"})
        assert status == 201
        status, body = await agent.ask("POST", uses, {})
        assert (status, body["error"]["code"]) == (409, "entitlement_used_up")
        assert (await agent.ask("DELETE", f"/api/entitlement-uses/{use['id']}", {}))[0] == 204
        assert (await agent.ask("POST", uses, {}))[0] == 201
        ending = (await agent.ask("GET", "/api/packages/ending?days=400"))[1]["items"]
        assert package["id"] in {each["id"] for each in ending}
        assert (await boss.ask("DELETE", f"/api/packages/{package['id']}", {}))[0] == 204


async def test_who_brought_whom_is_noted_once(house: House):
    old, young = await made(house, "老客"), await made(house, "新客")
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        wanted = {"referrer_customer_id": old}
        path = f"/api/customers/{young}/referral"
        assert (await agent.ask("PUT", path, wanted))[0] == 200
        assert (await agent.ask("PUT", path, wanted))[0] == 409
        benefits = (await agent.ask("GET", f"/api/customers/{old}/benefits"))[1]
        assert [each["customer_name"] for each in benefits["referrals"]] == ["新客"]
        rule = (await desk.ask("GET", "/api/referral-rule"))[1]
        status, changed = await desk.ask("PUT", "/api/referral-rule", rule)
        assert (status, changed["version"]) == (200, rule["version"] + 1)
