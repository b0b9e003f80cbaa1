"""How much will be sold in the next days. Rule: pure; each method sees only the days before the forecast, and
what it would have said in the past, held against what was sold, decides which one is believed.

A history is units sold by day, the oldest first, None where nobody knows what would have been sold; a forecast is the
sum over `horizon` days.
"""

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

WEEK = 7
MOST_ORIGINS = 8
_MEAN_DAYS = 28
_ALPHAS = (0.05, 0.1, 0.2, 0.3, 0.5)

History = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class MethodError:
    """Of one method in back-test: mean absolute error of the sum; as a share of what was sold (WAPE); beside the
    naive forecast's within the history (MASE, below 1 is better than naive). None: nothing to divide by.
    """

    method: str
    mae: float
    wape: float | None
    mase: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """`deviation` is the root mean square error of the sum; `origins` how often the past was asked: 0 is a
    history too short to tell, and then the mean is taken.
    """

    method: str
    expected: float
    deviation: float
    origins: int
    errors: tuple[MethodError, ...]


def masked(sold: Sequence[float], without: Sequence[bool]) -> list[float | None]:
    """What was sold by day, unknown on days `without` goods: sales there are censored by the stock, not what was wanted
    (Nahmias, Demand estimation in lost sales inventory systems, 1994).

    Where no less was ordered on such days than on the others, customers wait for the goods, and every day counts.
    """
    known = [each for each, out in zip(sold, without, strict=True) if not out]
    hidden = [each for each, out in zip(sold, without, strict=True) if out]
    if not known or not hidden or statistics.fmean(hidden) >= statistics.fmean(known):
        return list(sold)
    return [None if out else each for each, out in zip(sold, without, strict=True)]


def known_days(history: History) -> list[float]:
    """Those of which it is known what was sold."""
    return [each for each in history if each is not None]


def naive(history: History, horizon: int) -> float:
    """The next days sell what the last known ones did."""
    last = known_days(history)[-horizon:]
    return sum(last) * horizon / len(last)


def seasonal_naive(history: History, horizon: int) -> float:
    """Each day sells what the same day of the week before did (Hyndman & Athanasopoulos, Forecasting:
    Principles and Practice, 3rd edition, 5.2), or the last one of which that is known.
    """
    if len(history) < WEEK:
        return naive(history, horizon)
    week = [known_days(history[-place::-WEEK])[:1] for place in range(WEEK, 0, -1)]
    usual = statistics.fmean(known_days(history))
    return sum(week[day % WEEK][0] if week[day % WEEK] else usual for day in range(horizon))


def moving_mean(history: History, horizon: int) -> float:
    """The mean of the last four weeks of known days."""
    return statistics.fmean(known_days(history)[-_MEAN_DAYS:]) * horizon


def smoothing(history: History, horizon: int) -> float:
    """Simple exponential smoothing, l(t) = α y(t) + (1 - α) l(t-1), with the α of the least squared one-step errors
    (the same book, 8.1). An unknown day leaves the level as it is.
    """
    known = known_days(history)
    best = min((_smoothed(known, alpha) for alpha in _ALPHAS), key=lambda each: each[0])
    return best[1] * horizon


def _smoothed(known: Sequence[float], alpha: float) -> tuple[float, float]:
    """Sum of squared errors, and the last level."""
    level, squared = known[0], 0.0
    for sold in known[1:]:
        error = sold - level
        squared += error * error
        level += alpha * error
    return squared, level


def croston(history: History, horizon: int) -> float:
    """Demand that comes now and then: sizes and intervals are smoothed apart (Croston, 1972), times 1 - α/2 against its
    bias (Syntetos & Boylan, The accuracy of intermittent demand estimates, 2005). Unknown days are in no interval.
    """
    alpha = 0.1
    size = interval = 0.0
    since = 1
    for sold in known_days(history):
        if sold > 0:
            first = size == 0
            size = sold if first else size + alpha * (sold - size)
            interval = since if first else interval + alpha * (since - interval)
            since = 1
        else:
            since += 1
    return (1 - alpha / 2) * size / interval * horizon if interval else 0.0


METHODS: Mapping[str, Callable[[History, int], float]] = {
    "naive": naive,
    "seasonal_naive": seasonal_naive,
    "moving_mean": moving_mean,
    "smoothing": smoothing,
    "croston": croston,
}


def forecast(history: History, horizon: int) -> Forecast:
    """By the method whose errors in back-test were the least. Nothing was ever sold: nothing will be."""
    known = known_days(history)
    if not known:
        return Forecast("moving_mean", 0.0, 0.0, 0, ())
    cuts = origins(history, horizon)
    if not cuts:
        spread = statistics.pstdev(known) * math.sqrt(horizon)
        return Forecast("moving_mean", moving_mean(history, horizon), spread, 0, ())
    sold = [sold_in(history[cut : cut + horizon]) for cut in cuts]
    missed = {
        name: [method(history[:cut], horizon) - each for cut, each in zip(cuts, sold, strict=True)]
        for name, method in METHODS.items()
    }
    scale = _naive_scale(known_days(history[: cuts[0]]), horizon)
    errors = tuple(_error(name, misses, sum(sold), scale) for name, misses in missed.items())
    best = min(errors, key=lambda each: each.mae).method
    deviation = math.sqrt(statistics.fmean(miss * miss for miss in missed[best]))
    return Forecast(best, METHODS[best](history, horizon), deviation, len(cuts), errors)


def origins(history: History, horizon: int) -> tuple[int, ...]:
    """Where the past is cut (rolling origin, the same book, 5.10): at most MOST_ORIGINS, each a week or a horizon, whatever is
    shorter, before the next, each with at least two horizons and two weeks of days before it, two weeks of them known; of
    the days after it at least half are known.
    """
    least = max(2 * horizon, 2 * WEEK)
    step = min(horizon, WEEK)
    cuts = (
        cut
        for cut in range(len(history) - horizon, least - 1, -step)
        if len(known_days(history[:cut])) >= 2 * WEEK
        and 2 * len(known_days(history[cut : cut + horizon])) >= horizon
    )
    return tuple(sorted(itertools.islice(cuts, MOST_ORIGINS)))


def sold_in(days: History) -> float:
    """The sum over these days, an unknown one taken as the mean of the others."""
    return statistics.fmean(known_days(days)) * len(days)


def _error(method: str, misses: Sequence[float], sold: float, scale: float) -> MethodError:
    """WAPE: Kolassa & Schütz, 2007; MASE: Hyndman & Koehler, 2006."""
    mae = statistics.fmean(map(abs, misses))
    wape = mae * len(misses) / sold if sold else None
    return MethodError(method, mae, wape, mae / scale if scale else None)


def _naive_scale(known: Sequence[float], horizon: int) -> float:
    """The mean absolute error of the naive forecast of the sum, one horizon after the other."""
    sums = [
        sum(known[begin : begin + horizon]) for begin in range(len(known) % horizon, len(known), horizon)
    ]  # fmt: skip
    steps = [abs(after - before) for before, after in itertools.pairwise(sums)]
    return statistics.fmean(steps) if steps else 0.0
