"""Two clocks. Rule: how long something lasts is measured by the one that nobody sets (`Steady`); the other one says
when something is, may be set forward and back, and what was stored before it was set back lies ahead of it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

Steady = Callable[[], float]
"""Seconds that only go forward, such as `time.monotonic`."""

SKEW = timedelta(minutes=1)
"""By so much clocks differ that are right; what was done still later than that was done before the clock was set back."""


def has_come(
    moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    now: datetime,
    furthest: timedelta,
) -> ColumnElement[bool]:
    """Whether a stored moment is here. Nobody put it off for longer than `furthest`: what lies beyond that was stored
    before the clock was set back, and is due.
    """
    return or_(moment <= now, moment > now + furthest)
