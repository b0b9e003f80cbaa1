"""The keypad log over HTTP: masked for who may not see numbers, in pages, counted, and as a file."""

from acd.records import CallRecord
from tests.webui.test_web_api import until
from tests.webui.web_house import House

OTHER_NUMBER = "13911112222"
"""Of a telephone at which the caller is not."""


async def walked(house: House) -> CallRecord:
    """A caller who pressed a wrong key, went on to the second menu and hung up there."""
    record = house.call()
    record.heard_menu("main", ())
    record.step("wrong_key", menu="main", key="9")
    record.step("key", menu="main", key="1")
    record.heard_menu("wholesale", ("1",))
    record.step("digits", asked="callback_number", keys=record.row.caller)
    record.step("digits", asked="customer_code", keys=f"{OTHER_NUMBER}#")
    record.step("digits", asked="pin", keys="****")
    record.end("left_in_menu")

    async def is_stored() -> bool:
        async with house.browser("supervisor") as supervisor:
            _, body = await supervisor.ask("GET", "/api/calls/log?left_at=wholesale")
            return any(each["id"] == record.call_id for each in body["items"])

    await until(is_stored)
    return record


async def test_a_supervisor_finds_the_way_of_a_call_and_the_file_says_the_same(house: House):
    record = await walked(house)
    async with house.browser("supervisor") as supervisor:
        _, body = await supervisor.ask("GET", "/api/calls/log?keys=1&wrong_keys=1&limit=1")
        (found,) = body["items"]
        assert found["id"] == record.call_id
        assert (found["last_menu"], found["menu_path"]) == ("wholesale", ["1"])
        assert [step["kind"] for step in found["steps"]] == ["wrong_key", "key", *["digits"] * 3]
        assert found["steps"][3]["detail"]["keys"] == f"{OTHER_NUMBER}#"
        _, counted = await supervisor.ask("GET", "/api/calls/log/branches")
        told = {menu["menu"]: menu for menu in counted["menus"]}
        assert told["wholesale"]["gave_up"] >= 1
        assert told["main"]["wrong"] >= 1
        _, file = await supervisor.ask("GET", "/api/calls/log/file?keys=1")
        assert record.call_id.encode() in file
        assert b"main:9! main:1 callback_number=" in file
        assert b"pin=****" in file


async def test_who_may_not_see_numbers_finds_none_among_the_keys_either(house: House):
    record = await walked(house)
    async with house.browser("operations") as operations:
        for path in ("/api/calls/log", "/api/calls/log/file", f"/api/calls/{record.call_id}"):
            _, told = await operations.ask("GET", path)
            assert record.call_id in str(told)
            assert str(record.row.caller) not in str(told)
            assert OTHER_NUMBER not in str(told)
    async with house.browser("agent") as agent:
        assert (await agent.ask("GET", "/api/calls/log"))[0] == 403


async def test_an_order_of_days_that_is_none_is_refused(house: House):
    async with house.browser("supervisor") as supervisor:
        status, body = await supervisor.ask(
            "GET", "/api/calls/log?since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z"
        )
        assert status == 422
        assert "until must be later than since" in str(body["error"])
