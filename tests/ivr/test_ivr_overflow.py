"""What callers who wait hear and where the line sends them, over a real FastAGI connection."""

import pytest
import yaml

from acd.events import CallDiverted
from acd.tickets import Announcement
from ivr.line.live import Line
from ivr.line_file import read_line
from ivr.told import prompts, rounded
from tests.ivr.ivr_line import LINE_FILE, Channel, OrderLine, until

STRANGER = "02223456789"
OUTSIDE = "13900139000"
DIALLED = ("Dial", f"Local/{OUTSIDE}@to-trunk", "30", "gS(7200)")


def overflows(line: OrderLine, *steps: dict[str, object], **queue: object) -> None:
    """The shipped line, in which north overflows so."""
    plan = yaml.safe_load(LINE_FILE.read_text(encoding="utf-8"))
    plan["queues"]["north"] |= {"overflow": list(steps)} | queue
    live = Line(2, *read_line(yaml.safe_dump(plan, allow_unicode=True)))
    line.house.line.now = live
    line.acd.adopt(live.plan)


def details(line: OrderLine, caller: Channel, kind: str) -> list[dict[str, object]]:
    return [
        step.detail
        for step in line.rows()[1]
        if step.call_id == caller.call_id and step.kind == kind
    ]


async def test_with_nobody_at_work_the_caller_is_put_through_to_the_outside_number(
    line: OrderLine,
) -> None:
    overflows(line, {"when": "nobody_there", "outside": OUTSIDE})
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 12)], caller=STRANGER)
    await line.ring(caller)
    assert caller.executed[-1] == DIALLED
    assert caller.executed[-2][0] == "MixMonitor"
    row = line.row(caller)
    assert (row.outcome, row.left_reason, row.agent_id) == ("outside", "outside", None)
    assert row.answered_at is not None
    assert details(line, caller, "diverted") == [
        {
            "way": "outside",
            "to": OUTSIDE,
            "why": [{"code": "nobody_there", "params": {"from": "north"}}],
        }
    ]
    assert isinstance(line.last(CallDiverted), CallDiverted)
    assert caller.played[-1] == "thank_you"
    north = next(queue for queue in line.acd.queue_views() if queue.name == "north")
    assert (north.answered_today, north.abandoned_today, north.waiting) == (1, 0, 0)


async def test_an_outside_number_that_does_not_answer_brings_the_caller_back_to_the_old_place(
    line: OrderLine,
) -> None:
    overflows(line, {"when": "nobody_there", "outside": OUTSIDE})
    caller = Channel(keys=["1", "1"], dials=[("NOANSWER", 0), ("ANSWER", 5)], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    (waiting,) = line.acd.waiting_views()
    assert waiting.position == 1
    await line.agent(1, "north")
    await line.over()
    row = line.row(caller)
    assert (row.outcome, row.agent_id) == ("answered", 1)
    assert caller.executed.count(DIALLED) == 1


@pytest.mark.parametrize(
    ("number", "reason"), [(OUTSIDE, "own_number"), ("4006001001", "came_back")]
)
async def test_a_call_that_came_back_or_would_ring_its_caller_is_not_sent_out(
    line: OrderLine, number: str, reason: str
) -> None:
    overflows(line, {"when": "nobody_there", "outside": OUTSIDE})
    caller = Channel(keys=["1", "1"], caller=number)
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    caller.hang_up()
    await line.over()
    assert DIALLED not in caller.executed
    assert details(line, caller, "outside_refused") == [{"number": OUTSIDE, "reason": reason}]


async def test_only_so_many_outside_calls_are_under_way_at_once(line: OrderLine) -> None:
    overflows(line, {"when": "nobody_there", "outside": OUTSIDE})
    line.house.outside.under_way = 5
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    caller.hang_up()
    await line.over()
    assert [each["reason"] for each in details(line, caller, "outside_refused")] == ["too_many"]
    assert line.house.outside.under_way == 5


async def test_a_hang_up_while_the_outside_number_rings_frees_the_place_for_others(
    line: OrderLine,
) -> None:
    overflows(line, {"when": "nobody_there", "outside": OUTSIDE})
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: DIALLED in caller.executed)
    caller.hang_up()
    await line.over()
    assert line.row(caller).outcome == "abandoned"
    assert line.house.outside.under_way == 0


async def test_when_the_last_agent_leaves_those_who_wait_are_sent_on(line: OrderLine) -> None:
    overflows(line, {"when": "nobody_there", "outside": OUTSIDE})
    await line.agent(1, "north")
    first = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(first)
    await until(lambda: ("Dial", "PJSIP/1001", "20", "g") in first.executed)
    second = Channel(keys=["1", "1"], dials=[("ANSWER", 3)], caller="02223456780")
    await line.begin(second)
    await until(lambda: "please_wait" in second.played)
    await line.acd.log_out(1)
    first.hang_up()
    await line.over()
    assert second.executed[-1] == DIALLED
    assert line.row(second).outcome == "outside"


async def test_a_call_back_is_offered_when_it_takes_long_and_a_key_takes_it(
    line: OrderLine,
) -> None:
    overflows(line, {"when": "nobody_ready", "callback": True})
    caller = Channel(keys=["1", "1"], endless=["callback_offer"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: "callback_offer" in caller.played)
    caller.press("2")
    await line.over()
    assert line.promises.made == [(STRANGER, "north")]
    assert line.row(caller).outcome == "callback_requested"


async def test_who_hides_the_number_is_offered_no_call_back(line: OrderLine) -> None:
    overflows(line, {"when": "nobody_ready", "callback": True})
    caller = Channel(keys=["1", "1"], caller="anonymous")
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    caller.hang_up()
    await line.over()
    assert "callback_offer" not in caller.played


async def test_an_announcement_of_the_overflow_is_heard_at_the_kept_place_and_noted(
    line: OrderLine,
) -> None:
    overflows(line, {"when": "nobody_ready", "announce": "closed"}, announce_first_s=5)
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 3)], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    assert caller.played.index("announcement_closed") < caller.played.index("please_wait")
    (waiting,) = line.acd.waiting_views()
    assert waiting.position == 1
    await line.agent(1, "north")
    await line.over()
    assert (line.row(caller).outcome, line.row(caller).agent_id) == ("answered", 1)
    why = [{"code": "nobody_ready", "params": {"from": "north"}}]
    assert details(line, caller, "diverted") == [{"way": "announce", "to": "closed", "why": why}]
    assert details(line, caller, "announced") == [{"announcement": "closed"}]


async def test_an_announcement_is_heard_to_its_end_before_the_way_out_that_follows(
    line: OrderLine,
) -> None:
    overflows(
        line,
        {"when": "nobody_there", "announce": "closed"},
        {"when": "nobody_there", "outside": OUTSIDE},
    )
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 3)], caller=STRANGER)
    await line.ring(caller)
    assert "announcement_closed" in caller.played
    assert "please_wait" not in caller.played
    assert line.row(caller).outcome == "outside"


async def test_an_offer_cuts_an_announcement_short_and_an_announcement_cuts_no_prompt_short(
    line: OrderLine,
) -> None:
    overflows(line, {"after_s": 10, "announce": "closed"}, announce_first_s=5)
    caller = Channel(
        keys=["1", "1"],
        dials=[("ANSWER", 3)],
        endless=["announcement_closed"],
        caller=STRANGER,
    )
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    line.pass_time(10)
    await until(lambda: caller.played[-1] == "announcement_closed")
    assert "position_1" in caller.played
    await line.agent(1, "north")
    await line.over()
    assert line.row(caller).outcome == "answered"


async def test_a_queue_greets_in_its_own_words_whoever_joins_and_no_second_time(
    line: OrderLine,
) -> None:
    overflows(line, greeting="closed")
    caller = Channel(keys=["1", "1"], caller=STRANGER)
    await line.begin(caller)
    await until(lambda: "announcement_closed" in caller.played)
    await line.close()
    await line.over()
    await line.open()
    again = Channel(call_id=caller.call_id, caller=STRANGER, place=caller.variables["ZJ_PLACE"])
    await line.begin(again)
    await until(lambda: "please_wait" in again.played)
    again.hang_up()
    await line.over()
    assert "please_wait" not in caller.played
    assert "announcement_closed" not in again.played
    assert details(line, caller, "announced") == [{"announcement": "closed"}]


async def test_place_and_wait_are_said_and_what_was_told_is_held_against_what_became_of_it(
    line: OrderLine,
) -> None:
    overflows(line, announce_first_s=5)
    await line.agent(1, "north")
    await line.ring(Channel(keys=["1", "1"], dials=[("ANSWER", 2)], caller=STRANGER))
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 0)])
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    line.pass_time(5)
    await until(lambda: "callback_by_key" in caller.played)
    said = caller.played[caller.played.index("position_1") :]
    assert said == ["position_1", "wait_about", "number_3", "minutes", "callback_by_key"]
    line.pass_time(10)
    await line.over()
    (announced,) = details(line, caller, "announced")
    assert (announced["position"], announced["told"]) == (1, "about_3")
    assert details(line, caller, "wait_told") == [
        {"told_s": announced["estimate_s"], "waited_s": 10}
    ]


async def test_where_nobody_can_know_the_wait_only_the_place_is_said_and_comfort_in_between(
    line: OrderLine,
) -> None:
    overflows(line, announce_first_s=5, announce_every_s=60, comfort_every_s=30)
    caller = Channel(keys=["1", "1"], caller="anonymous")
    await line.begin(caller)
    await until(lambda: "please_wait" in caller.played)
    line.pass_time(5)
    await until(lambda: "position_1" in caller.played)
    line.pass_time(30)
    await until(lambda: "comfort" in caller.played)
    caller.hang_up()
    await line.over()
    assert caller.played[-2:] == ["position_1", "comfort"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, None),
        (0, "under_1"),
        (59.9, "under_1"),
        (60, "about_1"),
        (61, "about_2"),
        (600, "about_10"),
        (601, "about_15"),
        (1_800, "about_30"),
        (1_801, "over_30"),
    ],
)
def test_waits_are_rounded_up_and_not_beyond_what_is_known(
    seconds: float | None, said: str | None
) -> None:
    wait = rounded(seconds)
    assert (str(wait) if wait else None) == said


def test_the_wait_is_said_in_the_pieces_of_each_language() -> None:
    told = Announcement(position=2, estimate_s=120)
    zh = prompts(told, "zh", callback=False)
    assert zh == ("position_2", "wait_about", "number_2_of", "minutes")
    en = prompts(Announcement(2, 60), "en", callback=True)
    assert en == ("position_2", "wait_about", "number_1", "minute", "callback_by_key")
    assert prompts(Announcement(2, None), "en", callback=False) == ("position_2",)
