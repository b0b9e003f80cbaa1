"""The day's figures of each queue, since the local midnight.

Rule: what earlier daemons counted comes from the database once it can be read; what happens now is
added here. A new local day starts from nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from acd.store import QueueCounts
from crm_core.clock import SKEW


@dataclass(slots=True)
class Day:
    """One queue's figures."""

    calls: int = 0
    answered: int = 0
    abandoned: int = 0
    within_target: int = 0


class Counters:
    """Figures by queue; `began` is when this daemon started to count."""

    def __init__(self, zone: tzinfo, now: datetime) -> None:
        self._zone = zone
        self.began = now
        self.midnight = self._midnight(now)
        self._days: dict[str, Day] = {}

    def of(self, queue: str) -> Day:
        return self._days.setdefault(queue, Day())

    def add_earlier(self, counts: Iterable[QueueCounts]) -> None:
        """Figures of this day from before `began`."""
        for count in counts:
            day = self.of(count.queue)
            day.calls += count.calls
            day.answered += count.answered
            day.abandoned += count.abandoned
            day.within_target += count.within_target

    def next_midnight(self) -> datetime:
        # a day later plus some hours is the next date, whatever the clocks do in between
        return self._midnight(self.midnight + timedelta(hours=30))

    def turn(self, now: datetime) -> bool:
        """Start a new day if one has begun, or the clock was set back into an earlier one; says whether it did."""
        if self.midnight - SKEW <= now < self.next_midnight():
            return False
        self.midnight = self._midnight(now)
        self._days.clear()
        return True

    def _midnight(self, now: datetime) -> datetime:
        local = now.astimezone(self._zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0)
