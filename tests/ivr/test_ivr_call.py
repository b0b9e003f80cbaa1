"""The life of a call against the real ACD, over a real FastAGI connection."""

import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from acd.core_types import Preferred
from acd.events import CallEnded, CallLeftQueue, CallOffered, CallQueued, CallRouted
from acd.lineplan import Conditions, LinePlan, RelaxPlan, RoutePlan
from acd.tickets import KeptPlace
from dialer.errors import CallbackExists, DoNotCallNumber
from ivr import place
from ivr.line.live import Line
from ivr.line_file import read_line
from ivr.place import Place
from ivr.recording import Obstacle, Recorder
from ivr.said import KEYS
from ivr.tree import drawn
from tests.ivr.ivr_line import LINE_FILE, NOON, Channel, OrderLine, until

STRANGER = "02223456789"


async def test_a_caller_walks_the_menu_to_an_agent_and_is_thanked(line: OrderLine) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 12)], caller=STRANGER)
    await line.ring(caller)
    assert caller.played == ["menu_main", "menu_wholesale", "thank_you"]
    assert caller.executed[-1] == ("Dial", "PJSIP/1001", "20", "g")
    assert caller.variables["ZJ_DONE"] == "1"
    row = line.row(caller)
    assert (row.outcome, row.menu_path, row.queue) == ("answered", ("1", "1"), "north")
    assert (row.agent_id, row.city) == (1, "天津")


async def test_every_step_of_the_way_is_in_the_record(line: OrderLine) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["7", None, "1", "1"], dials=[("ANSWER", 12)], caller=STRANGER)
    await line.ring(caller)
    steps = line.steps(caller)
    assert steps[:6] == ["started", "identified", "menu_answered", "wrong_key", "no_key", "key"]
    assert steps[6:] == [
        "key",
        "routed",
        "queued",
        "offered",
        "recording_begun",
        "dialled",
        "dial_ended",
        "answered",
        "ended",
    ]


async def test_the_way_through_the_menus_is_summed_up_also_of_a_caller_who_gives_up_there(
    line: OrderLine,
) -> None:
    caller = Channel(keys=["7", None, "1"], endless=["menu_wholesale"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: "menu_wholesale" in caller.played)
    caller.hang_up()
    await line.over()
    row = line.row(caller)
    assert (row.outcome, row.last_menu, row.menu_path) == ("left_in_menu", "wholesale", ("1",))
    assert (row.wrong_keys, row.line_version, row.medium) == (1, 0, "电视广告")
    assert row.walk == {
        "main": {"keys": {"1": 1}, "wrong": 1, "silent": 1},
        "wholesale": {"keys": {}, "wrong": 0, "silent": 0},
    }


async def test_a_known_customer_is_named_to_the_agent_and_spoken_to_in_the_own_language(
    line: OrderLine,
) -> None:
    await line.agent(1, "retail")
    caller = Channel(keys=["2"], dials=[("ANSWER", 1)])
    await line.ring(caller)
    assert caller.variables["CALLERID(name)"] == "滨海商贸"
    said = [command for command in caller.commands if "/menu_main" in command]
    assert said
    assert all("/en/menus/" in command for command in said)
    assert line.row(caller).customer_name == "滨海商贸"


async def test_a_hidden_number_takes_the_default_way(line: OrderLine) -> None:
    await line.agent(1, "retail")
    caller = Channel(keys=["7", "7", "7"], dials=[("ANSWER", 1)], caller="unknown")
    await line.ring(caller)
    assert line.row(caller).queue == "retail"
    assert line.row(caller).caller is None


@pytest.mark.parametrize("command", range(1, 21))
async def test_a_hang_up_at_any_command_leaves_nothing_behind(
    line: OrderLine, command: int
) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["7", "1", "1"], dials=[("ANSWER", 5)], hang_up_at=command)
    await line.ring(caller)
    row = line.row(caller)
    assert row.outcome in {"left_in_menu", "abandoned", "answered"}
    assert row.ended_at is not None
    assert line.acd.record(caller.call_id) is None
    assert line.acd.waiting_views() == ()
    agent = line.acd.agent_view(1)
    assert agent is not None
    assert agent.state in {"ready", "wrap_up"}


async def test_a_caller_who_hangs_up_in_the_line_is_abandoned(line: OrderLine) -> None:
    caller = Channel(keys=["1", "1"])
    await line.begin(caller)
    await until(line.acd.waiting_views)
    caller.hang_up()
    await line.over()
    assert line.row(caller).outcome == "abandoned"
    assert cast("CallLeftQueue", line.last(CallLeftQueue)).reason == "abandoned"


async def test_a_caller_who_hangs_up_while_a_telephone_rings_frees_the_agent(
    line: OrderLine,
) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"])
    await line.begin(caller)
    await until(lambda: ("Dial", "PJSIP/1001", "20", "g") in caller.executed)
    caller.hang_up()
    await line.over()
    agent = line.acd.agent_view(1)
    assert agent is not None
    assert agent.state == "ready"
    assert line.row(caller).outcome == "abandoned"


async def test_a_telephone_that_is_not_answered_passes_the_caller_on(line: OrderLine) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"], dials=[("NOANSWER", 0), ("ANSWER", 5)])
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    await line.agent(2, "north")
    await line.over()
    row = line.row(caller)
    assert (row.agent_id, row.outcome) == (2, "answered")
    first = line.acd.agent_view(1)
    assert first is not None
    assert (first.state, first.reason) == ("unavailable", "no_answer")


async def test_recording_is_begun_once_however_often_telephones_ring(line: OrderLine) -> None:
    await line.agent(1, "north")
    await line.agent(2, "north")
    caller = Channel(keys=["1", "1"], dials=[("NOANSWER", 0), ("ANSWER", 5)])
    await line.ring(caller)
    begun = [options for application, *options in caller.executed if application == "MixMonitor"]
    assert len(begun) == 1
    assert begun[0][0].endswith(f"/incoming/2026-03-02-{caller.call_id}.raw")


async def test_a_call_goes_on_when_it_cannot_be_recorded(line: OrderLine) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 5)], refuses="MixMonitor")
    await line.ring(caller)
    assert any("MixMonitor" in command for command in caller.commands)
    assert line.row(caller).outcome == "answered"


async def test_where_there_is_no_room_calls_go_on_and_are_recorded_again_once_there_is(
    line: OrderLine,
) -> None:
    obstacles: list[Obstacle | None] = ["disk_full", None]
    recorder = Recorder(line.folder / "recordings", lambda _: obstacles.pop(0))
    await line.close()
    line.house = replace(line.house, recorder=recorder)
    await line.open()
    await line.agent(1, "north")
    await line.agent(2, "north")
    caller = Channel(keys=["1", "1"], dials=[("NOANSWER", 0), ("ANSWER", 5)])
    await line.ring(caller)
    done = [step for step in line.steps(caller) if step.startswith(("recording_", "dialled"))]
    assert done == ["recording_not_begun", "dialled", "recording_begun", "dialled"]
    assert (line.row(caller).outcome, line.row(caller).recording) == ("answered", "on")


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_caller_who_comes_back_is_recorded_once(line: OrderLine, recorded: bool) -> None:
    await line.agent(1, "north")
    kept = Place("north", 0, NOON, (), None, (), "zh")
    caller = Channel(place=place.write(kept), dials=[("ANSWER", 5)])
    if recorded:
        caller.variables["MIXMONITOR_FILENAME"] = "begun.raw"
    await line.ring(caller)
    begun = [application for application, *_ in caller.executed if application == "MixMonitor"]
    assert len(begun) == (0 if recorded else 1)


async def test_an_agent_who_becomes_free_interrupts_the_prompt(line: OrderLine) -> None:
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 5)], endless=["please_wait"])
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    await line.agent(1, "north")
    await line.over()
    assert line.row(caller).outcome == "answered"


async def test_a_waiting_caller_is_told_the_place_in_the_line(line: OrderLine) -> None:
    first, second = Channel(keys=["1", "1"]), Channel(keys=["1", "1"])
    await line.begin(first)
    await until(lambda: len(line.acd.waiting_views()) == 1)
    line.pass_time(1)
    await line.begin(second)
    await until(lambda: len(line.acd.waiting_views()) == 2)
    line.pass_time(46)
    await until(lambda: "position_1" in first.played)
    await until(lambda: "position_2" in second.played)
    first.hang_up()
    second.hang_up()
    await line.over()


async def test_a_key_while_waiting_asks_to_be_called_back(line: OrderLine) -> None:
    caller = Channel(keys=["1", "1"])
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    caller.press("2")
    await line.over()
    assert line.promises.made == [("13800138000", "north")]
    assert caller.played[-1] == "callback_accepted"
    assert line.row(caller).outcome == "callback_requested"
    assert cast("CallLeftQueue", line.last(CallLeftQueue)).reason == "callback"


@pytest.mark.parametrize("caller_id", ["unknown", "13800138000"])
async def test_a_caller_who_cannot_be_called_back_stays_in_the_line(
    line: OrderLine, caller_id: str
) -> None:
    line.promises.refusal = DoNotCallNumber("It is on the list.")
    caller = Channel(keys=["1", "1"], caller=caller_id)
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    caller.press("2")
    await until(lambda: "callback_refused" in caller.played)
    assert len(line.acd.waiting_views()) == 1
    caller.hang_up()
    await line.over()


async def test_a_call_back_that_is_promised_already_is_as_good(line: OrderLine) -> None:
    line.promises.refusal = CallbackExists("It waits already.")
    caller = Channel(keys=["1", "1"])
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    caller.press("2")
    await line.over()
    assert caller.played[-1] == "callback_accepted"


async def test_a_daemon_that_stops_leaves_the_record_open_and_the_next_one_goes_on(
    line: OrderLine,
) -> None:
    caller = Channel(keys=["1", "1"])
    await line.begin(caller)
    await until(lambda: "ZJ_PLACE" in caller.variables and line.acd.waiting_views())
    await line.close()
    await line.over()
    assert line.row(caller).ended_at is None
    assert not any(isinstance(event, CallLeftQueue | CallEnded) for event in line.heard)

    await line.open()
    await line.agent(1, "north")
    again = Channel(
        dials=[("ANSWER", 5)], call_id=caller.call_id, place=caller.variables["ZJ_PLACE"]
    )
    await line.ring(again)
    assert "menu_main" not in again.played
    assert line.row(again).outcome == "answered"
    assert "resumed" in line.steps(again)


async def test_a_caller_who_comes_back_keeps_the_place_in_the_line(line: OrderLine) -> None:
    joined = NOON - timedelta(seconds=90)
    kept = Place("east", 40, joined, (Preferred("salesperson", (7,)),), 15, ("1", "2"), "en")
    caller = Channel(place=place.write(kept))
    await line.begin(caller)
    await until(line.acd.waiting_views)
    queued = cast("CallQueued", line.last(CallQueued))
    assert (queued.queue, queued.priority, queued.joined_at) == ("east", 40, joined)
    entry = line.acd._desk.entry(caller.call_id)
    assert entry is not None
    assert (entry.preferred, entry.preferred_wait_s) == ((Preferred("salesperson", (7,)),), 15)
    await until(lambda: any("/en/please_wait" in command for command in caller.commands))
    caller.hang_up()
    await line.over()


async def test_who_was_to_be_called_back_and_calls_in_has_the_place_of_the_callback(
    line: OrderLine,
) -> None:
    asked_at = line.house.clock() - timedelta(minutes=9)
    line.promises.kept = KeptPlace(asked_at, 30)
    caller = Channel(keys=["1", "1"])
    await line.begin(caller)
    await until(line.acd.waiting_views)
    entry = line.acd._desk.entry(caller.call_id)
    assert entry is not None
    assert (entry.place_at, entry.priority >= 30) == (asked_at, True)
    assert entry.joined_at > asked_at
    assert "callback_place" in {reason.code for reason in entry.why}
    written = place.read(caller.variables["ZJ_PLACE"])
    assert written is not None
    assert written.place_at == asked_at
    caller.hang_up()
    await line.over()


async def test_a_caller_who_comes_back_needs_what_the_rule_asks_for_now(line: OrderLine) -> None:
    live = line.house.line
    plan = live.now.plan
    taste = RoutePlan(
        name="taste",
        when=Conditions(vip=True),
        skills={"wine": 2},
        relax=(RelaxPlan(after_s=90),),
    )
    routes = (taste, *plan.routes)
    changed = LinePlan(queues=plan.queues, dids=plan.dids, routes=routes)
    live.now = replace(live.now, plan=changed)
    for rule, skills in (("taste", (("wine", 2),)), ("gone", ())):
        kept = Place("north", 0, NOON, (), None, (), "zh", rule)
        caller = Channel(place=place.write(kept))
        await line.begin(caller)
        await until(line.acd.waiting_views)
        entry = line.acd._desk.entry(caller.call_id)
        assert entry is not None
        assert (entry.skills, bool(entry.relax)) == (skills, bool(skills))
        written = place.read(caller.variables["ZJ_PLACE"])
        assert written is not None
        assert written.skills_by == ("taste" if skills else None)
        caller.hang_up()
        await line.over()


async def test_a_place_in_a_queue_that_is_gone_starts_again_with_the_menu(
    line: OrderLine,
) -> None:
    kept = Place("gone", 0, NOON, (), None, (), "zh")
    caller = Channel(place=place.write(kept), hang_up_at=4)
    await line.ring(caller)
    assert "menu_main" in caller.played


async def test_a_call_that_fails_here_goes_back_to_the_dialplan_with_its_record_open(
    line: OrderLine,
) -> None:
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"], refuses="Dial")
    await line.ring(caller)
    assert "ZJ_DONE" not in caller.variables
    assert line.row(caller).ended_at is None
    assert line.acd.waiting_views() == ()
    assert cast("CallLeftQueue", line.last(CallLeftQueue)).reason == "interrupted"
    agent = line.acd.agent_view(1)
    assert agent is not None
    assert agent.state == "ready"


def called(purpose: str = "callback", **more: object) -> Channel:
    """Somebody we called has answered."""
    return Channel(
        script="outbound",
        caller="4006001001",
        purpose=purpose,
        queue="north",
        number="13800138000",
        **more,  # type: ignore[arg-type]
    )


async def test_somebody_we_called_gets_the_reserved_agent_at_once(line: OrderLine) -> None:
    await line.agent(1, "north")
    callee = called(dials=[("ANSWER", 5)])
    assert line.acd.reserve(callee.call_id, queue="north") == 1
    await line.ring(callee)
    assert callee.played == ["thank_you"]
    row = line.row(callee)
    assert (row.direction, row.caller, row.outcome) == ("callback", "13800138000", "answered")


async def test_somebody_we_called_goes_before_everybody_who_waits(line: OrderLine) -> None:
    waiting = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(waiting)
    await until(line.acd.waiting_views)
    callee = called("campaign", dials=[("ANSWER", 5)], endless=["outbound_greeting"])
    await line.begin(callee)
    await until(lambda: "outbound_greeting" in callee.played)
    await line.agent(1, "north")
    await until(lambda: any(isinstance(event, CallOffered) for event in line.heard))
    assert cast("CallOffered", line.last(CallOffered)).call_id == callee.call_id
    waiting.hang_up()
    await line.over()


async def test_somebody_we_called_does_not_wait_for_ever(line: OrderLine) -> None:
    callee = called()
    await line.ring(callee)
    assert callee.played == ["outbound_greeting", "nobody_free"]
    assert line.row(callee).outcome == "nobody_free"


async def test_somebody_we_called_is_left_to_agents_also_after_a_daemon_s_death(
    line: OrderLine,
) -> None:
    callee = called()
    await line.begin(callee)
    await until(line.acd.waiting_views)
    await line.close()
    await line.over()
    await line.open()
    again = called(
        call_id=callee.call_id,
        place=callee.variables["ZJ_PLACE"],
        endless=["outbound_greeting"],
    )
    await line.begin(again)
    await until(lambda: "outbound_greeting" in again.played)
    entry = line.acd._desk.entry(callee.call_id)
    assert entry is not None
    assert (entry.agents_only, entry.priority, entry.joined_at) == (True, 100, NOON)
    again.hang_up()
    await line.over()
    assert "resumed" in line.steps(again)


async def test_a_key_does_not_end_the_patience_of_somebody_we_called(line: OrderLine) -> None:
    callee = called(dials=[("ANSWER", 5)], keys=["2"])
    await line.begin(callee)
    await until(lambda: "key" in line.steps(callee))
    await line.agent(1, "north")
    await line.over()
    assert line.row(callee).outcome == "answered"
    assert line.promises.made == []


async def test_a_route_says_which_rules_made_it(line: OrderLine) -> None:
    caller = Channel(keys=["0"], caller=STRANGER)
    await line.begin(caller)
    await until(line.acd.waiting_views)
    routed = cast("CallRouted", line.last(CallRouted))
    assert (routed.queue, routed.priority) == ("emergency", 90)
    assert [reason.code for reason in routed.why] == ["menu_choice"]
    caller.hang_up()
    await line.over()


EAST = '  - {name: wholesale_east, when: {menu_choice: "1-2"}, queue: east}\n'


async def test_a_call_inside_keeps_its_menus_and_the_next_one_takes_the_new_ones(
    line: OrderLine,
) -> None:
    await line.agent(1, "north", "retail")
    inside = Channel(endless=["menu_main"], dials=[("ANSWER", 1)], caller=STRANGER)
    await line.begin(inside)
    await until(lambda: inside.played == ["menu_main"])
    before = line.house.line.now
    text = LINE_FILE.read_text(encoding="utf-8").replace(
        '"1": {menu: wholesale}', '"1": {route: true}'
    )
    text = text.replace('"1-1"', '"1"').replace(EAST, "")
    wholesale = text.index("  wholesale:\n")
    text = text[:wholesale] + text[text.index("  self_service:\n") :]
    line.house.line.now = Line(2, *read_line(text))

    inside.press("1")
    await until(lambda: "menu_wholesale" in inside.played)
    inside.press("1")
    await line.over()
    await line.acd.finish_wrap_up(1)
    outside = Channel(keys=["1"], dials=[("ANSWER", 1)], caller=STRANGER)
    await line.ring(outside)

    assert line.row(inside).menu_path == ("1", "1")
    assert line.row(outside).menu_path == ("1",)
    assert before.number == 0


def take(line: OrderLine, *changes: tuple[str, str], more: str = "") -> None:
    """The shipped line, changed, from the next call on."""
    text = LINE_FILE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    line.house.line.now = Line(2, *read_line(text + more))


async def test_a_menu_without_barge_in_is_heard_to_its_end_and_a_key_counts_after_it(
    line: OrderLine,
) -> None:
    await line.agent(1, "north")
    take(line, ("  wholesale:\n", "  wholesale:\n    barge_in: false\n"))
    caller = Channel(keys=["1", None, "1"], dials=[("ANSWER", 1)], caller=STRANGER)

    await line.ring(caller)

    assert caller.played == ["menu_main", "menu_wholesale", "no_key", "menu_wholesale", "thank_you"]
    asked = [shlex.split(each) for each in caller.commands if "STREAM FILE" in each]
    assert [(Path(each[2]).name, each[3]) for each in asked[:4]] == [
        ("menu_main", KEYS),
        ("menu_wholesale", ""),
        ("no_key", ""),
        ("menu_wholesale", ""),
    ]
    assert line.row(caller).menu_path == ("1", "1")


async def test_a_number_leads_where_the_clock_of_the_house_says(line: OrderLine) -> None:
    await line.agent(1, "retail")
    day = Channel(did="4006001004", keys=["2"], dials=[("ANSWER", 5)], caller=STRANGER)
    await line.ring(day)
    assert day.played[0] == "menu_main"
    assert line.row(day).outcome == "answered"

    line.clock.now = NOON.replace(hour=10)  # 18:00 in Shanghai
    night = Channel(did="4006001004", keys=["*"], caller=STRANGER)
    await line.ring(night)
    assert night.played == ["announcement_closed", "thank_you"]
    row = line.row(night)
    assert (row.outcome, row.queue, row.menu_path) == ("announced", None, ())
    assert "announced" in line.steps(night)

    line.clock.now = datetime(2026, 2, 17, 4, tzinfo=UTC)
    holiday = Channel(did="4006001004", caller=STRANGER)
    await line.ring(holiday)
    assert holiday.played[0] == "announcement_spring_festival"
    assert holiday.played[-1] == "thank_you"
    assert line.row(holiday).outcome == "announced"


async def test_an_extension_leads_to_its_agent_and_from_there_by_rule(line: OrderLine) -> None:
    await line.agent(1, "east")
    await line.agent(2, "east")
    caller = Channel(
        keys=["5", *"1009", "5", *"1002"], dials=[("NOANSWER", 0), ("ANSWER", 5)], caller=STRANGER
    )
    await line.ring(caller)
    assert caller.played[:4] == ["menu_main", "extension_ask", "extension_away", "extension_ask"]
    rung = [options[0] for application, *options in caller.executed if application == "Dial"]
    assert rung == ["PJSIP/1002", "PJSIP/1001"]
    row = line.row(caller)
    assert (row.queue, row.agent_id, row.menu_path) == ("east", 1, tuple("1002"))
    routed = cast("CallRouted", line.last(CallRouted))
    assert [reason.code for reason in routed.why] == ["extension"]


async def test_an_extension_that_is_dialled_in_a_menu_begins_with_no_wrong_key(
    line: OrderLine,
) -> None:
    await line.agent(2, "east")
    line.clock.now = NOON.replace(hour=10)  # 18:00 in Shanghai
    take(line, ("  closed:\n    say", "  closed:\n    extensions: true\n    say"))
    caller = Channel(did="4006001004", keys=[*"1002"], dials=[("ANSWER", 5)], caller=STRANGER)
    await line.ring(caller)
    row = line.row(caller)
    assert (row.agent_id, row.menu_path, row.wrong_keys) == (2, tuple("1002"), 0)
    assert row.walk == {"closed": {"keys": {}, "wrong": 0, "silent": 0}}


async def test_the_operators_key_ends_the_walk_in_a_menu_below(line: OrderLine) -> None:
    await line.agent(1, "service")
    own = ('    otherwise: "2"\n', '    otherwise: "4-0"\n', "    otherwise: hang_up\n")
    outside = [(each, f"{each}    operator: false\n") for each in own]
    take(line, *outside, more='operator: {key: "0", choice: "3"}\n')
    caller = Channel(keys=["1", "0"], dials=[("ANSWER", 5)], caller=STRANGER)
    await line.ring(caller)
    row = line.row(caller)
    assert (row.queue, row.menu_path, row.wrong_keys) == ("service", ("1", "0"), 0)
    assert row.walk is not None
    assert row.walk["wholesale"] == {"keys": {"0": 1}, "wrong": 0, "silent": 0}


async def test_the_operators_key_reaches_the_operator_while_an_extension_is_asked_for(
    line: OrderLine,
) -> None:
    await line.agent(1, "service")
    own = ('    otherwise: "4-0"\n', "    otherwise: hang_up\n")
    outside = [(each, f"{each}    operator: false\n") for each in own]
    take(
        line,
        *outside,
        ('      "0": {route: true}\n', ""),
        more='operator: {key: "0", choice: "3"}\n',
    )
    caller = Channel(keys=["5", "0"], dials=[("ANSWER", 5)], caller=STRANGER)
    await line.ring(caller)
    assert caller.played[:2] == ["menu_main", "extension_ask"]
    assert (line.row(caller).queue, line.row(caller).menu_path) == ("service", ("0",))
    assert "digits" in line.steps(caller)


async def test_a_number_for_faxes_goes_on_to_the_fax_machine(line: OrderLine) -> None:
    take(line, ("dids:\n", 'dids:\n  "4006001008": {medium: 传真, fax: true}\n'))
    caller = Channel(did="4006001008")

    await line.ring(caller)

    assert caller.variables["ZJ_FAX_IN"] == "1"
    assert line.row(caller).outcome == "fax"
    assert caller.played == []
    assert "fax" in drawn(line.house.line.now.plan, line.house.line.now.menus)
