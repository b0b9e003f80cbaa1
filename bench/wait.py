"""Waiting time as callers are told it against how long they waited, over days of a simulated line: four queues whose
agents help out in others, breaks, busy hours, callers of higher priority, with skills, and without patience.

Rule: the core itself decides and announces. The usual estimate, mean handling time × position ÷ agents, is worked
out at the same moments; its mean is the true one of the calls so far. Who gives up has no waiting time and counts for
neither.
"""

import heapq
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp, log, sqrt

from acd.core import AcdCore
from acd.core_types import (
    Ageing,
    AgentMoved,
    AnnouncementDue,
    Caller,
    Decision,
    Login,
    Offered,
    OverflowStep,
    QueueRules,
    RelaxStep,
    needs,
)

DAYS, OPEN_H, CLOSE_H = 5, 8, 20
_HOUR = 3600.0
_BUSY = (0.9, 1.15, 1.05, 0.7, 0.8, 1.0, 1.2, 1.0, 0.9, 0.8, 0.6, 0.5)
_BUSIEST = max(_BUSY)


@dataclass(frozen=True)
class Kind:
    """A queue's calls: agents whose first queue it is, the others that they help out in, mean and spread of handling, and
    how much of what its agents can do its calls ask for.
    """

    agents: int
    helps: tuple[str, ...]
    handling_s: float
    spread: float
    load: float
    overflow: tuple[OverflowStep, ...] = ()
    wrap_up_s: float = 15.0


KINDS = {
    "north": Kind(12, ("service",), 180, 0.8, 1.0, (OverflowStep(90, "east"),)),
    "east": Kind(10, ("service",), 150, 0.7, 0.95, (OverflowStep(90, "north"),)),
    "retail": Kind(6, (), 90, 0.6, 1.0),
    "service": Kind(5, ("retail",), 320, 1.0, 1.2),
}


def main() -> None:
    print(
        f"{'day':>4} {'calls':>7} {'gave up':>8} {'told':>7} {'waited s':>9} {'ours ± s':>9} {'usual ± s':>10}"
    )
    ours, usual = [], []
    for day in range(1, DAYS + 1):
        found = _Day(day)
        found.run()
        waited = [each.waited for each in found.told]
        ours += (mine := [abs(each.ours - each.waited) for each in found.told])
        usual += (theirs := [abs(each.usual - each.waited) for each in found.told])
        print(
            f"{day:4} {found.calls:7,} {found.gave_up:8,} {len(waited):7,} {statistics.mean(waited):9.1f} "
            f"{statistics.mean(mine):9.1f} {statistics.mean(theirs):10.1f}"
        )
    print(
        f"BENCH wait error_ratio={statistics.mean(ours) / statistics.mean(usual):.2f} "
        f"ours_s={statistics.mean(ours):.1f} usual_s={statistics.mean(usual):.1f} told={len(ours)}"
    )


@dataclass(frozen=True)
class _Told:
    """Seconds: as announced, as the usual estimate says, as it was."""

    ours: float
    usual: float
    waited: float


@dataclass
class _Call:
    caller: Caller
    talk_s: float
    gives_up_at: float
    told: list[tuple[float, float, float]] = field(default_factory=list)


class _Day:
    """One day of the line from opening until everybody is gone."""

    def __init__(self, seed: int) -> None:
        self._chosen = random.Random(seed)
        rules = [
            QueueRules(name, wrap_up_s=kind.wrap_up_s, announce_every_s=30, overflow=kind.overflow)
            for name, kind in KINDS.items()
        ]
        self._core = AcdCore(rules, Ageing(every_s=60, by=5))
        self._events: list[tuple[float, int, str, object]] = []
        self._number = 0
        self._waiting: dict[str, _Call] = {}
        self._ringing: dict[str, int] = {}
        self._handled = {name: (kind.handling_s, 1) for name, kind in KINDS.items()}
        self.told: list[_Told] = []
        self.calls = self.gave_up = 0

    def run(self) -> None:
        for number, login in enumerate(_agents()):
            self._at(OPEN_H * _HOUR, "comes", login)
            lunch = (11 + number % 3) * _HOUR + self._chosen.uniform(0, 900)
            for away, back in ((lunch, lunch + 1800), (lunch + 3 * _HOUR, lunch + 3 * _HOUR + 600)):
                self._at(away, "break", login.agent_id)
                self._at(back, "ready", login.agent_id)
        for queue, kind in KINDS.items():
            for at in self._arrivals(kind):
                self._at(at, "call", queue)
        while self._events:
            due, at = self._core.next_deadline(), self._events[0][0]
            if due is not None and due <= at:
                self._hear(self._core.tick(due), due)
                continue
            at, _, kind_of, what = heapq.heappop(self._events)
            getattr(self, f"_{kind_of}")(what, at)

    def _at(self, at: float, kind: str, what: object) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, kind, what))

    def _arrivals(self, kind: Kind) -> Iterator[float]:
        rate = kind.agents * kind.load / (kind.handling_s + kind.wrap_up_s)
        at = OPEN_H * _HOUR
        while (at := at + self._chosen.expovariate(rate * _BUSIEST)) < CLOSE_H * _HOUR:
            if self._chosen.random() < _BUSY[int(at / _HOUR) - OPEN_H] / _BUSIEST:
                yield at

    def _talk_s(self, queue: str) -> float:
        kind = KINDS[queue]
        sigma = sqrt(log(1 + kind.spread**2))
        return exp(self._chosen.gauss(log(kind.handling_s) - sigma**2 / 2, sigma))

    # ---- what happens -------------------------------------------------------------------------------

    def _comes(self, login: Login, at: float) -> None:
        self._hear(self._core.log_in(login, at), at)

    def _break(self, agent_id: int, at: float) -> None:
        if "break" in self._core.allowed(agent_id):
            self._hear(self._core.command(agent_id, "break", at), at)

    def _ready(self, agent_id: int, at: float) -> None:
        if "ready" in self._core.allowed(agent_id):
            self._hear(self._core.command(agent_id, "ready", at), at)

    def _call(self, queue: str, at: float) -> None:
        self.calls += 1
        skilled = self._chosen.random() < 0.1
        caller = Caller(
            f"c{self.calls:06}",
            queue,
            50 if self._chosen.random() < 0.1 else 0,
            at,
            skills=needs({"wine": 2}) if skilled else (),
            relax=(RelaxStep(120, ()),) if skilled else (),
        )
        gives_up_at = at + 20 + self._chosen.expovariate(1 / 600)
        self._waiting[caller.call_id] = _Call(caller, self._talk_s(queue), gives_up_at)
        self._at(gives_up_at, "impatient", caller.call_id)
        self._hear(self._core.join(caller, at), at)

    def _impatient(self, call_id: str, at: float) -> None:
        if call_id in self._waiting:
            del self._waiting[call_id]
            self.gave_up += 1
            self._hear(self._core.leave(call_id, at), at)

    def _answer(self, call_id: str, at: float) -> None:
        call = self._waiting.pop(call_id, None)
        if call is None:
            return
        for told_at, ours, usual in call.told:
            self.told.append(_Told(ours, usual, at - told_at))
        agent_id = self._ringing.pop(call_id)
        self._hear(self._core.answered(call_id, at), at)
        self._at(at + call.talk_s, "over", (agent_id, call))

    def _over(self, what: tuple[int, _Call], at: float) -> None:
        agent_id, call = what
        queue = call.caller.queue
        seconds, calls = self._handled[queue]
        self._handled[queue] = (seconds + call.talk_s + KINDS[queue].wrap_up_s, calls + 1)
        self._hear(self._core.hung_up(agent_id, at, call.caller.call_id), at)

    def _hear(self, decided: list[Decision], at: float) -> None:
        for decision in decided:
            match decision:
                case Offered(call_id, _, agent_id):
                    self._ringing[call_id] = agent_id
                    self._at(at + self._chosen.uniform(2, 6), "answer", call_id)
                case AnnouncementDue(call_id, position, float(estimate)):
                    call = self._waiting[call_id]
                    usual = self._usual(call.caller.queue, position)
                    call.told.append((at, estimate, usual))
                case AgentMoved(_, now) if now.state == "unavailable":
                    raise AssertionError(f"agent {now.agent_id} was lost at {at:.0f} s")

    def _usual(self, queue: str, position: int) -> float:
        seconds, calls = self._handled[queue]
        line = self._core.line(queue)
        return position * seconds / calls / (line.ready + line.busy)


def _agents() -> Iterator[Login]:
    number = 0
    for queue, kind in KINDS.items():
        for _ in range(kind.agents):
            number += 1
            skills = {"wine": 3} if number % 3 == 0 else {}
            yield Login(number, f"A{number}", str(8000 + number), (queue, *kind.helps), skills)


if __name__ == "__main__":
    main()
