"""Overflow by time and state: where callers go when nobody takes them."""

import pytest

from acd.core import AcdCore
from acd.core_types import (
    AnnouncementDue,
    Caller,
    ComfortDue,
    Decision,
    Diverted,
    Login,
    Offered,
    OverflowStep,
    Preferred,
    QueueRules,
    RelaxStep,
    Way,
    Widened,
)

NOW = 1_000.0
VOICEMAIL, OUTSIDE, CALLBACK = (
    Way("voicemail", "north"),
    Way("outside", "13800138000"),
    Way("callback"),
)
SHOP = Way("announce", "shop")
EAST = QueueRules("east")


def core_with(*steps: OverflowStep, north: str = "", east: str = "", **rules: float) -> AcdCore:
    """Agents by letters: `north` and `east` are the ids of those at work in each."""
    core = AcdCore((QueueRules("north", overflow=steps, **rules), EAST))  # type: ignore[arg-type]
    for queue, ids in (("north", north), ("east", east)):
        for number in map(int, ids):
            core.log_in(Login(number, f"A{number}", f"80{number}", (queue,)), NOW)
    return core


def join(core: AcdCore, call_id: str = "a", at: float = NOW, **more: object) -> list[Decision]:
    return core.join(Caller(call_id, "north", 0, at, **more), at)  # type: ignore[arg-type]


def ways(decided: list[Decision]) -> list[tuple[str, Way]]:
    return [(each.call_id, each.way) for each in decided if isinstance(each, Diverted)]


def offers(decided: list[Decision]) -> list[tuple[str, int]]:
    return [(each.call_id, each.agent_id) for each in decided if isinstance(each, Offered)]


def test_with_nobody_at_work_a_caller_goes_to_voicemail_at_once():
    core = core_with(OverflowStep(0, way=VOICEMAIL, state="nobody_there"))
    assert ways(join(core)) == [("a", VOICEMAIL)]


def test_when_the_last_agent_leaves_all_who_wait_are_diverted_once():
    core = core_with(OverflowStep(0, way=VOICEMAIL, state="nobody_there"), north="12")
    join(core, "x")
    join(core, "y")
    core.answered("x", NOW)
    core.answered("y", NOW)
    assert ways(join(core, "a", NOW + 1) + join(core, "b", NOW + 2)) == []
    core.command(1, "log_out", NOW + 3)
    core.command(2, "break", NOW + 3, "lunch")
    assert ways(core.hung_up(1, NOW + 4) + core.command(1, "finish_wrap_up", NOW + 5)) == []
    core.hung_up(2, NOW + 6)
    gone = core.command(2, "finish_wrap_up", NOW + 7)
    assert sorted(ways(gone)) == [("a", VOICEMAIL), ("b", VOICEMAIL)]
    core.command(2, "ready", NOW + 8)
    assert ways(core.command(2, "log_out", NOW + 9)) == []


def test_a_diverted_caller_is_given_no_agent_until_the_way_led_nowhere():
    core = core_with(OverflowStep(20, way=OUTSIDE))
    join(core)
    join(core, "b", NOW + 1)
    assert ways(core.tick(NOW + 20)) == [("a", OUTSIDE)]
    login = Login(1, "A1", "801", ("north",))
    assert offers(core.log_in(login, NOW + 20.5)) == [("b", 1)]
    core.answered("b", NOW + 20.5)
    core.hung_up(1, NOW + 20.6)
    core.command(1, "finish_wrap_up", NOW + 20.7)
    assert offers(core.returned("a", NOW + 30)) == [("a", 1)]


def test_a_caller_who_comes_back_has_the_old_place():
    core = core_with(OverflowStep(20, way=OUTSIDE))
    join(core)
    join(core, "b", NOW + 1)
    core.tick(NOW + 20)
    core.returned("a", NOW + 20)
    waiting = core.waiting("a")
    assert waiting is not None
    assert waiting.position == 1


def test_a_step_into_another_queue_comes_before_the_way_out_that_follows_it():
    steps = (
        OverflowStep(0, "east", state="nobody_there"),
        OverflowStep(0, way=VOICEMAIL, state="nobody_there"),
    )
    core = core_with(*steps, east="3")
    join(core, "busy")
    core.answered("busy", NOW)
    decided = join(core)
    assert any(isinstance(each, Widened) for each in decided)
    assert ways(decided) == []
    core.hung_up(3, NOW + 1)
    assert offers(core.command(3, "finish_wrap_up", NOW + 1)) == [("a", 3)]
    assert ways(core.failed("a", "no_answer", NOW + 2)) == [("a", VOICEMAIL)]


def test_without_a_ready_agent_the_state_overflows_and_with_one_it_does_not():
    core = core_with(OverflowStep(0, "east", state="nobody_ready"), north="1", east="3")
    assert offers(join(core)) == [("a", 1)]
    assert offers(join(core, "b")) == [("b", 3)]


def test_a_state_counts_only_after_the_time_of_its_step():
    core = core_with(OverflowStep(10, way=VOICEMAIL, state="nobody_there"))
    assert ways(join(core)) == []
    assert core.next_deadline() == NOW + 10
    assert ways(core.tick(NOW + 10)) == [("a", VOICEMAIL)]


def test_a_full_queue_sends_on_who_joins_and_nobody_who_had_a_place():
    core = core_with(OverflowStep(0, way=VOICEMAIL, waiting_over=2))
    assert ways(join(core, "a") + join(core, "b", NOW + 1)) == []
    assert ways(join(core, "c", NOW + 2)) == [("c", VOICEMAIL)]
    assert ways(core.join(Caller("resumed", "north", 0, NOW - 60), NOW + 3)) == []


def test_a_wait_that_is_foreseen_too_long_overflows():
    core = core_with(OverflowStep(0, way=CALLBACK, wait_over_s=60), north="1")
    join(core, "x")
    core.answered("x", NOW)
    assert ways(join(core, "a", NOW + 10)) == [("a", CALLBACK)]
    nobody = core_with(OverflowStep(0, way=CALLBACK, wait_over_s=60))
    assert ways(join(nobody)) == [("a", CALLBACK)]
    patient = core_with(OverflowStep(0, way=CALLBACK, wait_over_s=86_400), north="1")
    join(patient, "x")
    assert ways(join(patient, "a")) == []


def test_a_wait_that_grows_is_foreseen_again_while_the_caller_waits():
    core = core_with(OverflowStep(0, way=CALLBACK, wait_over_s=60), north="1")
    join(core, "x")
    core.answered("x", NOW)
    assert ways(join(core, "a", NOW + 1)) == []
    assert core.next_deadline() == NOW + 16
    assert ways(core.tick(NOW + 16)) == [("a", CALLBACK)]


def test_the_offer_of_a_call_back_leaves_the_caller_in_the_line():
    core = core_with(OverflowStep(20, way=CALLBACK))
    join(core)
    assert ways(core.tick(NOW + 20)) == [("a", CALLBACK)]
    assert offers(core.log_in(Login(1, "A1", "801", ("north",)), NOW + 21)) == [("a", 1)]


def test_an_announcement_leaves_the_caller_at_the_place_also_where_the_salesperson_is_waited_for():
    steps = (
        OverflowStep(10, way=SHOP),
        OverflowStep(20, way=Way("announce", "late"), state="nobody_ready"),
    )
    core = core_with(*steps, north="1", comfort_every_s=15.0)
    core.join(Caller("x", "north", 0, NOW), NOW)
    core.answered("x", NOW)
    asked = (Preferred("salesperson", (1,)),)
    join(core, preferred=asked, preferred_wait_s=60.0)
    told = core.tick(NOW + 10)
    assert ways(told) == [("a", SHOP)]
    assert [reason.code for each in told if isinstance(each, Diverted) for reason in each.why] == [
        "overflow_time"
    ]
    waiting = core.waiting("a")
    assert waiting is not None
    assert waiting.position == 1
    assert ways(core.tick(NOW + 20)) == []
    assert ComfortDue("a") not in core.tick(NOW + 24)
    assert ComfortDue("a") in core.tick(NOW + 25)
    core.hung_up(1, NOW + 30)
    assert offers(core.command(1, "finish_wrap_up", NOW + 30)) == [("a", 1)]


def test_people_whom_we_called_overflow_to_agents_only():
    steps = (OverflowStep(0, way=VOICEMAIL, state="nobody_there"), OverflowStep(0, "east"))
    core = core_with(*steps, east="3")
    decided = join(core, agents_only=True)
    assert ways(decided) == []
    assert offers(decided) == [("a", 3)]


def test_for_skills_that_nobody_at_work_has_nobody_is_there_unless_less_is_asked_in_the_end():
    step = OverflowStep(0, way=VOICEMAIL, state="nobody_there")
    core = core_with(step, north="1")
    join(core, "x")
    wine = (("wine", 2),)
    assert ways(join(core, "a", skills=wine)) == [("a", VOICEMAIL)]
    assert ways(join(core, "b", skills=wine, relax=(RelaxStep(60, ()),))) == []


def test_who_waits_for_the_own_salesperson_is_not_sent_away_while_that_one_is_at_work():
    core = core_with(OverflowStep(0, way=VOICEMAIL, state="nobody_there"))
    core.log_in(Login(9, "A9", "809", ()), NOW)
    core.reserve("d", NOW, queue="north", agent_id=9)
    assert ways(join(core, preferred=(Preferred("salesperson", (9,)),))) == []
    core.command(9, "break", NOW + 1, "lunch")
    assert ways(core.release("d", NOW + 1)) == [("a", VOICEMAIL)]


def test_the_reasons_name_everything_that_the_step_asked_for():
    core = core_with(OverflowStep(10, way=VOICEMAIL, state="nobody_there"))
    join(core)
    (diverted,) = core.tick(NOW + 10)
    assert isinstance(diverted, Diverted)
    assert [reason.code for reason in diverted.why] == ["overflow_time", "nobody_there"]


@pytest.mark.parametrize("first_s", [None, 5.0])
def test_place_first_then_comfort_in_between(first_s: float | None):
    more = {"announce_every_s": 60.0, "comfort_every_s": 25.0}
    core = core_with(**more | ({"announce_first_s": first_s} if first_s else {}))
    join(core)
    said: list[tuple[float, str]] = []
    while (due := core.next_deadline()) is not None and due <= NOW + 130:
        kinds = {AnnouncementDue: "place", ComfortDue: "comfort"}
        said += [(due - NOW, kinds[type(each)]) for each in core.tick(due)]
    expected = (
        [(5, "place"), (30, "comfort"), (55, "comfort"), (65, "place"), (90, "comfort")]
        if first_s
        else [(25, "comfort"), (50, "comfort"), (60, "place"), (85, "comfort"), (110, "comfort")]
    )
    assert said[:5] == expected
