"""Recordings at the web door: pausing, room for them, finding, hearing, keeping."""

import struct
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from acd.recordings import RATE, finalise, path_for
from acd.rows import CallRow, RecordingRow, StepRow
from crm_core.rights import SYSTEM
from tests.webui.web_house import FILE_KEYS, Browser, House, offer_in, until


@pytest.fixture
async def agent(house: House) -> AsyncIterator[Browser]:
    async with house.browser("agent") as browser:
        yield browser


async def recorded_talk(house: House):
    """A talk that is recorded, of an agent at work; the caller of this ends it."""
    record = house.call()
    ticket = house.queue(record)
    offer = offer_in(ticket)
    record.recording_is("on", "recording_begun", "talk")
    ticket.answered(offer)
    return record, ticket, offer


async def told(browser: Browser, call_id: str) -> list[tuple[str, int | None, str]]:
    """What the record says of the recording: what happened, by whom and why."""
    _, body = await browser.ask("GET", f"/api/calls/{call_id}")
    return [
        (step["kind"], step["detail"]["by"], step["detail"]["cause"])
        for step in body.get("steps", ())
        if step["kind"].startswith("recording_")
    ]


async def test_an_agent_pauses_the_own_talk_and_sees_it_in_the_pop(house: House, agent: Browser):
    async with house.at_work("agent"):
        page = await agent.open()
        record, ticket, offer = await recorded_talk(house)
        path = f"/api/calls/{record.call_id}/recording"
        await page.until(
            lambda state: state["pops"].get(record.call_id, {}).get("recording") == "on"
        )
        status, body = await agent.ask("POST", f"{path}/pause", {"reason": "payment"})
        assert (status, body) == (200, {"state": "paused", "pause_reason": "payment"})
        state = await page.until(
            lambda state: state["pops"][record.call_id]["recording"] == "paused"
        )
        assert state["pops"][record.call_id]["pause_reason"] == "payment"
        assert [each.muted for each in house.asked] == [True]
        assert (await agent.ask("POST", f"{path}/resume", {"only": "asked"}))[1][
            "state"
        ] == "paused"
        assert (await agent.ask("POST", f"{path}/resume", {"only": "payment"}))[1]["state"] == "on"
        mine = house.ids["agent"]
        expected = [
            ("recording_begun", None, "talk"),
            ("recording_paused", mine, "payment"),
            ("recording_resumed", mine, "payment"),
        ]

        async def is_told() -> bool:
            return await told(agent, record.call_id) == expected

        await until(is_told)
        ticket.finished(offer, "ANSWER", 5.0)
        record.end("answered")


async def test_of_others_only_who_has_the_right_pauses_a_talk(house: House):
    async with house.at_work("agent"):
        record, ticket, offer = await recorded_talk(house)
        path = f"/api/calls/{record.call_id}/recording/pause"

        async def is_stored() -> bool:
            return await house.services.calls.call(SYSTEM, record.call_id) is not None

        await until(is_stored)
        for login, status in (("agent2", 404), ("operations", 403), ("supervisor", 200)):
            async with house.browser(login) as browser:
                assert (await browser.ask("POST", path, {}))[0] == status
        assert record.row.paused_by == house.ids["supervisor"]
        ticket.finished(offer, "ANSWER", 5.0)
        record.end("answered")
    async with house.browser("supervisor") as browser:
        assert (await browser.ask("POST", path, {}))[0] == 404


async def test_a_talk_that_is_not_recorded_cannot_pause(house: House, agent: Browser):
    async with house.at_work("agent"):
        record, ticket, offer = await recorded_talk(house)
        record.recording_is("off", "recording_not_begun", "disk_full")
        path = f"/api/calls/{record.call_id}/recording/pause"
        status, body = await agent.ask("POST", path, {"reason": "payment"})
        assert (status, body["error"]["code"]) == (409, "not_recorded")
        ticket.finished(offer, "ANSWER", 5.0)
        record.end("answered")


async def test_want_of_room_is_told_everywhere(house: House, agent: Browser):
    room = house.services.room
    room.space = "full"
    try:
        page = await agent.open()
        state = await page.until(lambda state: "recording_stopped" in state["notices"])
        assert state["notices"]["recording_stopped"]["code"] == "recording_stopped"
        assert (await agent.ask("GET", "/api/health"))[1] == {"status": "degraded"}
        async with house.browser("supervisor") as browser:
            board = await browser.open("board")
            await board.until(lambda state: not state["system"]["recording"]["recorded"])
        assert b"zongji_recording_stopped 1.0" in (await agent.ask("GET", "/metrics"))[1]
    finally:
        room.space = "enough"
    await page.until(lambda state: "recording_stopped" not in state["notices"])


AT = datetime(2026, 3, 2, 4, tzinfo=UTC)


async def old_call(
    house: House, minutes: int = 0, *, sealed: bool = False, **values: object
) -> str:
    """A call of long ago with two seconds of sound: caller half as loud as the agent."""
    call_id, at = uuid.uuid4().hex, AT + timedelta(minutes=minutes)
    row = CallRow(call_id, "pbx1", f"{minutes}.1", "inbound", "13800138000", "400", at, **values)  # type: ignore[arg-type]
    raw = path_for(house.services.recordings.folder, call_id, at)
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(struct.pack("<hh", 8192, -16384) * 2 * RATE)
    stored = finalise(house.services.recordings.folder, raw, FILE_KEYS if sealed else None)
    steps = [
        StepRow(call_id, 0, at, "answered", {}),
        StepRow(
            call_id,
            1,
            at + timedelta(seconds=1),
            "recording_paused",
            {"by": house.ids["agent"], "cause": "payment"},
        ),
    ]
    for each in (
        row,
        *steps,
        RecordingRow(call_id, stored.path, stored.seconds, stored.size_bytes, 2, at),
    ):
        house.acd._journal.append(each)

    async def is_stored() -> bool:
        return await house.services.recordings.find(call_id) is not None

    await until(is_stored)
    return call_id


async def ids(browser: Browser, query: str) -> list[str]:
    status, body = await browser.ask("GET", f"/api/calls?{query}")
    assert status == 200, body
    return [each["id"] for each in body["items"]]


async def test_an_encrypted_recording_is_heard_from_any_place(house: House):
    call_id = await old_call(house, sealed=True)
    path = f"/api/calls/{call_id}/recording"
    async with house.browser("supervisor") as supervisor:
        status, whole = await supervisor.ask("GET", path)
        assert (status, whole[:4], len(whole)) == (200, b"RIFF", 44 + 8 * RATE)
        async with supervisor.http.get(path, headers={"Range": "bytes=44-47"}) as part:
            assert (part.status, await part.read()) == (206, struct.pack("<hh", 8192, -16384))
            assert part.headers["Content-Range"] == f"bytes 44-47/{len(whole)}"
        async with supervisor.http.get(path, headers={"Range": "bytes=-4"}) as part:
            assert await part.read() == whole[-4:]
        async with supervisor.http.get(path, headers={"Range": "bytes=999999-"}) as part:
            assert (part.status, part.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
        _, shape = await supervisor.ask("GET", f"{path}/levels?points=3")
        assert shape == {"caller": [0.25] * 3, "agent": [0.5] * 3}
        _, found = await supervisor.ask("GET", f"/api/calls/{call_id}")
        (pause,) = found["recording"]["pauses"]
        assert (pause["start_s"], pause["end_s"], pause["why"]) == (1, 2, "payment")
        assert found["names"][str(pause["by"])] == "agent先生"


async def test_a_recording_under_a_lost_key_says_which_one(house: House):
    call_id = await old_call(house, sealed=True)
    found = await house.services.recordings.find(call_id)
    assert found is not None
    file = house.services.recordings.folder / found.path
    written = bytearray(file.read_bytes())
    written[8:16] = b"another!"
    file.write_bytes(written)
    async with house.browser("supervisor") as supervisor:
        status, body = await supervisor.ask("GET", f"/api/calls/{call_id}/recording")
        assert (status, body["error"]["code"]) == (409, "file_key_missing")
        assert b"another!".hex() in body["error"]["message"]


async def test_taking_a_recording_away_needs_a_right_and_both_are_noted_apart(house: House):
    call_id = await old_call(house)
    path = f"/api/calls/{call_id}/recording"
    async with house.browser("supervisor") as supervisor, house.browser("admin") as admin:
        assert (await supervisor.ask("GET", f"{path}?use=download"))[0] == 403
        await supervisor.ask("GET", path)
        async with admin.http.get(f"{path}?use=download") as answer:
            assert answer.headers["Content-Disposition"].startswith("attachment")
        assert (await supervisor.ask("GET", f"{path}/uses"))[0] == 403
        _, body = await admin.ask("GET", f"{path}/uses")
        assert [(each["name"], each["kind"]) for each in body["items"]] == [
            ("admin先生", "download"),
            ("supervisor先生", "listen"),
        ]


async def test_a_recording_is_held_and_released_by_who_may(house: House):
    call_id = await old_call(house)
    path = f"/api/calls/{call_id}/recording/hold"
    async with house.browser("supervisor") as supervisor, house.browser("admin") as admin:
        assert (await supervisor.ask("PUT", path, {"reason": "纠纷"}))[0] == 403
        status, body = await admin.ask("PUT", path, {"reason": "纠纷"})
        assert (status, body["hold_reason"]) == (200, "纠纷")
        _, found = await admin.ask("GET", f"/api/calls/{call_id}")
        assert found["recording"]["allowed"] == ["download", "release", "uses"]
        assert await ids(admin, "recorded=held&limit=5") == [call_id]
        assert (await admin.ask("DELETE", path))[1]["held_at"] is None
        assert await ids(admin, "recorded=held") == []


async def test_calls_are_found_by_each_condition_page_by_page(house: House):
    agent_id = house.ids["agent"]
    mine = [
        await old_call(house, 500 + n, queue="search", agent_id=agent_id, **more)
        for n, more in enumerate(
            (
                {"customer_id": house.customer_id},
                {"answered_at": AT},
                {"ended_at": AT, "outcome": "answered"},
            )
        )
    ]
    async with house.services.database.begin() as session:
        await session.execute(
            text("UPDATE recordings SET removed_at = now() WHERE call_id = :id"), {"id": mine[1]}
        )
    since = (AT + timedelta(minutes=500)).isoformat().replace("+", "%2B")
    until_ = (AT + timedelta(minutes=502)).isoformat().replace("+", "%2B")
    async with house.browser("supervisor") as supervisor:
        assert await ids(supervisor, "queue=search") == mine[::-1]
        assert await ids(supervisor, "queue=search&recorded=yes") == [mine[2], mine[0]]
        assert await ids(supervisor, "queue=search&recorded=removed") == [mine[1]]
        assert await ids(supervisor, f"queue=search&customer_id={house.customer_id}") == [mine[0]]
        assert await ids(supervisor, "queue=search&outcome=answered") == [mine[2]]
        assert await ids(supervisor, f"queue=search&since={since}&until={until_}") == mine[1::-1]
        assert await ids(supervisor, "queue=search&number=13800138000") == mine[::-1]
        assert await ids(supervisor, "queue=search&number=13800138001") == []
        assert await ids(supervisor, f"queue=search&agent_id={house.ids['agent2']}") == []
        _, first = await supervisor.ask("GET", "/api/calls?queue=search&limit=2")
        assert [each["agent_name"] for each in first["items"]] == ["agent先生"] * 2
        assert [each["recorded_s"] for each in first["items"]] == [2, None]
        _, rest = await supervisor.ask(
            "GET", "/api/calls", params={"queue": "search", "limit": "2", "after": first["after"]}
        )
        assert ([each["id"] for each in rest["items"]], rest["after"]) == ([mine[0]], None)
        status, body = await supervisor.ask("GET", "/api/calls?after=nonsense")
        assert (status, body["error"]["code"]) == (422, "invalid")
    async with house.browser("agent2") as other:
        assert await ids(other, "queue=search") == []
        assert await ids(other, f"queue=search&agent_id={agent_id}") == []


async def test_an_order_leads_to_its_call_and_a_call_to_its_order(house: House):
    call_id = await old_call(
        house, 600, customer_id=house.customer_id, ended_at=AT, outcome="answered"
    )
    async with house.browser("supervisor") as supervisor:
        status, placed = await supervisor.ask(
            "POST",
            "/api/orders",
            {
                "customer_id": house.customer_id,
                "call_id": call_id,
                "lines": [{"sku": "A1", "quantity": 1, "unit": "箱"}],
            },
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )
        assert status == 201, placed
        order = placed["order"]
        assert await ids(supervisor, f"order_id={order['id']}") == [call_id]
        _, found = await supervisor.ask("GET", f"/api/orders?call_id={call_id}")
        assert [each["id"] for each in found["items"]] == [order["id"]]
        _, story = await supervisor.ask("GET", f"/api/customers/{house.customer_id}/timeline")
        told = [each for each in story["items"] if each["reference"] == call_id]
        assert [each["params"]["recorded_s"] for each in told] == ["2"]
