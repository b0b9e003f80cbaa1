"""Dialling policies side by side over the same people: occupancy within the limit of abandoned calls.

Rule: VICIdial's levels are tuned on other seeds than those of the comparison, and ours on none. On the exponential twin nobody
may give up a ringing call, because the computed limit does not.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pool

from bench.pacing.limit import occupancy_limit
from bench.pacing.measuring import Summary, run
from bench.pacing.ours import Ours
from bench.pacing.peers import IdleRatio, Issabel, Kamen, Progressive, Vicidial
from bench.pacing.scenarios import Scenario, changing, stationary, twin
from bench.pacing.world import Policy

DAYS, TUNING_DAYS = 20, 3
SEED, TUNING_SEED = 7_001, 1
SIZES = (5, 10, 20, 50)
_AMONG = 10
_LEVELS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.4, 2.8)

_PLAIN: dict[str, Callable[[], Policy]] = {
    "progressive": Progressive,
    "ratio 2 per idle agent": lambda: IdleRatio(2.0),
    "VICIdial hard limit, defaults": lambda: Vicidial("hard"),
    "VICIdial tapered, defaults": lambda: Vicidial("tapered"),
    "Issabel": Issabel,
    "Kamen": Kamen,
}
_TUNED: dict[str, Callable[[float], Policy]] = {
    "VICIdial ratio, tuned": lambda level: Vicidial("ratio", level),
    "VICIdial hard limit, tuned": lambda most: Vicidial("hard", most=most),
}
_OURS = "ours"


@dataclass(frozen=True)
class _Task:
    scenario: str
    policy: str


@dataclass(frozen=True)
class _Done:
    task: _Task
    found: Summary
    setting: float | None = None


def _scenarios() -> dict[str, Scenario]:
    every = [*(twin(agents) for agents in SIZES), stationary(_AMONG), *changing(_AMONG)]
    return {each.name: each for each in every}


def main() -> None:
    scenarios = _scenarios()
    with Pool(os.cpu_count()) as pool:
        limits = pool.map_async(_limit, sorted(SIZES, reverse=True), chunksize=1)
        done: dict[_Task, _Done] = {}
        for each in pool.imap_unordered(_work, _tasks(scenarios), chunksize=1):
            done[each.task] = each
        best = dict(limits.get())
    for name in scenarios:
        _print(name, [done[each] for each in done if each.scenario == name])
    _sum_up(scenarios, done, best)


def _limit(agents: int) -> tuple[int, float]:
    return agents, occupancy_limit(agents, 0.3)


def _tasks(scenarios: dict[str, Scenario]) -> list[_Task]:
    """The longest first."""
    found = []
    for name, scenario in scenarios.items():
        policies = ("progressive", _OURS)
        if not name.startswith("twin"):
            policies = (*_PLAIN, *_TUNED, _OURS)
        found += [
            (scenario.agents * (10 if each == _OURS else 2), _Task(name, each)) for each in policies
        ]
    return [task for _, task in sorted(found, key=lambda each: -each[0])]


def _work(task: _Task) -> _Done:
    scenario = _scenarios()[task.scenario]
    if task.policy == _OURS:
        cancels = not task.scenario.startswith("twin")
        return _Done(task, run(scenario, lambda: Ours(cancels=cancels), SEED, DAYS))
    if task.policy in _PLAIN:
        return _Done(task, run(scenario, _PLAIN[task.policy], SEED, DAYS))
    make = _TUNED[task.policy]
    level = _tuned(scenario, make)
    return _Done(task, run(scenario, lambda: make(level or 1.0), SEED, DAYS), level)


def _tuned(scenario: Scenario, make: Callable[[float], Policy]) -> float | None:
    """The level that keeps agents busiest within the limit, in hindsight of the tuning days; None when none keeps to it."""
    best, occupancy = None, 0.0
    for level in _LEVELS:
        found = run(scenario, lambda level=level: make(level), TUNING_SEED, TUNING_DAYS)
        if found.feasible and found.occupancy > occupancy:
            best, occupancy = level, found.occupancy
        if found.abandoned > 0.06:
            break
    return best


def _print(name: str, found: list[_Done]) -> None:
    print(f"\n{name}")
    print(
        f"  {'':34} {'busy':>6} {'aband.':>6} {'over':>5} {'worst ½h':>8} {'dials':>6} {'given up':>8} "
        f"{'in 20 s':>7} {'recovery':>8} {'cpu':>6}"
    )
    order = [*_PLAIN, *_TUNED, _OURS]
    for each in sorted(found, key=lambda one: order.index(one.task.policy)):
        is_ = each.found
        called = each.task.policy
        if called in _TUNED:
            called += f" {each.setting:g}" if each.setting else " (none holds)"
        print(
            f"  {called:34} {is_.occupancy:6.3f} {is_.abandoned:6.2%}{' ' if is_.feasible else '!'}"
            f"{is_.days_over:5.2f} {is_.worst_half_hour:8.1%} {is_.dials:6.2f} {is_.cancelled:8.1%} "
            f"{_or_nothing(is_.in_time, '.0%'):>7} "
            f"{_or_nothing(is_.recovery_min, '.0f'):>8} {is_.cpu_us:6.0f}"
        )


def _or_nothing(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _sum_up(
    scenarios: dict[str, Scenario], done: dict[_Task, _Done], best: dict[int, float]
) -> None:
    print()
    headrooms = []
    for agents in SIZES:
        name = f"twin N={agents}"
        ours, plain = (done[_Task(name, each)].found.occupancy for each in (_OURS, "progressive"))
        headrooms.append((ours - plain) / (best[agents] - plain))
        print(f"N={agents}: limit {best[agents]:.3f}, headroom {headrooms[-1]:.3f}")
    over = max(done[_Task(name, _OURS)].found.days_over for name in scenarios)
    ahead = all(_ahead(name, done) for name in scenarios if not name.startswith("twin"))
    print(f"BENCH pacing headroom={min(headrooms):.3f} days_over={over:.2f} ahead={int(ahead)}")


def _ahead(name: str, done: dict[_Task, _Done]) -> bool:
    """Within the limit, and busier than VICIdial with any setting that kept to the limit on the tuning days."""
    ours = done[_Task(name, _OURS)].found
    tuned = [done[_Task(name, each)] for each in _TUNED]
    theirs = max((each.found.occupancy for each in tuned if each.setting), default=0.0)
    return ours.feasible and ours.occupancy > theirs


if __name__ == "__main__":
    main()
