"""Returns and exceptions over the API: from the complaint of a caller to the money."""

import itertools

from tests.webui.web_house import Browser, House

_keys = itertools.count(1)


def key() -> dict[str, str]:
    return {"Idempotency-Key": f"aftersales-{next(_keys):08d}"}


async def delivered(house: House, agent: Browser, desk: Browser) -> dict:
    wanted = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 3}]}
    status, body = await agent.ask("POST", "/api/orders", wanted, headers=key())
    assert status == 201, body
    path = f"/api/orders/{body['order']['id']}"
    for to in ("reviewed", "picking", "shipped", "in_transit", "delivered"):
        await desk.ask("POST", f"{path}/move", {"to": to})
    order = (await desk.ask("GET", path))[1]["order"]
    assert order["status"] == "delivered"
    return order


async def test_goods_come_back_over_the_api_and_stand_in_the_timeline(house: House):
    async with house.browser("agent") as agent, house.browser("operations") as desk:
        order = await delivered(house, agent, desk)
        path = f"/api/orders/{order['id']}/returns"
        wanted = {"reason_code": "quality", "lines": [{"line_no": 1, "quantity": 2}]}
        assert (await agent.ask("POST", path, wanted))[0] == 422
        again = key()
        status, body = await agent.ask("POST", path, wanted, headers=again)
        assert (status, body["order_return"]["state"]) == (201, "requested"), body
        assert body["order_return"]["allowed"] == ["cancel"]
        assert (await agent.ask("POST", path, wanted, headers=again))[1] == body
        status, refused = await agent.ask("POST", path, wanted, headers=key())
        assert (status, refused["error"]["code"]) == (409, "more_than_ordered")
        one = f"/api/order-returns/{body['order_return']['id']}"
        assert (await agent.ask("POST", f"{one}/approve", {"version": 1}))[0] == 403
        status, body = await desk.ask("POST", f"{one}/approve", {"version": 1})
        assert (status, body["order_return"]["state"]) == (200, "approved")
        count = {"version": 2, "lines": [{"line_no": 1, "good": 1, "damaged": 1}]}
        status, stale = await desk.ask("POST", f"{one}/receive", count | {"version": 1})
        assert (status, stale["error"]["code"]) == (409, "changed_meanwhile")
        status, body = await desk.ask("POST", f"{one}/receive", count)
        assert (status, body["order_return"]["value"]) == (200, "190.00"), body
        status, body = await desk.ask("POST", f"{one}/close", {"version": 3})
        assert [step["state"] for step in body["steps"]] == [
            "requested",
            "approved",
            "received",
            "closed",
        ]
        assert (await desk.ask("GET", one))[1] == body
        found = (await agent.ask("GET", f"/api/order-returns?order_id={order['id']}"))[1]["items"]
        assert [each["id"] for each in found] == [body["order_return"]["id"]]
        timeline = f"/api/customers/{house.customer_id}/timeline?limit=50"
        kinds = {each["kind"] for each in (await agent.ask("GET", timeline))[1]["items"]}
        assert {"return.requested", "return.received"} <= kinds


async def test_the_terms_of_returning_are_data(house: House):
    async with house.browser("operations") as desk:
        (general,) = (await desk.ask("GET", "/api/return-terms"))[1]["items"]
        assert general == {"code": "general", "days": 7, "version": 0}
        path = "/api/return-terms/general"
        status, body = await desk.ask("PUT", path, {"days": 30, "version": 0})
        assert (status, body["items"][0]["days"]) == (200, 30)
        assert (await desk.ask("PUT", path, {"days": 31, "version": 0}))[0] == 409
        assert (await desk.ask("PUT", path, {"days": 7, "version": 1}))[0] == 200
        status, _ = await desk.ask("PUT", "/api/return-terms/unknown", {"days": 7, "version": 0})
        assert status == 422


async def test_an_exception_is_escalated_decided_and_counted_over_the_api(house: House):
    async with house.browser("agent") as agent, house.browser("supervisor") as chief:
        async with house.browser("operations") as desk:
            order = await delivered(house, agent, desk)
        wanted = {"kind": "delay", "description": "晚到两天"}
        path = f"/api/orders/{order['id']}/exceptions"
        status, body = await agent.ask("POST", path, wanted, headers=key())
        found = body["order_exception"]
        assert (status, found["level"], found["allowed"]) == (
            201,
            1,
            ["escalate", "decide", "withdraw"],
        )
        one = f"/api/order-exceptions/{found['id']}"
        much = {"version": 1, "resolution": "refund", "refund": "100", "words": "补偿100元"}
        status, refused = await agent.ask("POST", f"{one}/decide", much)
        assert (status, refused["error"]["code"]) == (409, "beyond_level")
        status, body = await agent.ask("POST", f"{one}/escalate", {"version": 1, "reason": "超额"})
        assert body["order_exception"]["level"] == 2
        much["version"] = 2
        assert (await agent.ask("POST", f"{one}/decide", much))[0] == 403
        status, body = await chief.ask("POST", f"{one}/decide", much)
        assert (status, body["order_exception"]["state"]) == (200, "decided"), body
        status, body = await chief.ask("POST", f"{one}/close", {"version": 3})
        assert [step["action"] for step in body["steps"]] == [
            "raise",
            "escalate",
            "decide",
            "close",
        ]
        wide = "since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z"
        assert (await chief.ask("GET", f"/api/order-exceptions/report?{wide}"))[1] == {"lines": []}
        day = found["raised_at"][:10]
        now = f"since={day}T00:00:00Z&until={day}T23:59:59Z"
        (line,) = (await chief.ask("GET", f"/api/order-exceptions/report?{now}"))[1]["lines"]
        assert (line["kind"], line["level"], line["escalated"], line["cost"]) == (
            "delay",
            2,
            1,
            "100.00",
        )
        timeline = f"/api/customers/{house.customer_id}/timeline?limit=50"
        kinds = {each["kind"] for each in (await agent.ask("GET", timeline))[1]["items"]}
        assert {"exception.raise", "exception.decide"} <= kinds


async def test_levels_and_rules_of_exceptions_are_data(house: House):
    async with house.browser("operations") as desk:
        levels = (await desk.ask("GET", "/api/exception-levels"))[1]["items"]
        assert [(each["level"], each["most"]) for each in levels] == [
            (1, "50"),
            (2, "500"),
            (3, None),
        ]
        level = {"name_zh": "普通", "name_en": "Common", "hours": 12, "most": "80", "version": 0}
        status, body = await desk.ask("PUT", "/api/exception-levels/1", level)
        assert (status, body["items"][0]["hours"]) == (200, 12)
        assert (await desk.ask("PUT", "/api/exception-levels/1", level))[0] == 409
        assert (await desk.ask("PUT", "/api/exception-levels/4", level))[0] == 404
        rule = {"kind": "dispute", "least_total": "100", "vip": True, "level": 3}
        status, body = await desk.ask("POST", "/api/exception-rules", rule)
        assert status == 201
        path = f"/api/exception-rules/{body['rule']['id']}"
        ended = rule | {"active": False, "version": 1}
        assert (await desk.ask("PUT", path, ended))[0] == 200
        assert (await desk.ask("PUT", path, ended))[0] == 409
        unknown = rule | {"level_code": "no_such"}
        assert (await desk.ask("POST", "/api/exception-rules", unknown))[0] == 422
        listed = (await desk.ask("GET", "/api/exception-rules"))[1]["items"]
        assert [each["active"] for each in listed] == [False]
