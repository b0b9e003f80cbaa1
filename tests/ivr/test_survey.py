"""The survey after the talk: who is asked, what is kept, what the report makes of it."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.located import FileRefused
from acd.rows import SurveyRow, decode, only, split
from acd.surveys import Grouping, SurveyQuery, Surveys
from crm_core.errors import DatabaseUnavailable, Forbidden
from crm_core.rights import SYSTEM, Caller
from ivr.line.live import Line
from ivr.line_file import read_line
from ivr.survey_plan import KeyPlan, QuestionPlan, Say, SurveyPlan
from tests.ivr.ivr_line import KNOWN, LINE_FILE, Channel, OrderLine
from tests.ivr.line_files import PLAN, TWO_MENUS

STRANGER = "02223456789"
SERVICE = """
surveys:
  after:
    min_talk_s: 0
    questions:
      manner:
        say: {zh: 态度如何？, en: "How were we?"}
        keys: {"1": {zh: 好, en: Good, score: 5}, "2": {zh: 差, en: Bad, score: 1}}
      solved:
        say: {zh: 解决了吗？, en: "Is it solved?"}
        keys: {"1": {zh: 是, en: "Yes"}, "2": {zh: 否, en: "No"}}
"""
ASKED = PLAN.replace("en: North}", "en: North, survey: after}")


def surveyed(line: OrderLine, **changes: object) -> None:
    """The survey on the line's queue north, changed so."""
    text = LINE_FILE.read_text(encoding="utf-8").partition("\nsurveys:")[0] + SERVICE
    text = text.replace("survey: satisfaction", "survey: after")
    text = text.replace("label_en: North China\n", "label_en: North China\n    survey: after\n")
    plan, menus = read_line(text)
    survey = menus.surveys["after"].model_copy(update=changes)
    line.house.line.now = Line(1, plan, menus.model_copy(update={"surveys": {"after": survey}}))


def answers(line: OrderLine) -> list[SurveyRow]:
    found = [
        decode(split(each))
        for file in sorted((line.folder / "journal").glob("*.journal"))
        for each in file.read_bytes().splitlines(keepends=True)
    ]
    return only(SurveyRow, found)


async def caller_of(line: OrderLine, *keys: str | None, **more: object) -> Channel:
    """A caller who chose wholesale in the north, talked, and then pressed these keys."""
    if line.acd.agent_view(1) is None:
        await line.agent(1, "north")
    made = {"dials": [("ANSWER", 12)], "caller": STRANGER} | more
    channel = Channel(keys=["1", "1", *keys], **made)
    await line.ring(channel)
    return channel


async def test_what_a_caller_presses_after_the_talk_is_kept_against_agent_call_and_queue(
    line: OrderLine,
) -> None:
    surveyed(line)
    caller = await caller_of(line, "2", "1", caller=KNOWN)
    assert caller.played[-3:] == ["survey_after_manner", "survey_after_solved", "thank_you"]
    first, second = answers(line)
    assert (first.call_id, first.agent_id, first.queue) == (caller.call_id, 1, "north")
    assert first.customer_id == line.row(caller).customer_id is not None
    assert (first.question, first.pressed, first.score, first.label_zh) == ("manner", "2", 1, "差")
    assert (second.question, second.pressed, second.score) == ("solved", "1", None)
    assert line.row(caller).outcome == "answered"


async def test_a_wrong_key_is_asked_again_and_silence_leaves_the_question_open(
    line: OrderLine,
) -> None:
    surveyed(line)
    caller = await caller_of(line, "9", "1", None, None)
    assert [each.pressed for each in answers(line)] == ["1", None]
    assert caller.played[2:] == [
        "survey_after_manner",
        "wrong_key",
        "survey_after_manner",
        "survey_after_solved",
        "no_key",
        "survey_after_solved",
        "thank_you",
    ]


async def test_a_hang_up_in_the_middle_keeps_what_was_answered(line: OrderLine) -> None:
    surveyed(line)
    whole = await caller_of(line, "1", "1")
    at = next(n for n, c in enumerate(whole.commands, 1) if "survey_after_solved" in c)
    await line.acd.finish_wrap_up(1)
    gone = await caller_of(line, "1", hang_up_at=at)
    kept = [each for each in answers(line) if each.call_id == gone.call_id]
    assert [(each.question, each.pressed) for each in kept] == [("manner", "1"), ("solved", None)]
    assert line.row(gone).outcome == "answered"


async def test_who_hangs_up_first_is_not_asked(line: OrderLine) -> None:
    surveyed(line)
    whole = await caller_of(line, "1", "1")
    at = next(n for n, c in enumerate(whole.commands, 1) if "EXEC" in c and "Dial" in c)
    await line.acd.finish_wrap_up(1)
    gone = await caller_of(line, hang_up_at=at)
    assert not [each for each in answers(line) if each.call_id == gone.call_id]


@pytest.mark.parametrize("changes", [{"min_talk_s": 13}, {"share": 0.0000001}])
async def test_short_talks_and_those_outside_the_share_are_not_asked(
    line: OrderLine, changes: dict[str, float]
) -> None:
    surveyed(line, **changes)
    caller = await caller_of(line, call_id="f" * 32)
    assert caller.played[-1] == "thank_you"
    assert answers(line) == []


async def test_nobody_is_asked_twice_within_the_days_of_the_survey(line: OrderLine) -> None:
    surveyed(line, not_again_days=7)
    await caller_of(line, "1", "1")
    await line.acd._writer.flush()
    await line.acd.finish_wrap_up(1)
    second = await caller_of(line, "1", "1")
    assert second.played[-1] == "thank_you"
    assert {each.call_id for each in answers(line)} != {second.call_id}
    line.pass_time(8 * 86_400)
    third = await caller_of(line, "1", "1")
    assert third.call_id in {each.call_id for each in answers(line)}


async def test_nobody_is_asked_while_it_cannot_be_known_who_was_asked_before(
    line: OrderLine,
) -> None:
    class Away:
        async def asked_since(self, number: str, since: object) -> bool:
            raise DatabaseUnavailable("away")

    surveyed(line, not_again_days=7)
    line.house = replace(line.house, surveys=Away())
    await line.reopen()
    caller = await caller_of(line, "1", "1")
    assert (caller.played[-1], answers(line)) == ("thank_you", [])


async def test_wrong_and_silent_answers_are_steps_of_the_record(line: OrderLine) -> None:
    surveyed(line)
    caller = await caller_of(line, "7", "1", None, "2")
    noted = [
        (step.kind, step.detail["asked"], step.detail.get("key"))
        for step in line.rows()[1]
        if step.call_id == caller.call_id and step.kind in ("no_key", "wrong_key")
    ]
    assert noted == [("wrong_key", "manner", "7"), ("no_key", "solved", None)]


async def test_the_report_counts_means_shares_and_response(line: OrderLine) -> None:
    surveyed(line)
    for keys in (("1", "1"), ("1", "2"), ("2", None, None), (None, None, "1")):
        await caller_of(line, *keys)
        await line.acd.finish_wrap_up(1)
    await line.acd._writer.flush()
    surveys, now = line.house.surveys, line.clock.now
    assert isinstance(surveys, Surveys)
    manner, solved = await surveys.report(SYSTEM, SurveyQuery(by=Grouping.QUEUE), now)
    assert (manner.group, manner.asked, manner.answered, manner.response_rate) == (
        "north",
        4,
        3,
        0.75,
    )
    assert manner.mean == pytest.approx(11 / 3)
    assert [(each.key, each.label_en, each.count) for each in manner.keys] == [
        ("1", "Good", 2),
        ("2", "Bad", 1),
    ]
    assert manner.keys[0].share == pytest.approx(2 / 3)
    assert (solved.asked, solved.answered, solved.mean) == (4, 3, None)
    by_day = await surveys.report(SYSTEM, SurveyQuery(by=Grouping.DAY, question="manner"), now)
    assert [(each.group, each.asked) for each in by_day] == [("2026-03-02", 4)]
    mine = await surveys.report(SYSTEM, SurveyQuery(by=Grouping.AGENT, agent_id=2), now)
    assert mine == ()
    later = await surveys.report(SYSTEM, SurveyQuery(), now + timedelta(days=31))
    assert later == ()


async def test_who_may_see_nothing_of_calls_sees_no_report(line: OrderLine) -> None:
    surveys = line.house.surveys
    assert isinstance(surveys, Surveys)
    with pytest.raises(Forbidden):
        await surveys.report(Caller(), SurveyQuery(), line.clock.now)


@given(st.floats(0.001, 100), st.floats(0.001, 100))
def test_a_call_that_is_in_a_share_is_in_every_greater_one(one: float, other: float) -> None:
    call_id = uuid4().hex
    small, great = sorted((one, other))
    if survey(share=small).wants(call_id, 0):
        assert survey(share=great).wants(call_id, 0)
    assert survey(share=100).wants(call_id, 0)


def survey(**given: float) -> SurveyPlan:
    question = QuestionPlan(
        name="q", say=Say(zh="一", en="one"), keys={"1": KeyPlan(zh="好", en="Good")}
    )
    return SurveyPlan.model_validate(
        {"name": "s", "questions": (question,), "min_talk_s": 0, **given}
    )


@pytest.mark.parametrize(
    ("wrong", "line_number", "reason"),
    [
        (("survey: after", "survey: late"), 2, "there is no survey “late”"),
        (('"2": {zh: 差', '"22": {zh: 差'), 30, "“22” is not a key"),
        (("min_talk_s: 0", "share: 0"), 26, "greater than 0"),
        ((', en: "How were we?"', ""), 29, "'en' is missing"),
        (("score: 5", "score: lots"), 30, "valid integer"),
    ],
)
def test_a_survey_that_cannot_be_asked_is_refused_with_its_line(
    wrong: tuple[str, str], line_number: int, reason: str
) -> None:
    text = ASKED + TWO_MENUS + SERVICE
    read_line(text)
    with pytest.raises(FileRefused) as refused:
        read_line(text.replace(*wrong, 1))
    assert [(each.line, reason in each.reason) for each in refused.value.faults] == [
        (line_number, True)
    ]
