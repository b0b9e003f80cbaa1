"""Pages over a real websocket: pops, the board, the own state, and pages that are not what they should be."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text

from crm_core.db import Database
from crm_core.rights import SYSTEM
from orders.stock.documents.commands import NewReceipt
from orders.stock.events import StockChanged
from tests.webui.web_house import QUICK, Browser, House, Page, offer_in, open_house, until
from webui.services import WebOptions
from webui.views import NoticeView


async def test_a_page_begins_with_a_snapshot_of_all_its_collections(house: House):
    async with house.browser("agent") as browser:
        page = await browser.open()
        first = await page.hear()
        assert first["type"] == "snapshot"
        assert set(first["state"]) == {"me", "pops", "callbacks", "alarms", "notices", "questions"}
        me = first["state"]["me"]["agent"]
        assert (me["state"], me["allowed"], me["extension"]) == ("offline", ["log_in"], "7000")
        assert "meal" in {each["code"] for each in me["break_reasons"]}


async def test_the_pop_is_in_the_page_before_the_telephone_is_told_and_fills_up(house: House):
    async with house.browser("agent") as browser, house.at_work("agent") as agent_id:
        page = await browser.open()
        await page.until(lambda state: state["me"]["agent"]["state"] == "ready")
        record = house.call()
        feed = house.server.door.hub.feeds("sidebar", agent_id)[0]
        before = feed.store.sequence
        ticket = house.queue(record)
        assert feed.store.sequence > before
        offer = offer_in(ticket)
        state = await page.until(
            lambda state: (state["pops"].get(record.call_id, {}).get("customer") or {}).get("level")
        )
        pop = state["pops"][record.call_id]
        assert pop["state"] == "offered"
        assert pop["caller"] is None
        assert pop["caller_display"] == "138****8000"
        assert pop["place"] == {"area_code": "022", "province": "天津", "city": "天津"}
        assert pop["medium"] == "电视广告"
        assert pop["menu_path"] == ["代理批发"]
        assert [each["code"] for each in pop["why"]] == ["default", "longest_idle"]
        assert pop["customer"]["level"]["name_zh"] == "市级代理"
        assert pop["customer"]["price_policy"]["discount"] == "0.9500"
        assert pop["customer"]["credit_available"] == "1000000.00"
        assert {each["number"] for each in pop["customer"]["phones"]} == {
            "138****8000",
            "022****6789",
        }
        ticket.answered(offer)
        await page.until(lambda state: state["pops"][record.call_id]["state"] == "talking")
        ticket.finished(offer, "ANSWER", 5.0)
        record.end("answered")
        await page.until(lambda state: state["pops"][record.call_id]["state"] == "ended")
        await house.acd.finish_wrap_up(agent_id)
        await page.until(lambda state: not state["pops"])


async def test_a_supervisor_with_the_right_sees_the_whole_number(house: House):
    async with house.browser("supervisor") as browser, house.at_work("supervisor"):
        page = await browser.open()
        record = house.call("13912345678", known=False)
        ticket = house.queue(record)
        state = await page.until(lambda state: record.call_id in state["pops"])
        assert state["pops"][record.call_id]["caller"] == "13912345678"
        assert state["pops"][record.call_id]["customer"] is None
        ticket.leave("abandoned")
        record.end("abandoned")
        await page.until(lambda state: not state["pops"])


async def test_a_page_that_is_loaded_again_during_the_call_has_its_pop(house: House):
    async with house.browser("agent") as browser, house.at_work("agent"):
        record = house.call()
        ticket = house.queue(record)
        page = await browser.open()
        state = await page.until(lambda _: True)
        assert record.call_id in state["pops"]
        ticket.leave("abandoned")
        record.end("abandoned")


async def test_an_agent_sees_no_pop_of_a_colleague(house: House):
    async with house.browser("agent2") as browser, house.at_work("agent"):
        page = await browser.open()
        record = house.call()
        ticket = house.queue(record)
        await page.until(lambda _: any(each["type"] == "heartbeat" for each in page.heard))
        assert not page.state["pops"]
        ticket.leave("abandoned")
        record.end("abandoned")


async def test_a_new_customer_appears_in_the_pop_of_the_call_in_one_step(house: House):
    async with house.browser("agent") as browser, house.at_work("agent"):
        page = await browser.open()
        record = house.call("13700000001", known=False)
        ticket = house.queue(record)
        await page.until(lambda state: record.call_id in state["pops"])
        wanted = {
            "name": "新客户",
            "call_id": record.call_id,
            "addresses": [{"detail": "天津 滨海"}],
        }
        status, body = await browser.ask("POST", "/api/customers", wanted)
        assert status == 201, body
        phones = body["customer"]["phones"]
        assert [(each["number"], each["is_main"]) for each in phones] == [("137****0001", True)]
        assert body["customer"]["address"] == "天津 滨海"
        state = await page.until(
            lambda state: (state["pops"][record.call_id]["customer"] or {}).get("phones")
        )
        assert state["pops"][record.call_id]["customer"]["id"] == body["customer"]["id"]
        assert record.row.customer_id == body["customer"]["id"]
        ticket.leave("abandoned")
        record.end("abandoned")


async def test_an_order_placed_in_the_call_shows_among_the_last_orders(house: House):
    async with house.browser("agent") as browser, house.at_work("agent"):
        page = await browser.open()
        record = house.call()
        ticket = house.queue(record)
        await page.until(lambda state: record.call_id in state["pops"])
        wanted = {
            "customer_id": house.customer_id,
            "call_id": record.call_id,
            "lines": [{"sku": "A1", "quantity": 2}],
        }
        status, body = await browser.ask(
            "POST", "/api/orders", wanted, headers={"Idempotency-Key": "pop-order-1"}
        )
        assert status == 201, body
        await page.until(
            lambda state: [
                order
                for order in state["pops"][record.call_id]["customer"]["last_orders"]
                if order["id"] == body["order"]["id"]
            ]
        )
        ticket.leave("abandoned")
        record.end("abandoned")


async def test_the_own_state_changes_on_every_page_of_the_agent(house: House):
    async with house.browser("agent") as one, house.browser("agent") as other:
        pages = [await one.open(), await other.open()]
        status, body = await one.ask("POST", "/api/agent/state", {"command": "log_in"})
        assert (status, body["agent"]["state"]) == (200, "ready")
        for page in pages:
            await page.until(lambda state: state["me"]["agent"]["state"] == "ready")
        wanted = {"command": "break", "reason": "meal"}
        status, body = await one.ask("POST", "/api/agent/state", wanted)
        assert (body["agent"]["state"], body["agent"]["reason"]) == ("break", "meal")
        status, body = await one.ask("POST", "/api/agent/state", {"command": "finish_wrap_up"})
        assert (status, body["error"]["code"]) == (409, "not_allowed_now")
        await one.ask("POST", "/api/agent/state", {"command": "log_out"})
        for page in pages:
            await page.until(lambda state: state["me"]["agent"]["state"] == "offline")


async def test_an_agent_logs_in_at_the_telephone_with_the_skills_of_the_user(house: House):
    async with house.browser("admin") as admin, house.browser("agent") as agent:
        path = f"/api/users/{house.ids['agent']}"
        _, listed = await admin.ask("GET", "/api/users?limit=200")
        mine = next(each for each in listed["items"] if each["id"] == house.ids["agent"])
        version = mine["version"]
        skills = {"version": version, "skills": {"wine": 4}}
        assert (await admin.ask("PATCH", path, skills))[0] == 200
        await agent.ask("POST", "/api/agent/state", {"command": "log_in"})
        core = house.services.acd._desk.core
        assert core.agent(house.ids["agent"]).login.skills == {"wine": 4}
        await agent.ask("POST", "/api/agent/state", {"command": "log_out"})
        skills = {"version": version + 1, "skills": {}}
        assert (await admin.ask("PATCH", path, skills))[0] == 200


async def test_the_board_follows_queues_agents_and_callers(house: House):
    async with house.browser("operations") as browser, house.at_work("agent") as agent_id:
        page = await browser.open("board")
        await page.until(lambda state: state["queues"].get("north", {}).get("ready") == 1)
        first, second = house.call(), house.call("13700000002", known=False)
        serving, waiting = house.queue(first), house.queue(second)
        state = await page.until(
            lambda state: (
                second.call_id in state["waiting"]
                and state["agents"][str(agent_id)]["state"] == "ringing"
            )
        )
        assert state["waiting"][second.call_id]["caller_display"] == "137****0002"
        offer = offer_in(serving)
        serving.answered(offer)
        await page.until(
            lambda state: (
                list(state["waiting"]) == [second.call_id]
                and state["queues"]["north"]["answered_today"]
            )
        )
        assert page.state["queues"]["north"]["service_level"] > 0
        waiting.leave("abandoned")
        serving.finished(offer, "ANSWER", 1.0)
        first.end("answered")
        second.end("abandoned")
        await page.until(lambda state: not state["waiting"])
    async with house.browser("operations") as browser:
        page = await browser.open("board")
        await page.until(lambda state: not state["agents"])


async def test_a_lost_link_to_asterisk_is_on_the_board_and_in_a_notice(house: House):
    async with house.browser("supervisor") as browser:
        board, sidebar = await browser.open("board"), await browser.open()
        await board.until(lambda state: state["system"]["asterisk"]["connected"])
        house.link.connected = False
        await board.until(lambda state: not state["system"]["asterisk"]["connected"])
        state = await sidebar.until(lambda state: state["notices"])
        assert [each["code"] for each in state["notices"].values()] == ["asterisk_down"]
        assert (await browser.ask("GET", "/api/health"))[1] == {"status": "degraded"}
        house.link.connected = True
        await sidebar.until(lambda state: not state["notices"])
        assert (await browser.ask("GET", "/api/health"))[1] == {"status": "ok"}


async def test_prompts_that_callers_do_not_hear_are_told_to_those_who_look_after_the_line(
    house: House,
):
    prompts = house.services.prompts
    async with house.browser("supervisor") as browser:
        board, sidebar = await browser.open("board"), await browser.open()
        await board.until(lambda state: state["system"]["prompts"]["played"])
        prompts.silent = ("en/thank_you", "zh/menu_main")
        prompts.note_not_played("/prompts/zh/menu_main")
        state = await board.until(lambda state: state["notices"])
        assert not state["system"]["prompts"]["played"]
        assert state["notices"]["prompts_silent"]["params"] == {
            "count": "2",
            "prompts": "en/thank_you, zh/menu_main",
        }
        assert (await browser.ask("GET", "/api/health"))[1] == {"status": "degraded"}
        figures = (await browser.ask("GET", "/metrics"))[1]
        assert b"zongji_prompts_silent 2.0" in figures
        assert b"zongji_prompts_not_played_total 1.0" in figures
        prompts.silent = tuple(f"zh/digit_{each}" for each in range(6))
        named = "zh/digit_0, zh/digit_1, zh/digit_2, zh/digit_3, zh/digit_4, …"
        await board.until(
            lambda state: state["notices"]["prompts_silent"]["params"]["prompts"] == named
        )
        await sidebar.until(lambda state: "notices" in state)
        assert not sidebar.state["notices"]
        prompts.silent = ()
        await board.until(lambda state: not state["notices"])
        assert (await browser.ask("GET", "/api/health"))[1] == {"status": "ok"}


async def test_call_backs_appear_for_those_who_may_take_them(house: House):
    async with house.browser("agent") as browser, house.browser("agent2") as colleague:
        mine, theirs = await browser.open(), await colleague.open()
        wanted = {"number": "13600000001", "agent_id": house.ids["agent"], "note": "下午"}
        status, body = await browser.ask("POST", "/api/callbacks", wanted)
        assert status == 201, body
        key = str(body["callback"]["id"])
        state = await mine.until(lambda state: key in state["callbacks"])
        assert state["callbacks"][key]["number"] == "136****0001"
        status, body = await colleague.ask("POST", f"/api/callbacks/{key}/close")
        assert (status, body["error"]["code"]) == (404, "not_found")
        await browser.ask("POST", f"/api/callbacks/{key}/close")
        await mine.until(lambda state: key not in state["callbacks"])
        await theirs.hear()
        assert key not in theirs.state["callbacks"]


async def test_a_page_may_ask_for_its_snapshot_again_and_for_nothing_else(house: House):
    async with house.browser("agent") as browser:
        page = await browser.open()
        await page.hear()
        await page.socket.send_json({"type": "snapshot"})
        while (await page.hear())["type"] != "snapshot":
            pass
        await page.socket.send_json({"type": "originate"})
        assert await page.closed() == aiohttp.WSCloseCode.POLICY_VIOLATION


@pytest.mark.parametrize(
    "sent", ["", "{", "[]", "\0", '{"type": "snapshot", "more": 1}', "x" * 5000]
)
async def test_nonsense_from_a_page_closes_that_page_only(house: House, sent: str):
    async with house.browser("agent") as browser:
        good, bad = await browser.open(), await browser.open()
        await bad.socket.send_str(sent)
        assert await bad.closed() in (1008, 1009)
        await good.hear()


async def test_heartbeats_carry_the_number_of_the_last_change(house: House):
    async with house.browser("agent") as browser:
        page = await browser.open()
        while (beat := await page.hear())["type"] != "heartbeat":
            pass
        assert beat["seq"] == page.sequence


async def stock_told(page: Page) -> dict:
    """The next message of it."""
    while (told := await page.hear())["type"] != "stock":
        pass
    return told


async def test_a_page_hears_whose_stock_changed_by_an_order_or_goods_and_nothing_else(house: House):
    async with house.browser("agent") as browser:
        page = await browser.open()
        await page.hear()
        wanted = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
        key = {"Idempotency-Key": "stock-told-1"}
        assert (await browser.ask("POST", "/api/orders", wanted, headers=key))[0] == 201
        told = await stock_told(page)
        assert list(told) == ["type", "seq", "at", "skus"]
        assert (told["skus"], told["seq"]) == (["A1"], page.sequence)
        goods = NewReceipt(lines=({"sku": "A1", "quantity": 1},))
        await house.services.trade.stock_documents.receive(SYSTEM, "told", goods)
        assert (await stock_told(page))["skus"] == ["A1"]


async def test_changes_of_stock_are_told_together_each_product_once_and_so_many_at_a_time(
    house: House,
):
    async with house.browser("agent") as browser:
        page = await browser.open()
        await page.hear()
        skus = [f"S-{n:03d}" for n in range(700)]
        for sku in skus * 2:
            house.services.bus.publish(StockChanged(sku, 5, "main"))
        assert [(await stock_told(page))["skus"] for _ in range(2)] == [skus[:500], skus[500:]]


async def test_whose_stock_changed_is_told_only_to_pages_that_may_see_orders(house: House):
    of_role = "role_code = 'operations' AND right_code = 'order.view'"
    async with house.browser("agent") as browser, house.browser("operations") as other:
        async with house.services.database.begin() as session:
            await session.execute(text(f"DELETE FROM role_rights WHERE {of_role}"))
        try:
            page, blind = await browser.open(), await other.open()
            for each in (page, blind):
                await each.hear()
            house.services.bus.publish(StockChanged("A1", 5, "main"))
            await stock_told(page)
            while (await blind.hear())["type"] != "heartbeat":
                pass
            assert "stock" not in {each["type"] for each in blind.heard}
        finally:
            async with house.services.database.begin() as session:
                await session.execute(
                    text("INSERT INTO role_rights VALUES ('operations', 'order.view')")
                )


async def test_a_ticket_is_good_once_and_only_for_its_own_session(house: House):
    async with house.browser("agent") as browser, house.browser("agent2") as thief:
        ticket = await browser.ticket()
        for who in (thief, browser):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await who.http.ws_connect("/ws", params={"ticket": ticket, "page": "sidebar"})
            assert refused.value.status == 401


async def test_a_page_of_another_site_is_refused_though_it_has_cookie_and_ticket(house: House):
    async with house.browser("agent") as browser:
        query = {"ticket": await browser.ticket(), "page": "sidebar"}
        for origin in ("https://evil.example", "null", f"{house.server.address}.evil.example"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await browser.http.ws_connect("/ws", params=query, headers={"Origin": origin})
            assert refused.value.status == 403


async def test_a_page_needs_its_right(house: House):
    async with house.browser("agent") as browser, house.browser("operations") as other:
        async with house.services.database.begin() as session:
            of_role = "role_code = 'operations' AND right_code = 'todo.work'"
            await session.execute(text(f"DELETE FROM role_rights WHERE {of_role}"))
        try:
            for who, page in ((browser, "board"), (other, "sidebar")):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await who.open(page)
                assert refused.value.status == 403
        finally:
            async with house.services.database.begin() as session:
                await session.execute(
                    text("INSERT INTO role_rights VALUES ('operations', 'todo.work')")
                )


async def test_log_out_closes_the_pages_of_that_session_at_once(house: House):
    async with house.browser("agent") as browser, house.browser("agent") as other:
        page, stays = await browser.open(), await other.open()
        await page.hear()
        assert (await browser.ask("DELETE", "/api/session"))[0] == 204
        assert await page.closed() == 4401
        await stays.hear()


async def test_a_session_revoked_elsewhere_closes_its_pages(house: House):
    async with house.browser("agent2") as browser:
        page = await browser.open()
        await page.hear()
        await house.services.crm.accounts.revoke_all(SYSTEM, house.ids["agent2"])
        assert await page.closed() == 4401
        assert (await browser.ask("GET", "/api/session"))[0] == 401


async def test_a_page_that_stops_reading_gets_a_snapshot_and_holds_nobody_up(house: House):
    async with house.browser("agent") as browser:
        quick, slow = await browser.open(), await browser.open()
        hub = house.server.door.hub
        await quick.hear()
        await slow.hear()
        feed = hub.feeds("sidebar", house.ids["agent"])[0]
        for number in range(600):
            params = {"number": str(number), "text": "x" * 20_000}
            hub.change(feed, {"notices": {"n": NoticeView(id="n", code="long", params=params)}})
            await quick.until(lambda _: quick.sequence == feed.store.sequence)
        await slow.until(lambda _: slow.sequence == feed.store.sequence)
        assert [each["type"] for each in quick.heard].count("snapshot") == 1
        assert [each["type"] for each in slow.heard].count("snapshot") >= 2
        assert len(slow.heard) < len(quick.heard)
        assert slow.state == quick.state


@pytest.mark.parametrize("has_backlog", [False, True])
async def test_a_browser_that_vanished_is_found_and_forgotten(
    database: Database, tmp_path: Path, has_backlog: bool
):
    options = WebOptions(rhythm=QUICK, ping_s=0.2)
    async with (
        open_house(database, tmp_path, options) as house,
        Browser(house.server.address) as browser,
    ):
        await browser.log_in("agent")
        host, port = house.server.address.removeprefix("http://").split(":")
        ticket = await browser.ticket()
        cookie = browser.http.cookie_jar.filter_cookies(browser.http._base_url)
        _reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"GET /ws?ticket={ticket}&page=sidebar HTTP/1.1\r\nHost: {host}\r\n"
            f"Origin: {browser.address}\r\nCookie: {cookie.output(attrs=[], header='').strip()}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        hub = house.server.door.hub
        await until(lambda: hub.count("sidebar") == 1)
        (feed,) = hub.feeds("sidebar")
        for number in range(500 if has_backlog else 0):
            params = {"number": str(number), "text": "x" * 20_000}
            hub.change(feed, {"notices": {"n": NoticeView(id="n", code="long", params=params)}})
            await asyncio.sleep(0)
        await until(lambda: hub.count("sidebar") == 0)
        assert not hub.feeds("sidebar")
        writer.close()


async def test_a_server_that_stops_says_goodbye_to_its_pages(database: Database, tmp_path: Path):
    async with open_house(database, tmp_path) as house, house.browser("agent") as browser:
        page = await browser.open()
        await page.hear()
        closing = asyncio.create_task(house.server.close())
        assert await page.closed() == aiohttp.WSCloseCode.GOING_AWAY
        await closing


async def test_messages_are_plain_json_objects(house: House):
    async with house.browser("agent") as browser:
        page = await browser.open()
        frame = await page.socket.receive()
        message = json.loads(frame.data)
        assert list(message) == ["type", "seq", "at", "state"]
