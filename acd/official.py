"""China's official calendar: the holidays that are decreed each year and the days worked to make up for them (调休).

Rule: a year that the library does not know yet is unknown (None), never guessed.
"""

from dataclasses import dataclass
from datetime import date

from chinese_calendar.constants import Holiday, holidays, workdays

NAMES: frozenset[str] = frozenset(each.name for each in Holiday)
_CODES = {each.value: each.name for each in Holiday}
_LAST_YEARS = 6


@dataclass(frozen=True, slots=True)
class OfficialDay:
    """A day that is not what its weekday says. `worked`: a weekend's day on which people work for a holiday."""

    holiday: str
    worked: bool


def known(year: int) -> bool:
    """Whether the year's calendar is in the library."""
    years: tuple[int, int] = (min(holidays).year, max(holidays).year)
    return years[0] <= year <= years[1]


def official_day(day: date) -> OfficialDay | None:
    """None on days that are what their weekday says, and in years that are not known."""
    if day in workdays:
        return OfficialDay(_CODES[workdays[day]], worked=True)
    if day in holidays:
        return OfficialDay(_CODES[holidays[day]], worked=False)
    return None


def special_days() -> frozenset[date]:
    """The days of the last years known that are not what their weekday says."""
    first = max(holidays).year - _LAST_YEARS
    return frozenset(day for day in (*holidays, *workdays) if day.year > first)
