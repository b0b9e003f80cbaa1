"""How much will be sold in the next days. Rule: pure; each method sees only the days before the forecast, and
what it would have said in the past, held against what was sold, decides which one is believed.

A history is units sold by day, the oldest first; a forecast is the sum over `horizon` days.
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

History = Sequence[float]


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


def naive(history: History, horizon: int) -> float:
    """The next days sell what the last ones did."""
    last = history[-horizon:]
    return sum(last) * horizon / len(last)


def seasonal_naive(history: History, horizon: int) -> float:
    """Each day sells what the same day of the week before did (Hyndman & Athanasopoulos, Forecasting:
    Principles and Practice, 3rd edition, 5.2).
    """
    if len(history) < WEEK:
        return naive(history, horizon)
    week = history[-WEEK:]
    return sum(week[day % WEEK] for day in range(horizon))


def moving_mean(history: History, horizon: int) -> float:
    """The mean of the last four weeks."""
    return statistics.fmean(history[-_MEAN_DAYS:]) * horizon


def smoothing(history: History, horizon: int) -> float:
    """Simple exponential smoothing, l(t) = α y(t) + (1 - α) l(t-1), with the α of the least squared one-step errors
    (the same book, 8.1).
    """
    best = min((_smoothed(history, alpha) for alpha in _ALPHAS), key=lambda each: each[0])
    return best[1] * horizon


def _smoothed(history: History, alpha: float) -> tuple[float, float]:
    """Sum of squared errors, and the last level."""
    level, squared = history[0], 0.0
    for sold in history[1:]:
        error = sold - level
        squared += error * error
        level += alpha * error
    return squared, level


def croston(history: History, horizon: int) -> float:
    """Demand that comes now and then: sizes and intervals are smoothed apart (Croston, 1972), times 1 - α/2 against its
    bias (Syntetos & Boylan, The accuracy of intermittent demand estimates, 2005).
    """
    alpha = 0.1
    size = interval = 0.0
    since = 1
    for sold in history:
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
    if not history:
        return Forecast("moving_mean", 0.0, 0.0, 0, ())
    cuts = origins(len(history), horizon)
    if not cuts:
        spread = statistics.pstdev(history) * math.sqrt(horizon)
        return Forecast("moving_mean", moving_mean(history, horizon), spread, 0, ())
    missed = {name: _misses(history, horizon, cuts, method) for name, method in METHODS.items()}
    sold = sum(sum(history[cut : cut + horizon]) for cut in cuts)
    scale = _naive_scale(history[: cuts[0]], horizon)
    errors = tuple(_error(name, misses, sold, scale) for name, misses in missed.items())
    best = min(errors, key=lambda each: each.mae).method
    deviation = math.sqrt(statistics.fmean(miss * miss for miss in missed[best]))
    return Forecast(best, METHODS[best](history, horizon), deviation, len(cuts), errors)


def origins(days: int, horizon: int) -> tuple[int, ...]:
    """Where the past is cut (rolling origin, the same book, 5.10): at most MOST_ORIGINS, each a week or a horizon, whatever is
    shorter, before the next, each with at least two horizons and two weeks before it.
    """
    least = max(2 * horizon, 2 * WEEK)
    step = min(horizon, WEEK)
    cuts = range(days - horizon, least - 1, -step)
    return tuple(sorted(cuts[:MOST_ORIGINS]))


def _misses(
    history: History,
    horizon: int,
    cuts: Sequence[int],
    method: Callable[[History, int], float],
) -> list[float]:
    return [method(history[:cut], horizon) - sum(history[cut : cut + horizon]) for cut in cuts]


def _error(method: str, misses: Sequence[float], sold: float, scale: float) -> MethodError:
    """WAPE: Kolassa & Schütz, 2007; MASE: Hyndman & Koehler, 2006."""
    mae = statistics.fmean(map(abs, misses))
    wape = mae * len(misses) / sold if sold else None
    return MethodError(method, mae, wape, mae / scale if scale else None)


def _naive_scale(history: History, horizon: int) -> float:
    """The mean absolute error of the naive forecast of the sum, one horizon after the other."""
    sums = [
        sum(history[begin : begin + horizon]) for begin in range(len(history) % horizon, len(history), horizon)
    ]  # fmt: skip
    steps = [abs(after - before) for before, after in itertools.pairwise(sums)]
    return statistics.fmean(steps) if steps else 0.0
