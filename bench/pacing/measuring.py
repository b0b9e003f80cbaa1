"""Days of a scenario under a policy, and what they come to."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean, median

from bench.pacing.scenarios import Scenario
from bench.pacing.world import BIN_S, DAY_S, Day, DayResult, Policy, history

LIMIT = 0.03
_HALF_HOUR = int(1800 / BIN_S)
_SOME = 30  # answers of a half hour of which a share is told


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares of 1, but `recovery_min`: minutes after a shock; `cpu_us`: processor time of a second of the day."""

    occupancy: float
    abandoned: float
    days_over: float
    worst_half_hour: float
    dials: float
    cancelled: float
    in_time: float | None
    recovery_min: float | None
    cpu_us: float

    @property
    def feasible(self) -> bool:
        return self.abandoned <= LIMIT


def run(scenario: Scenario, make: Callable[[], Policy], seed: int, days: int) -> Summary:
    began, policy, results = time.process_time(), make(), []
    for day in range(days):
        world = scenario.world(seed, day)
        if scenario.cold:
            policy = make()
            history(world, policy, random.Random(f"{seed} {day} history"), 100)
        policy.new_day(day)
        results.append(Day(world, policy, seed, day).run())
    return _summary(scenario, results, time.process_time() - began)


def _summary(scenario: Scenario, days: list[DayResult], cpu_s: float) -> Summary:
    met, abandoned = sum(day.met for day in days), sum(day.abandoned for day in days)
    came = sum(day.came_in for day in days)
    recoveries = [_recovery(day, at, scenario.agents) for day in days for at in scenario.shocks]
    return Summary(
        occupancy=sum(day.busy_s for day in days) / sum(day.present_s for day in days),
        abandoned=abandoned / (met + abandoned),
        days_over=mean(day.abandoned > LIMIT * (day.met + day.abandoned) for day in days),
        worst_half_hour=max(_worst_half_hour(day) for day in days),
        dials=sum(day.dialled for day in days) / met,
        cancelled=sum(day.cancelled for day in days) / sum(day.dialled for day in days),
        in_time=sum(day.in_time for day in days) / came if came else None,
        recovery_min=mean(recoveries) if recoveries else None,
        cpu_us=1e6 * cpu_s / (len(days) * DAY_S),
    )


def _worst_half_hour(day: DayResult) -> float:
    worst = 0.0
    for first in range(0, len(day.met_by) - 1, _HALF_HOUR):
        abandoned = sum(day.abandoned_by[first : first + _HALF_HOUR])
        answers = abandoned + sum(day.met_by[first : first + _HALF_HOUR])
        if answers >= _SOME:
            worst = max(worst, abandoned / answers)
    return worst


def _recovery(day: DayResult, at: float, agents: int) -> float:
    """Minutes until ten together have less than twice the limit abandoned and agents idle at most half as long again as in the
    median of the day.
    """
    usual = median(day.idle_s[:-1]) / (agents * BIN_S)
    first = int(at / BIN_S)
    for start in range(first, len(day.idle_s) - 2):
        abandoned = sum(day.abandoned_by[start : start + 2])
        answers = abandoned + sum(day.met_by[start : start + 2])
        idle = sum(day.idle_s[start : start + 2]) / (2 * agents * BIN_S)
        if abandoned <= 2 * LIMIT * answers and idle <= 1.5 * usual:
            return (start - first) * BIN_S / 60
    return (DAY_S - at) / 60
