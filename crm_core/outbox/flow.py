"""How fast messages go to a provider, and when none goes. Rule: pure; the time is an argument.

A provider that is away costs its messages nothing but time: after a few faults in a row the way is closed,
then one message at a time finds out whether it is back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_DOUBLING = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_s` messages a second, `burst` at once after a pause, `at_once` under way at the same time;
    `attempts` in place of the common limit.
    """

    per_s: float = 50.0
    burst: int = 50
    at_once: int = 20
    attempts: int | None = None
    faults: int = 10
    first_pause: timedelta = timedelta(seconds=30)
    longest_pause: timedelta = timedelta(minutes=10)


class Flow:
    """The way to one provider."""

    def __init__(self, pace: Pace, now: datetime) -> None:
        self._pace = pace
        self._tokens = float(pace.burst)
        self._filled_at = now
        self._out = 0
        self._faults = 0
        self._pause = pace.first_pause
        self._closed_until: datetime | None = None

    @property
    def closed_until(self) -> datetime | None:
        """Until when nothing is sent; None while the provider is well."""
        return self._closed_until

    def room(self, now: datetime) -> int:
        """How many messages may set out now."""
        self._fill(now)
        if self._closed_until is not None:
            return int(now >= self._closed_until and not self._out and self._tokens >= 1)
        return max(min(int(self._tokens), self._pace.at_once - self._out), 0)

    def set_out(self, count: int) -> None:
        self._out += count
        self._tokens -= count

    def went_well(self) -> None:
        """The provider answered, whatever it said of the message."""
        self._out -= 1
        self._faults = 0
        self._pause = self._pace.first_pause
        self._closed_until = None

    def untried(self) -> None:
        """The message never reached the provider; nothing is known of it."""
        self._out -= 1

    def fault(self, now: datetime, wait: timedelta | None = None) -> datetime:
        """The provider is not well, and says perhaps how long it wants to be left alone.

        Returns when the next message may be tried.
        """
        self._out -= 1
        self._faults += 1
        if wait is not None:
            self._close(now + wait)
        elif self._faults >= self._pace.faults and not self._is_closed(now):
            self._close(now + self._pause)
            self._pause = min(self._pause * _DOUBLING, self._pace.longest_pause)
        return self._closed_until or now + self._pause

    def next_in(self, now: datetime) -> timedelta:
        """After that time there may be room where there is none now."""
        if self._is_closed(now) and self._closed_until is not None:
            return self._closed_until - now
        missing = max(1 - self._tokens, 0.0)
        return timedelta(seconds=missing / self._pace.per_s)

    def _is_closed(self, now: datetime) -> bool:
        return self._closed_until is not None and now < self._closed_until

    def _close(self, until: datetime) -> None:
        self._closed_until = max(until, self._closed_until or until)

    def _fill(self, now: datetime) -> None:
        passed = max((now - self._filled_at).total_seconds(), 0.0)
        self._tokens = min(self._tokens + passed * self._pace.per_s, float(self._pace.burst))
        self._filled_at = max(now, self._filled_at)
