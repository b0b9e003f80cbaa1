"""The do-not-call lists over the API, and what callees say in calls."""

import uuid

from tests.webui.web_house import House

STRANGER = "02288887777"


async def test_a_supervisor_enters_lifts_and_asks_why_over_the_api(house: House) -> None:
    async with house.browser("supervisor") as boss, house.browser("agent") as agent:
        body = {"number": STRANGER, "reason": "投诉"}
        status, made = await boss.ask("POST", "/api/do-not-call", body)
        assert (status, made["entry"]["number"], made["entry"]["source"]) == (201, STRANGER, "api")
        again = await boss.ask("POST", "/api/do-not-call", body)
        assert again == (201, made)
        assert (await agent.ask("POST", "/api/do-not-call", body))[0] == 403
        _, found = await boss.ask("GET", f"/api/do-not-call?number={STRANGER}")
        assert [each["id"] for each in found["items"]] == [made["entry"]["id"]]
        _, why = await boss.ask("GET", f"/api/do-not-call/check?number={STRANGER}")
        assert (why["allowed"], why["reason"]) == (False, "do_not_call")
        path = f"/api/do-not-call/{made['entry']['id']}/lift"
        assert (await boss.ask("POST", path, {"reason": "误录"}))[0] == 200
        status, refused = await boss.ask("POST", path, {"reason": "误录"})
        assert (status, refused["error"]["code"]) == (409, "lifted_before")
        assert (await boss.ask("GET", "/api/do-not-call"))[1]["items"] == []
        hidden = await boss.ask("POST", "/api/do-not-call", body | {"number": "anonymous"})
        assert hidden[0] == 422


async def test_a_list_is_handed_in_followed_and_in_force(house: House) -> None:
    async with house.browser("supervisor") as boss:
        async with boss.http.post(
            "/api/do-not-call/imports?filename=a.csv&name=12321",
            data=f"号码\n{STRANGER}\nx\n".encode(),
            headers={"X-Zongji": "1"},
        ) as answer:
            assert answer.status == 201
            job = (await answer.json())["job"]["id"]
        await house.services.list_files.run(job)
        _, body = await boss.ask("GET", f"/api/do-not-call/imports/{job}")
        assert (body["job"]["added"], body["job"]["refused"]) == (1, 1)
        _, body = await boss.ask("GET", "/api/do-not-call/lists")
        assert [(each["name"], each["numbers"]) for each in body["items"]] == [("12321", 1)]
        _, why = await boss.ask("GET", f"/api/do-not-call/check?number={STRANGER}")
        assert why["reason"] == "imported_do_not_call"
        async with boss.http.get(f"/api/do-not-call/imports/{job}/refused") as answer:
            assert answer.status == 200


async def test_an_agent_enters_whoever_refuses_in_a_call_of_the_own_screen(house: House) -> None:
    async with (
        house.browser("supervisor") as boss,
        house.browser("agent") as agent,
        house.at_work("agent"),
    ):
        page = await agent.open()
        record = house.call("02288886666", known=False)
        ticket = house.queue(record)
        await page.until(lambda state: record.call_id in state["pops"])
        path = f"/api/calls/{record.call_id}/do-not-call"
        status, made = await agent.ask("POST", path, {"reason": "别再打"})
        assert (status, made["entry"]["source"]) == (201, "inbound")
        _, found = await boss.ask("GET", "/api/do-not-call?number=02288886666")
        assert [each["call_id"] for each in found["items"]] == [record.call_id]
        ticket.leave("abandoned")
        record.end("abandoned")
        elsewhere = f"/api/calls/{uuid.uuid4().hex}/do-not-call"
        assert (await agent.ask("POST", elsewhere, {"reason": "x"}))[0] == 404
