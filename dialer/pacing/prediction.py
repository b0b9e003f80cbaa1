"""Who comes free and who answers within the next seconds, and the chance that one more answer would find nobody.

Rule: pure. What is learnt is read into tables by whole seconds of age, which hold for a few seconds (`Prediction`).

An agent who has talked for e seconds is free within t with the chance that the residual life of the talk, and the wrap-up
after it, are over (renewal theory: Cox, Renewal Theory, 1962). A call that has rung for a seconds is answered within t with
the chance p(R(a+t) - R(a)) / (p(1 - R(a)) + (1 - p)(1 - Q(a))), R and Q being the learnt distributions of the delay of
answers and of failures. Sums of such chances are taken as the binomial distribution of the same mean and variance
(Ehm, Binomial approximation to the Poisson binomial distribution, 1991).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, exp, log1p, sqrt

from acd.estimate import Handling
from dialer.pacing.learning import Estimates
from dialer.pacing.reported import Agent, Ringing

GRACE_S = 2.0
"""Who has answered counts as abandoned after so long without an agent (16 CFR 310.4(b)(4))."""

MOMENTS = (0.25, 0.75)
"""Quantiles of the answer delay: when the answer of a call that begins now is thought to come."""

_WRAP_UPS = (0.125, 0.375, 0.625, 0.875)
_LONGEST_S, _NEAR_S = 3600.0, 0.1
_NOTHING, _RAREST, _SUREST = 1e-9, 1e-6, 1 - 1e-9
_MANY = (
    300.0  # of so many the chance that none happens is nothing, and they are taken at their mean
)
_BUSY = ("talking", "wrap_up")
_FINE = 40  # ages up to here are told apart by seconds, greater ones by an eighth of themselves
_AGES = tuple(
    age if age < _FINE else age - age % (1 << (age.bit_length() - 4))
    for age in range(int(_LONGEST_S))
)
_TAIL = 6.0  # standard deviations beyond which there is nothing


@dataclass(slots=True)
class Sum:
    """Mean and variance of how many of some independent things happen."""

    mean: float = 0.0
    variance: float = 0.0

    def add(self, chance: float, times: float = 1.0) -> None:
        self.mean += times * chance
        self.variance += times * chance * (1 - chance)

    def add_rare(self, mean: float) -> None:
        """Poisson events."""
        self.mean += mean
        self.variance += mean

    def chances(self) -> list[float]:
        """Of 0, 1, 2 … of them, until nothing is left."""
        if self.mean < _NOTHING:
            return [1.0]
        if self.mean > _MANY:
            return [*[0.0] * round(self.mean), 1.0]
        alike = max(_RAREST, 1 - self.variance / self.mean)
        tries = max(ceil(self.mean), round(self.mean / alike))
        each = min(self.mean / tries, _SUREST)
        odds = each / (1 - each)
        chance = exp(tries * log1p(-each))
        found = [chance]
        most = int(self.mean + _TAIL * sqrt(max(0.0, self.variance)) + 3)
        for number in range(min(tries, most)):
            chance *= (tries - number) / (number + 1) * odds
            found.append(chance)
        return found


def shortage(needed: int, demand: Sum, supply: list[float]) -> float:
    """The chance that those who come, less those who become free (by their chances), are `needed` or more."""
    tail = list(accumulate(reversed(demand.chances())))
    tail.reverse()
    most = len(tail)
    risk = 0.0
    for free, chance in enumerate(supply):
        more = needed + free
        if more <= 0:
            risk += chance
        elif more < most:
            risk += chance * tail[more]
        else:
            break
    return min(1.0, risk)


class Prediction:
    """What is learnt, as of one moment, by whole seconds of age.

    `ahead_s`: the seconds after which a call that begins now would be answered, if it is: soon and late.
    """

    def __init__(self, known: Estimates) -> None:
        self._known = known
        self.ahead_s = tuple(quantile(known.answer_delay, share) for share in MOMENTS)
        self._free: dict[tuple[str, str, int], tuple[float, ...]] = {}
        self._wrap_ups: dict[str, tuple[float, ...]] = {}
        self._rings: dict[int, tuple[float, float, tuple[float, ...]]] = {}

    def supply(self, agents: Iterable[Agent], now: float) -> list[Sum]:
        """How many agents come free by each moment, those who are free now not counted."""
        counts: dict[tuple[str, str, int], int] = {}
        for agent in agents:
            if not agent.leaves:
                key = (agent.kind, agent.state, _age(now - agent.since))
                counts[key] = counts.get(key, 0) + 1
        sums = [Sum() for _ in self.ahead_s]
        for (kind, state, age), times in counts.items():
            if state in _BUSY:
                for each, chance in zip(sums, self._freed(kind, state, age), strict=True):
                    each.add(chance, times)
        return sums

    def demand(self, ringing: Iterable[Ringing], hour: int, now: float) -> list[Sum]:
        """How many ringing calls are answered by each moment."""
        counts: dict[tuple[str, int], int] = {}
        for call in ringing:
            key = (call.segment, _age(now - call.started_at))
            counts[key] = counts.get(key, 0) + 1
        sums = [Sum() for _ in self.ahead_s]
        for (segment, age), times in counts.items():
            chances = self._answers(self._known.rate.of(segment, hour), age)
            for each, chance in zip(sums, chances, strict=True):
                each.add(chance, times)
        return sums

    def answers(self, call: Ringing, hour: int, now: float) -> list[float]:
        """The chances that it is answered by each moment."""
        rate = self._known.rate.of(call.segment, hour)
        return self._answers(rate, _age(now - call.started_at))

    def _answers(self, rate: float, age: int) -> list[float]:
        still, failing, parts = self._ring(age)
        whole = rate * still + (1 - rate) * failing
        return [rate * part / whole for part in parts] if whole > _NOTHING else [0.0] * len(parts)

    def _freed(self, kind: str, state: str, age: int) -> tuple[float, ...]:
        found = self._free.get((kind, state, age))
        if found is None:
            found = tuple(self._free_within(kind, state, age, at + GRACE_S) for at in self.ahead_s)
            self._free[kind, state, age] = found
        return found

    def _free_within(self, kind: str, state: str, age: int, within_s: float) -> float:
        busy = self._known.busy(kind)
        if state == "wrap_up":
            return busy.wrap_up.over_within(age, within_s)
        wrap_ups = self._wrap_ups.get(kind)
        if wrap_ups is None:
            wrap_ups = tuple(quantile(busy.wrap_up, share) for share in _WRAP_UPS)
            self._wrap_ups[kind] = wrap_ups
        left = (within_s - wrap_up for wrap_up in wrap_ups)
        return sum(busy.talk.over_within(age, s) for s in left if s > 0) / len(wrap_ups)

    def _ring(self, age: int) -> tuple[float, float, tuple[float, ...]]:
        """Answers and failures that take longer than this, and the answers among them by each moment."""
        found = self._rings.get(age)
        if found is None:
            delay = self._known.answer_delay
            still = delay.longer_than(age)
            parts = tuple(still - delay.longer_than(age + at) for at in self.ahead_s)
            found = (still, self._known.failure_delay.longer_than(age), parts)
            self._rings[age] = found
        return found


def _age(elapsed_s: float) -> int:
    return _AGES[int(min(max(elapsed_s, 0.0), _LONGEST_S - 1))]


def quantile(times: Handling, share: float) -> float:
    """Seconds within which this share is over."""
    low, high = 0.0, _LONGEST_S
    while high - low > _NEAR_S:
        middle = (low + high) / 2
        if 1 - times.longer_than(middle) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
