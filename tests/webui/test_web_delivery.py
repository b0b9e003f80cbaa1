"""Delivery over the API: from the courier to the paper, to its feedback and the driver's load list."""

import uuid
from datetime import UTC, datetime

import aiohttp
import pytest

from crm_core.rights import SYSTEM
from tests.webui.web_house import Browser, House

COURIER = {
    "name_zh": "自有车队",
    "name_en": "Own drivers",
    "kind": "own",
    "paper": "delivery_note_a5",
    "ways": ["standard"],
    "tariffs": [{"first_g": 1000, "first_price": "5.00", "days": 1}],
}
RANGE = {"prefix": "ZJ", "width": 6, "first_serial": 1, "last_serial": 999}


@pytest.fixture(scope="module")
async def desk(house: House):
    async with house.browser("operations") as browser:
        status, body = await browser.ask("PUT", "/api/couriers/own", COURIER)
        assert (status, body["courier"]["version"]) == (200, 1), body
        status, body = await browser.ask("POST", "/api/couriers/own/numbers", RANGE)
        assert (status, body["courier"]["numbers_left"]) == (201, 999)
        yield browser


async def picked(house: House) -> int:
    async with house.browser("agent") as agent:
        wanted = {
            "customer_id": house.customer_id,
            "lines": [{"sku": "A1", "quantity": 1}],
            "address": "天津市河西区友谊路5号",
        }
        key = {"Idempotency-Key": uuid.uuid4().hex}
        status, body = await agent.ask("POST", "/api/orders", wanted, headers=key)
        assert status == 201, body
    order_id = body["order"]["id"]
    for to in ("reviewed", "picking"):
        await house.services.trade.orders.move(order_id, to, SYSTEM)
    return order_id


async def made(house: House, desk: Browser) -> dict:
    order = await picked(house)
    status, body = await desk.ask("POST", "/api/waybills", {"order_ids": [order]})
    assert status == 200
    return body["items"][0]["waybill"]


async def test_an_order_gets_a_waybill_a_paper_and_is_on_its_way(house: House, desk: Browser):
    order = await picked(house)
    _, body = await desk.ask("GET", f"/api/orders/{order}/consignee")
    assert (body["consignee"]["city"], body["consignee"]["version"]) == ("天津市", 0)
    named = {"recipient": "王五", "province": "天津市", "city": "天津市", "street": "南京路1号"}
    status, body = await desk.ask("PUT", f"/api/orders/{order}/consignee", named)
    assert (status, body["consignee"]["version"]) == (200, 1)
    _, choice = await desk.ask("GET", f"/api/orders/{order}/couriers")
    assert (choice["chosen"]["code"], choice["chosen"]["freight"]) == ("own", "5.00")
    status, body = await desk.ask("POST", "/api/waybills", {"order_ids": [order, 99_999]})
    waybill = body["items"][0]["waybill"]
    assert (status, waybill["state"], body["items"][1]["code"]) == (200, "created", "unknown_order")
    async with desk.http.post(
        "/api/waybills/papers", json={"waybill_ids": [waybill["id"]]}
    ) as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        assert (await answer.read()).startswith(b"%PDF-")
    taken = {"waybill_ids": [waybill["id"]]}
    _, body = await desk.ask("POST", "/api/waybills/hand-over", taken)
    assert body["items"][0]["waybill"]["order_status"] == "shipped"
    assert body["items"][0]["batches"] == []
    status, body = await desk.ask("POST", "/api/picking-lists", {"order_ids": [order]})
    assert (status, body["error"]["code"]) == (409, "not_in_picking")


async def test_a_courier_s_program_reports_with_a_service_token_that_may_do_nothing_else(
    house: House, desk: Browser
):
    waybill = await made(house, desk)
    async with house.browser("admin") as browser:
        wanted = {"name": "快递回传", "rights": ["delivery.report"]}
        status, body = await browser.ask("POST", "/api/tokens", wanted)
    assert status == 201, body
    said = {"number": waybill["number"], "code": "delivered", "at": datetime.now(UTC).isoformat()}
    headers = {"Authorization": f"Bearer {body['token']}"}
    async with aiohttp.ClientSession(desk.address, headers=headers) as program:
        for outcome in ("applied", "duplicate"):
            async with program.post(
                "/api/delivery/feedback", json={"courier_code": "own", "reports": [said]}
            ) as answer:
                assert (answer.status, (await answer.json())["items"][0]["outcome"]) == (
                    200,
                    outcome,
                )
        async with program.get("/api/waybills") as answer:
            assert answer.status == 403
    _, body = await desk.ask("GET", f"/api/waybills/{waybill['id']}")
    assert (body["waybill"]["state"], body["waybill"]["order_status"]) == ("delivered", "delivered")
    assert [each["source"] for each in body["events"]] == ["api"]


async def test_a_courier_s_file_is_handed_in(house: House, desk: Browser):
    waybill = await made(house, desk)
    file = f"运单号,状态,时间\n{waybill['number']},妥投,2026-03-02 09:05\nX,妥投,2026-03-02\n"
    path = "/api/delivery/feedback-files?courier_code=own"
    for applied, duplicates in ((1, 0), (0, 1)):
        async with desk.http.post(path, data=file.encode("gbk")) as answer:
            body = await answer.json()
        assert answer.status == 200, body
        assert (body["applied"], body["duplicates"], body["refused_rows"]) == (
            applied,
            duplicates,
            1,
        )
    assert body["refused"][0]["row"] == 3
    async with desk.http.post(path, data=b"") as answer:
        assert answer.status == 422


async def test_a_contradiction_waits_until_a_person_has_dealt_with_it(house: House, desk: Browser):
    waybill = await made(house, desk)
    now = datetime.now(UTC).isoformat()
    reports = [
        {"number": waybill["number"], "code": code, "at": now} for code in ("delivered", "refused")
    ]
    _, body = await desk.ask(
        "POST", "/api/delivery/feedback", {"courier_code": "own", "reports": reports}
    )
    assert [each["outcome"] for each in body["items"]] == ["applied", "conflict"]
    _, body = await desk.ask("GET", "/api/waybill-conflicts")
    (conflict,) = [each for each in body["items"] if each["waybill_id"] == waybill["id"]]
    path = f"/api/waybill-conflicts/{conflict['id']}/resolve"
    assert (await desk.ask("POST", path, {}))[0] == 204
    assert (await desk.ask("POST", path, {}))[0] == 404


async def test_a_load_list_goes_out_and_is_settled(house: House, desk: Browser):
    order = await picked(house)
    car = {"plate": "津A12345", "capacity_g": 100_000, "capacity_ml": 1_000_000}
    assert (await desk.ask("PUT", "/api/delivery/vehicles/van", car))[0] == 200
    driver = {"name": "李师傅", "phone": "13700000000"}
    assert (await desk.ask("PUT", "/api/delivery/drivers/li", driver))[0] == 200
    route = {"name_zh": "城南", "name_en": "South", "customer_ids": [house.customer_id]}
    assert (await desk.ask("PUT", "/api/delivery/routes/south", route))[0] == 200
    wanted = {
        "day": "2026-03-02", "courier_code": "own", "route_code": "south", "vehicle_code": "van",
        "driver_code": "li", "order_ids": [order],
    }  # fmt: skip
    status, view = await desk.ask("POST", "/api/delivery/runs", wanted)
    assert (status, len(view["stops"])) == (201, 1), view
    path = f"/api/delivery/runs/{view['run']['id']}"
    async with desk.http.get(f"{path}/paper") as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
    for step in ("load", "depart"):
        status, view = await desk.ask("POST", f"{path}/{step}", {"version": view["run"]["version"]})
        assert status == 200, view
    stops = [{"order_id": order, "result": "delivered", "cash_collected": "3.00"}]
    status, view = await desk.ask(
        "POST", f"{path}/settle", {"version": view["run"]["version"], "stops": stops}
    )
    assert (status, view["run"]["state"], view["run"]["cash_collected"]) == (200, "settled", "3.00")
