"""What the core foresees: it follows agents and callers and gives estimates of waiting times.

Rule: kept at each event at a constant cost; a queue's forecast is worked out every few seconds, or when its agents are others.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from acd.core_agents import AWAY, BUSY, Agent
from acd.core_lines import Waiting
from acd.core_roster import Roster
from acd.estimate import (
    Correction,
    Forecast,
    Handling,
    Patience,
    Talking,
    age_of,
    forecast,
    wait_s,
)

_KEPT_S = 5.0
_MOVED = 0.05  # the share of agents who came or went with whom a forecast still holds
_TOGETHER_S = 10.0  # calls that began within so long are looked at as one


@dataclass(frozen=True, slots=True)
class _OnCall:
    """An agent's call: the queue and rounded start under which it is counted, and the start.

    A call that came from elsewhere is `foreign`: it says nothing of the queue's handling times.
    """

    counted: tuple[str, int]
    since: float
    foreign: bool


@dataclass(frozen=True, slots=True)
class _Made:
    """A forecast, and when and for how many agents it was made."""

    found: Forecast | None
    at: float
    present: int

    def holds(self, now: float, present: int) -> bool:
        """Not when it is old, or when more than a few agents came or went."""
        moved = abs(present - self.present)
        return self.at <= now < self.at + _KEPT_S and moved <= self.present * _MOVED


class Outlook:
    """Of all queues. A forecast is kept for some seconds, so that thousands of callers are told by it."""

    def __init__(self, queues: Iterable[str], roster: Roster) -> None:
        self._roster = roster
        self._handling: dict[str, Handling] = {}
        self._patience: dict[str, Patience] = {}
        self._correction: dict[str, Correction] = {}
        self._talking: dict[str, dict[tuple[str, int], int]] = {}
        self._both: dict[str, dict[str, int]] = {}
        for queue in queues:
            self.open(queue)
        self._calls: dict[int, _OnCall] = {}
        self._forecasts: dict[str, _Made] = {}

    def open(self, queue: str) -> None:
        """One more queue, of which nothing is known yet."""
        self._handling[queue], self._patience[queue] = Handling(), Patience()
        self._correction[queue] = Correction()
        self._talking[queue], self._both[queue] = {}, {}

    # ---- what happens -----------------------------------------------------------------------------

    def moved(self, agent: Agent, before: str, now: float) -> None:
        """An agent's state is another one."""
        present = (agent.state not in AWAY) - (before not in AWAY)
        if present:
            for queue in agent.ranks:
                both = self._both[queue]
                for other in agent.ranks:
                    both[other] = both.get(other, 0) + present
        if agent.state == "talking":
            self._ended(agent, now)
            self._began(agent)
        elif agent.state not in BUSY:
            self._ended(agent, now)

    def answered(self, waiting: Waiting, now: float) -> None:
        queue = waiting.caller.queue
        self._patience[queue].learn(now - waiting.caller.joined_at, gave_up=False)
        if waiting.told is not None:
            at, told_s = waiting.told
            self._correction[queue].learn(told_s, now - at)

    def left(self, waiting: Waiting, now: float) -> None:
        waited = now - waiting.caller.joined_at
        self._patience[waiting.caller.queue].learn(waited, gave_up=True)

    # ---- what is foreseen ---------------------------------------------------------------------------

    def estimate(self, waiting: Waiting, now: float) -> float | None:
        """Seconds, before the correction; None when nobody serves the caller.

        Callers ahead who need something else, or wait in another queue, count by the share of their agents
        who may serve this caller too.
        """
        queue = waiting.caller.queue
        found, present = self._forecast(queue, now), self._both[queue].get(queue, 0)
        able = self._roster.present(queue, waiting.needs)
        if found is None or not able:
            return None
        share = able / present
        alike = self._roster.ahead_alike(queue, waiting.needs, waiting.key)
        ahead = alike + share * (self._roster.ahead(queue, waiting.key) - alike)
        for other, both in self._both[queue].items():
            if other != queue and both:
                theirs = self._roster.ahead(other, waiting.key)
                ahead += theirs * share * both / self._both[other][other]
        return wait_s(found, ahead, share, self._patience[queue].rate)

    def factor(self, queue: str) -> float:
        """What estimates have to be multiplied by."""
        return self._correction[queue].factor

    def _forecast(self, queue: str, now: float) -> Forecast | None:
        made, present = self._forecasts.get(queue), self._both[queue].get(queue, 0)
        if made is None or not made.holds(now, present):
            made = self._forecasts[queue] = _Made(self._foresee(queue, now), now, present)
        return made.found

    def _foresee(self, queue: str, now: float) -> Forecast | None:
        staff, counts = self._roster.staff[queue], dict[tuple[str, int], int]()
        for (of, since), agents in self._talking[queue].items():
            kind = (of, age_of(now - since * _TOGETHER_S))
            counts[kind] = counts.get(kind, 0) + agents
        beginning = staff.busy - sum(counts.values())
        if beginning > 0:
            counts[queue, 0] = counts.get((queue, 0), 0) + beginning
        mean_s, busy = self._handling[queue].mean_s, sum(counts.values())
        if busy:
            mean_s = sum(n * self._handling[of].mean_s for (of, _), n in counts.items()) / busy
        groups = (Talking(n, age, self._handling[of]) for (of, age), n in counts.items())
        return forecast(staff.ready, groups, mean_s)

    def _began(self, agent: Agent) -> None:
        queue = agent.call_queue or next(iter(agent.ranks), None)
        if queue is None:
            return
        counted = (queue, round(agent.busy_since / _TOGETHER_S))
        foreign = agent.call_queue is None
        self._calls[agent.agent_id] = _OnCall(counted, agent.busy_since, foreign)
        for served in agent.ranks:
            talking = self._talking[served]
            talking[counted] = talking.get(counted, 0) + 1

    def _ended(self, agent: Agent, now: float) -> None:
        call = self._calls.pop(agent.agent_id, None)
        if call is None:
            return
        if not call.foreign:
            self._handling[call.counted[0]].learn(now - call.since)
        for served in agent.ranks:
            talking = self._talking[served]
            talking[call.counted] -= 1
            if not talking[call.counted]:
                del talking[call.counted]
