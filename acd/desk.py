"""The desk: the pure core with its effects. It tells the core what happened and carries out decisions.

Rule: a decision is written down, then published, then handed to the ticket, in this order and without
waiting, so that an agent's screen hears of a caller before the telephone is rung.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from acd.core import PHONE_UNREACHABLE, AcdCore
from acd.core_agents import BUSY
from acd.core_types import (
    AgentMoved,
    AnnouncementDue,
    Caller,
    Decision,
    Offered,
    OfferLapsed,
    Reserved,
    WaitingNow,
    Widened,
)
from acd.counters import Counters
from acd.events import (
    CallAnswered,
    CallLeftQueue,
    CallOffered,
    CallOverflowed,
    CallQueued,
    OfferFailed,
)
from acd.journal import Journal
from acd.lineplan import LinePlan
from acd.records import CallBook, CallRecord
from acd.rows import AgentStateRow
from acd.tickets import Announcement, Offer, Overflow, QueueEntry, Ticket
from acd.views import agent_changed, agent_row, moment
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

ABANDONED = "abandoned"
_ROUTINE = BUSY | {"ready"}
_OUTCOMES = {"NOANSWER": "no_answer", "BUSY": "busy"}


class Desk:
    """Owns the core, the tickets and the effects of decisions. `on_change` hears of queues changed."""

    def __init__(
        self,
        plan: LinePlan,
        *,
        bus: Bus,
        journal: Journal,
        book: CallBook,
        counters: Counters,
        on_change: Callable[[Iterable[str]], None],
    ) -> None:
        self.core = AcdCore(queue.rules() for queue in plan.queues)
        self._plan = plan
        self._bus = bus
        self._journal = journal
        self._book = book
        self._counters = counters
        self._on_change = on_change
        self._tickets: dict[str, Ticket] = {}
        self._entries: dict[str, QueueEntry] = {}
        self._offers: dict[str, str] = {}
        self.latest: dict[int, AgentStateRow] = {}
        self._seq = 0

    def seconds(self) -> float:
        return self._book.now().timestamp()

    def entry(self, call_id: str) -> QueueEntry | None:
        """What the caller in the line came with."""
        return self._entries.get(call_id)

    def enter(self, entry: QueueEntry) -> Ticket:
        """Put a caller in the line. Raises UnknownQueue."""
        now, call_id = self._book.now(), entry.call_id
        if call_id in self._tickets:
            return self._tickets[call_id]
        ticket = self._tickets[call_id] = Ticket(self, call_id)
        self._entries[call_id] = entry
        try:
            decided = self.core.join(_caller(entry), now.timestamp())
        except BaseException:
            del self._tickets[call_id], self._entries[call_id]
            raise
        record = self._book.find(call_id)
        if record is not None:
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

    def answered(self, call_id: str, at_seconds: float | None = None) -> None:
        """The agent who was rung picked up; told twice, it counts once."""
        waiting = self.core.waiting(call_id)
        if waiting is None or waiting.offered_to is None:
            return
        at = self._book.now() if at_seconds is None else moment(at_seconds)
        decided = self.core.answered(call_id, at.timestamp())
        caller, agent_id = waiting.caller, waiting.offered_to
        self._forget(call_id)
        self._met(call_id, agent_id, caller.queue, caller.joined_at, at)
        self.carry_out(decided, caller.queue)

    def found_talking(self, agent_id: int, record: CallRecord | None) -> None:
        """The agent's telephone is in a conversation to which no offer of this daemon led.

        A call of ours reaches an agent so through the plain queue, while no daemon answers.
        """
        at = self._book.now()
        if record is not None and record.row.answered_at is None:
            row = record.row
            joined_at = row.queued_at or row.started_at
            self._met(row.id, agent_id, row.queue, joined_at.timestamp(), at)
        call_id = record.call_id if record else None
        self.carry_out(self.core.found_talking(agent_id, call_id, at.timestamp()))

    def _met(
        self, call_id: str, agent_id: int, queue: str | None, joined_at: float, at: datetime
    ) -> None:
        """Caller and agent speak: into the day's figures, the record and the bus."""
        waited = max(0.0, at.timestamp() - joined_at)
        plan = self._plan.queue_by_name.get(queue or "")
        within = plan is not None and waited <= plan.target_s
        if plan is not None:
            day = self._counters.of(plan.name)
            day.answered += 1
            day.within_target += within
        record = self._book.find(call_id)
        if record is not None:
            record.change("answered", agent_id=agent_id, answered_at=at, within_target=within)
        log.info("call_answered", call_id=call_id, agent_id=agent_id, waited_s=round(waited, 1))
        self._bus.publish(CallAnswered(call_id, agent_id, waited, at))

    # ---- what tickets report --------------------------------------------------------------------

    def place(self, call_id: str) -> WaitingNow | None:
        return self.core.waiting(call_id)

    def is_current(self, offer: Offer) -> bool:
        return self._offers.get(offer.call_id) == offer.offer_id

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
        self._tell_failed(offer.call_id, offer.agent_id, dial_status)
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
        at, queue = self._book.now(), waiting.caller.queue
        decided = self.core.leave(call_id, at.timestamp())
        waited = max(0.0, at.timestamp() - waiting.caller.joined_at)
        if reason == ABANDONED:
            self._counters.of(queue).abandoned += 1
        record = self._book.find(call_id)
        if record is not None:
            record.change("left_line", left_reason=reason)
        self._forget(call_id)
        log.info("call_left_line", call_id=call_id, queue=queue, reason=reason)
        self._bus.publish(CallLeftQueue(call_id, queue, reason, waited, at))
        self.carry_out(decided, queue)

    # ---- decisions --------------------------------------------------------------------------------

    def carry_out(self, decided: Iterable[Decision], *changed: str) -> None:
        """Write down, publish and hand over each decision, in order."""
        queues = set(changed)
        for decision in decided:
            match decision:
                case AgentMoved():
                    self._agent_moved(decision)
                    queues.update(decision.now.login.queues)
                case Offered():
                    self._offered(decision)
                case Widened():
                    self._widened(decision)
                case AnnouncementDue(call_id, position, estimate_s):
                    self._tickets[call_id].put(Announcement(position, estimate_s))
                case OfferLapsed(call_id, agent_id):
                    self._tell_failed(call_id, agent_id, "LAPSED")
                case Reserved(call_id, agent_id):
                    log.info("agent_reserved", agent_id=agent_id, call_id=call_id)
        self._on_change(queues)

    def _agent_moved(self, moved: AgentMoved) -> None:
        agent, at = moved.now, self._book.now()
        self._seq = max(self._seq + 1, int(at.timestamp() * 1_000_000))
        row = self.latest[agent.agent_id] = agent_row(agent, self._seq)
        self._journal.append(row)
        (log.debug if _is_routine(moved) else log.info)(
            "agent_state",
            agent_id=agent.agent_id,
            before=moved.before,
            state=agent.state,
            reason=agent.reason,
            call_id=agent.call_id,
        )
        self._bus.publish(agent_changed(agent, at))

    def _offered(self, offered: Offered) -> None:
        call_id, agent = offered.call_id, self.core.agent(offered.agent_id)
        record = self._book.find(call_id)
        number = record.row.steps if record else 0
        if record is not None:
            record.change("offered", agent_id=offered.agent_id)
        entry = self._entries[call_id]
        why = (*entry.why, *offered.why)
        self._bus.publish(
            CallOffered(call_id, offered.queue, offered.agent_id, why, self._book.now())
        )
        if agent is None:
            return
        offer_id = self._offers[call_id] = f"{call_id}.{number}"
        self._tickets[call_id].put(
            Offer(
                offer_id=offer_id,
                call_id=call_id,
                agent_id=offered.agent_id,
                agent_name=agent.login.name,
                extension=agent.login.extension,
                ring_s=offered.ring_s,
                why=why,
            )
        )

    def _widened(self, widened: Widened) -> None:
        record = self._book.find(widened.call_id)
        if record is not None:
            record.step("overflowed", to=widened.to_queue)
        self._bus.publish(
            CallOverflowed(
                call_id=widened.call_id,
                from_queue=widened.from_queue,
                to_queue=widened.to_queue,
                why=widened.why,
                at=self._book.now(),
            )
        )
        overflow = Overflow(widened.from_queue, widened.to_queue, widened.why)
        self._tickets[widened.call_id].put(overflow)

    def _tell_failed(self, call_id: str, agent_id: int, dial_status: str) -> None:
        self._offers.pop(call_id, None)
        record = self._book.find(call_id)
        if record is not None:
            record.step("offer_failed", agent_id=agent_id, dial_status=dial_status)
        self._bus.publish(OfferFailed(call_id, agent_id, dial_status, self._book.now()))

    def _forget(self, call_id: str) -> None:
        self._offers.pop(call_id, None)
        self._tickets.pop(call_id, None)
        self._entries.pop(call_id, None)


def _is_routine(moved: AgentMoved) -> bool:
    """What every call does; the call's own lines tell of it."""
    return {moved.before, moved.now.state} <= _ROUTINE and moved.now.reason is None


def _caller(entry: QueueEntry) -> Caller:
    return Caller(
        call_id=entry.call_id,
        queue=entry.queue,
        priority=entry.priority,
        joined_at=entry.joined_at.timestamp(),
        preferred_agent=entry.preferred_agent,
        preferred_wait_s=entry.preferred_wait_s,
    )
