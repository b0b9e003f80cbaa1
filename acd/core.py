"""The ACD: which caller speaks with which agent, and when.

Rule: pure. Events and the time go in, decisions come out; no clock, no I/O, no randomness. After
each event no agent is idle while a caller waits whom this agent may serve, so a match needs to be
looked for only where something changed.

A free agent takes, of all lines the agent serves, the highest priority; then the agent's own
customers, then the queues in the agent's order; then who came first. With ageing (docs/adr/0021) the
priority grows with the wait, and a place in the agent's order counts as much as one step of it. A caller
is given the agent for whom the queue ranks first, and among equals the one whom the queue's strategy
names; the strategy `proficiency` asks for the levels of the needed skills before anything else.
"""

from acd.core_agents import PHONE_UNREACHABLE
from acd.core_choice import caller_rank, next_agent
from acd.core_floor import OFFER_GRACE_S
from acd.core_lines import DeadlineKind, Waiting
from acd.core_overflow import Overflowing
from acd.core_types import (
    AgentMoved,
    AgentNow,
    AnnouncementDue,
    Caller,
    ComfortDue,
    Command,
    Decision,
    LineNow,
    Login,
    OfferLapsed,
    OverflowStep,
    QueueRules,
    Reserved,
    WaitingNow,
)
from acd.events import Reason

_WHILE_ENGAGED = {"lapse": "lapses_at", "announce": "announce_at", "comfort": "comfort_at"}


class AcdCore(Overflowing):
    """The single owner of agents and waiting lines."""

    # ---- agents -------------------------------------------------------------------------------

    def log_in(self, login: Login, now: float) -> list[Decision]:
        """Raises ExtensionTaken, UnknownQueue, NotAllowedNow."""
        for queue in login.queues:
            self._known(queue)
        self._move(self._roster.admit(login), "log_in", now)
        return self._settled(now)

    def command(
        self, agent_id: int, command: Command, now: float, reason: str | None = None
    ) -> list[Decision]:
        """What the agent asks for. Raises UnknownAgent, NotAllowedNow."""
        agent = self._roster.get(agent_id)
        if command not in agent.allowed():
            raise agent.refusal(command)
        self._move(agent, command, now, reason)
        return self._settled(now)

    def phone_is(self, agent_id: int, *, reachable: bool, now: float) -> list[Decision]:
        """The agent's telephone registered or was lost; only an idle agent is moved by it, others when they would
        become ready.
        """
        agent = self._roster.find(agent_id)
        if agent is not None:
            agent.reachable = reachable
        if agent is not None and reachable and agent.reason == PHONE_UNREACHABLE:
            self._move(agent, "phone_back", now)
        elif agent is not None and not reachable and agent.can("phone_lost"):
            self._move(agent, "phone_lost", now, PHONE_UNREACHABLE)
        return self._settled(now)

    def found_talking(self, agent_id: int, call_id: str | None, now: float) -> list[Decision]:
        """The telephone is in a call which the ACD did not offer, or of which it had lost sight."""
        agent = self._roster.find(agent_id)
        if agent is not None and agent.can("found_talking"):
            self._reservations.pop(agent.call_id or "", None)
            agent.call_id = call_id
            self._move(agent, "found_talking", now)
        return self._settled(now)

    def took_over(self, agent_id: int, call_id: str) -> list[Decision]:
        """What the agent talks in has become this call."""
        agent = self._roster.find(agent_id)
        if agent is not None and agent.state == "talking":
            agent.call_id = call_id
            self._out.append(AgentMoved(agent.state, agent.view()))
        return self._decided()

    def hung_up(self, agent_id: int, now: float, call_id: str | None = None) -> list[Decision]:
        """The agent's conversation is over; with `call_id`, only if it is still that one."""
        agent = self._roster.find(agent_id)
        if agent is None or agent.state != "talking":
            return []
        if call_id is not None and agent.call_id != call_id:
            return []
        self._wrap_up(agent, now)
        return self._settled(now)

    # ---- callers ------------------------------------------------------------------------------

    def join(self, caller: Caller, now: float) -> list[Decision]:
        """A caller enters the line (a reserved agent gets the call at once), or a place that is held for a call-back.

        Raises UnknownQueue.
        """
        rules = self._known(caller.queue)
        if caller.call_id in self._callers or (
            caller.held and caller.call_id in self._reservations
        ):
            return []
        rank = caller_rank(caller, self._ageing)
        waiting = Waiting(caller, rank, self._steps(caller, rules), caller.skills)
        self._callers[caller.call_id] = waiting
        self._lines[caller.queue].enters(waiting)
        reserved = self._reservations.pop(caller.call_id, None)
        if not caller.held:
            first_s = rules.announce_first_s
            if first_s is None:
                first_s = rules.announce_every_s
            if first_s is not None:
                self._announce_at(waiting, now + first_s)
            self._comfort_at(waiting, now)
        if reserved is not None:
            waiting.lines = [self._roster.line(caller.queue, caller.skills)]
            self._offer(waiting, self._roster.get(reserved[0]), now, Reason("reserved"))
        else:
            self._open_up(waiting, caller.joined_at, now)
            self._arm(waiting, now)
            self._place(waiting, now)
        return self._settled(now)

    def _steps(self, caller: Caller, rules: QueueRules) -> list[OverflowStep]:
        """The overflow steps that may come to the caller, by time."""
        steps = rules.overflow if caller.overflow is None else caller.overflow
        if caller.only_preferred:
            return []
        before = self._lines[caller.queue].own.place((caller.joined_at, caller.call_id))
        for step in steps:
            if step.to is not None:
                self._known(step.to)
        may_come = (
            step
            for step in steps
            if not ((caller.agents_only or caller.held) and step.way)
            and (step.waiting_over is None or before >= step.waiting_over)
        )
        return sorted(may_come, key=lambda step: step.after_s)

    def leave(self, call_id: str, now: float) -> list[Decision]:
        """The caller is gone from the line; an agent being rung for this caller stays ready."""
        waiting = self._callers.get(call_id)
        if waiting is None:
            return []
        self._gone(waiting)
        if not waiting.caller.held:
            self._outlook.left(waiting, now)
        if waiting.offered_to is None:
            self._unline(waiting)
        else:
            self._move(self._roster.get(waiting.offered_to), "cancel", now)
        return self._settled(now)

    def answered(self, call_id: str, now: float) -> list[Decision]:
        """The agent who was rung picked up."""
        waiting = self._callers.get(call_id)
        if waiting is None or waiting.offered_to is None:
            return []
        self._gone(waiting)
        self._outlook.answered(waiting, now)
        self._move(self._roster.get(waiting.offered_to), "answer", now)
        return self._settled(now)

    def failed(self, call_id: str, reason: str, now: float) -> list[Decision]:
        """The agent did not take the call: the agent is out, the caller at the old place."""
        self._fail(call_id, reason, now)
        return self._settled(now)

    def returned(self, call_id: str, now: float) -> list[Decision]:
        """The way on which the caller was sent led nowhere: back in the line, at the old place."""
        waiting = self._callers.get(call_id)
        if waiting is not None and waiting.diverted:
            waiting.diverted = False
            self._arm(waiting, now)
            self._place(waiting, now)
        return self._settled(now)

    # ---- dialler ------------------------------------------------------------------------------

    def reserve(
        self, call_id: str, now: float, *, queue: str, agent_id: int | None = None
    ) -> list[Decision]:
        """Keep a ready agent for a call about to be dialled; no decision when none is ready."""
        rules = self._known(queue)
        if call_id in self._reservations or call_id in self._callers:
            return []
        line = self._lines[queue]
        chosen = agent_id if agent_id is not None else next_agent(rules.strategy, line)
        agent = self._roster.find(chosen) if chosen is not None else None
        if agent is None or agent.state != "ready":
            return []
        line.turn = agent.agent_id
        self._reserve(call_id, queue, agent, now)
        self._out.append(Reserved(call_id, agent.agent_id))
        return self._settled(now)

    def release(self, call_id: str, now: float) -> list[Decision]:
        """Give a reserved agent back, or the place up that is held."""
        waiting = self._callers.get(call_id)
        if waiting is not None and waiting.caller.held:
            return self.leave(call_id, now)
        self._release(call_id, now)
        return self._settled(now)

    # ---- time ---------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When `tick` has something to do, in POSIX seconds."""
        while (first := self._deadlines.first()) is not None:
            if self._holds(*first):
                return first[0]
            self._deadlines.pop()
        return None

    def tick(self, now: float) -> list[Decision]:
        """Do everything that fell due until now."""
        while (first := self._deadlines.first()) is not None and first[0] <= now:
            self._deadlines.pop()
            if self._holds(*first):
                self._fall_due(first[1], first[2], now)
        return self._settled(now)

    # ---- views --------------------------------------------------------------------------------

    def agent(self, agent_id: int) -> AgentNow | None:
        agent = self._roster.find(agent_id)
        return agent.view() if agent else None

    def allowed(self, agent_id: int) -> tuple[Command, ...]:
        agent = self._roster.find(agent_id)
        return agent.allowed() if agent else ("log_in",)

    def agents(self) -> list[AgentNow]:
        return [agent.view() for agent in self._roster]

    def line(self, queue: str) -> LineNow:
        own, staff = self._lines[queue].own, self._roster.staff[queue]
        first = own.first()
        held = self._lines[queue].held
        return LineNow(len(own), held, first[0] if first else None, staff.ready, staff.busy)

    def waiting(self, call_id: str) -> WaitingNow | None:
        waiting = self._callers.get(call_id)
        return self._view(waiting) if waiting else None

    def estimate_s(self, call_id: str, now: float) -> float | None:
        """How long the caller will still wait; None when nobody serves the caller's queue."""
        waiting = self._callers.get(call_id)
        return self._estimate_s(waiting, now) if waiting else None

    def callers(self) -> list[WaitingNow]:
        return [self._view(waiting) for waiting in self._callers.values()]

    def restore(self, known: AgentNow) -> None:
        """An agent as known from before a restart; who was being rung is given no call by it."""
        agent = self._roster.restore(known)
        self._outlook.moved(agent, "offline", agent.since)
        if agent.state == "wrap_up" and agent.wrap_up_until is not None:
            self._deadlines.add(agent.wrap_up_until, "wrap_up", str(agent.agent_id))

    # ---- deadlines ----------------------------------------------------------------------------

    def _holds(self, at: float, kind: DeadlineKind, subject: str) -> bool:
        if kind == "wrap_up":
            agent = self._roster.find(int(subject))
            return agent is not None and agent.wrap_up_until == at
        if kind == "unreserve":
            return self._reservations.get(subject, (0, None))[1] == at
        waiting = self._callers.get(subject)
        if waiting is None:
            return False
        if kind in _WHILE_ENGAGED:
            return bool(getattr(waiting, _WHILE_ENGAGED[kind]) == at)
        dues = {"alone": waiting.alone_until, "step": waiting.step_at, "relax": waiting.relax_at}
        due = dues[kind]
        return due == at and not waiting.engaged

    def _fall_due(self, kind: DeadlineKind, subject: str, now: float) -> None:
        if kind == "wrap_up":
            self._move(self._roster.get(int(subject)), "wrap_up_over", now)
        elif kind == "unreserve":
            self._release(subject, now)
        elif kind == "announce":
            self._announce(self._callers[subject], now)
        elif kind == "comfort":
            self._comfort(self._callers[subject], now)
        elif kind == "lapse":
            self._lapse(self._callers[subject], now)
        else:
            self._arm(self._callers[subject], now)

    def _lapse(self, waiting: Waiting, now: float) -> None:
        if self.blind:
            self._lapses_at(waiting, now + OFFER_GRACE_S)
            return
        call_id = waiting.caller.call_id
        self._out.append(OfferLapsed(call_id, waiting.offered_to or 0))
        self._fail(call_id, "no_outcome", now)

    def _fail(self, call_id: str, reason: str, now: float) -> None:
        waiting = self._callers.get(call_id)
        if waiting is None or waiting.offered_to is None:
            return
        agent = self._roster.get(waiting.offered_to)
        waiting.offered_to = waiting.lapses_at = None
        self._move(agent, "fail", now, reason)
        if waiting.alone_until is not None and not self._somebody_asked(waiting):
            waiting.alone_until = now
        self._arm(waiting, now)
        self._place(waiting, now)

    def _release(self, call_id: str, now: float) -> None:
        reserved = self._reservations.pop(call_id, None)
        if reserved is not None:
            self._move(self._roster.get(reserved[0]), "release", now)

    def _announce_at(self, waiting: Waiting, at: float) -> None:
        waiting.announce_at = at
        self._deadlines.add(at, "announce", waiting.caller.call_id)

    def _announce(self, waiting: Waiting, now: float) -> None:
        if not waiting.engaged:
            call_id, estimate = waiting.caller.call_id, self._outlook.estimate(waiting, now)
            if estimate is not None and waiting.told is None:
                waiting.told = (now, estimate)
            told = self.estimate_s(call_id, now)
            self._out.append(AnnouncementDue(call_id, self._view(waiting).position, told))
            self._comfort_at(waiting, now)
        every = self._rules[waiting.caller.queue].announce_every_s
        if every:
            self._announce_at(waiting, now + every)

    def _comfort(self, waiting: Waiting, now: float) -> None:
        if not waiting.engaged:
            self._out.append(ComfortDue(waiting.caller.call_id))
        self._comfort_at(waiting, now)
