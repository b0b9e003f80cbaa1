"""The floor of the ACD core: callers, agents and lines, and how they are brought together.

Rule: `_place` and `_serve` are the only ways to an offer: one looks for an agent for a caller, the
other for a caller for an agent. Whatever changes who may serve whom ends in one of them.
"""

from collections.abc import Iterable

from acd.core_agents import AWAY, Agent, Move
from acd.core_choice import caller_rank, named, next_agent, why_agent
from acd.core_lines import Deadlines, Line, LineKey, Waiting, queue_of
from acd.core_others import passed_over
from acd.core_outlook import Outlook
from acd.core_roster import Roster
from acd.core_types import (
    Ageing,
    Decision,
    Offered,
    QueueRules,
    TurnCame,
    WaitingNow,
)
from acd.errors import UnknownQueue
from acd.events import Reason

OFFER_GRACE_S = 10.0
RESERVATION_S = 120.0


class Floor:
    """State of the core and the matching; what the outside may call is in AcdCore."""

    def __init__(self, queues: Iterable[QueueRules], ageing: Ageing | None = None) -> None:
        self._rules = {rules.name: rules for rules in queues}
        self._lines: dict[LineKey, Line] = {name: Line() for name in self._rules}
        self._roster = Roster(self._lines, self._rules)
        self._outlook = Outlook(self._rules, self._roster)
        self._ageing = ageing
        self._callers: dict[str, Waiting] = {}
        self._reservations: dict[str, tuple[int, float]] = {}
        self._deadlines = Deadlines()
        self._out: list[Decision] = []
        self._watched: dict[LineKey, dict[str, None]] = {}
        """Callers by the lines of which it is waited for that nobody is ready, or at work."""
        self._opened: dict[str, None] = {}
        """Callers who came to be offered to more agents since then."""
        self.blind = False
        """Nobody tells now who picked up: an offer may have led to a talk, so none lapses."""

    def adopt(self, queues: Iterable[QueueRules], ageing: Ageing | None = None) -> None:
        """Other rules from now on, by which all who wait and all who are ready stand in line anew. A queue that is not
        among them stays for whoever is in it; what a caller needs and overflow steps stay as they came.
        """
        lined = [waiting for waiting in self._callers.values() if waiting.lined]
        for waiting in lined:
            self._unline(waiting)
        with self._roster.standing_anew():
            for rules in queues:
                if rules.name not in self._rules:
                    self._lines[rules.name] = Line()
                    self._roster.open(rules.name)
                    self._outlook.open(rules.name)
                self._rules[rules.name] = rules
        self._ageing = ageing
        for waiting in self._callers.values():
            waiting.rank = caller_rank(waiting.caller, ageing)
        for waiting in lined:
            waiting.lined = True
            for key in waiting.lines:
                self._line_up(waiting, key)

    def _place(self, waiting: Waiting, now: float) -> None:
        """Give the caller an agent who is ready, or a place in every line open to the caller."""
        if waiting.diverted:
            return
        for key in waiting.lines:
            if self._find_agent(waiting, key, now):
                return
        waiting.lined = True
        for key in waiting.lines:
            self._line_up(waiting, key)

    def _find_agent(self, waiting: Waiting, key: LineKey, now: float) -> bool:
        if isinstance(key, int):
            agent = self._roster.find(key)
            if agent is None or agent.state != "ready":
                return False
            why = Reason("longest_idle", {"seconds": str(round(now - agent.idle_since))})
        else:
            line, strategy = self._lines[key], self._rules[queue_of(key) or ""].strategy
            chosen = next_agent(strategy, line)
            if chosen is None:
                return False
            agent = self._roster.get(chosen)
            why = why_agent(strategy, agent, line.needs, now)
        self._offer(waiting, agent, now, why)
        return True

    def _serve(self, agent: Agent, now: float) -> None:
        """An agent became ready: for the best of all the agent's lines, if somebody waits there, or listed."""
        best = None
        step = self._ageing.every_s if self._ageing else 0.0
        lines: list[tuple[LineKey, int]] = [(agent.agent_id, -1)]
        lines += self._roster.serves(agent.agent_id).items()
        for key, rank in lines:
            first = self._lines[key].callers.first()
            if first is not None:
                found = (first[0] + rank * step, rank, first[1], first[2])
                best = found if best is None else min(best, found)
        if best is None:
            self._roster.stand_ready(agent)
            return
        waiting = self._callers[best[3]]
        waited = str(round(now - waiting.caller.joined_at))
        self._offer(waiting, agent, now, Reason("first_in_line", {"seconds": waited}))

    def _offer(self, waiting: Waiting, agent: Agent, now: float, last: Reason) -> None:
        caller = waiting.caller
        if caller.held:
            self._turn_comes(waiting, agent, now)
            return
        why = [last]
        preferred = caller.prefers(agent.agent_id)
        if preferred is not None:
            why = [Reason(preferred, {"agent": agent.login.name})]
        elif caller.queue not in agent.ranks and last.code != "reserved":
            seconds = str(round(now - caller.joined_at))
            why.insert(0, Reason("overflow_time", {"from": caller.queue, "seconds": seconds}))
        if waiting.needs and preferred is None and last.code != "reserved":
            why.insert(0, Reason("skills", {"skills": named(waiting.needs)}))
        others = passed_over(waiting, agent.agent_id, self._roster, self._lines)
        self._take_out(waiting, agent)
        ring_s = self._rules[caller.queue].ring_s
        waiting.offered_to = agent.agent_id
        self._lapses_at(waiting, now + ring_s + OFFER_GRACE_S)
        agent.call_id, agent.call_queue = caller.call_id, caller.queue
        self._move(agent, "offer", now)
        self._out.append(
            Offered(caller.call_id, caller.queue, agent.agent_id, ring_s, tuple(why), others)
        )

    def _turn_comes(self, waiting: Waiting, agent: Agent, now: float) -> None:
        """The held place has its turn: it is in no line any more, and the agent is kept for its call."""
        caller = waiting.caller
        self._take_out(waiting, agent)
        waiting.offered_to = agent.agent_id
        self._gone(waiting)
        self._reserve(caller.call_id, caller.queue, agent, now)
        self._out.append(TurnCame(caller.call_id, caller.queue, agent.agent_id))

    def _take_out(self, waiting: Waiting, agent: Agent) -> None:
        """Out of all lines, for this agent; those which the agent serves go on from the agent."""
        self._unline(waiting)
        serves = self._roster.serves(agent.agent_id)
        for key in waiting.lines:
            if key in serves:
                self._lines[key].turn = agent.agent_id

    def _reserve(self, call_id: str, queue: str, agent: Agent, now: float) -> None:
        agent.call_id, agent.call_queue = call_id, queue
        until = now + RESERVATION_S
        self._reservations[call_id] = (agent.agent_id, until)
        self._deadlines.add(until, "unreserve", call_id)
        self._move(agent, "reserve", now)

    def _lapses_at(self, waiting: Waiting, at: float) -> None:
        waiting.lapses_at = at
        self._deadlines.add(at, "lapse", waiting.caller.call_id)

    def _move(self, agent: Agent, move: Move, now: float, reason: str | None = None) -> None:
        moved = self._roster.move(agent, move, now, reason)
        self._out.append(moved)
        if agent.state == moved.before:
            return
        self._outlook.moved(agent, moved.before, now)
        if agent.state == "ready":
            self._serve(agent, now)
        elif agent.state in AWAY:
            self._release_own_customers(agent.agent_id, now)

    def _wrap_up(self, agent: Agent, now: float) -> None:
        queue = agent.call_queue or next(iter(agent.login.queues), None)
        wrap_up_s = self._rules[queue].wrap_up_s if queue else 0.0
        if wrap_up_s is not None:
            agent.wrap_up_until = now + wrap_up_s
            self._deadlines.add(agent.wrap_up_until, "wrap_up", str(agent.agent_id))
        self._move(agent, "hang_up", now)

    # ---- where a caller may be served -----------------------------------------------------------

    def _open_up(self, waiting: Waiting, since: float, now: float) -> None:
        """To the next preferred agents of whom one is at work, who have the caller alone from `since` on; after the
        last of them to the queue.
        """
        caller = waiting.caller
        while waiting.asked < len(caller.preferred):
            group = caller.preferred[waiting.asked].agents
            waiting.asked += 1
            for agent_id in group:
                self._lines.setdefault(agent_id, Line())
                self._extend(waiting, agent_id, now)
            if self._somebody_of(group) and not caller.only_preferred:
                wait_s = caller.preferred_wait_s
                if wait_s is None:
                    wait_s = self._rules[caller.queue].preferred_wait_s
                waiting.alone_until = since + wait_s
                self._deadlines.add(waiting.alone_until, "alone", caller.call_id)
                return
        waiting.alone_until = None
        if not caller.only_preferred:
            self._extend(waiting, self._roster.line(caller.queue, waiting.needs), now)

    def _somebody_of(self, agents: Iterable[int]) -> bool:
        return any(self._roster.is_present(each) for each in agents)

    def _somebody_asked(self, waiting: Waiting) -> bool:
        """One of the preferred agents who have been asked is at work."""
        asked = waiting.caller.preferred[: waiting.asked]
        return any(self._somebody_of(each.agents) for each in asked)

    def _extend(self, waiting: Waiting, key: LineKey, now: float) -> None:
        if key in waiting.lines:
            return
        self._opened[waiting.caller.call_id] = None
        if waiting.lined:
            self._find_agent(waiting, key, now)
        waiting.lines.append(key)
        if waiting.lined:
            self._line_up(waiting, key)

    def _release_own_customers(self, agent_id: int, now: float) -> None:
        for _, _, call_id in tuple(self._lines[agent_id].callers.keys):
            waiting = self._callers[call_id]
            if waiting.alone_until is not None and not self._somebody_asked(waiting):
                self._open_up(waiting, now, now)

    def _gone(self, waiting: Waiting) -> None:
        """The caller is no longer in the line."""
        del self._callers[waiting.caller.call_id]
        self._lines[waiting.caller.queue].leaves(waiting)
        for key in waiting.watched_in:
            del self._watched[key][waiting.caller.call_id]

    def _line_up(self, waiting: Waiting, key: LineKey) -> None:
        self._lines[key].callers.add(waiting.key)
        if (queue := queue_of(key)) is not None:
            self._lines[queue].everybody.add(waiting.key)

    def _unline(self, waiting: Waiting) -> None:
        if waiting.lined:
            waiting.lined = False
            for key in waiting.lines:
                self._lines[key].callers.remove(waiting.key)
                if (queue := queue_of(key)) is not None:
                    self._lines[queue].everybody.remove(waiting.key)

    def _view(self, waiting: Waiting) -> WaitingNow:
        if waiting.alone_until is None:
            ahead = self._roster.ahead(waiting.caller.queue, waiting.key)
        else:
            ahead = min(self._lines[key].callers.place(waiting.key) for key in waiting.lines)
        return WaitingNow(waiting.caller, ahead + 1, waiting.offered_to)

    def _known(self, queue: str) -> QueueRules:
        rules = self._rules.get(queue)
        if rules is None:
            raise UnknownQueue(f"There is no queue {queue!r} in the line plan.")
        return rules

    def _decided(self) -> list[Decision]:
        decided, self._out = self._out, []
        return decided
