"""Settlement and accounting periods over the API."""

from tests.webui.web_house import House

MARCH = {"begins": "2026-03-01", "ends": "2026-03-31"}
SUPPLIER = {"name_zh": "津味食品", "name_en": "Jinwei Foods"}


async def test_a_supplier_is_settled_over_the_api_and_the_file_is_excel(house: House):
    async with house.browser("admin") as desk:
        await desk.ask("PUT", "/api/suppliers/jinwei", SUPPLIER)
        charge = {
            "supplier_code": "jinwei",
            "kind": "goods",
            "reference": "D-1",
            "amount": "120.50",
            "happened_at": "2026-03-05T02:00:00Z",
        }
        assert (await desk.ask("POST", "/api/supplier-charges", charge))[0] == 201
        status, body = await desk.ask("POST", "/api/supplier-charges", charge)
        assert (status, body["error"]["code"]) == (409, "already_entered")
        new = MARCH | {"party_kind": "supplier", "party_code": "jinwei"}
        _, body = await desk.ask("POST", "/api/settlements", new)
        draft = body["settlement"]
        assert draft["balance"] == "-120.50"
        path = f"/api/settlements/{draft['id']}"
        content = "送货单号,金额\nD-1,120.50\n".encode("gbk")
        file = f"{path}/statement?version={draft['version']}"
        _, told = await desk.ask("POST", file, data=content)
        assert (told["rows"], told["matched"]) == (1, 1)
        version = told["detail"]["settlement"]["version"]
        _, body = await desk.ask("POST", f"{path}/confirm", {"version": version})
        assert body["settlement"]["state"] == "confirmed"
        _, made = await desk.ask("GET", f"{path}/file")
        assert made.startswith(b"PK")


async def test_periods_are_entered_and_closed_over_the_api(house: House):
    async with house.browser("admin") as desk:
        days = {"begins": "2020-01-01", "ends": "2020-01-31"}
        status, body = await desk.ask("POST", "/api/accounting-periods", days)
        path = f"/api/accounting-periods/{body['period']['id']}"
        assert status == 201
        _, found = await desk.ask("GET", f"{path}/checks")
        assert (found["negative_stock"], found["ready"]) == (0, True)
        _, body = await desk.ask("POST", f"{path}/close", {"version": 1})
        assert body["period"]["state"] == "closed"
    async with house.browser("agent") as agent:
        status, _ = await agent.ask("POST", f"{path}/reopen", {"version": 2, "reason": "x"})
        assert status == 403


async def test_a_customer_s_account_is_shown(house: House):
    async with house.browser("agent") as agent:
        query = f"begins={MARCH['begins']}&ends={MARCH['ends']}"
        status, body = await agent.ask("GET", f"/api/customers/{house.customer_id}/account?{query}")
        assert (status, body["closing"], body["movements"]) == (200, "0", [])
