"""What pacing learns of a campaign from a cold start: who answers, how soon, and how long agents are busy.

Rule: no clock; what is assumed at the start weighs as much as a few calls and is outweighed by what happens. How long things
take is learnt as the ACD learns it (`acd.estimate.Handling`).

A number's chance of answering is learnt for the campaign, for each segment of its list, and for each hour of a segment. What is
known of the smaller part is drawn towards the larger one, which weighs as much as so many calls (beta-binomial shrinkage), so
that a new segment begins as the campaign is and an hour as its segment is. Each forgets, and at once when things have changed.
"""

from dataclasses import dataclass, field
from math import exp, expm1

from acd.estimate import Handling

_FIRST_RATE = 0.5  # more answers than most lists give: who knows nothing dials carefully
_FIRST_WEIGHT, _WEIGHT = 10.0, 30.0  # calls
_MEMORY, _NEW_MEMORY = 0.998, 0.985  # a call counts so much less with each that follows
_TOO_FAR, _RARE = 3.3, 0.02  # standard deviations; the least variance
_DELAY_MEMORY = 0.998
_FIRST_ANSWER_S, _FIRST_FAILURE_S, _FIRST_WRAP_UP_S = 12.0, 20.0, 20.0
_ARRIVALS_S, _LEAST_S = 900.0, 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_ENOUGH_CALLS, _ENOUGH_ANSWERS = 30, 8


class _Answers:
    """Of the calls of one part, the later ones counting more. What the last hundred say is believed at once when it lies
    too far from the rest to be chance, and the rest is forgotten.
    """

    __slots__ = ("_answered", "_calls", "_new", "_of")

    def __init__(self) -> None:
        self._answered = self._calls = self._new = self._of = 0.0

    def drawn_to(self, rate: float, weight: float) -> float:
        return (self._answered + weight * rate) / (self._calls + weight)

    def learn(self, *, answered: bool) -> None:
        self._answered = _MEMORY * self._answered + answered
        self._calls = _MEMORY * self._calls + 1
        self._new = _NEW_MEMORY * self._new + answered
        self._of = _NEW_MEMORY * self._of + 1
        rate, off = (
            self._answered / self._calls,
            self._new / self._of - self._answered / self._calls,
        )
        if off * off * 2 * self._of > _TOO_FAR**2 * max(_RARE, rate * (1 - rate)):
            self._answered, self._calls = self._new, self._of


class AnswerRate:
    """By segment of the list and hour of the day."""

    def __init__(self) -> None:
        self._campaign = _Answers()
        self._segments: dict[str, _Answers] = {}
        self._hours: dict[tuple[str, int], _Answers] = {}

    def of(self, segment: str, hour: int) -> float:
        rate = self._campaign.drawn_to(_FIRST_RATE, _FIRST_WEIGHT)
        for part in (self._segments.get(segment), self._hours.get((segment, hour))):
            if part is not None:
                rate = part.drawn_to(rate, _WEIGHT)
        return rate

    def learn(self, segment: str, hour: int, *, answered: bool) -> None:
        self._campaign.learn(answered=answered)
        self._segments.setdefault(segment, _Answers()).learn(answered=answered)
        self._hours.setdefault((segment, hour), _Answers()).learn(answered=answered)


class Arrivals:
    """Something that comes so often a second, the last quarter of an hour counting; begun anew when the clock is set back."""

    def __init__(self) -> None:
        self._first_at = self._last_at = 0.0
        self._came = 0.0

    def came(self, now: float) -> None:
        if not self._came or now < self._last_at:
            self._first_at, self._came = now, 0.0
        self._came = self._left(now) + 1
        self._last_at = now

    def rate(self, now: float) -> float:
        if not self._came:
            return 0.0
        looked_at = _ARRIVALS_S * -expm1(-(max(0.0, now - self._first_at) + _LEAST_S) / _ARRIVALS_S)
        return self._left(now) / looked_at

    def _left(self, now: float) -> float:
        return self._came * exp(-max(0.0, now - self._last_at) / _ARRIVALS_S)


class Carrier:
    """Whether calls are put through: while the carrier refuses them, one is tried after ever longer pauses."""

    def __init__(self) -> None:
        self._pause_s = self._until = 0.0

    def refused(self, now: float) -> None:
        """Congestion; of calls that began together the first one counts."""
        if not self._pause_s or now >= self._until:
            self._pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pause_s))
            self._until = now + self._pause_s

    def put_through(self) -> None:
        self._pause_s = 0.0

    def most(self, now: float) -> int | None:
        """Calls that may ring at once; None: any number."""
        if not self._pause_s:
            return None
        return 1 if now >= self._until else 0


@dataclass(slots=True)
class Busy:
    """How long calls of one campaign or queue keep an agent."""

    talk: Handling = field(default_factory=Handling)
    wrap_up: Handling = field(default_factory=lambda: Handling(_FIRST_WRAP_UP_S))


class Estimates:
    """Told of everything that ends. A call that the carrier could not put through teaches nothing of people."""

    def __init__(self) -> None:
        self.rate = AnswerRate()
        self.inbound, self.answers = Arrivals(), Arrivals()
        self.carrier = Carrier()
        self.answer_delay = Handling(_FIRST_ANSWER_S, _DELAY_MEMORY)
        self.failure_delay = Handling(_FIRST_FAILURE_S, _DELAY_MEMORY)
        self._busy: dict[str, Busy] = {}
        self._calls = self._answers = 0

    @property
    def known(self) -> bool:
        """Enough calls have ended to predict by."""
        return self._calls >= _ENOUGH_CALLS and self._answers >= _ENOUGH_ANSWERS

    def busy(self, kind: str) -> Busy:
        found = self._busy.get(kind)
        if found is None:
            found = self._busy[kind] = Busy()
        return found

    def answered(self, segment: str, hour: int, rang_s: float) -> None:
        """A person answered a call that was begun at that hour."""
        self._ended(segment, hour, answered=True)
        self.answer_delay.learn(rang_s)

    def failed(self, segment: str, hour: int, rang_s: float) -> None:
        """Nobody did, or no person."""
        self._ended(segment, hour, answered=False)
        self.failure_delay.learn(rang_s)

    def talked(self, kind: str, seconds: float) -> None:
        self.busy(kind).talk.learn(seconds)

    def wrapped_up(self, kind: str, seconds: float) -> None:
        self.busy(kind).wrap_up.learn(seconds)

    def _ended(self, segment: str, hour: int, *, answered: bool) -> None:
        self.carrier.put_through()
        self._calls += 1
        self._answers += answered
        self.rate.learn(segment, hour, answered=answered)
