"""The rules of dialling, tried on every time of day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.policy import DialRules, classify, may_dial, next_opening, retry_for

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULES = DialRules()
instants = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
purposes = st.sampled_from(["callback", "campaign"])


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=SHANGHAI)


@given(instants, purposes, st.lists(instants, max_size=6))
def test_a_number_on_the_list_is_never_dialled(now, purpose, earlier):
    verdict = may_dial(purpose, now, rules=RULES, on_list=True, earlier=earlier)
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "do_not_call", None)


@given(instants, purposes)
def test_what_is_allowed_lies_inside_the_hours_of_the_callee(now, purpose):
    verdict = may_dial(purpose, now, rules=RULES, on_list=False)
    local = now.astimezone(SHANGHAI).time()
    inside = any(start <= local < end for start, end in RULES.hours(purpose))
    assert verdict.allowed is inside


@given(instants, purposes, st.lists(instants, max_size=6))
def test_asking_again_at_the_time_named_is_never_too_early(now, purpose, earlier):
    verdict = may_dial(purpose, now, rules=RULES, on_list=False, earlier=earlier)
    if verdict.reason == "outside_hours":
        assert verdict.retry_at is not None
        again = may_dial(purpose, verdict.retry_at, rules=RULES, on_list=False)
        assert again.allowed
    if verdict.reason == "attempts_used_up":
        assert verdict.retry_at is not None
        later = may_dial(
            purpose,
            verdict.retry_at,
            rules=RULES,
            on_list=False,
            earlier=earlier_than(earlier, now),
        )
        assert later.reason != "attempts_used_up"


def earlier_than(times: list[datetime], now: datetime) -> list[datetime]:
    return [time for time in times if time <= now]


@given(instants, st.lists(st.timedeltas(timedelta(0), timedelta(hours=23)), max_size=8))
def test_no_more_than_the_attempts_of_a_day(now, ages):
    earlier = [now - age for age in ages]
    verdict = may_dial("callback", now, rules=RULES, on_list=False, earlier=earlier)
    if verdict.allowed:
        assert len(earlier) < RULES.attempts_per_day


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (at(8), at(9)),
        (at(9), at(9)),
        (at(11, 59), at(11, 59)),
        (at(12), at(14)),
        (at(20, 59), at(20, 59)),
        (at(21), at(9) + timedelta(days=1)),
    ],
)
def test_campaign_hours_open_at_the_minute(now, opens):
    assert next_opening(now, RULES.campaign_hours, SHANGHAI) == opens


@pytest.mark.parametrize(
    ("cause", "result"),
    [(17, "busy"), (1, "invalid_number"), (19, "no_answer"), (21, "rejected"), (34, "congestion")],
)
def test_a_hang_up_cause_becomes_a_disposition(cause, result):
    assert classify(cause) == result


@pytest.mark.parametrize("result", ["invalid_number", "rejected", "reached", "unknown"])
def test_these_results_are_never_dialled_again_by_themselves(result):
    assert retry_for(result).after is None
