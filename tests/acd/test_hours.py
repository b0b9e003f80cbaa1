"""Business hours, holidays and shifted working days: open at a moment or not."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import official
from acd.hours import WEEKDAYS, HolidayPlan, HoursPlan, TimeConditions, Times
from acd.hours_plan import read_times
from acd.located import FileRefused, parse

OFFICE = {"mon-fri": ["08:30-12:00", "13:30-18:00"], "sat": "09:00-12:00"}


def times(**more: Any) -> Times:
    given_hours = more.pop("hours", (HoursPlan(name="office", week=OFFICE),))
    return Times(hours=given_hours, **more)


def at(found: Times, wall: str) -> tuple[bool, str | None]:
    moment = found.at(datetime.fromisoformat(wall))
    return "office" in moment.open, moment.holiday


@pytest.mark.parametrize(
    ("wall", "opened"),
    [
        ("2026-03-02T08:29:59", False),
        ("2026-03-02T08:30", True),
        ("2026-03-02T12:00", False),
        ("2026-03-02T13:30", True),
        ("2026-03-02T18:00", False),
        ("2026-03-07T11:59:59", True),
        ("2026-03-08T11:00", False),
    ],
)
def test_a_span_begins_with_its_first_second_and_ends_before_its_last(wall: str, opened: bool):
    assert at(times(), wall) == (opened, None)


def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins():
    found = times(hours=(HoursPlan(name="office", week={"fri": "22:00-02:00"}),))
    assert at(found, "2026-03-06T23:00") == (True, None)
    assert at(found, "2026-03-07T01:59") == (True, None)
    assert at(found, "2026-03-07T02:00") == (False, None)
    assert at(found, "2026-03-06T01:00") == (False, None)


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        ("2026-02-17T10:00", (False, "spring_festival")),
        ("2026-02-14T10:00", (True, None)),  # a Saturday worked for the Spring Festival
        ("2026-02-14T16:00", (True, None)),  # like a Monday, not like a Saturday
        ("2026-10-01T10:00", (False, "national_day")),
        ("2026-10-10T16:00", (True, None)),
        ("2026-03-02T10:00", (True, None)),
    ],
)
def test_the_official_calendar_closes_holidays_and_opens_shifted_days(
    wall: str, expected: tuple[bool, str | None]
):
    assert at(times(calendar="china"), wall) == expected


def test_without_the_calendar_a_week_is_a_week():
    assert at(times(), "2026-10-01T10:00") == (True, None)


@pytest.mark.parametrize(
    ("days", "more", "wall", "expected"),
    [
        ("2026-06-30", {}, "2026-06-30T10:00", (False, "own")),
        ("2026-06-30", {"hours": "10:00-11:00"}, "2026-06-30T10:30", (True, "own")),
        ("2026-06-30", {"hours": "10:00-11:00"}, "2026-06-30T09:30", (False, "own")),
        ("2026-03-08", {"works_as": "mon"}, "2026-03-08T16:00", (True, None)),
        ("06-30", {}, "2031-06-30T10:00", (False, "own")),
        ("12-30..01-02", {}, "2031-01-02T10:00", (False, "own")),
        ("2026-12-30..2027-01-02", {}, "2027-01-01T10:00", (False, "own")),
        (["2026-06-01", "2026-06-03"], {}, "2026-06-02T10:00", (True, None)),
        ("2026-10-01", {"works_as": "mon"}, "2026-10-01T10:00", (True, None)),
    ],
)
def test_own_days_come_before_everything_else(
    days: str | list[str], more: dict[str, Any], wall: str, expected: tuple[bool, str | None]
):
    own = HolidayPlan(name="own", days=days, **more)
    assert at(times(calendar="china", holidays=(own,)), wall) == expected


def test_hours_may_pass_over_holidays():
    duty = HoursPlan(name="office", week={"mon-sun": "00:00-24:00"}, holidays=False)
    assert at(times(hours=(duty,), calendar="china"), "2026-10-01T03:00") == (True, "national_day")


def test_the_clock_on_the_wall_counts_where_it_is_put_forward_and_back():
    zone = ZoneInfo("Europe/Berlin")
    found = times(hours=(HoursPlan(name="office", week={"sun": "01:00-02:30"}),))

    def opened(utc: datetime) -> bool:
        return "office" in found.at(utc.astimezone(zone)).open

    forward = datetime(2026, 3, 29, tzinfo=UTC)
    assert [opened(forward + timedelta(minutes=30 * n)) for n in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    back = datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert [opened(back + timedelta(minutes=30 * n)) for n in range(6)] == [
        True,
        True,
        True,  # 02:00 summer time
        False,
        True,  # 02:00 again
        False,
    ]


minutes = st.integers(0, 24 * 60 - 1)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def plans(draw: st.DrawFn) -> HoursPlan:
    spans = st.tuples(minutes, minutes).filter(lambda pair: pair[0] != pair[1])
    week = draw(
        st.dictionaries(
            st.sampled_from(WEEKDAYS), st.lists(spans, min_size=1, max_size=3), min_size=1
        )
    )
    written = {
        day: [f"{clock(start)}-{clock(end)}" for start, end in found] for day, found in week.items()
    }
    return HoursPlan(name="office", week=written)


walls = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001


@given(plan=plans(), wall=walls)
def test_it_is_open_exactly_when_a_span_of_today_or_of_last_night_holds(
    plan: HoursPlan, wall: datetime
):
    expected = False
    for back in (0, 1):
        day = wall.date() - timedelta(days=back)
        for span in plan.week.get(WEEKDAYS[day.weekday()], ()):
            midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
            begin = midnight + timedelta(minutes=span.start)
            expected |= begin <= wall < midnight + timedelta(minutes=span.end)
    assert at(Times(hours=(plan,)), wall.isoformat())[0] == expected


@given(plan=plans(), wall=walls)
def test_every_moment_that_is_was_thought_of_by_the_checks(plan: HoursPlan, wall: datetime):
    own = (
        HolidayPlan(name="own", days=["2026-03-02..2026-03-20", "05-18"]),
        HolidayPlan(name="short", days="12-24", hours="09:00-12:00"),
    )
    night = HoursPlan(name="night", week={"mon-fri": "20:00-06:00"}, holidays=False)
    found = Times(hours=(plan, night), holidays=own)
    assert found.at(wall) in found.possible


@given(plan=plans(), minute=minutes, day=st.sampled_from(sorted(official.special_days())))
def test_holidays_of_the_calendar_are_thought_of_too(plan: HoursPlan, minute: int, day: date):
    found = Times(hours=(plan,), calendar="china")
    wall = datetime(day.year, day.month, day.day, *divmod(minute, 60))  # noqa: DTZ001
    assert found.at(wall) in found.possible


def test_conditions_are_all_needed_and_lists_hold_with_one():
    found = times(calendar="china").at(datetime(2026, 10, 1, 10))  # noqa: DTZ001
    assert TimeConditions(closed="office", holiday="any").in_time(found)
    assert TimeConditions(holiday=["spring_festival", "national_day"]).in_time(found)
    assert not TimeConditions(hours="office", holiday="any").in_time(found)
    assert not TimeConditions(holiday="spring_festival").in_time(found)
    assert TimeConditions().in_time(found)


def test_a_year_that_nobody_knows_is_told_and_not_guessed():
    found = times(calendar="china")
    assert found.unknown_years(date(2026, 3, 1)) == ()
    assert found.unknown_years(date(2031, 3, 1)) == (2031,)
    assert found.unknown_years(date(2030, 12, 1)) == (2030, 2031)
    assert at(found, "2031-10-01T10:00") == (True, None)
    entered = times(
        calendar="china", holidays=(HolidayPlan(name="ours", days="2031-10-01..2031-10-07"),)
    )
    assert entered.unknown_years(date(2031, 3, 1)) == ()
    assert times().unknown_years(date(2031, 3, 1)) == ()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("hours:\n  office:\n    week: {mon-fry: 08:00-12:00}", 3, "are no days of the week"),
        ("hours:\n  office:\n    week: {mon-fri: 8-12}", 3, "“8-12” is no span: write 08:30-12:00"),
        ("hours:\n  office:\n    week: {mon: 08:00-08:00}", 3, "the whole day is 00:00-24:00"),
        (
            "hours:\n  office:\n    week: {mon-fri: 08:00-12:00, wed: 08:00-12:00}",
            3,
            "wed is given twice",
        ),
        ("hours:\n  office: {holidays: true}", 2, "'week' is missing"),
        ("hours: 08:00", 1, "here belong"),
        ("holidays:\n  x:\n    days: 2026-02-30", 3, "is no day"),
        ("holidays:\n  x:\n    days: 2026-06-30..2026-06-28", 3, "ends before it begins"),
        ("holidays:\n  x:\n    days: 06-30..2026-07-01", 3, "is no day"),
        ("holidays:\n  x: {days: 06-30, hours: 08:00-12:00, works_as: mon}", 2, "not both"),
        ("holidays:\n  any: {days: 06-30}", 2, "stands for all holidays"),
        ("calendar: japan", 1, "there is no calendar 'japan'"),
    ],
)
def test_what_cannot_be_a_time_is_named_with_its_line(text: str, line: int, reason: str):
    document = parse(text)
    read_times(document)
    with pytest.raises(FileRefused) as refused:
        document.check()
    assert any(f.line == line and reason in f.reason for f in refused.value.faults), str(
        refused.value
    )
