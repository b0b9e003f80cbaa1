"""The time of the waiting lines: seconds that run evenly, whatever is done to the clock.

Rule: the core counts in seconds that nobody sets, POSIX when the daemon starts. A moment that people see, or that is
stored, is told by the clock; once that was set, all moments of the floor are told by it as it is now.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from crm_core.clock import Steady

_SET_S = 1.0  # a clock that differs by more from the steady one has been set


class FloorClock:
    """`now` is the clock, aware UTC."""

    def __init__(self, now: Callable[[], datetime], steady: Steady = time.monotonic) -> None:
        self._now = now
        self._steady = steady
        self._start = now().timestamp() - steady()
        self._ahead = 0.0

    def seconds(self) -> float:
        return self._steady() + self._start

    def of(self, moment: datetime) -> float:
        """The seconds of a moment of the clock; none lies ahead."""
        return min(moment.timestamp() - self._shift(), self.seconds())

    def moment(self, seconds: float) -> datetime:
        """What the clock, as it is now, shows at these seconds."""
        return datetime.fromtimestamp(seconds + self._shift(), UTC)

    def _shift(self) -> float:
        """By how much the clock was set forward since the start."""
        ahead = self._now().timestamp() - self.seconds()
        if abs(ahead - self._ahead) > _SET_S:
            self._ahead = ahead
        return self._ahead
