"""Customers over HTTP: changed, searched, moved, merged; their history; numbers dialled unseen."""

import asyncio
from datetime import UTC, datetime

import pytest

from crm_core.customers.fields import NewCustomer
from crm_core.rights import SYSTEM
from tests.webui.web_house import Browser, House, offer_in, until


@pytest.fixture
async def supervisor(house: House):
    async with house.browser("supervisor") as browser:
        yield browser


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


async def made(house: House, name: str, number: str, **more) -> int:
    new = NewCustomer(name=name, phones=(number,), **more)
    return (await house.services.crm.customers.create(SYSTEM, new)).id


async def test_a_change_names_its_version_and_shows_what_it_became(house, supervisor):
    customer_id = await made(house, "改我", "13711110001")
    _, one = await supervisor.ask("GET", f"/api/customers/{customer_id}")
    change = {"version": one["customer"]["version"], "note": "新备注", "contacts": [{"name": "钱"}]}
    status, after = await supervisor.ask("PATCH", f"/api/customers/{customer_id}", change)
    assert (status, after["customer"]["note"]) == (200, "新备注")
    status, body = await supervisor.ask("PATCH", f"/api/customers/{customer_id}", change)
    assert (status, body["error"]["code"]) == (409, "conflict")
    status, body = await supervisor.ask("PATCH", f"/api/customers/{customer_id}", {"note": "x"})
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_a_change_during_the_call_shows_in_the_pop(house, agent):
    customer_id = await made(house, "通话中", "13711110002")
    async with house.at_work("agent"):
        page = await agent.open()
        record = house.call("13711110002", known=False)
        ticket = house.queue(record)
        offer_in(ticket)
        house.server.door.live.link_customer(
            record.call_id, await house.services.crm.customers.get(SYSTEM, customer_id)
        )
        await page.until(
            lambda s: (s["pops"].get(record.call_id) or {}).get("customer", {}) and
            s["pops"][record.call_id]["customer"]["version"]
        )  # fmt: skip
        await agent.ask("PATCH", f"/api/customers/{customer_id}", {"version": 1, "note": "现场改"})
        await page.until(lambda s: s["pops"][record.call_id]["customer"]["note"] == "现场改")
        ticket.leave("abandoned")
        record.end("abandoned")


async def test_any_combination_of_fields_is_searched_and_kept(house, supervisor, agent):
    await made(house, "组合一号", "13711110003", province="吉林", level_code="city")
    await made(house, "组合二号", "13711110004", province="吉林")
    conditions = [
        {"field": "province", "op": "is", "value": "吉林"},
        {"field": "level", "op": "in", "value": ["city"]},
    ]
    status, page = await supervisor.ask(
        "POST", "/api/customers/search", {"conditions": conditions, "count": True}
    )
    assert (status, [each["name"] for each in page["items"]], page["total"]) == (
        200,
        ["组合一号"],
        1,
    )
    kept = {"name": "吉林市级", "conditions": conditions, "shared": True}
    status, answer = await supervisor.ask("POST", "/api/saved-searches", kept)
    assert status == 201
    _, page = await agent.ask(
        "POST", "/api/customers/search", {"saved_id": answer["search"]["id"], "conditions": []}
    )
    assert [each["number"] for each in page["items"]] == ["137****0003"]
    status, body = await agent.ask(
        "POST", "/api/customers/search", {"conditions": [{"field": "no", "value": 1}]}
    )
    assert (status, body["error"]["fields"]) == (422, {"no": "unknown"})
    _, known = await agent.ask("GET", "/api/customers/fields")
    assert {"field": "province", "operators": ["empty", "in", "is", "not"]} in known["items"]


async def test_moves_in_the_channel_come_in_pages_the_latest_first(house, supervisor):
    customer_id = await made(house, "常搬", "13711110066", level_code="retailer")
    for level in ("city", "county", "retailer"):
        _, one = await supervisor.ask("GET", f"/api/customers/{customer_id}")
        change = {"version": one["customer"]["version"], "level_code": level}
        status, _ = await supervisor.ask("PATCH", f"/api/customers/{customer_id}", change)
        assert status == 200
    page = f"/api/customers/{customer_id}/moves?limit=2"
    status, first = await supervisor.ask("GET", page)
    assert status == 200, first
    _, second = await supervisor.ask("GET", f"{page}&before={first['items'][-1]['id']}")
    seen = [each["to_level_code"] for each in (*first["items"], *second["items"])]
    assert (len(first["items"]), seen) == (2, ["retailer", "county", "city"])


async def test_merging_over_http_can_be_undone(house, supervisor, agent):
    kept = await made(house, "留下的", "13711110005")
    dropped = await made(house, "留下的店", "13711110006")
    _, alike = await supervisor.ask("GET", f"/api/customers/{kept}/duplicates")
    assert [each["id"] for each in alike["items"]] == [dropped]
    wanted = {"version": 1, "dropped_id": dropped, "dropped_version": 1}
    status, _ = await agent.ask("POST", f"/api/customers/{kept}/merge", wanted)
    assert status == 403
    status, answer = await supervisor.ask("POST", f"/api/customers/{kept}/merge", wanted)
    assert status == 201
    _, one = await supervisor.ask("GET", f"/api/customers/{dropped}")
    assert one["customer"]["id"] == kept
    status, _ = await supervisor.ask("POST", f"/api/merges/{answer['merge']['id']}/undo", {})
    assert status == 200
    _, one = await supervisor.ask("GET", f"/api/customers/{dropped}")
    assert one["customer"]["id"] == dropped


async def test_the_timeline_tells_calls_orders_complaints_and_to_dos_in_order(
    house, supervisor, agent
):
    customer_id = await made(house, "有历史", "13711110007", credit_limit=10**6)
    async with house.at_work("agent"):
        record = house.call("13711110007", known=False)
        card = await house.services.crm.customers.get(SYSTEM, customer_id)
        house.server.door.live.link_customer(record.call_id, card)
        ticket = house.queue(record)
        offer = offer_in(ticket)
        ticket.answered(offer)
        order = {"customer_id": customer_id, "lines": [{"sku": "A1", "quantity": 1}]}
        status, _ = await agent.ask(
            "POST", "/api/orders", order, headers={"Idempotency-Key": "timeline-1"}
        )
        assert status == 201
        ticket.finished(offer, "ANSWER", 1.0)
        record.end("answered")
    status, _ = await agent.ask(
        "POST",
        "/api/complaints",
        {"customer_id": customer_id, "category_code": "delivery_late", "description": "晚了"},
    )
    assert status == 201
    due = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
    status, _ = await agent.ask(
        "POST", "/api/todos", {"title": "回访", "customer_id": customer_id, "due_at": due}
    )
    assert status == 201

    async def told() -> list[str]:
        _, answer = await supervisor.ask("GET", f"/api/customers/{customer_id}/timeline")
        return [each["kind"] for each in answer["items"]]

    async def call_is_told() -> bool:
        return "call.inbound" in await told()

    await until(call_is_told)
    kinds = await told()
    assert kinds[0].startswith("todo.")
    assert kinds[1:] == ["complaint.open", "order.placed", "call.inbound"]
    _, answer = await supervisor.ask("GET", f"/api/customers/{customer_id}/timeline?limit=1")
    before = answer["items"][0]["at"].replace("+", "%2B")
    _, answer = await supervisor.ask(
        "GET", f"/api/customers/{customer_id}/timeline?limit=1&before={before}"
    )
    assert answer["items"][0]["kind"] == "complaint.open"
    assert answer["items"][0]["actor"] == "agent先生"


async def test_a_number_is_dialled_without_being_seen(house: House, agent: Browser):
    customer_id = await made(house, "看不见", "02287654321")
    _, one = await agent.ask("GET", f"/api/customers/{customer_id}")
    phone = one["customer"]["phones"][0]
    assert phone["number"] == "022****4321"
    status, answer = await agent.ask("POST", "/api/callbacks", {"phone_id": phone["id"]})
    assert status == 201
    assert answer["callback"]["number"] == "022****4321"
    assert answer["callback"]["customer_name"] == "看不见"
    stored = await house.services.callbacks.callbacks()
    assert [each.number for each in stored if each.customer_id == customer_id] == ["02287654321"]
    status, _ = await agent.ask("POST", "/api/callbacks", {"phone_id": 999_999})
    assert status == 404


@pytest.mark.parametrize(
    ("number", "login", "status"),
    [
        ("02211112222", "agent", 201),
        ("01011112222", "agent", 201),
        ("+85223456789", "agent", 403),
        ("+85223456789", "supervisor", 201),
    ],
)
async def test_how_far_one_may_dial_is_a_right(house: House, number: str, login: str, status: int):
    async with house.browser(login) as browser:
        answered, body = await browser.ask("POST", "/api/callbacks", {"number": number})
    assert answered == status
    if status == 403:
        assert body["error"]["fields"] == {"right": "phone.dial_abroad"}


async def test_a_file_is_handed_in_planned_and_followed(house: House, supervisor: Browser):
    file = "名称,电话,乱列\n甲网店,13722220001,x\n乙网店,坏号,y\n".encode("gbk")

    async def hand_in() -> tuple[int, dict]:
        async with supervisor.http.post(
            "/api/imports?filename=客户.csv",
            data=file,
            headers={"Content-Type": "application/octet-stream"},
        ) as answer:
            return answer.status, await answer.json()

    status, preview = await hand_in()
    assert (status, preview["proposed"]) == (201, {"名称": "name", "电话": "phones"})
    job = preview["job"]["id"]
    status, _ = await supervisor.ask("POST", f"/api/imports/{job}/start", {})
    assert status == 200
    await house.services.crm.imports.run(job)
    _, answer = await supervisor.ask("GET", f"/api/imports/{job}")
    assert (answer["job"]["state"], answer["job"]["added"], answer["job"]["refused"]) == (
        "done",
        1,
        1,
    )
    async with supervisor.http.get(f"/api/imports/{job}/refused") as refused:
        assert refused.status == 200
        assert (await refused.read()).startswith(b"PK")
    status, _ = await supervisor.ask("POST", f"/api/imports/{job}/start", {})
    assert status == 409


async def test_a_file_that_is_too_large_or_none_is_refused(house: House, supervisor: Browser):
    for size, status in ((0, 422), (65 * 1024 * 1024, 413)):
        async with supervisor.http.post(
            "/api/imports?filename=a.csv",
            data=_zeros(size),
            headers={"Content-Type": "application/octet-stream"},
        ) as answer:
            assert answer.status == status
    assert not list(house.services.crm.imports.folder.glob("tmp*"))


async def _zeros(size: int):
    while size > 0:
        yield b"0" * min(size, 1 << 20)
        size -= 1 << 20
        await asyncio.sleep(0)


async def test_an_export_is_wanted_written_and_fetched(house: House, supervisor: Browser):
    await made(house, "出网店", "13722220009", city="出网市")
    wanted = {"conditions": [{"field": "city", "value": "出网市"}], "format": "csv"}
    status, answer = await supervisor.ask("POST", "/api/exports", wanted)
    assert status == 201
    job = answer["job"]["id"]
    status, _ = await supervisor.ask("GET", f"/api/exports/{job}/file")
    assert status == 409
    await house.services.crm.exports.run(job)
    _, answer = await supervisor.ask("GET", f"/api/exports/{job}")
    assert (answer["job"]["state"], answer["job"]["added"]) == ("done", 1)
    async with supervisor.http.get(f"/api/exports/{job}/file") as file:
        text = (await file.read()).decode("utf-8-sig")
    assert "出网店" in text
    assert "13722220009" in text
    async with house.browser("admin") as other:
        status, _ = await other.ask("GET", f"/api/exports/{job}/file")
        assert status == 403
        assert (await other.ask("GET", f"/api/exports/{job}"))[0] == 200
    assert (await supervisor.ask("GET", f"/api/imports/{job}"))[0] == 404


async def test_an_export_in_gbk_says_so(house: House, supervisor: Browser):
    await made(house, "老程序店", "13722220019", city="老程市")
    wanted = {
        "conditions": [{"field": "city", "value": "老程市"}],
        "format": "csv",
        "encoding": "gb18030",
    }
    _, answer = await supervisor.ask("POST", "/api/exports", wanted)
    job = answer["job"]["id"]
    await house.services.crm.exports.run(job)
    async with supervisor.http.get(f"/api/exports/{job}/file") as file:
        assert file.headers["Content-Type"] == "text/csv; charset=gb18030"
        assert "老程序店" in (await file.read()).decode("gbk")
    status, _ = await supervisor.ask("POST", "/api/exports", wanted | {"encoding": "big5"})
    assert status == 422


async def test_an_export_is_cancelled(house: House, supervisor: Browser):
    _, answer = await supervisor.ask("POST", "/api/exports", {"format": "csv"})
    job = answer["job"]["id"]
    assert (await supervisor.ask("POST", f"/api/imports/{job}/cancel", {}))[0] == 404
    status, answer = await supervisor.ask("POST", f"/api/exports/{job}/cancel", {})
    assert (status, answer["job"]["state"]) == (200, "cancelled")
    assert await house.services.crm.exports.run(job) is None
    assert (await supervisor.ask("GET", f"/api/exports/{job}/file"))[0] == 409
    _, answer = await supervisor.ask("GET", "/api/exchange")
    assert answer["items"][0]["state"] == "cancelled"


async def test_roles_units_and_groups_are_kept_over_http(house: House):
    async with house.browser("admin") as admin:
        _, known = await admin.ask("GET", "/api/roles")
        assert "customer.credit_limit" in known["known_fields"]
        role = {
            "code": "night", "name_zh": "夜班", "name_en": "Night", "rights": ["customer.view"],
            "scope": "own", "fields": {"customer.note": "hidden"},
        }  # fmt: skip
        status, answer = await admin.ask("POST", "/api/roles", role)
        assert (status, answer["role"]["fields"]) == (201, {"customer.note": "hidden"})
        bad = role | {"code": "bad", "fields": {"customer.name": "hidden"}}
        status, body = await admin.ask("POST", "/api/roles", bad)
        assert (status, body["error"]["fields"]) == (422, {"customer.name": "unknown"})
        change = {key: value for key, value in role.items() if key != "code"} | {"version": 1}
        status, _ = await admin.ask("PUT", "/api/roles/night", change | {"scope": "all"})
        assert status == 200
        status, _ = await admin.ask("DELETE", "/api/roles/night", {})
        assert status == 204
        _, unit = await admin.ask("POST", "/api/units", {"name": "夜班组"})
        change = {"name": "晚班组", "version": 1}
        status, _ = await admin.ask("PUT", f"/api/units/{unit['unit']['id']}", change)
        assert status == 200
        status, body = await admin.ask("POST", "/api/groups", {"name": "甲", "queues": ["none"]})
        assert (status, body["error"]["fields"]) == (422, {"queues": "unknown"})
        group = {"name": "甲", "queues": ["north"], "members": [house.ids["agent"]]}
        status, answer = await admin.ask("POST", "/api/groups", group)
        assert status == 201
        status, _ = await admin.ask("DELETE", f"/api/groups/{answer['group']['id']}", {})
        assert status == 204


async def test_what_is_still_open_for_the_customer_stands_in_the_pop(house: House, agent: Browser):
    customer_id = await made(house, "有未了", "13711110099")
    due = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    async with house.at_work("agent"):
        page = await agent.open()
        record = house.call("13711110099", known=False)
        ticket = house.queue(record)
        offer_in(ticket)
        card = await house.services.crm.customers.get(SYSTEM, customer_id)
        house.server.door.live.link_customer(record.call_id, card)
        await page.until(lambda s: (s["pops"].get(record.call_id) or {}).get("customer"))
        wanted = {"customer_id": customer_id, "category_code": "delivery_late", "description": "晚"}
        _, complaint = await agent.ask("POST", "/api/complaints", wanted)
        todo = {"title": "送样品", "customer_id": customer_id, "due_at": due}
        _, todo = await agent.ask("POST", "/api/todos", todo)

        def shown(state) -> tuple:
            customer = state["pops"][record.call_id]["customer"]
            return (
                [(each["title"], each["overdue"]) for each in customer["todos"]],
                [(each["category_en"], each["state"]) for each in customer["complaints"]],
            )

        await page.until(lambda s: all(shown(s)))
        assert shown(page.state)[0] == [("送样品", True)]
        assert shown(page.state)[1][0][1] == "open"
        await agent.ask("POST", f"/api/complaints/{complaint['complaint']['id']}/take", {})
        await page.until(lambda s: shown(s)[1][0][1] == "in_progress")
        version = {"version": todo["todo"]["version"]}
        await agent.ask("POST", f"/api/todos/{todo['todo']['id']}/complete", version)
        await page.until(lambda s: shown(s)[0] == [])
        ticket.leave("abandoned")
        record.end("abandoned")


async def test_an_unknown_caller_is_linked_to_a_customer_who_is_there(house: House, agent: Browser):
    customer_id = await made(house, "换了号码", "13711110201")
    async with house.at_work("agent"):
        page = await agent.open()
        record = house.call("13711110202", known=False)
        wanted, path = {"call_id": record.call_id}, f"/api/customers/{customer_id}/link-call"
        assert (await agent.ask("POST", path, wanted))[0] == 404  # not on this screen yet
        ticket = house.queue(record)
        offer_in(ticket)
        await page.until(lambda s: record.call_id in s["pops"])
        status, body = await agent.ask("POST", path, wanted)
        assert (status, len(body["customer"]["phones"])) == (200, 2)
        assert [each["is_main"] for each in body["customer"]["phones"]] == [True, False]
        await page.until(lambda s: (s["pops"][record.call_id]["customer"] or {}).get("version"))
        status, body = await agent.ask("POST", path, wanted)
        assert (status, len(body["customer"]["phones"])) == (200, 2)
        other = await made(house, "另一家", "13711110203")
        status, body = await agent.ask("POST", f"/api/customers/{other}/link-call", wanted)
        assert (status, body["error"]["code"]) == (409, "conflict")
        ticket.leave("abandoned")
        record.end("abandoned")
    found = await house.services.crm.customers.identify("13711110202")
    assert found is not None
    assert found.customer_id == customer_id


async def test_a_masked_number_sent_back_is_refused_and_nothing_is_lost(house, agent):
    customer_id = await made(
        house, "遮号", "13711110031", addresses=[{"detail": "一路", "phone": "13711110032"}]
    )
    _, one = await agent.ask("GET", f"/api/customers/{customer_id}")
    shown = one["customer"]
    assert "****" in shown["addresses"][0]["phone"]
    address_id = shown["addresses"][0]["id"]
    for change in (
        {"phones": [shown["phones"][0]["number"]]},
        {
            "addresses": [
                {"id": address_id, "detail": "一路", "phone": shown["addresses"][0]["phone"]}
            ]
        },
    ):
        status, body = await agent.ask(
            "PATCH", f"/api/customers/{customer_id}", change | {"version": 1}
        )
        assert (status, body["error"]["code"]) == (422, "invalid"), body
    status, body = await agent.ask("POST", "/api/callbacks", {"number": "137****0031"})
    assert status in (409, 422), body
    change = {"addresses": [{"id": address_id, "detail": "二路"}, {"detail": "三路"}], "version": 1}
    status, _ = await agent.ask("PATCH", f"/api/customers/{customer_id}", change)
    assert status == 200
    card = await house.services.crm.customers.get(SYSTEM, customer_id)
    assert [(a.detail, a.phone) for a in card.addresses] == [
        ("二路", "13711110032"),
        ("三路", None),
    ]


async def test_the_telephone_of_an_address_is_dialled_unseen(house, agent):
    customer_id = await made(
        house,
        "地址电话",
        "13711110033",
        addresses=[{"detail": "路", "phone": "13711110034"}, {"detail": "无"}],
    )
    card = await house.services.crm.customers.get(SYSTEM, customer_id)
    status, answer = await agent.ask("POST", "/api/callbacks", {"address_id": card.addresses[0].id})
    assert status == 201, answer
    assert answer["callback"]["number"] == "137****0034"
    assert answer["callback"]["customer_id"] == customer_id
    status, _ = await agent.ask("POST", "/api/callbacks", {"address_id": card.addresses[1].id})
    assert status == 404
