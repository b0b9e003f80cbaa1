"""The floor of the ACD core: callers, agents and lines, and how they are brought together.

Rule: `_place` and `_serve` are the only ways to an offer: one looks for an agent for a caller, the
other for a caller for an agent. Whatever changes who may serve whom ends in one of them.
"""

from collections.abc import Iterable

from acd.core_agents import AWAY, Agent, Move
from acd.core_lines import Deadlines, Line, LineKey, Waiting
from acd.core_roster import Roster
from acd.core_types import Decision, Offered, QueueRules, WaitingNow, Widened
from acd.errors import UnknownQueue
from acd.events import Reason

OFFER_GRACE_S = 10.0
FIRST_ESTIMATE_S = 120.0
_MEMORY = 0.9  # weight of the past in the moving mean of handling times


class Floor:
    """State of the core and the matching; what the outside may call is in AcdCore."""

    def __init__(self, queues: Iterable[QueueRules]) -> None:
        self._rules = {rules.name: rules for rules in queues}
        self._lines: dict[LineKey, Line] = {name: Line() for name in self._rules}
        self._roster = Roster(self._lines)
        self._callers: dict[str, Waiting] = {}
        self._reservations: dict[str, tuple[int, float]] = {}
        self._deadlines = Deadlines()
        self._handling_s = dict.fromkeys(self._rules, FIRST_ESTIMATE_S)
        self._out: list[Decision] = []
        self.blind = False
        """Nobody tells now who picked up: an offer may have led to a talk, so none lapses."""

    def _place(self, waiting: Waiting, now: float) -> None:
        """Give the caller an agent who is ready, or a place in every line open to the caller."""
        for key in waiting.lines:
            if self._find_agent(waiting, key, now):
                return
        waiting.lined = True
        for key in waiting.lines:
            self._lines[key].callers.add(waiting.key)

    def _find_agent(self, waiting: Waiting, key: LineKey, now: float) -> bool:
        if isinstance(key, int):
            agent = self._roster.find(key)
            if agent is None or agent.state != "ready":
                return False
        else:
            first = self._lines[key].ready.first()
            if first is None:
                return False
            agent = self._roster.get(first[2])
        idle = Reason("longest_idle", {"seconds": str(round(now - agent.idle_since))})
        self._offer(waiting, agent, now, idle)
        return True

    def _serve(self, agent: Agent, now: float) -> None:
        """An agent became ready: the best of all the agent's lines, if somebody waits there."""
        best = None
        lines: list[tuple[LineKey, int]] = [(agent.agent_id, -1), *agent.ranks.items()]
        for key, rank in lines:
            first = self._lines[key].callers.first()
            if first is not None:
                found = (first[0], rank, first[1], first[2])
                best = found if best is None else min(best, found)
        if best is not None:
            waiting = self._callers[best[3]]
            waited = str(round(now - waiting.caller.joined_at))
            self._offer(waiting, agent, now, Reason("first_in_line", {"seconds": waited}))

    def _offer(self, waiting: Waiting, agent: Agent, now: float, last: Reason) -> None:
        caller = waiting.caller
        why = [last]
        if agent.agent_id == caller.preferred_agent:
            why = [Reason("salesperson", {"agent": agent.login.name})]
        elif caller.queue not in agent.ranks and last.code != "reserved":
            seconds = str(round(now - caller.joined_at))
            why.insert(0, Reason("overflow_time", {"from": caller.queue, "seconds": seconds}))
        self._unline(waiting)
        ring_s = self._rules[caller.queue].ring_s
        waiting.offered_to = agent.agent_id
        self._lapses_at(waiting, now + ring_s + OFFER_GRACE_S)
        agent.call_id, agent.call_queue = caller.call_id, caller.queue
        self._move(agent, "offer", now)
        self._out.append(Offered(caller.call_id, caller.queue, agent.agent_id, ring_s, tuple(why)))

    def _lapses_at(self, waiting: Waiting, at: float) -> None:
        waiting.lapses_at = at
        self._deadlines.add(at, "lapse", waiting.caller.call_id)

    def _move(self, agent: Agent, move: Move, now: float, reason: str | None = None) -> None:
        moved = self._roster.move(agent, move, now, reason)
        self._out.append(moved)
        if agent.state == moved.before:
            return
        if agent.state == "ready":
            self._serve(agent, now)
        elif agent.state in AWAY:
            self._release_own_customers(agent.agent_id, now)

    def _wrap_up(self, agent: Agent, now: float) -> None:
        queue = agent.call_queue or next(iter(agent.login.queues), None)
        wrap_up_s = self._rules[queue].wrap_up_s if queue else 0.0
        if agent.call_queue is not None:
            handled = now - agent.since + (wrap_up_s or 0.0)
            mean = self._handling_s[agent.call_queue]
            self._handling_s[agent.call_queue] = _MEMORY * mean + (1 - _MEMORY) * handled
        if wrap_up_s is not None:
            agent.wrap_up_until = now + wrap_up_s
            self._deadlines.add(agent.wrap_up_until, "wrap_up", str(agent.agent_id))
        self._move(agent, "hang_up", now)

    # ---- where a caller may be served -----------------------------------------------------------

    def _choose_lines(self, waiting: Waiting) -> None:
        caller = waiting.caller
        agent_id = caller.preferred_agent
        waiting.lines = [caller.queue]
        if agent_id is None:
            return
        self._lines.setdefault(agent_id, Line())
        waiting.lines.insert(0, agent_id)
        if self._roster.is_present(agent_id):
            waiting.lines.pop()
            wait_s = caller.preferred_wait_s
            if wait_s is None:
                wait_s = self._rules[caller.queue].preferred_wait_s
            waiting.alone_until = caller.joined_at + wait_s

    def _arm(self, waiting: Waiting, now: float) -> None:
        """Take every step that is due and set the time of the next ones."""
        call_id = waiting.caller.call_id
        if waiting.alone_until is not None and waiting.alone_until <= now:
            self._open_up(waiting, now)
        elif waiting.alone_until is not None:
            self._deadlines.add(waiting.alone_until, "alone", call_id)
        while (at := waiting.step_at) is not None and at <= now and waiting.offered_to is None:
            self._take_step(waiting, now)
        if at is not None:
            self._deadlines.add(at, "step", call_id)

    def _take_step(self, waiting: Waiting, now: float) -> None:
        step, own = waiting.overflow[waiting.steps_taken], waiting.caller.queue
        waiting.steps_taken += 1
        if waiting.alone_until is not None:
            self._open_up(waiting, now)
        why = Reason("overflow_time", {"from": own, "seconds": str(round(step.after_s))})
        self._out.append(Widened(waiting.caller.call_id, own, step.to, (why,)))
        self._extend(waiting, step.to, now)

    def _open_up(self, waiting: Waiting, now: float) -> None:
        """The own salesperson has been waited for long enough, or went away."""
        waiting.alone_until = None
        self._extend(waiting, waiting.caller.queue, now)

    def _extend(self, waiting: Waiting, key: LineKey, now: float) -> None:
        if key in waiting.lines:
            return
        if waiting.lined:
            self._find_agent(waiting, key, now)
        waiting.lines.append(key)
        if waiting.lined:
            self._lines[key].callers.add(waiting.key)

    def _release_own_customers(self, agent_id: int, now: float) -> None:
        for _, _, call_id in tuple(self._lines[agent_id].callers.keys):
            waiting = self._callers[call_id]
            if waiting.alone_until is not None:
                self._open_up(waiting, now)

    def _unline(self, waiting: Waiting) -> None:
        if waiting.lined:
            waiting.lined = False
            for key in waiting.lines:
                self._lines[key].callers.remove(waiting.key)

    def _view(self, waiting: Waiting) -> WaitingNow:
        queue = waiting.caller.queue
        line = self._lines[queue if queue in waiting.lines else waiting.lines[0]]
        position = line.callers.place(waiting.key) + 1
        staff = self._roster.staff[queue]
        serving = staff.ready + staff.busy
        estimate = position * self._handling_s[queue] / serving if serving else None
        return WaitingNow(waiting.caller, position, estimate, waiting.offered_to)

    def _known(self, queue: str) -> QueueRules:
        rules = self._rules.get(queue)
        if rules is None:
            raise UnknownQueue(f"There is no queue {queue!r} in the line plan.")
        return rules

    def _decided(self) -> list[Decision]:
        decided, self._out = self._out, []
        return decided
