"""The pure parts of the outbox: pace and pauses of a provider, what becomes of a message, whom it reaches."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.outbox.flow import Flow, Pace
from crm_core.outbox.messages import Channel, Contact, messages
from crm_core.outbox.outcome import Claimed, OutboxRules, Outcomes
from crm_core.outbox.ports import NEVER, MaybeSent, Message, NotNow, NotSent
from crm_core.outbox.wording import (
    BadTemplate,
    Wording,
    Words,
    check,
    chosen,
    filled,
)

START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PACE = Pace(per_s=2, burst=5, at_once=3, faults=2)
WINDOW = timedelta(hours=4)
RULES = OutboxRules(attempts=4)
STEPS = st.lists(st.tuples(st.floats(0, 30), st.integers(0, 2)), max_size=60)


@given(STEPS)
def test_no_more_set_out_than_burst_and_pace_allow_nor_than_may_be_under_way(steps):
    now, flow, sent, out = 0.0, Flow(PACE, 0.0), 0, 0
    for wait, come_back in steps:
        now += wait
        for _ in range(min(come_back, out)):
            flow.went_well()
            out -= 1
        room = flow.room(now)
        flow.set_out(room)
        sent, out = sent + room, out + room
        assert out <= PACE.at_once
        assert sent <= PACE.burst + now * PACE.per_s + 1e-6


@given(st.integers(2, 40))
def test_a_provider_that_is_away_is_left_alone_longer_and_longer_up_to_a_limit(tries):
    flow, now = Flow(PACE, 0.0), 0.0
    for _ in range(PACE.faults):
        flow.set_out(1)
        flow.fault(now)
    pauses = []
    for _ in range(tries):
        until = flow.closed_until
        assert until is not None
        assert flow.room(until - 1e-3) == 0
        assert flow.room(until) == 1
        flow.set_out(1)
        assert flow.room(until) == 0
        pauses.append(flow.fault(until))
        assert flow.closed_until == until + pauses[-1].total_seconds()
        now = until
    assert pauses == sorted(pauses)
    assert pauses[0] == PACE.first_pause * 2
    assert pauses[-1] <= PACE.longest_pause


def test_a_provider_that_is_back_is_served_at_once():
    flow = Flow(PACE, 0.0)
    for _ in range(PACE.faults):
        flow.set_out(1)
        flow.fault(0.0)
    back = PACE.first_pause.total_seconds()
    assert flow.room(back) == 1
    flow.set_out(1)
    flow.went_well()
    assert flow.closed_until is None
    assert flow.room(back + 1) == PACE.at_once


def test_a_provider_that_names_a_time_is_left_alone_until_then():
    flow = Flow(PACE, 0.0)
    flow.set_out(1)
    assert flow.fault(0.0, timedelta(minutes=7)) == timedelta(minutes=7)
    assert flow.room(6 * 60.0) == 0


def claimed(**more) -> Claimed:
    message = Message("t", "order_placed", "a@b.example", "zh", {})
    values = {
        "id": 1, "subject": "order", "subject_id": 1, "channel": "email", "attempts": 1, "claims": 1,
        "queued_at": START, "tried_at": START, "doubtful_since": None, "message": message,
    }  # fmt: skip
    return Claimed(**values | more)


def test_only_refusals_of_the_message_itself_count_as_attempts():
    outcomes = Outcomes(RULES, NEVER)
    refused = outcomes.not_sent(claimed(attempts=2), NotSent("no", permanent=False), START)
    away = outcomes.not_now(claimed(attempts=2), NotNow("away"), START, START + SECOND)
    assert (refused.attempts, away.attempts) == (2, 1)
    assert away.next_at == START + SECOND


def test_a_doubt_from_before_the_clock_was_set_back_is_not_repeated():
    outcomes, slow = Outcomes(RULES, WINDOW), timedelta(seconds=30)
    doubtful = claimed(doubtful_since=START + slow)
    assert outcomes.too_late(doubtful) is None
    late = outcomes.too_late(claimed(doubtful_since=START + timedelta(hours=1)))
    assert (late.state, late.attempts) == ("unknown", 0)


def test_a_message_waits_for_a_provider_as_long_as_it_lives():
    outcomes = Outcomes(RULES, NEVER)
    day = START + timedelta(days=1)
    assert outcomes.not_now(claimed(), NotNow("away"), day, day + SECOND).state == "pending"
    late = START + RULES.longest_life
    assert outcomes.not_now(claimed(), NotNow("away"), late, late + SECOND).state == "failed"


EVENTS = st.lists(
    st.tuples(st.sampled_from(["refused", "for_good", "away", "lost"]), st.floats(0, 7200)),
    max_size=12,
)


@given(EVENTS, st.sampled_from([NEVER, WINDOW]))
def test_a_message_that_may_have_gone_out_is_repeated_only_while_the_double_is_removed(
    events, window
):
    outcomes, message, now, doubt = Outcomes(RULES, window), claimed(attempts=0), START, None
    for what, wait in events:
        now += timedelta(seconds=wait)
        message = claimed(
            attempts=message.attempts + 1, tried_at=now, doubtful_since=message.doubtful_since
        )
        if doubt is not None and now - doubt >= window:
            assert outcomes.too_late(message).state == "unknown"
            return
        assert outcomes.too_late(message) is None
        match what:
            case "refused":
                result = outcomes.not_sent(message, NotSent("no", permanent=False), now)
            case "for_good":
                result = outcomes.not_sent(message, NotSent("no", permanent=True), now)
            case "away":
                result = outcomes.not_now(message, NotNow("away"), now, now + SECOND)
            case _:
                result = outcomes.maybe_sent(message, MaybeSent("lost"), now)
                doubt = doubt or now
        if doubt is not None:
            assert result.state in ("unknown", "pending")
            if window == NEVER:
                assert result.state == "unknown"
        if result.state != "pending":
            assert result.attempts <= RULES.attempts
            assert result.state == ("failed" if doubt is None else "unknown")
            return
        assert result.next_at is not None
        now = max(now, result.next_at)
        message = claimed(attempts=result.attempts, doubtful_since=result.doubtful_since)


WORDS = Words(
    {
        "a": Wording("甲 {number}", "正文 {number}\n运单 {waybill}\n{company}"),
        "b": Wording("乙", "乙"),
    },
    {"a": Wording("A {number}", "Text {number}\n{company}")},
)


def test_a_line_with_something_optional_is_left_out_when_there_is_none():
    values = {"number": "7", "company": "总机"}
    assert filled(WORDS.zh["a"], values) == Wording("甲 7", "正文 7\n总机")
    assert filled(WORDS.zh["a"], values | {"waybill": "EMS1"}).body == "正文 7\n运单 EMS1\n总机"
    with pytest.raises(KeyError):
        filled(WORDS.zh["a"], {"company": "总机"})


def test_own_words_come_first_then_the_language_then_chinese():
    def said(kind: str, language: str, channel: str, own=None) -> str:
        found = chosen(kind, language, channel, own or {}, WORDS)
        assert found is not None
        return found.subject

    assert said("a", "en-GB", "email") == "A {number}"
    assert said("b", "en", "email") == "乙"
    own = {
        ("a", "en", ""): Wording("own", ""),
        ("a", "en", "voice"): Wording("spoken", ""),
        ("b", "zh", ""): Wording("自己", ""),
    }
    assert said("a", "en", "email", own) == "own"
    assert said("a", "en", "voice", own) == "spoken"
    assert said("a", "zh", "voice", own) == "甲 {number}"
    assert said("b", "en", "email", own) == "自己"
    assert chosen("c", "zh", "email", own, WORDS) is None


@pytest.mark.parametrize(
    "text",
    [
        "{nubmer}",
        "{number.__class__}",
        "{number!r}",
        "{number:>99}",
        "{",
        "}",
        "{}",
        "{0}",
        "{a b}",
    ],
)
def test_words_that_no_message_fills_are_refused(text):
    with pytest.raises(BadTemplate):
        check(Wording("x", text), WORDS.placeholders("a"))


def test_what_a_kind_of_message_may_hold_is_what_its_shipped_words_hold_and_what_all_have():
    assert WORDS.placeholders("a") == {"number", "waybill", "link", "company"}
    assert WORDS.placeholders("b") == {"link", "company"}


@given(st.text(max_size=50))
def test_words_are_either_refused_or_can_be_filled_in(text):
    words = Wording("x", text)
    try:
        check(words, WORDS.placeholders("a"))
    except BadTemplate:
        return
    filled(words, dict.fromkeys(WORDS.placeholders("a"), "v"))


ALL = Contact("a@b.example", "13800138000", "zh", "02223456789", "zhangsan", "robot-key-1")


def reached(contact: Contact) -> list[str]:
    return [each.channel for each in messages("k", contact, list(Channel), {})]


def test_without_a_choice_every_address_is_used_but_nobody_is_called():
    assert reached(ALL) == ["email", "fax", "sms", "wecom", "wecom_group"]
    assert reached(Contact(None, "02223456789", "zh")) == []


def test_a_customer_who_chose_is_told_by_nothing_else():
    chosen_two = Contact("a@b.example", "02223456789", "zh", told_by=("email", "voice", "sms"))
    assert reached(chosen_two) == ["email", "voice"]
    assert reached(Contact("a@b.example", "13800138000", "zh", told_by=())) == []
