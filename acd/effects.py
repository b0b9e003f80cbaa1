"""What comes of the core's decisions.

Rule: a decision is written down, then published, then handed to the ticket, in this order and without waiting, so that
an agent's screen hears of a caller before the telephone is rung.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from acd.core import AcdCore
from acd.core_agents import BUSY
from acd.core_choice import named
from acd.core_types import (
    AgentMoved,
    AnnouncementDue,
    ComfortDue,
    Decision,
    Diverted,
    Offered,
    OfferLapsed,
    Relaxed,
    Reserved,
    TurnCame,
    Widened,
)
from acd.events import CallDiverted, CallOffered, CallOverflowed, OfferFailed, PlaceReached, Reason
from acd.floor_clock import FloorClock
from acd.journal import Journal
from acd.records import CallBook
from acd.rows import AgentStateRow
from acd.tickets import Announcement, Comfort, Divert, Offer, Overflow, QueueEntry, Ticket
from acd.views import agent_changed, agent_row
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

_ROUTINE = BUSY | {"ready"}


@dataclass(frozen=True, slots=True)
class CallersInLine:
    """Whoever waits, by call: the ticket, what they came with, and the offer that holds."""

    tickets: dict[str, Ticket] = field(default_factory=dict)
    entries: dict[str, QueueEntry] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)

    def forget(self, call_id: str) -> None:
        """They wait no more."""
        for kept in (self.offers, self.tickets, self.entries):
            kept.pop(call_id, None)


class Effects:
    """Carries decisions out. `latest` is the last row of each agent; `on_change` hears of queues changed."""

    def __init__(
        self,
        core: AcdCore,
        callers: CallersInLine,
        *,
        bus: Bus,
        journal: Journal,
        book: CallBook,
        time: FloorClock,
        on_change: Callable[[Iterable[str]], None],
    ) -> None:
        self._core = core
        self._callers = callers
        self._bus = bus
        self._journal = journal
        self._book = book
        self._time = time
        self._on_change = on_change
        self.latest: dict[int, AgentStateRow] = {}
        self._seq = 0

    def carry_out(self, decided: Iterable[Decision], *changed: str, by: int | None = None) -> None:
        """Write down, publish and hand over each decision, in order; the first is what somebody did (`by`)."""
        queues = set(changed)
        for decision in decided:
            match decision:
                case AgentMoved():
                    self._agent_moved(decision, by)
                    by = None
                    queues.update(decision.now.login.queues)
                case Offered():
                    self._offered(decision)
                case Widened():
                    self._widened(decision)
                case Diverted():
                    self._diverted(decision)
                case ComfortDue(call_id):
                    self._callers.tickets[call_id].put(Comfort())
                case Relaxed(call_id, _, skills):
                    record = self._book.find(call_id)
                    if record is not None:
                        record.step("skills_relaxed", skills=named(skills))
                case AnnouncementDue(call_id, position, estimate_s):
                    self._callers.tickets[call_id].put(Announcement(position, estimate_s))
                case OfferLapsed(call_id, agent_id):
                    self.tell_failed(call_id, agent_id, "LAPSED")
                case Reserved(call_id, agent_id):
                    log.info("agent_reserved", agent_id=agent_id, call_id=call_id)
                case TurnCame(call_id, queue, agent_id):
                    log.info("place_reached", agent_id=agent_id, call_id=call_id)
                    queues.add(queue)
                    self._bus.publish(PlaceReached(call_id, queue, agent_id, self._book.now()))
        self._on_change(queues)

    def _agent_moved(self, moved: AgentMoved, by: int | None) -> None:
        agent, at = moved.now, self._book.now()
        self._seq = max(self._seq + 1, int(at.timestamp() * 1_000_000))
        row = self.latest[agent.agent_id] = agent_row(agent, self._seq, by, self._time)
        self._journal.append(row)
        (log.debug if _is_routine(moved) else log.info)(
            "agent_state",
            agent_id=agent.agent_id,
            before=moved.before,
            state=agent.state,
            reason=agent.reason,
            call_id=agent.call_id,
            by=by,
        )
        self._bus.publish(agent_changed(agent, at, self._time))

    def _offered(self, offered: Offered) -> None:
        call_id, agent = offered.call_id, self._core.agent(offered.agent_id)
        record = self._book.find(call_id)
        number = record.row.steps if record else 0
        if record is not None:
            record.offered(offered)
        entry = self._callers.entries[call_id]
        why = (*entry.why, *offered.why)
        self._bus.publish(
            CallOffered(call_id, offered.queue, offered.agent_id, why, self._book.now())
        )
        if agent is None:
            return
        offer_id = self._callers.offers[call_id] = f"{call_id}.{number}"
        self._callers.tickets[call_id].put(
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
            record.step("overflowed", to=widened.to_queue, why=_told(widened.why))
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
        self._callers.tickets[widened.call_id].put(overflow)

    def _diverted(self, diverted: Diverted) -> None:
        call_id, way, why = diverted.call_id, diverted.way, diverted.why
        record = self._book.find(call_id)
        if record is not None:
            record.step("diverted", way=way.kind, to=way.to, why=_told(why))
        log.info("call_diverted", call_id=call_id, queue=diverted.queue, way=way.kind)
        at = self._book.now()
        self._bus.publish(CallDiverted(call_id, diverted.queue, way.kind, way.to, why, at))
        self._callers.tickets[call_id].put(Divert(way, why))

    def tell_failed(self, call_id: str, agent_id: int, dial_status: str) -> None:
        """The offer came to nothing."""
        self._callers.offers.pop(call_id, None)
        record = self._book.find(call_id)
        if record is not None:
            record.step("offer_failed", agent_id=agent_id, dial_status=dial_status)
        self._bus.publish(OfferFailed(call_id, agent_id, dial_status, self._book.now()))


def _told(why: Iterable[Reason]) -> list[dict[str, object]]:
    """Reasons as records keep them."""
    return [{"code": reason.code, "params": reason.params} for reason in why]


def _is_routine(moved: AgentMoved) -> bool:
    """What every call does; the call's own lines tell of it."""
    return {moved.before, moved.now.state} <= _ROUTINE and moved.now.reason is None
