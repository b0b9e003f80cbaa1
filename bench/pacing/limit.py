"""The computed limit of the exponential twin: the greatest occupancy that any policy reaches with so many calls abandoned.

State (n, r): n people with an agent or waiting for one, r calls ringing. Handling, ringing and patience are exponential; a
call is answered with probability p; dialling costs nothing and cannot be undone. The reward is occupancy less λ times what is
abandoned beyond the limit. For each λ relative value iteration (Puterman, Markov Decision Processes, 1994, 8.5) of the
uniformised chain gives the best average reward; its least value over λ is the best occupancy within the limit (the dual of the
constrained process: Altman, Constrained Markov Decision Processes, 1999), and it is convex in λ.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

_GOLDEN = (sqrt(5) - 1) / 2
_PRICES = 14
_CLOSE = 2e-5


def occupancy_limit(
    agents: int,
    rate: float,
    *,
    handling_s: float = 140.0,
    ring_s: float = 12.0,
    patience_s: float = 2.0,
    limit: float = 0.03,
) -> float:
    """Share of the agents' time."""
    best = _Iteration(agents, rate, (handling_s, ring_s, patience_s), limit).reward
    return _least(best, 0.0, 400.0 / agents)


def _least(of: Callable[[float], float], low: float, high: float) -> float:
    """Of a convex function, by golden section."""
    one, two = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_one, at_two = of(one), of(two)
    for _ in range(_PRICES):
        if at_one < at_two:
            high, two, at_two = two, one, at_one
            one = high - _GOLDEN * (high - low)
            at_one = of(one)
        else:
            low, one, at_one = one, two, at_two
            two = low + _GOLDEN * (high - low)
            at_two = of(two)
    return min(at_one, at_two)


class _Iteration:
    """Begins each price where the one before ended."""

    def __init__(
        self, agents: int, rate: float, means_s: tuple[float, float, float], limit: float
    ) -> None:
        handling, ring, leaving = (1 / mean for mean in means_s)
        waiting, ringing = max(6, int(3 + 2 * sqrt(agents))), int(1.3 * agents / rate + 8)
        people = np.arange(agents + waiting + 1.0)[:, None]
        calls = np.arange(ringing + 1.0)[None, :]
        busy = np.minimum(people, agents)
        self._pace = agents * handling + waiting * leaving + ringing * ring
        self._down = (busy * handling + (people - busy) * leaving) / self._pace
        self._answered = calls * ring * rate / self._pace
        self._failed = calls * ring * (1 - rate) / self._pace
        self._stays = 1 - self._down - self._answered - self._failed
        self._occupied = busy / agents
        self._over = (people - busy) * leaving - limit * ring * rate * calls
        self._values = np.zeros(self._stays.shape)

    def reward(self, price: float) -> float:
        """The best average of occupancy less price × abandoned a second beyond the limit."""
        gain = (self._occupied - price * self._over) / self._pace
        values = self._values
        while True:
            after = gain + self._stays * values
            after[1:] += self._down[1:] * values[:-1]
            after[:-1, 1:] += self._answered[:, 1:] * values[1:, :-1]
            after[-1, 1:] += self._answered[0, 1:] * values[-1, :-1]
            after[:, 1:] += self._failed[:, 1:] * values[:, :-1]
            best = np.maximum.accumulate(after[:, ::-1], axis=1)[:, ::-1]
            grown = (best - values) * self._pace
            least, most = float(grown.min()), float(grown.max())
            values = best - best[0, 0]
            if most - least < _CLOSE:
                self._values = values
                return (least + most) / 2
