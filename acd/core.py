"""The ACD: which caller speaks with which agent, and when.

Rule: pure. Events and the time go in, decisions come out; no clock, no I/O, no randomness. After
each event no agent is idle while a caller waits whom this agent may serve, so a match needs to be
looked for only where something changed.

A free agent takes, of all lines the agent serves, the highest priority; then the agent's own
customers, then the queues in the agent's order; then who came first. A caller is given the agent for
whom the queue ranks first, and among equals the one who has been idle longest.
"""

from acd.core_floor import OFFER_GRACE_S, Floor
from acd.core_lines import DeadlineKind, Waiting
from acd.core_types import (
    AgentNow,
    AnnouncementDue,
    Caller,
    Command,
    Decision,
    LineNow,
    Login,
    OfferLapsed,
    Reserved,
    WaitingNow,
)
from acd.events import Reason

PHONE_UNREACHABLE = "phone_unreachable"
RESERVATION_S = 120.0


class AcdCore(Floor):
    """The single owner of agents and waiting lines."""

    # ---- agents -------------------------------------------------------------------------------

    def log_in(self, login: Login, now: float) -> list[Decision]:
        """Raises ExtensionTaken, UnknownQueue, NotAllowedNow."""
        for queue in login.queues:
            self._known(queue)
        self._move(self._roster.admit(login), "log_in", now)
        return self._decided()

    def command(
        self, agent_id: int, command: Command, now: float, reason: str | None = None
    ) -> list[Decision]:
        """What the agent asks for. Raises UnknownAgent, NotAllowedNow."""
        agent = self._roster.get(agent_id)
        if command not in agent.allowed():
            raise agent.refusal(command)
        self._move(agent, command, now, reason)
        return self._decided()

    def phone_is(self, agent_id: int, *, reachable: bool, now: float) -> list[Decision]:
        """The agent's telephone registered or was lost; only an idle agent is moved by it."""
        agent = self._roster.find(agent_id)
        if agent is not None and reachable and agent.reason == PHONE_UNREACHABLE:
            self._move(agent, "phone_back", now)
        elif agent is not None and not reachable and agent.can("phone_lost"):
            self._move(agent, "phone_lost", now, PHONE_UNREACHABLE)
        return self._decided()

    def found_talking(self, agent_id: int, call_id: str | None, now: float) -> list[Decision]:
        """The telephone is in a call which the ACD did not offer, or of which it had lost sight."""
        agent = self._roster.find(agent_id)
        if agent is not None and agent.can("found_talking"):
            agent.call_id = call_id
            self._move(agent, "found_talking", now)
        return self._decided()

    def hung_up(self, agent_id: int, now: float, call_id: str | None = None) -> list[Decision]:
        """The agent's conversation is over; with `call_id`, only if it is still that one."""
        agent = self._roster.find(agent_id)
        if agent is None or agent.state != "talking":
            return []
        if call_id is not None and agent.call_id != call_id:
            return []
        self._wrap_up(agent, now)
        return self._decided()

    # ---- callers ------------------------------------------------------------------------------

    def join(self, caller: Caller, now: float) -> list[Decision]:
        """A caller enters the line (a reserved agent gets the call at once). Raises UnknownQueue."""
        rules = self._known(caller.queue)
        if caller.call_id in self._callers:
            return []
        overflow = rules.overflow if caller.overflow is None else caller.overflow
        steps = sorted(overflow, key=lambda step: step.after_s)
        for step in steps:
            self._known(step.to)
        waiting = Waiting(caller, tuple(steps))
        self._callers[caller.call_id] = waiting
        self._lines[caller.queue].own.add(waiting.age)
        reserved = self._reservations.pop(caller.call_id, None)
        if rules.announce_every_s:
            self._announce_at(waiting, now + rules.announce_every_s)
        if reserved is not None:
            waiting.lines = [caller.queue]
            self._offer(waiting, self._roster.get(reserved[0]), now, Reason("reserved"))
        else:
            self._choose_lines(waiting)
            self._arm(waiting, now)
            self._place(waiting, now)
        return self._decided()

    def leave(self, call_id: str, now: float) -> list[Decision]:
        """The caller is gone from the line; an agent being rung for this caller stays ready."""
        waiting = self._callers.pop(call_id, None)
        if waiting is None:
            return []
        self._lines[waiting.caller.queue].own.remove(waiting.age)
        if waiting.offered_to is None:
            self._unline(waiting)
        else:
            self._move(self._roster.get(waiting.offered_to), "cancel", now)
        return self._decided()

    def answered(self, call_id: str, now: float) -> list[Decision]:
        """The agent who was rung picked up."""
        waiting = self._callers.get(call_id)
        if waiting is None or waiting.offered_to is None:
            return []
        del self._callers[call_id]
        self._lines[waiting.caller.queue].own.remove(waiting.age)
        self._move(self._roster.get(waiting.offered_to), "answer", now)
        return self._decided()

    def failed(self, call_id: str, reason: str, now: float) -> list[Decision]:
        """The agent did not take the call: the agent is out, the caller at the old place."""
        self._fail(call_id, reason, now)
        return self._decided()

    # ---- dialler ------------------------------------------------------------------------------

    def reserve(
        self, call_id: str, now: float, *, queue: str, agent_id: int | None = None
    ) -> list[Decision]:
        """Keep a ready agent for a call about to be dialled; no decision when none is ready."""
        self._known(queue)
        if call_id in self._reservations or call_id in self._callers:
            return []
        first = self._lines[queue].ready.first()
        chosen = agent_id if agent_id is not None else first[2] if first else None
        agent = self._roster.find(chosen) if chosen is not None else None
        if agent is None or agent.state != "ready":
            return []
        agent.call_id, agent.call_queue = call_id, queue
        self._move(agent, "reserve", now)
        until = now + RESERVATION_S
        self._reservations[call_id] = (agent.agent_id, until)
        self._deadlines.add(until, "unreserve", call_id)
        self._out.append(Reserved(call_id, agent.agent_id))
        return self._decided()

    def release(self, call_id: str, now: float) -> list[Decision]:
        """Give a reserved agent back."""
        self._release(call_id, now)
        return self._decided()

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
        return self._decided()

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
        return LineNow(len(own), first[0] if first else None, staff.ready, staff.busy)

    def waiting(self, call_id: str) -> WaitingNow | None:
        waiting = self._callers.get(call_id)
        return self._view(waiting) if waiting else None

    def callers(self) -> list[WaitingNow]:
        return [self._view(waiting) for waiting in self._callers.values()]

    def restore(self, known: AgentNow) -> None:
        """An agent as known from before a restart; who was being rung is given no call by it."""
        agent = self._roster.restore(known)
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
        if kind == "lapse":
            return waiting.lapses_at == at
        if kind == "announce":
            return waiting.announce_at == at
        due = waiting.alone_until if kind == "alone" else waiting.step_at
        return due == at and waiting.offered_to is None

    def _fall_due(self, kind: DeadlineKind, subject: str, now: float) -> None:
        if kind == "wrap_up":
            self._move(self._roster.get(int(subject)), "wrap_up_over", now)
        elif kind == "unreserve":
            self._release(subject, now)
        elif kind == "announce":
            self._announce(self._callers[subject], now)
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
        waiting.alone_until = now if waiting.alone_until is not None else None
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
        if waiting.offered_to is None:
            view = self._view(waiting)
            call_id = waiting.caller.call_id
            self._out.append(AnnouncementDue(call_id, view.position, view.estimate_s))
        every = self._rules[waiting.caller.queue].announce_every_s
        if every:
            self._announce_at(waiting, now + every)
