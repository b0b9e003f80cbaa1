"""What the pages ask: session, orders, customers, calls, recordings, call-backs."""

import asyncio
import uuid
import wave
from datetime import timedelta

import pytest
from sqlalchemy import text

from crm_core.rights import SYSTEM
from tests.webui.web_house import PASSWORD, Browser, House, offer_in, until


def key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(house: House):
    async with (
        house.browser() as browser,
        browser.http.post("/api/session", json={"login": "agent", "password": PASSWORD}) as answer,
    ):
        cookie = answer.headers["Set-Cookie"]
        user = (await answer.json())["user"]
    assert cookie.startswith("__Host-zongji=")
    for part in ("HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age="):
        assert part in cookie
    assert "Domain" not in cookie
    assert {"id", "login", "name", "role", "rights", "locale", "extension", "second_factor"} == set(
        user
    )
    assert "agent.work" in user["rights"]


async def test_a_wrong_password_and_a_wrong_name_are_refused_alike(house: House):
    async with house.browser() as browser:
        answers = [
            await browser.ask("POST", "/api/session", {"login": login, "password": "wrong"})
            for login in ("operations", "nobody at all")
        ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_guessing_passwords_is_slowed_down(house: House):
    async with house.browser() as browser:
        body = {"login": "guessed", "password": "wrong"}
        statuses = [(await browser.ask("POST", "/api/session", body))[0] for _ in range(8)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


async def test_a_second_log_in_ends_the_session_before_it(house: House):
    async with house.browser("agent") as browser:
        before = next(iter(browser.http.cookie_jar)).value
        await browser.log_in("agent")
        assert await house.services.crm.accounts.session(before) is None


async def test_the_chosen_language_is_remembered(agent: Browser):
    assert (await agent.ask("PUT", "/api/session/locale", {"locale": "en"}))[0] == 204
    assert (await agent.ask("GET", "/api/session"))[1]["user"]["locale"] == "en"
    status, body = await agent.ask("PUT", "/api/session/locale", {"locale": "xx"})
    assert (status, body["error"]["code"]) == (422, "invalid")
    assert "locale" in body["error"]["fields"]


async def test_after_log_out_the_cookie_opens_nothing(house: House):
    async with house.browser("agent") as browser:
        token = next(iter(browser.http.cookie_jar)).value
        assert (await browser.ask("DELETE", "/api/session"))[0] == 204
        headers = {"Cookie": f"__Host-zongji={token}"}
        assert (await browser.ask("GET", "/api/session", headers=headers))[0] == 401


async def test_a_product_shows_the_customer_s_own_price_and_why(house: House, agent: Browser):
    status, body = await agent.ask("GET", f"/api/products?q=茶&customer_id={house.customer_id}")
    assert status == 200
    (tea,) = body["items"]
    assert (tea["sku"], tea["list_price"], tea["own_price"]) == ("A1", "100.00", "95.00")
    assert tea["available"] > 0
    assert [each["code"] for each in tea["why"]] == ["list_price", "policy_discount"]


async def test_a_quote_is_right_to_the_cent_and_takes_nothing(house: House, agent: Browser):
    wanted = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 3}]}
    status, body = await agent.ask("POST", "/api/orders/quote", wanted)
    assert (status, body["total"], body["lines"][0]["line_total"]) == (200, "285.00", "285.00")
    wanted["lines"][0]["quantity"] = 100_000
    status, body = await agent.ask("POST", "/api/orders/quote", wanted)
    assert "out_of_stock" in {each["code"] for each in body["warnings"]}


async def test_the_same_key_places_one_order_however_often_it_is_sent(house: House, agent: Browser):
    wanted = {
        "customer_id": house.customer_id,
        "call_id": uuid.uuid4().hex,
        "lines": [{"sku": "A1", "quantity": 1}],
        "note": "加急",
    }
    headers = key()
    answers = await asyncio.gather(
        *(agent.ask("POST", "/api/orders", wanted, headers=headers) for _ in range(5))
    )
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 201]
    assert len({body["order"]["number"] for _, body in answers}) == 1
    order = answers[0][1]["order"]
    assert (order["call_id"], order["total"]) == (wanted["call_id"], "95.00")
    wanted["lines"][0]["quantity"] = 2
    status, body = await agent.ask("POST", "/api/orders", wanted, headers=headers)
    assert (status, body["error"]["code"]) == (409, "same_key_other_order")
    assert (await agent.ask("GET", f"/api/orders/{order['id']}"))[1]["order"] == order
    _, found = await agent.ask("GET", f"/api/orders?customer_id={house.customer_id}&limit=200")
    assert [each["id"] for each in found["items"]].count(order["id"]) == 1


async def test_the_order_notes_who_placed_it(house: House, agent: Browser):
    wanted = {"customer_id": house.customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
    _, body = await agent.ask("POST", "/api/orders", wanted, headers=key())
    found = await house.services.trade.orders.get(SYSTEM, body["order"]["id"])
    assert found.placed_by == house.ids["agent"]


async def test_an_order_is_refused_with_what_is_wrong(house: House, agent: Browser):
    line = {"sku": "A1", "quantity": 100_000}
    wanted = {"customer_id": house.customer_id, "lines": [line]}
    status, body = await agent.ask("POST", "/api/orders", wanted, headers=key())
    assert (status, body["error"]["code"]) == (409, "out_of_stock")
    assert body["error"]["fields"]["sku"] == "A1"
    assert body["error"]["fields"]["available"] >= 0
    line |= {"sku": "NO-SUCH", "quantity": 1}
    status, body = await agent.ask("POST", "/api/orders", wanted, headers=key())
    assert (status, body["error"]["code"]) == (409, "unknown_product")
    for wrong in ({}, {"Idempotency-Key": "short"}, {"Idempotency-Key": "x" * 65}):
        status, body = await agent.ask("POST", "/api/orders", wanted, headers=wrong)
        assert (status, body["error"]["code"]) == (422, "invalid")


async def test_customers_are_found_with_masked_numbers(house: House, agent: Browser):
    for text_ in ("滨海", "8000", "13800138000"):
        _, body = await agent.ask("GET", f"/api/customers?q={text_}")
        assert [each["number"] for each in body["items"]] == ["138****8000"]
    _, body = await agent.ask("GET", "/api/customers?q=1380013")
    assert body["items"] == []
    async with house.browser("supervisor") as supervisor:
        _, body = await supervisor.ask("GET", f"/api/customers/{house.customer_id}")
        assert body["customer"]["phones"][0]["number"] == "13800138000"


async def test_a_number_that_is_taken_names_its_customer(house: House, agent: Browser):
    wanted = {"name": "另一个", "phones": ["+86 138 0013 8000"]}
    status, body = await agent.ask("POST", "/api/customers", wanted)
    assert (status, body["error"]["code"]) == (409, "number_taken")
    assert body["error"]["fields"]["customer_id"] == house.customer_id
    for phone in ("", "not a number"):
        status, body = await agent.ask("POST", "/api/customers", wanted | {"phones": [phone]})
        assert (status, body["error"]["code"]) == (422, "invalid")


async def answered_call(house: House, login: str) -> str:
    """A call that this agent took, stored in the database."""
    async with house.at_work(login):
        record = house.call()
        ticket = house.queue(record)
        offer = offer_in(ticket)
        ticket.answered(offer)
        record.step("note", caller=record.row.caller)
        ticket.finished(offer, "ANSWER", 1.0)
        record.end("answered")

    async def is_stored() -> bool:
        row = await house.services.calls.call(SYSTEM, record.call_id)
        return row is not None and row.outcome is not None

    await until(is_stored)
    return record.call_id


async def test_an_agent_sees_the_own_calls_and_a_supervisor_all(house: House, agent: Browser):
    mine, other = await answered_call(house, "agent"), await answered_call(house, "agent2")
    _, body = await agent.ask("GET", "/api/calls")
    ids = [each["id"] for each in body["items"]]
    assert mine in ids
    assert other not in ids
    assert body["items"][0]["caller"] == "138****8000"
    _, body = await agent.ask("GET", f"/api/calls/{mine}")
    kinds = [each["kind"] for each in body["steps"]]
    assert kinds[:3] == ["started", "identified", "routed"]
    assert "13800138000" not in str(body)
    assert (await agent.ask("GET", f"/api/calls/{other}"))[0] == 404
    async with house.browser("operations") as operations:
        _, body = await operations.ask("GET", "/api/calls?limit=2")
        assert {each["id"] for each in body["items"]} == {mine, other}


async def test_why_a_call_went_there_is_told_with_the_rights_and_masks_of_calls(
    house: House, agent: Browser
):
    mine, other = await answered_call(house, "agent"), await answered_call(house, "agent2")
    status, body = await agent.ask("GET", f"/api/calls/{mine}/why")
    told = [each["code"] for each in body["told"]]
    assert (status, told[0], told[-1]) == (200, "started", "ended")
    assert {"routed", "offered", "answered"} <= set(told)
    assert body["told"][0]["params"]["number"] == "138****8000"
    assert "13800138000" not in str(body)
    assert (await agent.ask("GET", f"/api/calls/{other}/why"))[0] == 404
    async with house.browser("supervisor") as supervisor:
        _, body = await supervisor.ask("GET", f"/api/calls/{mine}/why")
        assert body["told"][0]["params"]["number"] == "13800138000"


async def record_sound(house: House, call_id: str, path: str = "") -> bytes:
    path = path or f"2026/03/02/{call_id}.wav"
    file = house.services.recordings.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(256)) * 64)
    async with house.services.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO recordings (call_id, path, seconds, size_bytes, channels, stored_at)"
                " VALUES (:id, :path, 0.5, 1, 2, now())"
            ),
            {"id": call_id, "path": path},
        )
    return file.read_bytes()


async def test_a_recording_is_played_in_parts_by_whom_it_concerns_and_that_is_noted(
    house: House, agent: Browser
):
    call_id = await answered_call(house, "agent")
    sound = await record_sound(house, call_id)
    path = f"/api/calls/{call_id}/recording"
    async with agent.http.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, "audio/wav")
        assert await answer.read() == sound
        assert "no-store" in answer.headers["Cache-Control"]
    async with agent.http.get(path, headers={"Range": "bytes=44-99"}) as answer:
        assert (answer.status, await answer.read()) == (206, sound[44:100])
    for login, status in (("supervisor", 200), ("agent2", 404), ("operations", 403)):
        async with house.browser(login) as browser:
            assert (await browser.ask("GET", path))[0] == status
    async with house.services.database.begin() as session:
        rows = await session.execute(
            text("SELECT actor_id FROM audit_log WHERE action = 'recording.listen' ORDER BY id")
        )
        mine = house.ids["agent"]
        assert list(rows.scalars()) == [mine, house.ids["supervisor"]]


async def test_a_recording_that_is_gone_or_lies_elsewhere_is_not_found(
    house: House, agent: Browser
):
    outside = house.services.recordings.folder.parent / "secret.wav"
    outside.write_bytes(b"secret")
    for path in (None, "2026/gone.wav", "../secret.wav", str(outside)):
        call_id = await answered_call(house, "agent")
        if path is not None:
            async with house.services.database.begin() as session:
                await session.execute(
                    text(
                        "INSERT INTO recordings (call_id, path, seconds, size_bytes, channels,"
                        " stored_at) VALUES (:id, :path, 1, 1, 2, now())"
                    ),
                    {"id": call_id, "path": path},
                )
        status, body = await agent.ask("GET", f"/api/calls/{call_id}/recording")
        assert (status, body["error"]["code"]) == (404, "not_found")


async def test_a_call_back_is_promised_made_and_closed(house: House, agent: Browser):
    due = (house.services.clock() + timedelta(hours=2)).isoformat()
    wanted = {"number": "13500000001", "due_at": due, "note": "报价"}
    status, body = await agent.ask("POST", "/api/callbacks", wanted)
    assert status == 201, body
    made = body["callback"]
    assert (made["number"], made["status"]) == ("135****0001", "waiting")
    status, body = await agent.ask("POST", "/api/callbacks", wanted)
    assert (status, body["error"]["code"]) == (409, "callback_exists")
    _, body = await agent.ask("GET", "/api/callbacks")
    assert made["id"] in [each["id"] for each in body["items"]]
    status, body = await agent.ask("POST", f"/api/callbacks/{made['id']}/call")
    assert (status, body["callback"]["agent_id"]) == (200, house.ids["agent"])
    status, body = await agent.ask("POST", f"/api/callbacks/{made['id']}/close")
    assert (status, body["callback"]["status"]) == (200, "closed")
    status, body = await agent.ask("POST", f"/api/callbacks/{made['id']}/call")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_a_caller_whose_number_is_masked_can_be_called_back(house: House, agent: Browser):
    record = house.call("13500000009", known=False)
    status, body = await agent.ask("POST", "/api/callbacks", {"call_id": record.call_id})
    assert (status, body["callback"]["number"]) == (201, "135****0009")
    record.end("abandoned")
    status, body = await agent.ask("POST", "/api/callbacks", {"note": "whom?"})
    assert (status, body["error"]["code"]) == (422, "invalid")
    status, body = await agent.ask("POST", "/api/callbacks", {"number": "不是号码"})
    assert (status, body["error"]["code"]) == (422, "not_dialable")
    wanted = {"number": "13500000010", "due_at": "2026-03-02T10:00:00"}
    status, body = await agent.ask("POST", "/api/callbacks", wanted)
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_only_a_supervisor_gives_a_call_back_to_somebody_else(house: House, agent: Browser):
    wanted = {"number": "13500000011", "agent_id": house.ids["agent2"]}
    status, body = await agent.ask("POST", "/api/callbacks", wanted)
    assert (status, body["error"]["code"]) == (403, "forbidden")
    async with house.browser("supervisor") as supervisor, house.at_work("agent2"):
        assert (await supervisor.ask("POST", "/api/callbacks", wanted))[0] == 201
        unknown = {"number": "13500000012", "agent_id": 999_999}
        assert (await supervisor.ask("POST", "/api/callbacks", unknown))[0] == 422


async def test_a_break_needs_a_known_reason(agent: Browser):
    await agent.ask("POST", "/api/agent/state", {"command": "log_in"})
    for reason in ({}, {"reason": "fishing"}):
        status, body = await agent.ask("POST", "/api/agent/state", {"command": "break"} | reason)
        assert (status, body["error"]["code"]) == (422, "invalid")
    status, _ = await agent.ask("POST", "/api/agent/state", {"command": "log_out"})
    assert status == 200
    status, body = await agent.ask("POST", "/api/agent/state", {"command": "dance"})
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_nobody_logs_in_at_another_s_telephone(house: House, agent: Browser):
    await house.acd.log_in(999, "squatter", "7000", ("north",))
    status, body = await agent.ask("POST", "/api/agent/state", {"command": "log_in"})
    assert (status, body["error"]["code"]) == (409, "extension_taken")
    await house.acd.log_out(999)


async def test_segments_are_handed_in_followed_and_given_out(house: House):
    async with house.browser("operations") as operations:
        status, body = await operations.ask("GET", "/api/places/home?number=%2B86 138 0201 2345")
        assert (status, body["number"], body["source"]) == (200, "13802012345", None)
        assert (await operations.ask("GET", "/api/places/home?number=x"))[0] == 422
        async with operations.http.post(
            "/api/places/imports?filename=a.csv",
            data="号段,省,市\n1380201,天津,天津\nx,天津,天津\n".encode(),
            headers={"X-Zongji": "1"},
        ) as answer:
            assert answer.status == 201
            job = (await answer.json())["job"]["id"]
        await house.services.crm.place_files.run(job)
        _, body = await operations.ask("GET", f"/api/places/imports/{job}")
        assert (body["job"]["added"], body["job"]["refused"]) == (1, 1)
        async with operations.http.get(f"/api/places/imports/{job}/refused") as answer:
            assert answer.status == 200
        async with operations.http.get("/api/places/file") as answer:
            assert "1380201,天津,天津" in await answer.text()
    async with house.browser("agent") as agent:
        assert (await agent.ask("GET", "/api/places/home?number=10086"))[0] == 403
