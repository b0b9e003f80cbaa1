"""A campaign's days, event by event: records that answer or not, agents who talk and wrap up, callers who come in.

Rule: what happens to the k-th record that is dialled on a day is drawn from the seed, the day and k alone, so that every policy
meets the same people; a policy sees nothing but a `Floor` and what is told at the end of things.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp, log, sqrt
from typing import Protocol

from dialer.pacing.reported import Agent, Floor, Ringing

DAY_S = 8 * 3600.0
BIN_S = 300.0
OUT, IN = "campaign", "inbound"


@dataclass(frozen=True)
class World:
    """Durations are seconds. `rate(t, segment)`: who answers; `mix(t)`: the share of segment a in the list; `handling(t)`: a
    factor on talk; `breaks`: (from, until) in which every other agent is away; `down`: (from, until) of the carrier;
    `inbound(t)`: callers a second. `exponential`: the twin for which the limit is computed.
    """

    agents: int
    rate: Callable[[float, str], float] = lambda _t, _segment: 0.3
    mix: Callable[[float], float] = lambda _t: 1.0
    handling: Callable[[float], float] = lambda _t: 1.0
    inbound: Callable[[float], float] | None = None
    breaks: tuple[tuple[float, float], ...] = ()
    down: tuple[tuple[float, float], ...] = ()
    talk_s: float = 120.0
    talk_cv: float = 0.9
    wrap_up_s: float = 20.0
    wrap_up_cv: float = 0.6
    grace_s: float = 2.0
    exponential: bool = False
    ring_s: float = 12.0


class Policy(Protocol):
    """`every_s`: how often it is asked besides; `on_events`: asked after each event too."""

    every_s: float
    on_events: bool

    def new_day(self, day: int) -> None: ...
    def decide(self, floor: Floor, now: float) -> tuple[int, tuple[str, ...]]: ...
    def answered(self, call: Ringing, now: float) -> None: ...
    def failed(self, call: Ringing, now: float, *, congested: bool) -> None: ...
    def met(self, waited_s: float, now: float) -> None: ...
    def abandoned(self, now: float) -> None: ...
    def talked(self, kind: str, seconds: float) -> None: ...
    def wrapped_up(self, kind: str, seconds: float) -> None: ...
    def came_in(self, now: float) -> None: ...


class Deaf:
    """A policy that learns nothing."""

    every_s = 1.0
    on_events = True

    def new_day(self, day: int) -> None: ...
    def answered(self, call: Ringing, now: float) -> None: ...
    def failed(self, call: Ringing, now: float, *, congested: bool) -> None: ...
    def met(self, waited_s: float, now: float) -> None: ...
    def abandoned(self, now: float) -> None: ...
    def talked(self, kind: str, seconds: float) -> None: ...
    def wrapped_up(self, kind: str, seconds: float) -> None: ...
    def came_in(self, now: float) -> None: ...


@dataclass
class DayResult:
    """`idle_s`, `abandoned_by`, `met_by` by five minutes; `present_s`: agents' time at work."""

    busy_s: float = 0.0
    present_s: float = 0.0
    dialled: int = 0
    cancelled: int = 0
    met: int = 0
    abandoned: int = 0
    came_in: int = 0
    in_time: int = 0
    idle_s: list[float] = field(default_factory=lambda: [0.0] * (int(DAY_S / BIN_S) + 1))
    abandoned_by: list[int] = field(default_factory=lambda: [0] * (int(DAY_S / BIN_S) + 1))
    met_by: list[int] = field(default_factory=lambda: [0] * (int(DAY_S / BIN_S) + 1))


@dataclass(slots=True)
class _Call:
    """One that rings or waits. `kind`: the campaign's, or one that came in."""

    kind: str
    talk_z: float
    wrap_up_z: float
    since: float
    answers: bool = False
    gone: bool = False
    congested: bool = False
    ringing: Ringing | None = None


class Day:
    """One day of a world under a policy."""

    def __init__(self, world: World, policy: Policy, seed: int, day: int) -> None:
        self._world, self._policy = world, policy
        self._records = random.Random(f"{seed} {day} records")
        self._callers = random.Random(f"{seed} {day} callers")
        self._heap: list[tuple[float, int, Callable[[float, object], None], object]] = []
        self._number = 0
        self._agents: list[Agent | None] = [Agent("idle", 0.0)] * world.agents
        self._come = [0.0] * world.agents
        self._idle: deque[int] = deque(range(world.agents))
        self._leaving: set[int] = set()
        self._ringing: dict[str, _Call] = {}
        self._shown: dict[str, Ringing] = {}
        self._waiting: deque[_Call] = deque()
        self._inbound: deque[_Call] = deque()
        self._next: deque[tuple[float, ...]] = deque()
        self._upcoming: deque[str] = deque()
        self._out_waiting = self._in_waiting = 0
        self._lines = 6 * world.agents + 20
        self.result = DayResult()

    def run(self) -> DayResult:
        world, policy = self._world, self._policy
        for since, until in world.breaks:
            self._at(since, self._break, None)
            self._at(until, self._back, None)
        if world.inbound:
            self._next_caller(0.0)
        tick = 0.0
        heap = self._heap
        while True:
            at = heap[0][0] if heap else DAY_S
            if tick <= at:
                now = tick
                tick = now + policy.every_s
                if now >= DAY_S:
                    break
            else:
                now, _, act, what = heapq.heappop(heap)
                if now >= DAY_S:
                    break
                act(now, what)
                if not policy.on_events:
                    continue
                tick = now + policy.every_s
            self._ask(now)
        self._close()
        return self.result

    def _at(self, at: float, act: Callable[[float, object], None], what: object) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at, self._number, act, what))

    # ---- the policy -------------------------------------------------------------------------------

    def _ask(self, now: float) -> None:
        while len(self._next) < 60 + 3 * self._world.agents:
            draw = self._records
            record = tuple(draw.random() for _ in range(4)) + tuple(
                draw.gauss(0, 1) for _ in range(3)
            )
            self._next.append(record)
            self._upcoming.append("a" if record[0] < self._world.mix(now) else "b")
        floor = Floor(
            agents=[agent for agent in self._agents if agent is not None],
            ringing=list(self._shown.values()),
            upcoming=self._upcoming,
            hour=9 + int(now / 3600),
            waiting=self._out_waiting,
            inbound_waiting=self._in_waiting,
            closes_at=DAY_S,
            lines_free=self._lines - len(self._shown) - self._out_waiting,
        )
        n_dial, cancel = self._policy.decide(floor, now)
        for call_id in cancel:
            self._ringing.pop(call_id).gone = True
            del self._shown[call_id]
            self.result.cancelled += 1
        for _ in range(min(n_dial, floor.lines_free)):
            self._dial(now)

    def _dial(self, now: float) -> None:
        world = self._world
        segment, record = self._upcoming.popleft(), self._next.popleft()
        self._number += 1
        call_id = str(self._number)
        shown = Ringing(call_id, now, segment)
        call = _Call(OUT, record[4], record[5], now, ringing=shown)
        call.answers = record[1] < world.rate(now, segment)
        if any(since <= now < until for since, until in world.down):
            call.answers, call.congested, rings = False, True, 0.5
        elif world.exponential:
            rings = -world.ring_s * log(1 - record[2])
            call.talk_z = record[3]
        elif call.answers:
            rings = min(25.0, 3 + _lognormal(9, 0.6, record[6]))
        else:
            rings = 3 + 5 * record[3] if record[2] < 0.15 else 25.0
        self._ringing[call_id], self._shown[call_id] = call, shown
        self.result.dialled += 1
        self._at(now + rings, self._rang, call)

    # ---- what happens -----------------------------------------------------------------------------

    def _rang(self, now: float, what: object) -> None:
        call = what
        assert isinstance(call, _Call)
        if call.gone:
            return
        assert call.ringing is not None
        del self._ringing[call.ringing.call_id]
        del self._shown[call.ringing.call_id]
        if not call.answers:
            self._policy.failed(call.ringing, now, congested=call.congested)
            return
        self._policy.answered(call.ringing, now)
        call.since = now
        self._waiting.append(call)
        self._out_waiting += 1
        self._connect(now)
        if call.since >= 0:
            world = self._world
            grace = world.grace_s
            if world.exponential:
                grace = -grace * log(1 - self._callers.random())
            self._at(now + grace, self._lost, call)

    def _lost(self, now: float, what: object) -> None:
        call = what
        assert isinstance(call, _Call)
        if call.since < 0 or call.gone:
            return
        call.gone = True
        if call.kind == IN:
            self._in_waiting -= 1
            return
        self._out_waiting -= 1
        self.result.abandoned += 1
        self.result.abandoned_by[int(now / BIN_S)] += 1
        self._policy.abandoned(now)

    def _connect(self, now: float) -> None:
        for line in (self._waiting, self._inbound):
            while line and (line[0].gone or self._idle):
                call = line.popleft()
                if not call.gone:
                    self._meet(now, self._idle.popleft(), call)

    def _meet(self, now: float, agent: int, call: _Call) -> None:
        world, result = self._world, self.result
        was = self._agents[agent]
        assert was is not None
        result.idle_s[int(now / BIN_S)] += now - was.since
        waited = now - call.since
        if call.kind == OUT:
            self._out_waiting -= 1
            result.met += 1
            result.met_by[int(now / BIN_S)] += 1
            self._policy.met(waited, now)
        else:
            self._in_waiting -= 1
            result.in_time += waited <= 20
        call.since = -1.0
        self._agents[agent] = Agent("talking", now, call.kind)
        if world.exponential:
            talk = -(world.talk_s + world.wrap_up_s) * log(1 - call.talk_z)
        else:
            talk = _lognormal(world.talk_s, world.talk_cv, call.talk_z) * world.handling(now)
        self._at(now + talk, self._talked, (agent, call, now))

    def _talked(self, now: float, what: object) -> None:
        agent, call, since = what  # type: ignore[misc]
        self._policy.talked(call.kind, now - since)
        self.result.busy_s += now - since
        if self._world.exponential:
            self._policy.wrapped_up(call.kind, 0.0)
            self._free(now, agent)
            return
        self._agents[agent] = Agent("wrap_up", now, call.kind)
        wrap_up = _lognormal(self._world.wrap_up_s, self._world.wrap_up_cv, call.wrap_up_z)
        self._at(now + wrap_up, self._wrapped_up, (agent, call, now))

    def _wrapped_up(self, now: float, what: object) -> None:
        agent, call, since = what  # type: ignore[misc]
        self._policy.wrapped_up(call.kind, now - since)
        self.result.busy_s += now - since
        self._free(now, agent)

    def _free(self, now: float, agent: int) -> None:
        if agent in self._leaving:
            self._leaving.discard(agent)
            self._goes(now, agent)
            return
        self._agents[agent] = Agent("idle", now)
        self._idle.append(agent)
        self._connect(now)

    # ---- agents come and go, callers come in ------------------------------------------------------

    def _goes(self, now: float, agent: int) -> None:
        self._agents[agent] = None
        self.result.present_s += now - self._come[agent]

    def _break(self, now: float, _: object) -> None:
        for agent in range(0, len(self._agents), 2):
            is_ = self._agents[agent]
            if is_ is None:
                continue
            if is_.state == "idle":
                self._idle.remove(agent)
                self._goes(now, agent)
            else:
                self._leaving.add(agent)
                self._agents[agent] = Agent(is_.state, is_.since, is_.kind, leaves=True)

    def _back(self, now: float, _: object) -> None:
        for agent, is_ in enumerate(self._agents):
            if is_ is None:
                self._come[agent] = now
                self._free(now, agent)
            elif is_.leaves:
                self._leaving.discard(agent)
                self._agents[agent] = Agent(is_.state, is_.since, is_.kind)

    def _next_caller(self, now: float) -> None:
        assert self._world.inbound is not None
        self._at(now + self._callers.expovariate(self._world.inbound(now)), self._came_in, None)

    def _came_in(self, now: float, _: object) -> None:
        self._next_caller(now)
        draw = self._callers
        call = _Call(IN, draw.gauss(0, 1), draw.gauss(0, 1), now)
        patience = 20 + draw.expovariate(1 / 120)
        self.result.came_in += 1
        self._in_waiting += 1
        self._policy.came_in(now)
        self._inbound.append(call)
        self._connect(now)
        if call.since >= 0:
            self._at(now + patience, self._lost, call)

    def _close(self) -> None:
        for agent, is_ in enumerate(self._agents):
            if is_ is not None:
                self._goes(DAY_S, agent)
                if is_.state != "idle":
                    self.result.busy_s += DAY_S - is_.since


def _lognormal(mean: float, cv: float, z: float) -> float:
    sigma2 = log(1 + cv * cv)
    return mean * exp(sqrt(sigma2) * z - sigma2 / 2)


def history(world: World, policy: Policy, draw: random.Random, calls: int) -> None:
    """Tells the policy of so many calls from before."""
    for number in range(calls):
        call = Ringing(f"before {number}", -60.0)
        if draw.random() < world.rate(0.0, ""):
            rang = min(25.0, 3 + _lognormal(9, 0.6, draw.gauss(0, 1)))
            policy.answered(call, call.started_at + rang)
            policy.talked(OUT, _lognormal(world.talk_s, world.talk_cv, draw.gauss(0, 1)))
            policy.wrapped_up(OUT, _lognormal(world.wrap_up_s, world.wrap_up_cv, draw.gauss(0, 1)))
        else:
            policy.failed(call, call.started_at + 25.0, congested=False)
