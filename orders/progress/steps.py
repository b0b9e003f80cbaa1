"""An order's way as its customer sees it. Rule: pure; one step is the present one, what stands before it is done,
what stands after it is still to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orders.sales.flow import Status
from orders.sales.views import StatusChange

_WAY = (
    Status.PLACED,
    Status.REVIEWED,
    Status.PICKING,
    Status.SHIPPED,
    Status.IN_TRANSIT,
    Status.DELIVERED,
)
_WAITS = (Status.REVIEW, Status.BACKORDERED)
_ENDS = (Status.CANCELLED, Status.REFUSED, Status.RETURNED, Status.EXCHANGED)


class Place(StrEnum):
    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Step:
    status: str
    place: Place
    at: datetime | None


def steps(status: str, history: Sequence[StatusChange]) -> tuple[Step, ...]:
    """The way of an order that has this status; `history` is the oldest first."""
    reached = {each.to_status: each.at for each in history}
    present = Status.DELIVERED if status == Status.SETTLED else Status(status)
    if present in _ENDS:
        return _ended(present, history)
    way = (present, *_WAY[1:]) if present in _WAITS else _WAY
    now = way.index(present)
    return tuple(
        Step(
            step,
            Place.DONE if place < now else Place.NOW if place == now else Place.AHEAD,
            reached.get(step) if place <= now else None,
        )
        for place, step in enumerate(way)
    )


def _ended(present: Status, history: Sequence[StatusChange]) -> tuple[Step, ...]:
    """What it came through, once each, and how it ended."""
    reached = {each.to_status: each.at for each in history}
    before = [step for step in reached if step not in (present, *_WAITS, Status.SETTLED)]
    done = tuple(Step(step, Place.DONE, reached[step]) for step in before)
    return (*done, Step(present, Place.NOW, reached.get(present)))
