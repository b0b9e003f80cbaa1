"""Days that are celebrated each year, and the moments a rule makes of them; no SQL.

Rule: a day is a day of the company's own calendar, wherever the clock of the machine stands. What began
on 29 February is celebrated on 28 February in a year that has no 29th.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

CATCH_UP = timedelta(days=7)
_OVERLAP = timedelta(hours=1)
_DAY = timedelta(days=1)
_LEAP_DAY, _BEFORE_LEAP_DAY = 229, 228
_FIRST_YEAR = 1990


class Occasion(StrEnum):
    BIRTHDAY = "birthday"
    CONTACT_BIRTHDAY = "contact_birthday"
    ANNIVERSARY = "anniversary"
    FIRST_ORDER = "first_order"
    AFTER_DELIVERY = "after_delivery"


@dataclass(frozen=True, slots=True)
class Days:
    """From `first` to `last`, both of them too."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        return (self.first + _DAY * each for each in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment on, and before another one."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """When a to-do is due, and how long after it the supervisors hear that it is not done."""

    at: datetime
    escalate_after_min: int


def celebrated(began: date, year: int) -> date:
    """The day of that year."""
    try:
        return began.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def month_days(day: date) -> tuple[int, ...]:
    """The days of the year (5 March is 305) of which this is the celebration."""
    number = day.month * 100 + day.day
    if number == _BEFORE_LEAP_DAY and (day + _DAY).month != day.month:
        return (number, _LEAP_DAY)
    return (number,)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def past_spans(days: Days, zone: ZoneInfo) -> tuple[Span, ...]:
    """When that began, in earlier years, of which a celebration falls into these days."""
    began = sorted(
        {
            found
            for day in days
            for number in month_days(day)
            for year in range(_FIRST_YEAR, day.year)
            if (found := _date(year, number)) is not None
        }
    )
    spans: list[tuple[date, date]] = []
    for day in began:
        if spans and spans[-1][1] == day:
            spans[-1] = (spans[-1][0], day + _DAY)
        else:
            spans.append((day, day + _DAY))
    return tuple(Span(midnight(first, zone), midnight(end, zone)) for first, end in spans)


def days_to_look(now: datetime, told_until: datetime, days_before: int, zone: ZoneInfo) -> Days:
    """What is to come within the rule's days, and what passed since it was looked for last."""
    today = local_day(now, zone)
    missed = max(local_day(told_until, zone), local_day(now - CATCH_UP, zone))
    return Days(min(missed, today), today + _DAY * days_before)


def span_to_look(now: datetime, active_since: datetime, looked_at: datetime | None) -> Span:
    """What has happened since it was looked for last, and a little before, for what was saved late."""
    begins = max(active_since, now - CATCH_UP)
    if looked_at is not None:
        begins = max(begins, looked_at - _OVERLAP)
    return Span(min(begins, now), now)


def due_on(day: date, local_hour: int, zone: ZoneInfo) -> Due:
    """At that hour of the day; supervisors hear when the day is over."""
    at = datetime.combine(day, time(local_hour), zone).astimezone(UTC)
    left = midnight(day + _DAY, zone) - at
    return Due(at, max(1, left // timedelta(minutes=1)))


def due_after(moment: datetime, hours_after: int, lead_hours: int) -> Due:
    """`lead_hours` before the promise ends; supervisors hear when it has ended."""
    at = moment + timedelta(hours=hours_after - lead_hours)
    return Due(at, max(1, lead_hours * 60))


def _date(year: int, number: int) -> date | None:
    try:
        return date(year, number // 100, number % 100)
    except ValueError:
        return None
