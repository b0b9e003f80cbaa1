"""Messages over the API: listed, and heard in parts by whom they concern."""

from datetime import UTC, datetime

from sqlalchemy import insert, update

from acd.tables import Voicemail
from acd.voicemail_todos import VoicemailTodos
from tests.webui.test_web_api import answered_call
from tests.webui.web_house import House


async def message(house: House, call_id: str) -> bytes:
    """A message left in this call, given to somebody."""
    path = f"voicemails/2026/03/02/{call_id}.wav"
    file = house.services.recordings.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(range(256)) * 8)
    now = datetime.now(UTC)
    async with house.services.database.begin() as session:
        values = {"call_id": call_id, "queue": "north", "path": path, "stored_at": now}
        await session.execute(insert(Voicemail).values(**values, seconds=12.5, size_bytes=2048))
    await VoicemailTodos(house.services.database, clock=lambda: now).run_once()
    return file.read_bytes()


async def test_a_message_is_heard_by_whoever_has_its_to_do_and_by_supervisors_and_by_no_other(
    house: House,
) -> None:
    call_id = await answered_call(house, "agent")
    sound = await message(house, call_id)
    path = f"/api/voicemails/{call_id}/sound"
    async with house.browser("supervisor") as supervisor:
        async with supervisor.http.get(path) as answer:
            assert (answer.status, answer.content_type) == (200, "audio/wav")
            assert await answer.read() == sound
        async with supervisor.http.get(path, headers={"Range": "bytes=10-19"}) as answer:
            assert (answer.status, await answer.read()) == (206, sound[10:20])
        _, body = await supervisor.ask("GET", "/api/voicemails?queue=north&open=true")
        (item,) = (each for each in body["items"] if each["call_id"] == call_id)
        assert item["heard_by_id"] == house.ids["supervisor"]
        assert item["state"] == "open"
        status, todo = await supervisor.ask("GET", f"/api/todos/{item['todo_id']}")
        assert (status, todo["todo"]["source_kind"]) == (200, "voicemail")
    others = {"agent", "agent2"} - {
        login for login, number in house.ids.items() if number == item["assignee_id"]
    }
    for login in others:
        async with house.browser(login) as browser:
            assert (await browser.ask("GET", path))[0] == 404
            _, body = await browser.ask("GET", "/api/voicemails")
            assert call_id not in {each["call_id"] for each in body["items"]}
    async with house.browser("operations") as operations:
        assert (await operations.ask("GET", path))[0] == 404


async def test_a_message_that_the_policy_removed_says_so_and_is_heard_no_more(house: House) -> None:
    call_id = await answered_call(house, "agent")
    await message(house, call_id)
    path, now = f"/api/voicemails/{call_id}", datetime.now(UTC)
    async with house.browser("supervisor") as supervisor:
        _, before = await supervisor.ask("GET", path)
        assert (before["removed_at"], before["queue"]) == (None, "north")
        async with house.services.database.begin() as session:
            removed = update(Voicemail).where(Voicemail.call_id == call_id)
            await session.execute(removed.values(removed_at=now))
        _, after = await supervisor.ask("GET", path)
        assert datetime.fromisoformat(after["removed_at"]) == now
        status, body = await supervisor.ask("GET", f"{path}/sound")
        assert (status, body["error"]["code"]) == (404, "not_found")
        assert "any more" in body["error"]["message"]


async def test_a_message_is_held_and_released_by_whoever_has_the_right(house: House) -> None:
    call_id = await answered_call(house, "agent")
    await message(house, call_id)
    path = f"/api/voicemails/{call_id}/hold"
    async with house.browser("supervisor") as supervisor:
        assert (await supervisor.ask("PUT", path, {"reason": "纠纷"}))[0] == 403
    async with house.browser("admin") as admin:
        status, held = await admin.ask("PUT", path, {"reason": "纠纷"})
        assert (status, held["hold_reason"]) == (200, "纠纷")
        status, released = await admin.ask("DELETE", path)
        assert (status, released["held_at"]) == (200, None)
        async with house.services.database.begin() as session:
            removed = update(Voicemail).where(Voicemail.call_id == call_id)
            await session.execute(removed.values(removed_at=datetime.now(UTC)))
        status, body = await admin.ask("PUT", path, {"reason": "zu spät"})
        assert (status, body["error"]["code"]) == (409, "recording_removed")
