"""Hours in which somebody may be rung, by the clocks of where the callee may be.

Rule: pure. Every area must be open (the most restrictive wins); a day is judged by its own date there, so that a window
over midnight needs both days. In China the official calendar says what is a holiday and what is worked for it (调休);
elsewhere, and in years that are not decreed yet, a day is what its weekday says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from acd.official import official_day

Window = tuple[time, time]
Closed = Literal["outside_hours", "holiday", "weekend"]

LOOK_AHEAD = timedelta(days=20)
"""No run of days off is longer: what does not open within it never does."""

_MIDNIGHT = time()
_SATURDAY = 5
_IN_CHINA = frozenset({"Asia/Shanghai", "Asia/Urumqi"})
_A_DAY_APART = 2


@dataclass(frozen=True, slots=True)
class Area:
    """Where a callee may be, by its clock."""

    zone: ZoneInfo

    def day_off(self, day: date) -> Literal["holiday", "weekend"] | None:
        official = official_day(day) if self.zone.key in _IN_CHINA else None
        if official is not None:
            return None if official.worked else "holiday"
        return "weekend" if day.weekday() >= _SATURDAY else None


@dataclass(frozen=True, slots=True)
class Hours:
    """Windows are local times, start ≤ t < end; one that ends before it begins goes over midnight, one that ends when it
    begins is the whole day. `holidays`, `weekends`: whether people are rung on such days.
    """

    windows: tuple[Window, ...]
    holidays: bool = True
    weekends: bool = True

    def closed(self, now: datetime, areas: Iterable[Area]) -> Closed | None:
        """Why nobody is rung now; None when all areas are open."""
        for area in areas:
            local = now.astimezone(area.zone)
            if not any(_holds(window, local.time()) for window in self.windows):
                return "outside_hours"
            off = area.day_off(local.date())
            if (off == "holiday" and not self.holidays) or (off == "weekend" and not self.weekends):
                return off
        return None

    def next_opening(self, now: datetime, areas: tuple[Area, ...]) -> datetime | None:
        """`now` when all areas are open, else when they next are; None: never.

        Of a window that begins in the hour which a clock put forward leaves out, it may be as late as that hour.
        """
        if self.closed(now, areas) is None:
            return now
        best: tuple[int, datetime] | None = None
        for day in range(LOOK_AHEAD.days):
            opens = [
                at
                for area in areas
                for at in self._openings(now, day, area)
                if at > now and self.closed(at, areas) is None
            ]
            if opens and (best is None or min(opens) < best[1]):
                best = (day if best is None else best[0], min(opens))
            if best is not None and day >= best[0] + _A_DAY_APART:
                break
        return best[1] if best else None

    def _openings(self, now: datetime, days: int, area: Area) -> Iterator[datetime]:
        """When a window, or with the day what kind of day it is, begins there."""
        day = now.astimezone(area.zone).date() + timedelta(days=days)
        for start in {_MIDNIGHT, *(start for start, _ in self.windows)}:
            for fold in (0, 1):
                local = datetime.combine(day, start, area.zone).replace(fold=fold)
                yield local.astimezone(now.tzinfo)

    def __str__(self) -> str:
        windows = " ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in self.windows)
        off = ("" if self.holidays else " no-holidays") + ("" if self.weekends else " no-weekends")
        return windows + off


def _holds(window: Window, at: time) -> bool:
    start, end = window
    return start <= at < end if start < end else at >= start or at < end
