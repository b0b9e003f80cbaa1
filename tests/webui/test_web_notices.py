"""Notices over the API, and in the pop."""

from crm_core.notices.sending import NoticeSender
from crm_core.people.roles import RoleContent
from crm_core.rights import SYSTEM, Access
from tests.webui.web_house import House, offer_in

NEW = {"title": "中秋放假", "body": "九月十七日放假一天。"}


def untold(state: dict, call_id: str) -> list[str] | None:
    """The titles in the pop of a call, None before the customer is there."""
    customer = (state["pops"].get(call_id) or {}).get("customer") or {}
    return [each["title"] for each in customer["notices"]] if "notices" in customer else None


async def test_a_notice_is_written_sent_seen_in_the_pop_and_told(house: House):
    wanted = NEW | {
        "conditions": [{"field": "name", "op": "contains", "value": "滨海商贸"}],
        "channels": ["email"],
    }
    async with house.browser("operations") as desk, house.browser("agent") as agent:
        status, body = await desk.ask("POST", "/api/notices", wanted)
        assert status == 201, body
        path = f"/api/notices/{body['notice']['id']}"
        status, body = await desk.ask("PATCH", path, {"version": 1, "expires_on": "2199-01-01"})
        assert (status, body["notice"]["version"]) == (200, 2)
        assert (await desk.ask("GET", f"{path}/audience"))[1]["customers"] == 1
        status, body = await desk.ask("POST", f"{path}/send", {"version": 2})
        assert (status, body["notice"]["state"]) == (200, "sending")
        await NoticeSender(house.services.database, clock=house.services.clock).run_once()
        async with house.at_work("agent"):
            page = await agent.open()
            record = house.call()
            ticket = house.queue(record)
            offer_in(ticket)
            shown = await page.until(lambda state: untold(state, record.call_id))
            assert untold(shown, record.call_id) == [NEW["title"]]
            told = {"customer_id": house.customer_id, "call_id": record.call_id}
            assert (await agent.ask("POST", f"{path}/told", told))[0] == 204
            await page.until(lambda state: untold(state, record.call_id) == [])
            ticket.leave("abandoned")
            record.end("abandoned")
        counts = (await desk.ask("GET", f"{path}/counts"))[1]
        assert (counts["recipients"], counts["told"]) == (1, 1)
        items = (await desk.ask("GET", f"{path}/recipients"))[1]["items"]
        assert [each["told_by_name"] for each in items] == ["agent先生"]
        assert (await agent.ask("GET", path))[0] == 403
        assert (await desk.ask("POST", f"{path}/cancel", {"version": 3}))[0] == 409
        found = (await desk.ask("GET", "/api/notices?state=sent&limit=1"))[1]["items"]
        assert path.endswith(str(found[0]["id"]))


async def test_a_notice_waits_for_its_time_and_is_cancelled_before(house: House):
    async with house.browser("operations") as desk:
        _, body = await desk.ask("POST", "/api/notices", NEW)
        path = f"/api/notices/{body['notice']['id']}"
        step = {"version": 1, "send_at": "2020-01-01T00:00:00Z"}
        status, refused = await desk.ask("POST", f"{path}/send", step)
        assert (status, refused["error"]["fields"]) == (422, {"send_at": "in the past"})
        status, body = await desk.ask(
            "POST", f"{path}/send", step | {"send_at": "2198-01-01T09:00:00+08:00"}
        )
        assert status == 200, body
        assert (body["notice"]["state"], body["notice"]["send_at"]) == (
            "scheduled",
            "2198-01-01T01:00:00Z",
        )
        await NoticeSender(house.services.database, clock=house.services.clock).run_once()
        assert (await desk.ask("GET", f"{path}/counts"))[1]["recipients"] == 0
        status, body = await desk.ask("POST", f"{path}/cancel", {"version": 2})
        assert (status, body["notice"]["state"]) == (200, "cancelled")
        assert (await desk.ask("POST", f"{path}/send", {"version": 3}))[0] == 409


async def test_whoever_may_not_see_levels_has_no_counts_by_level(house: House):
    async with house.browser("operations") as desk:
        _, body = await desk.ask("POST", "/api/notices", NEW)
        path = f"/api/notices/{body['notice']['id']}"
        await desk.ask("POST", f"{path}/send", {"version": 1})
        counts = (await desk.ask("GET", f"{path}/counts"))[1]
        assert sum(each["recipients"] for each in counts["levels"]) == counts["recipients"] > 0
        roles = house.services.crm.roles
        (role,) = [each for each in await roles.all(SYSTEM) if each.code == "operations"]
        content = RoleContent(
            name_zh=role.name_zh, name_en=role.name_en, rights=frozenset(role.rights),
            fields={"customer.level": Access.HIDDEN},
        )  # fmt: skip
        await roles.change(SYSTEM, "operations", role.version, content)
        counts = (await desk.ask("GET", f"{path}/counts"))[1]
        assert (counts["levels"], counts["recipients"] > 0) == ([], True)
