"""To-dos over the API."""

import asyncio
from datetime import timedelta

import pytest

from tests.webui.web_house import Browser, House


@pytest.fixture
async def agent(house: House):
    async with house.browser("agent") as browser:
        yield browser


@pytest.fixture
async def supervisor(house: House):
    async with house.browser("supervisor") as browser:
        yield browser


def due(house: House, **ahead: float) -> str:
    return (house.services.clock() + timedelta(**(ahead or {"hours": 1}))).isoformat()


async def entered(browser: Browser, house: House, **more: object) -> dict:
    wanted = {"title": "回访", "due_at": due(house)} | more
    status, body = await browser.ask("POST", "/api/todos", wanted)
    assert status == 201, body
    return body["todo"]


async def test_a_to_do_is_entered_put_off_done_and_reopened(house: House, agent: Browser):
    made = await entered(agent, house, customer_id=house.customer_id, priority="high")
    assert (made["customer_name"], made["state"], made["version"]) == ("滨海商贸", "open", 1)
    path = f"/api/todos/{made['id']}"
    later = due(house, hours=3)
    status, body = await agent.ask("POST", f"{path}/snooze", {"version": 1, "due_at": later})
    assert (status, body["todo"]["snoozes"]) == (200, 1)
    status, body = await agent.ask("PATCH", path, {"version": 2, "title": "回访二"})
    assert (status, body["todo"]["title"], body["todo"]["priority"]) == (200, "回访二", "high")
    status, body = await agent.ask("POST", f"{path}/complete", {"version": 3, "note": "好"})
    assert (status, body["todo"]["state"], body["todo"]["completion_note"]) == (200, "done", "好")
    status, body = await agent.ask("POST", f"{path}/complete", {"version": 4})
    assert (status, body["error"]["code"]) == (409, "todo_state")
    status, body = await agent.ask("POST", f"{path}/reopen", {"version": 4})
    assert (status, body["todo"]["state"]) == (200, "open")
    status, body = await agent.ask("POST", f"{path}/cancel", {"version": 5})
    assert (status, body["todo"]["state"]) == (200, "cancelled")
    assert (await agent.ask("GET", path))[1]["todo"] == body["todo"]
    status, body = await agent.ask("GET", f"{path}/history?limit=2")
    assert [each["action"] for each in body["items"]] == ["todo.cancel", "todo.reopen"]
    status, body = await agent.ask("GET", f"{path}/history?before={body['items'][1]['id']}")
    assert body["items"][0]["action"] == "todo.complete"


async def test_of_two_who_edit_at_once_one_hears_that_it_changed(house: House, agent: Browser):
    made = await entered(agent, house)
    path = f"/api/todos/{made['id']}"
    ended = await asyncio.gather(
        *(agent.ask("PATCH", path, {"version": 1, "title": each}) for each in "一二三")
    )
    assert sorted(status for status, _ in ended) == [200, 409, 409]
    refused = next(body for status, body in ended if status == 409)
    assert refused["error"] == {
        "code": "conflict",
        "message": refused["error"]["message"],
        "fields": {"version": 2},
    }


async def test_an_agent_leaves_notes_to_supervisors_and_tasks_to_nobody(
    house: House, agent: Browser, supervisor: Browser
):
    _, body = await agent.ask("GET", "/api/todos/supervisors")
    assert house.ids["supervisor"] in {each["id"] for each in body["items"]}
    note = {"kind": "note_to_supervisor", "assignee_id": house.ids["supervisor"]}
    made = await entered(agent, house, **note)
    _, body = await supervisor.ask("GET", "/api/todos")
    assert made["id"] in {each["id"] for each in body["items"]}
    wanted = {"title": "帮我", "due_at": due(house), "assignee_id": house.ids["agent2"]}
    status, body = await agent.ask("POST", "/api/todos", wanted)
    assert (status, body["error"]["code"]) == (403, "forbidden")
    status, body = await supervisor.ask("POST", "/api/todos", wanted)
    assert (status, body["todo"]["assignee_id"]) == (201, house.ids["agent2"])
    other = {"version": 1, "assignee_id": house.ids["agent"]}
    path = f"/api/todos/{body['todo']['id']}"
    status, body = await supervisor.ask("POST", f"{path}/reassign", other)
    assert (status, body["todo"]["assignee_id"]) == (200, house.ids["agent"])
    status, body = await supervisor.ask("POST", f"{path}/reassign", {"version": 2} | wanted)
    assert (status, body["error"]["code"]) == (422, "invalid")


async def test_a_strangers_to_do_is_not_found(house: House, agent: Browser):
    made = await entered(agent, house)
    async with house.browser("agent2") as stranger:
        for path in (f"/api/todos/{made['id']}", f"/api/todos/{made['id']}/history"):
            status, body = await stranger.ask("GET", path)
            assert (status, body["error"]["code"]) == (404, "not_found")


async def test_the_lists_are_narrowed_and_paged(house: House, agent: Browser, supervisor: Browser):
    first = await entered(agent, house, due_at=due(house, minutes=-3), title="过期")
    await entered(agent, house, due_at=due(house, minutes=5))
    _, body = await agent.ask("GET", "/api/todos?limit=1")
    assert [(each["id"], each["overdue"]) for each in body["items"]] == [(first["id"], True)]
    _, body = await agent.ask("GET", f"/api/todos?after={first['id']}")
    assert body["items"]
    assert first["id"] not in {each["id"] for each in body["items"]}
    _, body = await agent.ask("GET", "/api/todos/counts")
    assert body["overdue"] == 1
    assert body["open"] >= 2
    query = f"/api/todos?scope=supervised&assignee_id={house.ids['agent']}&overdue=true"
    _, body = await supervisor.ask("GET", query)
    assert [each["id"] for each in body["items"]] == [first["id"]]
    status, _ = await agent.ask("GET", "/api/todos?scope=supervised")
    assert status == 403
    _, body = await agent.ask("GET", f"/api/todos?scope=customer&customer_id={house.customer_id}")
    assert {each["customer_id"] for each in body["items"]} <= {house.customer_id}
    _, body = await agent.ask("GET", "/api/todos?state=done&scope=created")
    assert {each["state"] for each in body["items"]} <= {"done"}
    for wrong in ("scope=customer", "scope=all", "state=lost", "limit=201", "after=x", "q=1"):
        status, body = await agent.ask("GET", f"/api/todos?{wrong}")
        assert (status, body["error"]["code"]) == (422, "invalid"), wrong


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "a\x00"},
        {"title": "x" * 201},
        {"due_at": "morgen"},
        {"due_at": "2026-03-02T10:00:00"},
        {"due_at": "9999-12-31T23:59:59Z"},
        {"due_at": 1e300},
        {"due_at": None},
        {"customer_id": 10**12},
        {"source_kind": "rule"},
        {"creator_id": 1},
    ],
    ids=str,
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    house: House, agent: Browser, wrong: dict
):
    wanted = {"title": "回访", "due_at": due(house)} | wrong
    status, body = await agent.ask("POST", "/api/todos", wanted)
    assert (status, body["error"]["code"]) == (422, "invalid")
    assert set(body["error"]["fields"]) == set(wrong)
    if "source_kind" not in wrong and "creator_id" not in wrong:
        made = await entered(agent, house)
        status, body = await agent.ask("PATCH", f"/api/todos/{made['id']}", {"version": 1} | wrong)
        assert (status, set(body["error"]["fields"])) == (422, set(wrong))
