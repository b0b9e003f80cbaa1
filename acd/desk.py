"""The desk: the pure core with its effects. It tells the core what happened, and has done what the core decides.

Rule: whatever happens here counts once, however often and by whomever it is told.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import structlog

from acd.core import AcdCore
from acd.core_agents import PHONE_UNREACHABLE
from acd.core_types import Caller, Command, Decision, Login
from acd.counters import Counters
from acd.effects import CallersInLine, Effects
from acd.events import CallAnswered, CallLeftQueue, CallQueued
from acd.floor_clock import FloorClock
from acd.journal import Journal
from acd.lineplan import LinePlan, QueuePlan
from acd.records import CallBook, CallRecord
from acd.rows import AgentStateRow
from acd.tickets import Announcement, Offer, QueueEntry, Ticket
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

ABANDONED: Final = "abandoned"
OUTSIDE: Final = "outside"
_OUTCOMES = {"NOANSWER": "no_answer", "BUSY": "busy"}


class Desk:
    """Owns the core, the callers in the line and the effects of decisions. `on_change` hears of queues changed."""

    def __init__(
        self,
        plan: LinePlan,
        *,
        bus: Bus,
        journal: Journal,
        book: CallBook,
        counters: Counters,
        time: FloorClock,
        on_change: Callable[[Iterable[str]], None],
    ) -> None:
        self.core = AcdCore((queue.rules() for queue in plan.queues), plan.growth)
        self._queues = dict(plan.queue_by_name)
        self._bus = bus
        self._book = book
        self._counters = counters
        self.time = time
        self._callers = CallersInLine()
        self._effects = Effects(
            self.core,
            self._callers,
            bus=bus,
            journal=journal,
            book=book,
            time=time,
            on_change=on_change,
        )

    @property
    def latest(self) -> dict[int, AgentStateRow]:
        """The last row of each agent."""
        return self._effects.latest

    def carry_out(self, decided: Iterable[Decision], *changed: str, by: int | None = None) -> None:
        """What the core decided, and queues that are different besides; the first is what somebody did (`by`)."""
        self._effects.carry_out(decided, *changed, by=by)

    def seconds(self) -> float:
        """Of the core, which nobody sets."""
        return self.time.seconds()

    def adopt(self, plan: LinePlan) -> None:
        """Another plan; queues that are gone stay known for those who are in them."""
        self._queues |= plan.queue_by_name
        self.core.adopt((queue.rules() for queue in plan.queues), plan.growth)

    def queue(self, name: str) -> QueuePlan:
        """As it was planned last."""
        return self._queues[name]

    def entry(self, call_id: str) -> QueueEntry | None:
        """What the caller in the line came with."""
        return self._callers.entries.get(call_id)

    def command(
        self, agent_id: int, command: Command, reason: str | None = None, *, by: int | None = None
    ) -> None:
        """A person's wish for this agent; `by` (the agent's own without it) is noted. Raises UnknownAgent, NotAllowedNow."""
        decided = self.core.command(agent_id, command, self.seconds(), reason)
        self.carry_out(decided, by=agent_id if by is None else by)

    def log_in(self, login: Login) -> None:
        """Raises ExtensionTaken, UnknownQueue, NotAllowedNow."""
        decided = self.core.log_in(login, self.seconds())
        self.carry_out(decided, by=login.agent_id)

    def enter(self, entry: QueueEntry) -> Ticket:
        """Put a caller in the line. Raises UnknownQueue."""
        now, call_id = self._book.now(), entry.call_id
        if call_id in self._callers.tickets:
            return self._callers.tickets[call_id]
        ticket = self._callers.tickets[call_id] = Ticket(self, call_id)
        self._callers.entries[call_id] = entry
        try:
            decided = self.core.join(self._caller(entry), self.seconds())
        except BaseException:
            del self._callers.tickets[call_id], self._callers.entries[call_id]
            raise
        record = self._book.find(call_id)
        if record is not None and record.row.answered_at is not None:
            record.step("queued", queue=entry.queue, priority=entry.priority)
        elif record is not None:
            if record.row.queued_at is None:
                self._counters.of(entry.queue).calls += 1
            record.change(
                "queued", queue=entry.queue, priority=entry.priority, queued_at=entry.joined_at
            )
        place = self.core.waiting(call_id)
        position = place.position if place else 1
        self._bus.publish(
            CallQueued(
                call_id=call_id,
                queue=entry.queue,
                priority=entry.priority,
                joined_at=entry.joined_at,
                position=position,
                at=now,
            )
        )
        self.carry_out(decided, entry.queue)
        return ticket

    def hold(self, caller: Caller) -> None:
        """Keep a place in the line for a call-back. Raises UnknownQueue."""
        self.carry_out(self.core.join(caller, self.seconds()), caller.queue)

    def release(self, call_id: str) -> None:
        """Give a reserved agent back, or the place up that was held."""
        held = self.core.waiting(call_id)
        decided = self.core.release(call_id, self.seconds())
        self.carry_out(decided, *([held.caller.queue] if held else []))

    def answered(self, call_id: str, at_seconds: float | None = None) -> None:
        """The agent who was rung picked up; told twice, it counts once."""
        waiting = self.core.waiting(call_id)
        if waiting is None or waiting.offered_to is None:
            return
        seconds = self.seconds() if at_seconds is None else at_seconds
        decided = self.core.answered(call_id, seconds)
        caller, agent_id = waiting.caller, waiting.offered_to
        self._callers.forget(call_id)
        waited_s = seconds - caller.joined_at
        self._met(call_id, agent_id, caller.queue, waited_s, self.time.moment(seconds))
        self.carry_out(decided, caller.queue)

    def found_talking(self, agent_id: int, record: CallRecord | None) -> None:
        """The agent's telephone is in a conversation to which no offer of this daemon led.

        A call of ours reaches an agent so through the plain queue, while no daemon answers.
        """
        at = self._book.now()
        if record is not None and record.row.answered_at is None:
            row = record.row
            joined_at = row.queued_at or row.started_at
            self._met(row.id, agent_id, row.queue, (at - joined_at).total_seconds(), at)
        call_id = record.call_id if record else None
        self.carry_out(self.core.found_talking(agent_id, call_id, self.seconds()))

    def _met(
        self, call_id: str, agent_id: int, queue: str | None, waited_s: float, at: datetime
    ) -> None:
        """Caller and agent speak: into the day's figures, the record and the bus."""
        record = self._book.find(call_id)
        waited = max(0.0, waited_s)
        if record is not None and record.row.answered_at is not None:
            record.change("answered", agent_id=agent_id)
            log.info("call_passed_on", call_id=call_id, agent_id=agent_id)
            self._bus.publish(CallAnswered(call_id, agent_id, waited, at))
            return
        plan = self._queues.get(queue or "")
        within = plan is not None and waited <= plan.target_s
        if plan is not None:
            day = self._counters.of(plan.name)
            day.answered += 1
            day.within_target += within
        if record is not None:
            record.change("answered", agent_id=agent_id, answered_at=at, within_target=within)
        log.info("call_answered", call_id=call_id, agent_id=agent_id, waited_s=round(waited, 1))
        self._bus.publish(CallAnswered(call_id, agent_id, waited, at))

    def took_over(self, agent_id: int, record: CallRecord) -> None:
        """An agent who talked with a colleague talks with the caller now; nothing for the call's own agent."""
        agent = self.core.agent(agent_id)
        if agent is None or agent.state != "talking" or agent.call_id == record.call_id:
            return
        at, row = self._book.now(), record.row
        self.carry_out(self.core.took_over(agent_id, record.call_id))
        waited = at - (row.queued_at or row.started_at)
        self._met(row.id, agent_id, row.queue, waited.total_seconds(), at)

    # ---- what tickets report --------------------------------------------------------------------

    def place(self, call_id: str) -> Announcement | None:
        now = self.core.waiting(call_id)
        if now is None:
            return None
        return Announcement(now.position, self.core.estimate_s(call_id, self.seconds()))

    def is_current(self, offer: Offer) -> bool:
        return self._callers.offers.get(offer.call_id) == offer.offer_id

    def offer_answered(self, offer: Offer) -> None:
        if self.is_current(offer):
            self.answered(offer.call_id)

    def offer_failed(self, offer: Offer, dial_status: str) -> None:
        if not self.is_current(offer):
            return
        if dial_status == "CANCEL":
            self.leave_line(offer.call_id, ABANDONED)
            return
        reason = _OUTCOMES.get(dial_status, PHONE_UNREACHABLE)
        self._effects.tell_failed(offer.call_id, offer.agent_id, dial_status)
        self.carry_out(self.core.failed(offer.call_id, reason, self.seconds()))

    def talk_finished(self, offer: Offer, dial_status: str, answered_s: float) -> None:
        if dial_status != "ANSWER":
            self.offer_failed(offer, dial_status)
            return
        now = self.seconds()
        if self.is_current(offer):
            self.answered(offer.call_id, now - answered_s)
        self.carry_out(self.core.hung_up(offer.agent_id, now, offer.call_id))

    def leave_line(self, call_id: str, reason: str) -> None:
        waiting = self.core.waiting(call_id)
        if waiting is None:
            return
        at, now, queue = self._book.now(), self.seconds(), waiting.caller.queue
        decided = self.core.leave(call_id, now)
        waited = max(0.0, now - waiting.caller.joined_at)
        record = self._book.find(call_id)
        passed_on = record is not None and record.row.answered_at is not None
        if reason == ABANDONED and not passed_on:
            self._counters.of(queue).abandoned += 1
        if record is not None:
            record.change("left_line", left_reason=reason)
        self._callers.forget(call_id)
        log.info("call_left_line", call_id=call_id, queue=queue, reason=reason)
        self._bus.publish(CallLeftQueue(call_id, queue, reason, waited, at))
        self.carry_out(decided, queue)

    def back_in_line(self, call_id: str) -> None:
        waiting = self.core.waiting(call_id)
        if waiting is not None:
            decided = self.core.returned(call_id, self.seconds())
            self.carry_out(decided, waiting.caller.queue)

    def outside_answered(self, call_id: str, answered_s: float = 0.0) -> None:
        """The outside number to which the caller was sent picked up; told twice, it counts once."""
        waiting, record = self.core.waiting(call_id), self._book.find(call_id)
        if waiting is None or record is None:
            return
        seconds = self.seconds() - answered_s
        at = self.time.moment(seconds)
        waited = max(0.0, seconds - waiting.caller.joined_at)
        within = waited <= self._queues[waiting.caller.queue].target_s
        day = self._counters.of(waiting.caller.queue)
        day.answered += 1
        day.within_target += within
        record.change("outside_answered", answered_at=at, within_target=within)
        self.leave_line(call_id, OUTSIDE)

    def outside_is_up(self, record: CallRecord) -> None:
        """A channel that belongs to the call, and is no agent's, is in a conversation."""
        if record.outside_rings:
            self.outside_answered(record.call_id)

    def _caller(self, entry: QueueEntry) -> Caller:
        return Caller(
            call_id=entry.call_id,
            queue=entry.queue,
            priority=entry.priority,
            joined_at=self.time.of(entry.joined_at),
            place_at=self.time.of(entry.place_at) if entry.place_at else None,
            preferred=entry.preferred,
            preferred_wait_s=entry.preferred_wait_s,
            skills=entry.skills,
            relax=entry.relax,
            agents_only=entry.agents_only,
        )
