"""The line is edited while it is in use: by one supervisor during calls, and by two at once."""

import asyncio

from tests.integration.line_edits import Document, change, line_as_it_was
from tests.integration.site import TOLD
from tests.integration.workplace import (
    Record,
    Workplace,
    finish_wrap_up,
    kinds,
    pop_of,
)
from zongji.demo.agent import AgentRefused

NUMBER = "022111100{:02d}"


async def test_a_change_is_for_the_next_call_and_those_inside_go_on_as_they_began(
    work: Workplace,
) -> None:
    inside = await work.call(NUMBER.format(1), "1")
    began = await work.record(inside.number, has=lambda found: "key" in kinds(found))
    async with line_as_it_was(work):
        await change(work, _east_by_another_key)
        await work.press(inside, "2")
        before = await _routed(work, inside.number)
        assert before["call"]["menu_path"] == ["1", "2"]
        assert _version(before) == _version(began)

        late = await work.call(NUMBER.format(2), "1")
        await work.record(late.number, has=lambda found: "key" in kinds(found))
        await work.press(late, "2")
        await work.record(late.number, has=lambda found: "wrong_key" in kinds(found))
        await work.press(late, "3")
        after = await _routed(work, late.number)
        assert after["call"]["menu_path"] == ["1", "3"]
        assert _version(after) == _version(began) + 1
        assert before["call"]["queue"] == after["call"]["queue"] == "east"


async def test_who_waits_in_a_queue_that_is_removed_is_served_by_its_agents(
    work: Workplace,
) -> None:
    agent = await work.agent("agent1")
    talk = await work.call(NUMBER.format(3), did=TOLD)
    await pop_of(agent, "talking")
    waiting = await work.call(NUMBER.format(4), did=TOLD)
    place = await work.queued(waiting.number)
    async with line_as_it_was(work):
        await change(work, _without_the_queue)
        await work.hang_up(talk)
        await finish_wrap_up(agent)
        assert (await pop_of(agent, "talking"))["call_id"] == place
        assert not waiting.over.is_set()


async def test_of_two_supervisors_who_edit_the_same_line_one_is_told_and_loses_nothing(
    work: Workplace,
) -> None:
    async with line_as_it_was(work) as live:
        version, text = live["version"], live["text"]
        edits = [
            {"version": version, "text": f"# {who}\n{text}", "note": who} for who in ("甲", "乙")
        ]
        done = await asyncio.gather(
            *(work.board.request("PUT", "/api/line", edit) for edit in edits),
            return_exceptions=True,
        )
        (refused,) = [each for each in done if isinstance(each, BaseException)]
        assert isinstance(refused, AgentRefused)
        assert refused.status == 409
        now = await work.board.request("GET", "/api/line")
        assert now["version"] == version + 1
        (mine,) = [edit for edit, each in zip(edits, done, strict=True) if each is refused]
        assert now["text"] != mine["text"]

        again = await work.board.request("PUT", "/api/line", mine | {"version": now["version"]})
        assert (again["version"], again["text"]) == (version + 2, mine["text"])
        versions = await work.board.request("GET", "/api/line/versions")
        assert {each["note"] for each in versions["items"][:2]} == {"甲", "乙"}


async def _routed(work: Workplace, number: str) -> Record:
    """The call's record as soon as it says which way the menus led."""
    return await work.record(number, has=lambda found: bool(found["call"]["menu_path"]))


def _east_by_another_key(line: Document) -> None:
    keys = line["menus"]["wholesale"]["keys"]
    keys["3"] = keys.pop("2")
    east = next(route for route in line["routes"] if route["name"] == "wholesale_east")
    east["when"]["menu_choice"] = "1-3"


def _without_the_queue(line: Document) -> None:
    del line["dids"][TOLD], line["queues"]["told"]


def _version(record: Record) -> int:
    return int(record["call"]["line_version"])
