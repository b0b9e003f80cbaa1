"""How fast messages go to a provider, and when none goes. Rule: pure; the time is an argument, in seconds of a clock
that nobody sets.

A provider that is away costs its messages nothing but time: after a few faults in a row the way is closed,
then one message at a time finds out whether it is back.
"""

from dataclasses import dataclass
from datetime import timedelta

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

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._tokens = float(pace.burst)
        self._filled_at = now
        self._out = 0
        self._faults = 0
        self._pause = pace.first_pause
        self._closed_until: float | None = None

    @property
    def closed_until(self) -> float | None:
        """Until when nothing is sent; None while the provider is well."""
        return self._closed_until

    def room(self, now: float) -> int:
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

    def fault(self, now: float, wait: timedelta | None = None) -> timedelta:
        """The provider is not well, and says perhaps how long it wants to be left alone.

        Returns after how long the next message may be tried.
        """
        self._out -= 1
        self._faults += 1
        if wait is not None:
            self._close(now + wait.total_seconds())
        elif self._faults >= self._pace.faults and not self._is_closed(now):
            self._close(now + self._pause.total_seconds())
            self._pause = min(self._pause * _DOUBLING, self._pace.longest_pause)
        if self._closed_until is None:
            return self._pause
        return timedelta(seconds=max(self._closed_until - now, 0.0))

    def next_in(self, now: float) -> timedelta:
        """After that time there may be room where there is none now."""
        if self._is_closed(now) and self._closed_until is not None:
            return timedelta(seconds=self._closed_until - now)
        missing = max(1 - self._tokens, 0.0)
        return timedelta(seconds=missing / self._pace.per_s)

    def _is_closed(self, now: float) -> bool:
        return self._closed_until is not None and now < self._closed_until

    def _close(self, until: float) -> None:
        self._closed_until = max(until, self._closed_until or until)

    def _fill(self, now: float) -> None:
        passed = now - self._filled_at
        self._tokens = min(self._tokens + passed * self._pace.per_s, float(self._pace.burst))
        self._filled_at = now
