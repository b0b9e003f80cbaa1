"""Leads and opportunities over the API."""

from tests.webui.web_house import House, offer_in


async def test_a_lead_becomes_an_opportunity_that_is_won(house: House):
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        wanted = {"name": "河北新店", "phone": "13512345678", "source": "fair"}
        status, body = await agent.ask("POST", "/api/leads", wanted)
        assert status == 201, body
        assert body["lead"]["phone"] == "135****5678"
        path = f"/api/leads/{body['lead']['id']}"
        assert (await boss.ask("GET", path))[1]["lead"]["phone"] == "13512345678"
        edit = {"version": 1, "contacted": True}
        assert (await agent.ask("PATCH", path, edit))[1]["lead"]["state"] == "contacted"
        mine = {"version": 2, "owner_id": house.ids["agent"]}
        assert (await agent.ask("POST", f"{path}/hand-over", mine))[0] == 200
        found = (await agent.ask("GET", "/api/leads?limit=200"))[1]["items"]
        assert body["lead"]["id"] in {each["id"] for each in found}
        convert = {"version": 3, "title": "开业进货", "amount": "5000.00"}
        status, body = await agent.ask("POST", f"{path}/convert", convert)
        assert status == 200, body
        opportunity = body["opportunity"]
        again = await agent.ask("POST", f"{path}/lose", {"version": 4, "reason": "x"})
        assert (again[0], again[1]["error"]["code"]) == (409, "lead_closed")
        path = f"/api/opportunities/{opportunity['id']}"
        status, body = await agent.ask("POST", f"{path}/move", {"version": 1, "stage_code": "won"})
        assert (status, body["opportunity"]["outcome"]) == (200, "won")
        status, body = await agent.ask("PATCH", path, {"version": 2, "title": "改"})
        assert (status, body["error"]["code"]) == (409, "opportunity_closed")
        history = await agent.ask(
            "GET", f"/api/customers/{opportunity['customer_id']}/timeline?limit=50"
        )
        kinds = [each["kind"] for each in history[1]["items"]]
        assert kinds.count("opportunity.moved") == 2


async def test_opportunities_stand_in_the_pipeline(house: House):
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        wanted = {"customer_id": house.customer_id, "title": "中秋", "amount": "800"}
        status, body = await agent.ask("POST", "/api/opportunities", wanted)
        assert status == 201, body
        path = f"/api/opportunities/pipeline?owner_id={house.ids['agent']}"
        items = (await boss.ask("GET", path))[1]["items"]
        assert items[0]["stage_code"] == "contact"
        one = f"/api/opportunities/{body['opportunity']['id']}"
        assert (await agent.ask("GET", one))[0] == 200
        listed = (await agent.ask("GET", "/api/opportunities?limit=200"))[1]["items"]
        assert body["opportunity"]["id"] in {each["id"] for each in listed}
        given = {"version": 1, "owner_id": house.ids["agent2"], "note": "她熟"}
        status, handed = await agent.ask("POST", f"{one}/hand-over", given)
        assert (status, handed) == (200, {"opportunity": None})
        history = (await boss.ask("GET", f"{one}/history"))[1]
        assert [each["note"] for each in history["handovers"]] == ["她熟"]
        assert [each["to_stage"] for each in history["moves"]] == ["contact"]
        stages = (await agent.ask("GET", "/api/opportunity-stages"))[1]["items"]
        assert {"won", "lost"} <= {each["code"] for each in stages}
        stage = {"name_zh": "试用", "name_en": "Trial", "percent": 20, "place": 15}
        assert (await agent.ask("PUT", "/api/opportunity-stages/trial", stage))[0] == 403
        assert (await boss.ask("PUT", "/api/opportunity-stages/trial", stage))[0] == 200
        off = stage | {"version": 1, "active": False}
        assert (await boss.ask("PUT", "/api/opportunity-stages/trial", off))[0] == 200
        lost = {"name": "没下文"}
        lead = (await agent.ask("POST", "/api/leads", lost))[1]["lead"]
        given = {"version": 1, "reason": "没兴趣"}
        assert (await agent.ask("POST", f"/api/leads/{lead['id']}/lose", given))[0] == 200


async def test_leads_are_searched_reopened_and_reported(house: House):
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        wanted = {"name": "邯郸烟酒店", "phone": "13577770001", "source": "fair", "city": "邯郸"}
        lead = (await agent.ask("POST", "/api/leads", wanted))[1]["lead"]
        path = f"/api/leads/{lead['id']}"
        mine = {"version": 1, "owner_id": house.ids["agent"]}
        assert (await agent.ask("POST", f"{path}/hand-over", mine))[0] == 200
        for query in ("name=hdyjd", "number=0001", "city=邯郸", f"owner_id={house.ids['agent']}"):
            found = (await agent.ask("GET", f"/api/leads?limit=200&{query}"))[1]["items"]
            assert lead["id"] in {each["id"] for each in found}, query
        assert (await agent.ask("GET", "/api/leads?number=777700"))[1]["items"] == []
        status, body = await agent.ask("GET", "/api/leads?number=770")
        assert (status, body["error"]["code"]) == (422, "invalid")
        assert (await boss.ask("GET", "/api/leads?scope=all&number=777700"))[1]["items"]
        assert (await agent.ask("POST", f"{path}/reopen", {"version": 2, "reason": "x"}))[0] == 409
        lost = {"version": 2, "reason": "没下文"}
        assert (await agent.ask("POST", f"{path}/lose", lost))[0] == 200
        again = {"version": 3, "reason": "又来电"}
        status, body = await agent.ask("POST", f"{path}/reopen", again)
        assert (status, body["lead"]["state"]) == (200, "new")
        report = "/api/leads/report?since=2020-01-01&until=2199-01-01"
        items = (await boss.ask("GET", report))[1]["items"]
        assert {"fair"} <= {each["source"] for each in items}
        own = (await agent.ask("GET", f"{report}&by=owner"))[1]["items"]
        assert {each["owner_id"] for each in own} == {house.ids["agent"]}


async def test_a_caller_with_an_open_lead_is_no_stranger(house: House):
    number = "13577770002"
    async with house.browser("agent") as agent, house.browser("supervisor") as boss:
        wanted = {"name": "来电店", "phone": number, "interest": "红酒"}
        lead = (await boss.ask("POST", "/api/leads", wanted))[1]["lead"]
        hers = {"version": 1, "owner_id": house.ids["agent2"]}
        await boss.ask("POST", f"/api/leads/{lead['id']}/hand-over", hers)
        async with house.at_work("agent"):
            page = await agent.open()
            record = house.call(number, known=False)
            asked = f"/api/leads/of-caller?call_id={record.call_id}"
            new = {"name": "来电店", "call_id": record.call_id, "lead_id": lead["id"]}
            assert (await agent.ask("GET", asked))[0] == 404  # not on this screen yet
            assert (await agent.ask("POST", "/api/customers", new))[0] == 404
            ticket = house.queue(record)
            offer_in(ticket)
            await page.until(lambda s: record.call_id in s["pops"])
            (shown,) = (await agent.ask("GET", asked))[1]["items"]
            assert (shown["id"], shown["name"], shown["state"]) == (lead["id"], "来电店", "new")
            assert shown["owner_name"]
            assert (await boss.ask("GET", asked))[0] == 404  # not on that screen
            status, body = await agent.ask("POST", "/api/customers", new)
            assert status == 201, body
            await page.until(lambda s: (s["pops"][record.call_id]["customer"] or {}).get("version"))
            assert (await agent.ask("GET", asked))[1]["items"] == []
            ticket.leave("abandoned")
            record.end("abandoned")
        now = (await boss.ask("GET", f"/api/leads/{lead['id']}"))[1]["lead"]
        assert (now["state"], now["customer_id"]) == ("converted", body["customer"]["id"])
