"""Spans of time that figures are counted over. Rule: all are whole days of the company's calendar; twelve
months are 365 days, so that a sale leaves the span on one day and never comes back.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

YEAR = timedelta(days=365)
NINETY = timedelta(days=90)
QUARTERS = 4
_MONTHS = 3


def local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which the day begins, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def quarter_start(day: date) -> date:
    return date(day.year, (day.month - 1) // _MONTHS * _MONTHS + 1, 1)


@lru_cache(maxsize=64)
def quarter_starts(day: date) -> tuple[date, ...]:
    """The first days of this quarter and the three before, this one first."""
    starts = [quarter_start(day)]
    while len(starts) < QUARTERS:
        starts.append(quarter_start(starts[-1] - timedelta(days=1)))
    return tuple(starts)


def next_quarter(day: date) -> date:
    """The first day of the quarter after this one."""
    return quarter_start(quarter_start(day) + timedelta(days=100))
