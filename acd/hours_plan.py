"""The sections `hours`, `holidays` and `calendar` of the line file, and the check of conditions on time.

Rule: a condition that can never hold, or that is never looked at because what stands before it takes every
such moment, is a fault and not a habit.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel

from acd.hours import HolidayPlan, HoursPlan, Moment, TimeConditions, Times
from acd.located import Document, Step

Plan = TypeVar("Plan", bound=BaseModel)
_CALENDARS = ("china",)


def read_times(document: Document) -> Times:
    """What the document says of times; nothing at all is fine. Faults are noted in the document."""
    hours = _named(document, "hours", HoursPlan)
    holidays = _named(document, "holidays", HolidayPlan)
    calendar = document.section("calendar")
    if calendar is not None and calendar not in _CALENDARS:
        document.fault(f"there is no calendar {calendar!r}; there is: china", "calendar")
        calendar = None
    return Times(hours=hours, holidays=holidays, calendar=calendar)


def check_times(document: Document, times: Times) -> None:
    """Hours that never open are a slip of the pen."""
    opened = {name for moment in times.possible for name in moment.open}
    for each in times.hours:
        if each.name not in opened:
            document.fault(f"the hours {each.name!r} are never open", "hours", each.name)


def check_condition(
    document: Document, times: Times, when: TimeConditions, path: Sequence[Step]
) -> bool:
    """Whether everything named exists."""
    known = {each.name for each in times.hours}
    good = _must_be_known(document, {"hours": when.hours, "closed": when.closed}, known, path)
    named = times.holiday_names
    return _must_be_known(document, {"holiday": when.holiday}, named, path) and good


def check_branches(
    document: Document, times: Times, branches: Sequence[TimeConditions], path: Sequence[Step]
) -> None:
    """One of them always holds, and each of them at some time."""
    known = [
        check_condition(document, times, each, (*path, index))
        for index, each in enumerate(branches)
    ]
    if not all(known):
        return
    if not branches[-1].timeless:
        reason = "the last branch must be without conditions: it is for all other times"
        document.fault(reason, *path, len(branches) - 1)
    left = times.possible
    for index, each in enumerate(branches):
        taken = when(each, left)
        if not taken:
            document.fault(_unreached(each, times), *path, index)
        left -= taken


def when(condition: TimeConditions, moments: Iterable[Moment]) -> frozenset[Moment]:
    """The moments at which it holds."""
    return frozenset(moment for moment in moments if condition.in_time(moment))


def _unreached(condition: TimeConditions, times: Times) -> str:
    if when(condition, times.possible):
        return "this is never reached: at all its times a branch before it holds"
    return "this is never reached: there is no time at which its conditions hold"


def _must_be_known(
    document: Document,
    given: Mapping[str, Iterable[str]],
    known: Iterable[str],
    path: Sequence[Step],
) -> bool:
    good = True
    for field, names in given.items():
        for name in names:
            if name not in known:
                there = ", ".join(sorted(known)) or "none"
                word = "holiday" if field == "holiday" else "hours"
                document.fault(f"there is no {word} {name!r}; there are: {there}", *path, field)
                good = False
    return good


def _named(document: Document, section: str, model: type[Plan]) -> tuple[Plan, ...]:
    entries = document.section(section)
    if entries is None:
        return ()
    if not isinstance(entries, dict):
        document.fault("here belong “name: settings” lines", section)
        return ()
    found = (document.read(model, section, name, name=name) for name in entries)
    return tuple(each for each in found if each is not None)
