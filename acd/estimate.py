"""How long a caller will wait: pure functions and what they learn from.

Rule: no clock and no list of agents; the cost depends on the grid alone, not on how many wait or work. What is
learnt stays sensible when a clock that was set makes a time negative.

The wait is the time until as many agents are expected to come free as callers are served before, and one
more. An agent who has talked for e seconds is free within t with probability 1 - S(e + t) / S(e), where S
is the learnt survival of handling times (the residual life of renewal theory: Cox, Renewal Theory,
1962); afterwards the agent comes free again at the rate 1 / mean. Callers ahead who hang up shorten the
wait from w to ln(1 + θw) / θ, θ being the rate of giving up: the fluid form of the estimator QLm of
Ibrahim and Whitt (Real-Time Delay Estimation in Overloaded Multiserver Queues with Abandonments,
Management Science 55, 2009).
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log1p

FIRST_MEAN_S = 120.0
_FIRST_WEIGHT = 4.0  # what is assumed at the start counts as so many calls
_MEMORY = 0.99  # a call counts so much less with each that follows
_SHORTEST_S = 1.0
_HEAVY = 1e6  # the weight of a call at which all are made lighter
_NEWS = 0.05  # the share of new calls from which the survival is worked out anew
_EDGES = tuple(5.0 * 1.2**power for power in range(36))
_AGES = (0.0, *_EDGES, 1.2 * _EDGES[-1])
_GRID = (
    0.0,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    45.0,
    60.0,
    90.0,
    120.0,
    180.0,
    270.0,
    400.0,
    600.0,
    900.0,
)
_HARDLY = 0.01  # what fewer calls than this outlast says nothing
_LEAST, _MOST = 0.4, 2.5  # bounds of the correction


def age_of(elapsed_s: float) -> int:
    """Calls of one age are looked at as one."""
    return bisect_left(_EDGES, elapsed_s)


class Handling:
    """Handling times of a queue's calls, the later ones counting more: each of them makes those before lighter by
    `memory`. `first_mean_s` is assumed at the start.
    """

    def __init__(self, first_mean_s: float = FIRST_MEAN_S, memory: float = _MEMORY) -> None:
        spread = [exp(-edge / first_mean_s) for edge in (0.0, *_EDGES)]
        shares = [before - after for before, after in pairwise(spread)]
        self._counts = [_FIRST_WEIGHT * share for share in (*shares, spread[-1])]
        self._seconds = _FIRST_WEIGHT * first_mean_s
        self._total = _FIRST_WEIGHT
        self._weight = 1.0
        self._memory = memory
        self._news = 0
        self._survival = self._outlasting()
        self._over: dict[int, tuple[float, ...]] = {}

    @property
    def mean_s(self) -> float:
        return max(_SHORTEST_S, self._seconds / self._total)

    def learn(self, seconds: float) -> None:
        """A call was handled in so long, wrap-up included."""
        seconds = max(0.0, seconds)
        self._weight /= self._memory
        if self._weight > _HEAVY:
            self._counts = [count / self._weight for count in self._counts]
            self._seconds /= self._weight
            self._total /= self._weight
            self._weight = 1.0
        self._counts[age_of(seconds)] += self._weight
        self._seconds += self._weight * seconds
        self._total += self._weight
        self._news += 1
        if self._news * self._weight > _NEWS * self._total:
            self._news = 0
            self._survival = self._outlasting()
            self._over.clear()

    def over(self, age: int) -> tuple[float, ...]:
        """The chance that a call of this age is over, at each time of the grid."""
        found = self._over.get(age)
        if found is None:
            elapsed_s = (_AGES[age] + _AGES[age + 1]) / 2
            found = self._over[age] = tuple(self.over_within(elapsed_s, each) for each in _GRID)
        return found

    def longer_than(self, seconds: float) -> float:
        """The share of calls that take longer."""
        place = age_of(seconds)
        if place == len(_EDGES):
            return self._survival[-1] * exp(-(seconds - _EDGES[-1]) / self.mean_s)
        start = _EDGES[place - 1] if place else 0.0
        part = (seconds - start) / (_EDGES[place] - start)
        before, after = self._survival[place], self._survival[place + 1]
        return before - (before - after) * part

    def _outlasting(self) -> tuple[float, ...]:
        left, survival = self._total, [1.0]
        for count in self._counts[:-1]:
            left -= count
            survival.append(max(0.0, left / self._total))
        return tuple(survival)

    def over_within(self, elapsed_s: float, seconds: float) -> float:
        """The chance that a call which has taken `elapsed_s` is over within `seconds`."""
        lasting = self.longer_than(elapsed_s)
        if lasting < _HARDLY:
            return 1 - exp(-seconds / self.mean_s)
        return max(0.0, 1 - self.longer_than(elapsed_s + seconds) / lasting)


class Patience:
    """The rate at which waiting callers give up: how many did, for the time all of them waited."""

    def __init__(self) -> None:
        self._gave_up = 0.0
        self._waited_s = 600.0

    @property
    def rate(self) -> float:
        return self._gave_up / self._waited_s

    def learn(self, waited_s: float, *, gave_up: bool) -> None:
        self._gave_up = _MEMORY * self._gave_up + gave_up
        self._waited_s = _MEMORY * self._waited_s + max(_SHORTEST_S, waited_s)


class Correction:
    """What estimates have to be multiplied by: how long callers waited for what they were told.

    It stands for what nobody can know ahead, such as those who will come later and be served earlier.
    """

    def __init__(self) -> None:
        self._told_s = self._waited_s = 600.0

    @property
    def factor(self) -> float:
        return min(_MOST, max(_LEAST, self._waited_s / self._told_s))

    def learn(self, told_s: float, waited_s: float) -> None:
        self._told_s = _MEMORY * self._told_s + max(_SHORTEST_S, told_s)
        self._waited_s = _MEMORY * self._waited_s + max(0.0, waited_s)


@dataclass(frozen=True, slots=True)
class Talking:
    """So many agents have been on a call of this kind and age."""

    agents: int
    age: int
    handling: Handling


@dataclass(frozen=True, slots=True)
class Forecast:
    """How often agents are expected to come free by each time of the grid, and the rate from then on."""

    free: tuple[float, ...]
    rate: float

    def until(self, times: float) -> float:
        """Seconds until they came free so often."""
        place = bisect_left(self.free, times)
        if place == len(self.free):
            return _GRID[-1] + (times - self.free[-1]) / self.rate
        if place == 0:
            return 0.0
        before, after = self.free[place - 1], self.free[place]
        part = (times - before) / (after - before)
        return _GRID[place - 1] * (1 - part) + _GRID[place] * part


def forecast(idle: int, talking: Iterable[Talking], mean_s: float) -> Forecast | None:
    """From the agents who serve a queue and the mean handling time of what they do; None without agents."""
    agents, once = idle, [0.0] * len(_GRID)
    for group in talking:
        agents += group.agents
        over = group.handling.over(group.age)
        once = [free + group.agents * share for free, share in zip(once, over, strict=True)]
    if not agents:
        return None
    free, again = [float(idle)], 0.0
    for (start, end), (before, after) in zip(pairwise(_GRID), pairwise(once), strict=True):
        again += (idle + (before + after) / 2) * (end - start) / mean_s
        free.append(idle + after + again)
    return Forecast(tuple(free), agents / mean_s)


def wait_s(found: Forecast, ahead: float, share: float, giving_up: float) -> float:
    """Seconds until it is one's turn; `share` of the agents may serve such a caller."""
    waited = found.until((ahead + 1) / share)
    gone = giving_up * waited
    return waited * (log1p(gone) / gone) if gone > 0 else waited
