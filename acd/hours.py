"""Business hours (营业时间), holidays and shifted working days (调休): what is open at a moment.

Rule: pure; the moment is given as the clock on the wall of the house shows it, and the wall's clock is what counts also when
it is put forward or back. A span belongs to the day on which it begins: one that goes over midnight is open
on the next morning, whatever day that is. One's own days come before the official calendar.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from acd import official

ANY_HOLIDAY = "any"
DAY = 24 * 60
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_DAY = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)", re.ASCII)
_AHEAD = timedelta(days=60)  # next year's decree comes out in October or November
_LEAP_YEAR = 2024
_LEAP_DAY = (2, 29)
_EVERY_WEEKDAY = 12  # years after which a day has been on each


def several(value: Any) -> Any:
    """One value or a list of them."""
    return value if isinstance(value, list | tuple) else (value,)


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(several)]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until before `end`, in minutes of the day on which it begins; more than 1440 is the day after."""

    start: int
    end: int

    def holds(self, minutes: float) -> bool:
        return self.start <= minutes < self.end


@dataclass(frozen=True, slots=True)
class Dates:
    """Days from `first` to `last`, both included, as (month, day); `year` None: each year."""

    year: int | None
    first: tuple[int, int]
    last: date | tuple[int, int]

    @property
    def years(self) -> range:
        """Those in which some of these days are; none when they come each year."""
        if not isinstance(self.last, date):
            return range(0)
        return range(self.year or 0, self.last.year + 1)

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        if isinstance(self.last, date):
            return date(self.year or 0, *self.first) <= day <= self.last
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


def span_of(value: Any) -> Span:
    """Written as 08:30-12:00. Raises ValueError."""
    if isinstance(value, Span):
        return value
    found = _SPAN.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"“{value}” is no span: write 08:30-12:00")
    start = int(found[1]) * 60 + int(found[2])
    end = DAY if found[3] is None else int(found[3]) * 60 + int(found[4])
    if start == end:
        raise ValueError(f"“{value}” begins and ends at once: the whole day is 00:00-24:00")
    return Span(start, end if end > start else end + DAY)


def _dates(value: Any) -> Dates:
    if isinstance(value, Dates):
        return value
    first, _, last = (part.strip() for part in str(value).partition(".."))
    parts = [_DAY.fullmatch(part) for part in (first, last or first)]
    try:
        (year, *begin), (end_year, *end) = (part.groups() for part in parts if part)
        if year is None and end_year is None:
            days = [date(_LEAP_YEAR, int(m), int(d)) for m, d in (begin, end)]
            return Dates(None, *((day.month, day.day) for day in days))
        start, stop = (
            date(int(y), int(m), int(d)) for y, (m, d) in ((year, begin), (end_year, end))
        )
    except (ValueError, TypeError):
        raise ValueError(
            f"“{value}” is no day: write 2026-06-30, 06-30 (each year) or 2026-06-28..2026-06-30"
        ) from None
    if stop < start:
        raise ValueError(f"“{value}” ends before it begins")
    return Dates(start.year, (start.month, start.day), stop)


def _days_of_week(text: str) -> Iterator[Weekday]:
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        names: Sequence[str] = WEEKDAYS
        if first not in names or (last or first) not in names:
            raise ValueError(f"“{text}” are no days of the week: write mon-fri, or sat,sun")
        begin, end = names.index(first), names.index(last or first)
        for step in range((end - begin) % 7 + 1):
            yield WEEKDAYS[(begin + step) % 7]


def _week(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("write days and spans: {mon-fri: 08:30-17:30}")  # noqa: TRY004
    found: dict[Weekday, Any] = {}
    for text, spans in value.items():
        for day in _days_of_week(str(text)):
            if day in found:
                raise ValueError(f"{day} is given twice")
            found[day] = spans
    return found


Spans = Annotated[tuple[Annotated[Span, BeforeValidator(span_of)], ...], BeforeValidator(several)]


class _Times(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class HoursPlan(_Times):
    """Named hours. `holidays: false`: they do not change on holidays; a shifted working day is like `shifted_as`."""

    name: Name
    week: Annotated[dict[Weekday, Spans], BeforeValidator(_week), Field(min_length=1)]
    holidays: bool = True
    shifted_as: Weekday = "mon"


class HolidayPlan(_Times):
    """Days of one's own: closed, with `hours` instead, or worked like another weekday (`works_as`)."""

    name: Name
    days: Annotated[
        tuple[Annotated[Dates, BeforeValidator(_dates)], ...],
        BeforeValidator(several),
        Field(min_length=1),
    ]
    hours: Spans = ()
    works_as: Weekday | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "HolidayPlan":
        if self.hours and self.works_as:
            raise ValueError("a day has either `hours` of its own or `works_as`, not both")
        if self.name == ANY_HOLIDAY:
            raise ValueError("“any” stands for all holidays: give this one another name")
        return self


@dataclass(frozen=True, slots=True)
class Moment:
    """What holds at a time: the hours that are open, and the holiday of the day."""

    open: frozenset[str] = frozenset()
    holiday: str | None = None


class TimeConditions(_Times):
    """Conditions on the time of a call; all that are given must hold, a list when one of its values does.

    `hours` are open, `closed` are not, the day is this `holiday` (“any”: whichever).
    """

    hours: OneOrMore = ()
    closed: OneOrMore = ()
    holiday: OneOrMore = ()

    @property
    def timeless(self) -> bool:
        return not (self.hours or self.closed or self.holiday)

    @property
    def told(self) -> str:
        """The conditions for people who edit them."""
        parts = (
            f"{field} {', '.join(names)}"
            for field in TimeConditions.model_fields
            if (names := getattr(self, field))
        )
        return "; ".join(parts) or "else"

    def in_time(self, moment: Moment) -> bool:
        if self.hours and moment.open.isdisjoint(self.hours):
            return False
        if self.closed and moment.open.issuperset(self.closed):
            return False
        if not self.holiday or moment.holiday in self.holiday:
            return True
        return moment.holiday is not None and ANY_HOLIDAY in self.holiday


class _InTime(Protocol):
    def in_time(self, moment: Moment) -> bool: ...


Branch = TypeVar("Branch", bound=_InTime)


def chosen(branches: Sequence[Branch], moment: Moment) -> Branch | None:
    """The first that holds."""
    return next((branch for branch in branches if branch.in_time(moment)), None)


@dataclass(frozen=True, slots=True)
class _Day:
    """What a day is: `spans` of its own, or worked like another weekday, or as `shifted` days are."""

    weekday: Weekday
    holiday: str | None = None
    spans: tuple[Span, ...] | None = None
    works_as: Weekday | None = None
    shifted: bool = False


class Times(_Times):
    """The line's hours and holidays. `calendar: china` takes the official one."""

    hours: tuple[HoursPlan, ...] = ()
    holidays: tuple[HolidayPlan, ...] = ()
    calendar: Literal["china"] | None = None

    def at(self, wall: datetime) -> Moment:
        """What holds when the clock on the wall shows this (the zone, if any, is not looked at)."""
        return self._moment(
            self._night_and_day(wall.date()), wall.hour * 60 + wall.minute + wall.second / 60
        )

    @cached_property
    def holiday_names(self) -> frozenset[str]:
        """What a condition may name."""
        named = {each.name for each in self.holidays if each.works_as is None}
        known = official.NAMES if self.calendar else frozenset()
        return frozenset({ANY_HOLIDAY, *named, *known})

    @cached_property
    def possible(self) -> frozenset[Moment]:
        """Every moment that can be, as far as conditions can tell them apart."""
        spans = [span for each in self.hours for day in each.week.values() for span in day]
        spans += [span for each in self.holidays for span in each.hours]
        minutes = {0} | {edge % DAY for span in spans for edge in (span.start, span.end)}
        days = {self._night_and_day(day) for day in self._telling_days()}
        return frozenset(self._moment(each, minute) for each in days for minute in minutes)

    def unknown_years(self, today: date) -> tuple[int, ...]:
        """Years, this one or one that begins soon, of which neither the official calendar nor a dated day is known."""
        if self.calendar is None:
            return ()
        own = {year for each in self.holidays for dates in each.days for year in dates.years}
        years = dict.fromkeys((today.year, (today + _AHEAD).year))
        return tuple(year for year in years if not official.known(year) and year not in own)

    def warnings(self, today: date) -> tuple[str, ...]:
        """What is right and yet needs somebody's eye."""
        return tuple(
            f"the official calendar of {year} is not known yet: a newer `chinesecalendar` may know it; until then"
            " its holidays and shifted working days count only as they are written under `holidays`"
            for year in self.unknown_years(today)
        )

    def _telling_days(self) -> frozenset[date]:
        """Days with every kind of day and of day before among them."""
        plain = date(_LEAP_YEAR, 2, 26)
        days = {plain + timedelta(days=n) for n in range(9)}
        for each in self.holidays:
            days |= {day for dates in each.days for day in _edges(dates)}
        if self.calendar:
            days |= official.special_days()
        return frozenset(day + timedelta(days=n) for day in days for n in (-1, 0, 1))

    def _night_and_day(self, today: date) -> tuple[_Day, _Day]:
        """What the day before was, and today."""
        return self._day(today - timedelta(days=1)), self._day(today)

    def _moment(self, days: tuple[_Day, _Day], minute: float) -> Moment:
        before, today = days
        opened = frozenset(
            hours.name
            for hours in self.hours
            if any(span.holds(minute) for span in _spans(hours, today))
            or any(span.holds(minute + DAY) for span in _spans(hours, before))
        )
        return Moment(opened, today.holiday)

    def _day(self, day: date) -> _Day:
        weekday = WEEKDAYS[day.weekday()]
        for each in self.holidays:
            if any(day in dates for dates in each.days):
                if each.works_as is not None:
                    return _Day(weekday, works_as=each.works_as)
                return _Day(weekday, each.name, each.hours)
        special = official.official_day(day) if self.calendar else None
        if special is None:
            return _Day(weekday)
        if special.worked:
            return _Day(weekday, shifted=True)
        return _Day(weekday, special.holiday, ())


def _spans(hours: HoursPlan, day: _Day) -> tuple[Span, ...]:
    if not hours.holidays:
        return hours.week.get(day.weekday, ())
    if day.spans is not None:
        return day.spans
    return hours.week.get(hours.shifted_as if day.shifted else day.works_as or day.weekday, ())


def _edges(dates: Dates) -> Iterator[date]:
    """The first week and the last day; of days that come each year the edges on every weekday."""
    if isinstance(dates.last, date):
        first = date(dates.year or 0, *dates.first)
        yield from (day for n in range(7) if (day := first + timedelta(days=n)) <= dates.last)
        yield dates.last
        return
    for year in range(_LEAP_YEAR, _LEAP_YEAR + _EVERY_WEEKDAY):
        for month, day_of_month in (dates.first, dates.last):
            if (month, day_of_month) != _LEAP_DAY or year % 4 == 0:
                yield date(year, month, day_of_month)
