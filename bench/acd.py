"""What a decision costs: 10 … 10,000 agents, 10 … 100,000 callers waiting, 1 … 50 skills.

Rule: every event of a call is timed by itself at the core, and what it decides is made by it: a caller joins, an agent
comes free and is given the next one or rests first, the phone is picked up, the talk is over, a caller gives up, an announcement with
place and estimate falls due. Every caller waits for overflow steps, by the state of the agents and by the wait foreseen. The numbers of agents and callers stay as they are. The time is that of the processor, for a
decision waits for nothing and other programs are not its cost. `p99_us` is of all events at
1,000 agents and 10,000 callers, `growth` the mean cost at 10,000 × 100,000 over that, both with 10 skills and the
median of several runs of the two in turn.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from acd.core import AcdCore
from acd.core_types import (
    Ageing,
    Caller,
    Decision,
    Login,
    Needs,
    Offered,
    OverflowStep,
    QueueRules,
    Way,
    needs,
)

AGENTS = (10, 100, 1_000, 10_000)
WAITING = (10, 100, 1_000, 10_000, 100_000)
SKILLS = (1, 10, 50)
QUEUES, ROUNDS, USUAL_SKILLS = 10, 2_000, 10
USUAL, LARGE, RUNS = (1_000, 10_000), (10_000, 100_000), 5
_STRATEGIES = ("longest_idle", "round_robin", "least_calls", "proficiency")
_RESTS = 0.2
_OVERFLOW = (
    OverflowStep(0, way=Way("voicemail", "q0"), state="nobody_there"),
    OverflowStep(0, way=Way("callback"), wait_over_s=1e9),
)
_NOW = 1_000_000.0


def main() -> None:
    print(
        f"{'agents':>8} {'waiting':>8} {'skills':>7} {'mean µs':>8} {'median':>8} {'99 %':>8} {'worst':>8}"
    )
    for agents in AGENTS:
        for waiting in WAITING:
            _measure(agents, waiting, USUAL_SKILLS)
    for skills in SKILLS:
        _measure(*USUAL, skills)
    runs = [[_measure(*size, USUAL_SKILLS) for size in (USUAL, LARGE)] for _ in range(RUNS)]
    p99_us = statistics.median(usual.p99_us for usual, _ in runs)
    growth = statistics.median(large.mean_us / usual.mean_us for usual, large in runs)
    print(f"BENCH acd p99_us={p99_us:.0f} growth={growth:.2f}")


@dataclass(frozen=True)
class _Cost:
    mean_us: float
    p99_us: float


@dataclass
class _Floor:
    """A line in which everybody is busy and callers wait."""

    core: AcdCore
    chosen: random.Random
    needs: list[Needs]
    now: float = _NOW
    calls: int = 0
    ringing: list[tuple[str, int]] = field(default_factory=list)
    talking: list[tuple[str, int]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)

    def do(self, what: Callable[[], list[Decision]]) -> None:
        began = time.thread_time()
        decided = what()
        self.took.append(time.thread_time() - began)
        for decision in decided:
            if isinstance(decision, Offered):
                self.ringing.append((decision.call_id, decision.agent_id))
                self.forget(decision.call_id)

    def forget(self, call_id: str) -> None:
        place, last = self.places.pop(call_id), self.waiting.pop()
        if last != call_id:
            self.waiting[place] = last
            self.places[last] = place

    def join(self) -> None:
        self.calls += 1
        self.now += 0.01
        call_id = f"c{self.calls:08}"
        queue = f"q{self.chosen.randrange(QUEUES)}"
        asked = self.chosen.choice(self.needs) if self.chosen.random() < 0.5 else ()
        priority = self.chosen.choice((0, 0, 0, 10, 50))
        caller = Caller(call_id, queue, priority, self.now, skills=asked)
        self.places[call_id] = len(self.waiting)
        self.waiting.append(call_id)
        self.do(lambda: self.core.join(caller, self.now))

    def answer(self) -> None:
        call_id, agent_id = self.ringing.pop()
        self.talking.append((call_id, agent_id))
        self.do(lambda: self.core.answered(call_id, self.now))

    def finish(self) -> None:
        """A talk is over; the agent, who does no wrap-up but perhaps rests, is offered the next caller."""
        place = self.chosen.randrange(len(self.talking))
        self.talking[place], self.talking[-1] = self.talking[-1], self.talking[place]
        call_id, agent_id = self.talking.pop()
        self.do(lambda: self.core.hung_up(agent_id, self.now, call_id))
        if self.chosen.random() < _RESTS:
            self.do(lambda: self.core.command(agent_id, "break", self.now, "lunch"))
            self.do(lambda: self.core.command(agent_id, "ready", self.now))
        else:
            self.do(lambda: self.core.command(agent_id, "finish_wrap_up", self.now))

    def give_up(self) -> None:
        call_id = self.chosen.choice(self.waiting)
        self.forget(call_id)
        self.do(lambda: self.core.leave(call_id, self.now))

    def announce(self) -> None:
        call_id = self.chosen.choice(self.waiting)
        began = time.thread_time()
        self.core.waiting(call_id)
        self.core.estimate_s(call_id, self.now)
        self.took.append(time.thread_time() - began)


def _measure(agents: int, waiting: int, skills: int) -> _Cost:
    floor = _filled(agents, waiting, skills)
    floor.took.clear()
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        floor.join()
        floor.finish()
        while floor.ringing:
            floor.answer()
        floor.announce()
        floor.join()
        while floor.ringing:
            floor.answer()
        if len(floor.waiting) > waiting:
            floor.give_up()
    gc.unfreeze()
    took = sorted(1e6 * each for each in floor.took)
    cost = _Cost(statistics.mean(took), took[int(len(took) * 0.99)])
    print(
        f"{agents:8,} {waiting:8,} {skills:7} {cost.mean_us:8.1f} {statistics.median(took):8.1f} "
        f"{cost.p99_us:8.1f} {took[-1]:8.1f}"
    )
    return cost


def _filled(agents: int, waiting: int, skills: int) -> _Floor:
    """All agents on a call, all callers in the line."""
    chosen = random.Random(agents + waiting + skills)
    rules = [
        QueueRules(
            f"q{n}",
            wrap_up_s=None,
            strategy=_STRATEGIES[n % len(_STRATEGIES)],  # type: ignore[arg-type]
            overflow=_OVERFLOW,
        )
        for n in range(QUEUES)
    ]
    names = [f"s{n}" for n in range(skills)]
    asked = [needs({name: chosen.randint(1, 4)}) for name in names]
    floor = _Floor(AcdCore(rules, Ageing(every_s=60, by=5)), chosen, asked)
    for number in range(1, agents + 1):
        queues = tuple(f"q{n}" for n in chosen.sample(range(QUEUES), 3))
        known = chosen.sample(names, min(len(names), 5))
        login = Login(number, "A", str(number), queues, {n: chosen.randint(1, 5) for n in known})
        floor.core.log_in(login, _NOW)
    while len(floor.waiting) < waiting or len(floor.talking) < agents:
        floor.join()
        while floor.ringing:
            floor.answer()
    while len(floor.waiting) > waiting:
        floor.give_up()
    return floor


if __name__ == "__main__":
    main()
