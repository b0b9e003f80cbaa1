"""Callers leave messages, over a real FastAGI connection."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from acd.events import CallLeftQueue
from acd.located import FileRefused
from acd.voicemails import FOLDER, left_message, takes
from ivr import place
from ivr.line.live import Line
from ivr.line_file import read_line
from ivr.place import Place
from ivr.recording import Recorder
from ivr.tree import drawn
from ivr.voicemail import LEFT
from tests.ivr.ivr_line import LINE_FILE, NOON, Channel, OrderLine, until
from tests.ivr.shop import heard

STRANGER = "02223456789"


def changed(line: OrderLine, text: str) -> None:
    live = Line(2, *read_line(text))
    line.house.line.now = live
    line.acd.adopt(live.plan)


def plan(*steps: dict[str, object], keys: dict[str, object] | None = None) -> str:
    """The shipped line, in which north overflows so and the menu has these keys too."""
    found = yaml.safe_load(LINE_FILE.read_text(encoding="utf-8"))
    found["queues"]["north"]["overflow"] = list(steps)
    found["menus"]["main"]["keys"] |= keys or {}
    text: str = yaml.safe_dump(found, allow_unicode=True)
    return text


NOBODY = plan({"when": "nobody_there", "voicemail": True})


def spoken(line: OrderLine, caller: Channel) -> list[float]:
    return [take.seconds for take in takes(line.house.recorder.folder, caller.call_id)]


async def test_with_nobody_at_work_the_caller_leaves_a_message_and_is_thanked(
    line: OrderLine,
) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1", "#"], says=[5], caller=STRANGER)
    await line.ring(caller)
    assert caller.played[-3:] == ["voicemail_greeting", "voicemail_menu", "voicemail_saved"]
    record = next(each for each in caller.executed if each[0] == "Record")
    assert record[1].endswith(f"/{FOLDER}/incoming/2026-03-02-{caller.call_id}-1-north.wav")
    assert record[2:] == ("6", "180", "kq")
    assert [each[0] for each in caller.executed][-4:-1] == ["PlayTones", "Wait", "StopPlayTones"]
    row = line.row(caller)
    assert (row.outcome, row.left_reason) == ("voicemail", "voicemail")
    assert spoken(line, caller) == [5.0]
    assert [
        kind for kind in line.steps(caller) if kind in ("diverted", "voicemail", "voicemail_take")
    ] == ["diverted", "voicemail", "voicemail_take"]


async def test_a_message_is_heard_and_said_again(line: OrderLine) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1", "1", "2", "#"], says=[5, 4], caller=STRANGER)
    await line.ring(caller)
    heard = [name for name in caller.played if name.startswith("2026-03-02-")]
    assert heard == [f"2026-03-02-{caller.call_id}-1-north"]
    assert spoken(line, caller) == [5.0, 4.0]
    assert caller.played[-1] == "voicemail_saved"


async def test_what_is_too_short_is_asked_for_again_and_who_says_nothing_has_given_up(
    line: OrderLine,
) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1"], says=[0, 1, 0, 0.5], caller=STRANGER)
    await line.ring(caller)
    assert caller.played.count("voicemail_short") == 4
    assert caller.played[-1] == "voicemail_none"
    row = line.row(caller)
    assert (row.outcome, row.left_reason) == ("abandoned", "abandoned")


async def test_a_hang_up_in_the_middle_keeps_what_was_said(line: OrderLine) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: spoken(line, caller))
    caller.hang_up()
    await line.over()
    assert line.row(caller).outcome == "voicemail"
    left = line.last(CallLeftQueue)
    assert isinstance(left, CallLeftQueue)
    assert left.reason == "voicemail"


async def test_an_agent_who_comes_is_not_given_a_caller_who_leaves_a_message(
    line: OrderLine,
) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: spoken(line, caller))
    await line.agent(1, "north")
    agent = line.acd.agent_view(1)
    assert agent is not None
    assert agent.state == "ready"
    caller.hang_up()
    await line.over()


async def test_who_comes_back_from_a_dead_daemon_is_told_that_the_message_is_kept(
    line: OrderLine,
) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: spoken(line, caller))
    await line.close()
    caller.hang_up()
    await line.open()
    kept = Place("north", 0, NOON, (), None, (), "zh")
    back = Channel(call_id=caller.call_id, place=place.write(kept), caller=STRANGER)
    back.variables[LEFT] = "north"
    await line.ring(back)
    assert back.played == ["voicemail_saved"]
    assert line.row(back).outcome == "voicemail"
    assert left_message(line.house.recorder.folder, caller.call_id)


async def disk_is_full(line: OrderLine) -> None:
    line.house = replace(
        line.house, recorder=Recorder(line.folder / "recordings", lambda _: "disk_full")
    )
    await line.reopen()


async def test_where_the_disk_is_full_nobody_is_asked_to_speak_and_the_caller_is_called_back(
    line: OrderLine,
) -> None:
    await disk_is_full(line)
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1", None, "2"], says=[5], caller=STRANGER)
    await line.ring(caller)
    assert heard(caller, "voicemail_not_possible", "callback_offer")
    assert "Record" not in [application for application, *_ in caller.executed]
    assert line.promises.made == [(STRANGER, "north")]
    assert line.row(caller).outcome == "callback_requested"
    refused = [step for step in line.rows()[1] if step.kind == "voicemail_refused"]
    assert [step.detail for step in refused] == [{"queue": "north", "cause": "disk_full"}]


async def test_where_the_disk_is_full_who_hides_the_number_waits_on_for_an_agent(
    line: OrderLine,
) -> None:
    await disk_is_full(line)
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1"], caller="anonymous", dials=[("ANSWER", 5)])
    await line.begin(caller)
    await until(lambda: "voicemail_not_possible" in caller.played)
    await line.agent(1, "north")
    await line.over()
    assert "callback_offer" not in caller.played
    assert line.row(caller).outcome == "answered"


async def test_where_the_disk_is_full_a_key_for_messages_comes_back_to_the_menu(
    line: OrderLine,
) -> None:
    await disk_is_full(line)
    changed(line, plan(keys={"5": {"voicemail": "service"}}))
    await line.agent(1, "retail")
    caller = Channel(keys=["5", None, "2"], dials=[("ANSWER", 1)], caller=STRANGER)
    await line.ring(caller)
    assert caller.played[:3] == ["menu_main", "voicemail_not_possible", "menu_main"]
    assert "voicemail_refused" in line.steps(caller)
    assert line.row(caller).outcome == "answered"


@pytest.mark.parametrize(
    ("pressed", "noted"),
    [
        (["#", "1", "2", "5"], [("key", "#"), ("key", "1"), ("key", "2"), ("wrong_key", "5")]),
        ([], [("no_key", None)]),
    ],
)
async def test_every_key_of_a_message_is_a_step_of_the_record(
    line: OrderLine, pressed: list[str], noted: list[tuple[str, str | None]]
) -> None:
    changed(line, NOBODY)
    caller = Channel(keys=["1", "1", *pressed], says=[5, 4], caller=STRANGER)
    await line.ring(caller)
    asked = [step for step in line.rows()[1] if step.detail.get("asked") == "voicemail"]
    assert [(step.kind, step.detail.get("key")) for step in asked] == noted


async def test_a_key_of_the_menu_takes_a_message_for_the_people_named(line: OrderLine) -> None:
    changed(line, plan(keys={"5": {"voicemail": "service"}}))
    caller = Channel(keys=["5", "#"], says=[5], caller=STRANGER)
    await line.ring(caller)
    (take,) = takes(line.house.recorder.folder, caller.call_id)
    assert take.queue == "service"
    row = line.row(caller)
    assert (row.outcome, row.menu_path) == ("voicemail", ("5",))
    assert row.queued_at is None


async def test_a_key_of_the_menu_asks_for_a_call_back_of_the_queue_that_would_have_served(
    line: OrderLine,
) -> None:
    changed(line, plan(keys={"5": {"callback": True}}))
    caller = Channel(keys=["5"], caller=STRANGER)
    await line.ring(caller)
    assert line.promises.made == [(STRANGER, "north")]
    assert caller.played[-1] == "callback_accepted"
    assert line.row(caller).outcome == "callback_requested"


async def test_who_cannot_be_called_back_comes_back_to_the_menu(line: OrderLine) -> None:
    changed(line, plan(keys={"5": {"callback": True}}))
    await line.agent(1, "retail")
    caller = Channel(keys=["5", "2"], dials=[("ANSWER", 1)], caller="anonymous")
    await line.ring(caller)
    assert caller.played[:2] == ["menu_main", "callback_not_possible"]
    assert line.row(caller).queue == "retail"
    assert line.row(caller).outcome == "answered"


def test_messages_and_call_backs_stand_in_the_tree_and_lead_out_of_menus() -> None:
    found = drawn(*read_line(plan(keys={"5": {"voicemail": "service"}, "6": {"callback": True}})))
    assert "├─ 5 voicemail service" in found
    assert "├─ 6 callback" in found


def test_a_mailbox_that_is_no_queue_is_refused() -> None:
    with pytest.raises(FileRefused, match="there is no queue 'nowhere'"):
        read_line(plan(keys={"5": {"voicemail": "nowhere"}}))


def test_the_folder_is_read_by_names_alone(tmp_path: Path) -> None:
    incoming = tmp_path / FOLDER / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "somebody.wav").write_bytes(os.urandom(100_000))
    assert list(takes(tmp_path)) == []
