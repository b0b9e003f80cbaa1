"""Rolling caps: a number is dialled at most so often within so long, whoever dials it and why.

Rule: pure. An attempt that lies ahead was made before the clock was set back, and counts as one made just now.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `attempts` within any stretch of time as long as `within`."""

    attempts: int
    within: timedelta

    def frees_at(self, now: datetime, made: Sequence[datetime]) -> datetime | None:
        """None: one more is allowed now; else when it is, if none is made until then."""
        recent = sorted(at for at in made if now - self.within < at < now + self.within)
        if len(recent) < self.attempts:
            return None
        return recent[-self.attempts] + self.within

    def __str__(self) -> str:
        unit, length = next((unit, length) for unit, length in _UNITS if not self.within % length)
        return f"{self.attempts}/{self.within // length}{unit}"


def cap_of(written: str) -> Cap:
    """Written as 3/24h: attempts, and minutes, hours or days. Raises ValueError."""
    attempts, _, within = written.strip().partition("/")
    lengths = dict(_UNITS)
    if not (attempts.isdecimal() and within[:-1].isdecimal() and within[-1:] in lengths):
        raise ValueError(f"“{written}” is no cap: write 3/24h, or 1/10m, or 7/7d")
    cap = Cap(int(attempts), int(within[:-1]) * lengths[within[-1]])
    if not cap.attempts or not timedelta() < cap.within <= LONGEST:
        raise ValueError(f"“{written}”: at least one attempt, within at most {LONGEST.days} days")
    return cap


def frees_at(now: datetime, caps: Iterable[Cap], made: Sequence[datetime]) -> datetime | None:
    """When the last of the caps is free; None: all of them are."""
    return max((at for cap in caps if (at := cap.frees_at(now, made))), default=None)


LONGEST = timedelta(days=10)
"""The rules look back no further."""
