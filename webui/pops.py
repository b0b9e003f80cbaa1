"""Which calls stand on which agent's screen, worked out from the bus.

Rule: pure; `apply` takes events in order and tells whose pops changed. A pop rises when a call is
offered, goes when the agent did not take it, and after an answer stays until the agent's wrap-up ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from acd.events import (
    AgentChanged,
    CallAnswered,
    CallEnded,
    CallIdentified,
    CallOffered,
    CallRouted,
    OfferFailed,
    PauseReason,
    PhoneRinging,
    Reason,
    RecordingChanged,
    RecordingState,
)
from acd.rows import CallRow
from webui.views import PopState

WORKING_ON_IT = frozenset({"talking", "wrap_up"})


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What has become known of a call."""

    call_id: str
    direction: str = "inbound"
    caller: str | None = None
    did: str | None = None
    customer_id: int | None = None
    customer_name: str | None = None
    level: str | None = None
    area_code: str | None = None
    province: str | None = None
    city: str | None = None
    queue: str | None = None
    medium: str | None = None
    menu_path: tuple[str, ...] = ()
    recording: RecordingState | None = None
    pause_reason: PauseReason | None = None

    @classmethod
    def of(cls, row: CallRow) -> "CallFacts":
        """What the call's record says now."""
        return cls(
            call_id=row.id,
            direction=row.direction,
            caller=row.caller,
            did=row.did,
            customer_id=row.customer_id,
            customer_name=row.customer_name,
            level=row.level,
            area_code=row.area_code,
            province=row.province,
            city=row.city,
            queue=row.queue,
            medium=row.medium,
            menu_path=row.menu_path,
            recording=cast("RecordingState | None", row.recording),
            pause_reason=cast("PauseReason | None", row.pause_reason),
        )


@dataclass(frozen=True, slots=True)
class Pop:
    """One call on one agent's screen; `why` is why it was offered to this agent."""

    call: CallFacts
    state: PopState
    queue: str | None
    why: tuple[Reason, ...]
    offered_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """An agent's pop of a call came, changed or went."""

    agent_id: int
    call_id: str


class PopBook:
    """The pops of every agent; `facts` says what the record of a call that lives knows."""

    def __init__(self, facts: Callable[[str], CallFacts | None]) -> None:
        self._facts = facts
        self._pops: dict[int, dict[str, Pop]] = {}
        self._agents: dict[int, AgentChanged] = {}
        self._seen_by: dict[str, set[int]] = {}
        self._touched: list[Touched] = []
        self._on: Mapping[type, Callable[[Any], None]] = {
            CallIdentified: self._learned,
            CallRouted: self._learned,
            RecordingChanged: self._learned,
            CallOffered: self._offered,
            PhoneRinging: self._ringing,
            OfferFailed: self._offer_failed,
            CallAnswered: self._answered,
            CallEnded: self._ended,
            AgentChanged: self._agent_changed,
        }

    @property
    def handled(self) -> tuple[type, ...]:
        """The events that matter here."""
        return tuple(self._on)

    def apply(self, event: object) -> tuple[Touched, ...]:
        """Take in one event of the bus; the pops that are different now."""
        self._touched = []
        self._on[type(event)](event)
        return tuple(self._touched)

    def restore(self, agent_id: int, call: CallFacts, answered_at: datetime) -> None:
        """A talk that began under an earlier daemon."""
        self._put(agent_id, Pop(call, "talking", call.queue, (), answered_at, answered_at))

    def link(self, call_id: str, customer_id: int, name: str) -> tuple[Touched, ...]:
        """The caller became a customer; the pops that are different now."""
        self._touched = []
        for agent_id, pop in self._of_call(call_id):
            call = replace(pop.call, customer_id=customer_id, customer_name=name)
            self._put(agent_id, replace(pop, call=call))
        return tuple(self._touched)

    def pops(self, agent_id: int) -> Mapping[str, Pop]:
        return self._pops.get(agent_id, {})

    def customers(self, agent_id: int) -> frozenset[int]:
        """Whose calls stand on the agent's screen, answered by this agent."""
        return frozenset(
            pop.call.customer_id
            for pop in self.pops(agent_id).values()
            if pop.call.customer_id is not None and pop.answered_at is not None
        )

    def shown(self, call_id: str) -> CallFacts | None:
        """The facts of a call that stands on a screen."""
        return next((pop.call for _, pop in self._of_call(call_id)), None)

    def viewers(self, call_id: str) -> tuple[int, ...]:
        """The agents on whose screens the call stands."""
        return tuple(self._seen_by.get(call_id, ()))

    def calls_of(self, customer_id: int) -> tuple[str, ...]:
        """The calls of this customer that stand on a screen."""
        return tuple(
            call_id
            for call_id in self._seen_by
            if (call := self.shown(call_id)) is not None and call.customer_id == customer_id
        )

    def _learned(self, event: CallIdentified | CallRouted | RecordingChanged) -> None:
        call = self._facts(event.call_id)
        if call is not None:
            for agent_id, pop in self._of_call(event.call_id):
                self._put(agent_id, replace(pop, call=call))

    def _offered(self, event: CallOffered) -> None:
        call = self._facts(event.call_id) or CallFacts(event.call_id)
        self._put(event.agent_id, Pop(call, "offered", event.queue, event.why, event.at))

    def _ringing(self, event: PhoneRinging) -> None:
        pop = self.pops(event.agent_id).get(event.call_id)
        if pop is not None and pop.state == "offered":
            self._put(event.agent_id, replace(pop, state="ringing"))

    def _offer_failed(self, event: OfferFailed) -> None:
        self._remove(event.agent_id, event.call_id)

    def _answered(self, event: CallAnswered) -> None:
        pop = self.pops(event.agent_id).get(event.call_id)
        if pop is None:
            call = self._facts(event.call_id) or CallFacts(event.call_id)
            pop = Pop(call, "talking", call.queue, (), event.at)
        self._put(event.agent_id, replace(pop, state="talking", answered_at=event.at))

    def _ended(self, event: CallEnded) -> None:
        for agent_id, _ in self._of_call(event.call_id):
            self._finish(agent_id, event.call_id, event.at)

    def _agent_changed(self, event: AgentChanged) -> None:
        self._agents[event.agent_id] = event
        for call_id in tuple(self.pops(event.agent_id)):
            if call_id != event.call_id or event.state == "wrap_up":
                self._finish(event.agent_id, call_id, event.at)

    def _finish(self, agent_id: int, call_id: str, at: datetime) -> None:
        """The talk is over: the pop stays, ended, while the agent still works on the call."""
        pop, agent = self._pops[agent_id][call_id], self._agents.get(agent_id)
        at_work = agent is None or (agent.call_id == call_id and agent.state in WORKING_ON_IT)
        if pop.answered_at is None or not at_work:
            self._remove(agent_id, call_id)
        elif pop.state != "ended":
            self._put(agent_id, replace(pop, state="ended", ended_at=at))

    def _of_call(self, call_id: str) -> tuple[tuple[int, Pop], ...]:
        return tuple(
            (agent_id, self._pops[agent_id][call_id]) for agent_id in self.viewers(call_id)
        )

    def _put(self, agent_id: int, pop: Pop) -> None:
        call_id = pop.call.call_id
        self._pops.setdefault(agent_id, {})[call_id] = pop
        self._seen_by.setdefault(call_id, set()).add(agent_id)
        self._touched.append(Touched(agent_id, call_id))

    def _remove(self, agent_id: int, call_id: str) -> None:
        if self._pops.get(agent_id, {}).pop(call_id, None) is None:
            return
        self._seen_by[call_id].discard(agent_id)
        if not self._seen_by[call_id]:
            del self._seen_by[call_id]
        self._touched.append(Touched(agent_id, call_id))
