"""Settlement and accounting periods over the API."""

from tests.webui.web_house import House

MARCH = {"begins": "2026-03-01", "ends": "2026-03-31"}
SUPPLIER = {"name_zh": "津味食品", "name_en": "Jinwei Foods"}


async def test_a_supplier_is_settled_over_the_api_and_the_file_is_excel(house: House):
    browser = await house.browser("admin")
    await browser.put("/api/suppliers/jinwei", json=SUPPLIER)
    charge = {
        "supplier_code": "jinwei",
        "kind": "goods",
        "reference": "D-1",
        "amount": "120.50",
        "happened_at": "2026-03-05T02:00:00Z",
    }
    made = await browser.post("/api/supplier-charges", json=charge)
    assert made.status == 201
    again = await browser.post("/api/supplier-charges", json=charge)
    assert (again.status, (await again.json())["error"]["code"]) == (409, "already_entered")
    new = MARCH | {"party_kind": "supplier", "party_code": "jinwei"}
    draft = (await (await browser.post("/api/settlements", json=new)).json())["settlement"]
    assert draft["balance"] == "-120.50"
    path = f"/api/settlements/{draft['id']}"
    content = "送货单号,金额\nD-1,120.50\n".encode("gbk")
    taken = await browser.post(f"{path}/statement?version={draft['version']}", data=content)
    told = await taken.json()
    assert (told["rows"], told["matched"]) == (1, 1)
    version = told["detail"]["settlement"]["version"]
    done = await browser.post(f"{path}/confirm", json={"version": version})
    assert (await done.json())["settlement"]["state"] == "confirmed"
    file = await browser.get(f"{path}/file")
    assert (await file.read()).startswith(b"PK")


async def test_periods_are_entered_and_closed_over_the_api(house: House):
    browser = await house.browser("admin")
    days = {"begins": "2020-01-01", "ends": "2020-01-31"}
    made = await browser.post("/api/accounting-periods", json=days)
    period = (await made.json())["period"]
    path = f"/api/accounting-periods/{period['id']}"
    assert (await (await browser.get(f"{path}/checks")).json())["negative_stock"] == 0
    closed = await browser.post(f"{path}/close", json={"version": 1, "despite": True})
    assert (await closed.json())["period"]["state"] == "closed"
