"""Where in a recording its pauses lie. Rule: pure. The sound runs only while people talk (from `answered` to
`dial_ended` or the end of the call), so a time of the clock becomes a place in it by adding up the talks before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from acd.rows import StepRow

_BEGINS, _ENDS = "answered", frozenset({"dial_ended", "ended"})
_PAUSED, _RESUMED = "recording_paused", "recording_resumed"


@dataclass(frozen=True, slots=True)
class PauseMark:
    """Seconds of the recording. `by` and `why` are of its beginning; `ended_by` None: it ended by itself."""

    start_s: float
    end_s: float
    by: int | None
    why: str
    ended_by: int | None
    ended_why: str | None


class _Tape:
    """How much has been recorded at a time."""

    def __init__(self) -> None:
        self._wound_s = 0.0
        self._running_since: datetime | None = None

    def begin(self, at: datetime) -> None:
        if self._running_since is None:
            self._running_since = at

    def end(self, at: datetime) -> None:
        self._wound_s, self._running_since = self.place(at), None

    def place(self, at: datetime) -> float:
        if self._running_since is None:
            return self._wound_s
        return self._wound_s + max(0.0, (at - self._running_since).total_seconds())


def pauses(steps: Iterable[StepRow], seconds: float) -> tuple[PauseMark, ...]:
    """Of a recording of so many seconds, in order; a pause that nothing ended lasts to its end."""
    tape, found = _Tape(), []
    begun: tuple[float, StepRow] | None = None
    for step in steps:
        if step.kind == _BEGINS:
            tape.begin(step.at)
        elif step.kind in _ENDS:
            tape.end(step.at)
        elif step.kind == _PAUSED and begun is None:
            begun = (tape.place(step.at), step)
        elif step.kind == _RESUMED and begun is not None:
            found.append(_mark(*begun, tape.place(step.at), seconds, step))
            begun = None
    if begun is not None:
        found.append(_mark(*begun, seconds, seconds, None))
    return tuple(found)


def _mark(
    start_s: float, paused: StepRow, end_s: float, seconds: float, resumed: StepRow | None
) -> PauseMark:
    end = resumed.detail if resumed is not None else {}
    return PauseMark(
        start_s=min(start_s, seconds),
        end_s=min(end_s, seconds),
        by=paused.detail.get("by"),
        why=str(paused.detail.get("cause", "")),
        ended_by=end.get("by"),
        ended_why=end.get("cause"),
    )
