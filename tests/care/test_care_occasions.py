import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.care.occasions import (
    Days,
    Due,
    Span,
    celebrated,
    days_to_look,
    due_after,
    due_on,
    local_day,
    midnight,
    month_days,
    past_spans,
    span_to_look,
)
from crm_core.care.wording import fill, known_placeholders

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "Asia/Shanghai",
            "America/New_York",
            "Pacific/Kiritimati",
            "Pacific/Pago_Pago",
            "Australia/Lord_Howe",
            "UTC",
        )
    ]
)
DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))
MOMENTS = st.integers(8_000, 65_000).flatmap(
    lambda day: st.integers(0, 86_399).map(
        lambda second: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second)
    )
)


def number(day: date) -> int:
    return day.month * 100 + day.day


@given(DAYS, st.integers(1901, 2199))
def test_each_day_is_celebrated_on_exactly_one_day_of_a_year(began: date, year: int):
    whole_year = Days(date(year, 1, 1), date(year, 12, 31))
    found = [day for day in whole_year if number(began) in month_days(day)]
    assert found == [celebrated(began, year)]


@given(DAYS)
def test_only_the_leap_day_is_ever_celebrated_on_another_day(began: date):
    for year in range(2023, 2029):
        day = celebrated(began, year)
        assert (day.month, day.day) == (began.month, began.day) or (
            (began.month, began.day, day.month, day.day) == (2, 29, 2, 28)
        )


@pytest.mark.parametrize(
    ("day", "numbers"),
    [
        (date(2027, 2, 28), (228, 229)),
        (date(2028, 2, 28), (228,)),
        (date(2028, 2, 29), (229,)),
        (date(2100, 2, 28), (228, 229)),
        (date(2026, 3, 1), (301,)),
        (date(2026, 12, 31), (1231,)),
    ],
)
def test_the_leap_day_is_celebrated_on_28_february_of_other_years(day, numbers):
    assert month_days(day) == numbers


@given(MOMENTS, ZONES)
def test_a_moment_lies_within_its_own_local_day(moment: datetime, zone: ZoneInfo):
    day = local_day(moment, zone)
    assert midnight(day, zone) <= moment < midnight(day + timedelta(days=1), zone)


def test_the_local_date_counts_and_not_that_of_the_machine():
    new_year = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert local_day(new_year, SHANGHAI) == date(2027, 1, 1)
    assert local_day(new_year - timedelta(seconds=1), SHANGHAI) == date(2026, 12, 31)
    assert due_on(date(2027, 1, 1), 10, SHANGHAI) == Due(
        datetime(2027, 1, 1, 2, tzinfo=UTC), 14 * 60
    )


@given(DAYS, st.integers(0, 23), ZONES)
def test_a_celebration_is_due_on_its_day_and_escalates_when_the_day_is_over(day, hour, zone):
    due = due_on(day, hour, zone)
    assert local_day(due.at, zone) == day
    over = due.at + timedelta(minutes=due.escalate_after_min)
    assert abs(over - midnight(day + timedelta(days=1), zone)) < timedelta(minutes=1)
    assert 1 <= due.escalate_after_min <= 7 * 24 * 60


@given(MOMENTS, st.integers(1, 720), st.data())
def test_a_follow_up_is_due_before_the_promise_ends_and_escalates_when_it_ends(moment, after, data):
    lead = data.draw(st.integers(0, min(after - 1, 168)))
    due = due_after(moment, after, lead)
    assert moment < due.at <= moment + timedelta(hours=after)
    end = due.at + timedelta(minutes=due.escalate_after_min)
    assert end == moment + timedelta(hours=after) + timedelta(minutes=0 if lead else 1)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=400)), st.integers(0, 60), ZONES)
def test_what_is_coming_is_looked_for_and_what_passed_for_at_most_seven_days(
    now, away, days_before, zone
):
    days = days_to_look(now, now - away, days_before, zone)
    today = local_day(now, zone)
    assert days.last == today + timedelta(days=days_before)
    assert days.first == max(local_day(now - away, zone), local_day(now - timedelta(days=7), zone))
    assert today in days


@given(MOMENTS, st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 30), ZONES)
def test_no_day_is_passed_over_by_a_daemon_that_looks_every_few_days(now, gaps, days_before, zone):
    seen, looked_at, start = set(), now, now
    for gap in gaps:
        now += timedelta(days=min(gap, 7))
        seen |= set(days_to_look(now, looked_at, days_before, zone))
        looked_at = now
    first, last = local_day(start, zone), local_day(now, zone)
    assert seen == set(Days(first, last + timedelta(days=days_before)))


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=30)), st.none() | st.integers(0, 30))
def test_deliveries_are_looked_for_from_the_last_look_on(now, active_for, looked_days_ago):
    looked_at = None if looked_days_ago is None else now - timedelta(days=looked_days_ago)
    span = span_to_look(now, now - active_for, looked_at)
    assert span.ends == now
    assert span.begins >= max(now - active_for, now - timedelta(days=7))
    if looked_at is not None and looked_days_ago:
        assert span.begins <= max(looked_at, now - active_for, now - timedelta(days=7))


def test_a_rule_that_is_switched_on_in_the_future_looks_at_nothing():
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert span_to_look(now, now + timedelta(days=9), None) == Span(now, now)
    days = days_to_look(now, now + timedelta(days=9), 0, SHANGHAI)
    assert list(days) == [date(2026, 3, 2)]


@given(st.dates(date(2026, 1, 1), date(2032, 12, 31)), st.integers(0, 10), ZONES, MOMENTS)
def test_what_began_in_the_past_spans_is_what_is_celebrated_in_the_days(first, more, zone, moment):
    days = Days(first, first + timedelta(days=more))
    began = local_day(moment, zone)
    expected = began.year < days.last.year and any(
        celebrated(began, day.year) == day and began.year < day.year for day in days
    )
    spans = past_spans(days, zone)
    assert any(span.begins <= moment < span.ends for span in spans) == expected
    assert all(one.ends < other.begins for one, other in itertools.pairwise(spans))


def test_an_hour_that_the_clocks_skip_is_still_on_its_day():
    zone = ZoneInfo("America/New_York")
    due = due_on(date(2026, 3, 8), 2, zone)
    assert due.at == datetime.combine(date(2026, 3, 8), time(7), UTC)


NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=120)


@given(NAMES, NAMES)
def test_a_name_that_looks_like_a_placeholder_stays_as_it_is(name: str, order: str):
    printable = "".join(s for s in name if s.isprintable())
    filled = fill("{customer}|{order}", {"customer": f"{{order}}{printable}", "order": "7"})
    assert filled == f"{{order}}{printable}|7"[:200].strip()
    assert len(fill("{customer}{order}{customer}", {"customer": name, "order": order})) <= 200


@pytest.mark.parametrize("bad", ["{nobody}", "{}", "{customer.__class__}", "{0}", "{customer!r}"])
def test_a_placeholder_that_means_nothing_is_refused(bad):
    with pytest.raises(ValueError, match="means nothing"):
        known_placeholders(f"{{customer}} {bad}")


def test_what_is_not_known_is_left_out_and_control_characters_too():
    assert fill("{customer} {contact}：祝福", {"customer": "甲\x07乙"}) == "甲乙 ：祝福"
    assert fill("{customer}{{x}", {"customer": "甲"}) == "甲{"
