"""Records of calls: what happened, step by step, from the first ring to the end.

Rule: each change is written to the journal first and published on the bus after, by this module
alone. A call that a daemon before us began goes on under the same id and the next step number.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from acd.core_choice import named
from acd.core_types import Offered
from acd.events import (
    CallEnded,
    CallIdentified,
    CallOutcome,
    CallRouted,
    CallStarted,
    Direction,
    PauseReason,
    Reason,
    RecordingChanged,
    RecordingState,
    StepKind,
)
from acd.journal import Journal
from acd.log import walk
from acd.routing import Route
from acd.rows import CallRow, StepRow, SurveyRow
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
LOST: Final = "lost"
ANSWERED: Final = "answered"
_ENDED_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call has come in (or a dialled one was answered). `medium` is what the number called names."""

    call_id: str
    linkedid: str
    node: str
    direction: Direction
    caller: str | None
    did: str
    line_version: int | None = None
    medium: str | None = None


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """Who the caller is, as far as known. `how` tells the record how that was found out."""

    customer_id: int | None = None
    customer_name: str | None = None
    level: str | None = None
    province: str | None = None
    city: str | None = None
    area_code: str | None = None
    how: Mapping[str, object] = field(default_factory=dict)

    @property
    def found(self) -> dict[str, object]:
        """What stands in the record of the call."""
        return {
            "customer_id": self.customer_id,
            "customer_name": self.customer_name,
            "level": self.level,
            "province": self.province,
            "city": self.city,
            "area_code": self.area_code,
        }


class CallRecord:
    """One call's record, written by the coroutine of the call and by the ACD.

    `attended`: a coroutine of this daemon looks after the call and will end it. `outside_rings`: it is dialling an outside
    number for the caller. `resumed`: the call has come back, from a daemon's death or passed on by an agent.
    `left_talk_at`: since when no coroutine attends to it because the agent passed the caller on, or may have.
    """

    def __init__(self, row: CallRow, book: "CallBook", *, attended: bool) -> None:
        self.row = row
        self.attended = attended
        self.outside_rings = False
        self.resumed = False
        self.left_talk_at: datetime | None = None
        self._book = book

    @property
    def call_id(self) -> str:
        return self.row.id

    @property
    def is_recorded(self) -> bool:
        """Whether a recording is under way, paused or not."""
        return self.row.recording in ("on", "paused") and self.row.ended_at is None

    def now(self) -> datetime:
        """By the clock of the records."""
        return self._book.now()

    def step(self, kind: StepKind, **detail: object) -> None:
        """Note a thing that happened, keypad steps included."""
        self._book.write_step(self, kind, detail)

    def heard_menu(self, menu: str, path: tuple[str, ...]) -> None:
        """The caller hears a menu, where these keys led."""
        self.row = walk.heard(self.row, menu, path)

    def identified(self, facts: CallerFacts) -> None:
        """The caller was looked up."""
        self._change("identified", facts.found, facts.how)
        self._book.publish(
            CallIdentified(
                call_id=self.call_id,
                customer_id=facts.customer_id,
                customer_name=facts.customer_name,
                level=facts.level,
                province=facts.province,
                city=facts.city,
                area_code=facts.area_code,
                at=self._book.now(),
            )
        )

    def routed(self, route: Route, menu_path: tuple[str, ...]) -> None:
        """The menu is done and a way chosen."""
        self._change("routed", taken(route, menu_path), told_of(route))
        self._book.publish(
            CallRouted(
                call_id=self.call_id,
                queue=route.queue,
                priority=route.priority,
                menu_path=menu_path,
                medium=route.medium,
                why=route.why,
                at=self._book.now(),
            )
        )

    def offered(self, offer: Offered) -> None:
        """An agent was chosen."""
        others = [{"agent_id": each.agent_id, "why": each.why} for each in offer.others]
        told = {"why": _told(offer.why), "others": others}
        self._change("offered", {"agent_id": offer.agent_id}, told)

    def change(self, kind: StepKind, **values: object) -> None:
        """Note a step and the values it changed in the record."""
        self._change(kind, values, {})

    def _change(
        self, kind: StepKind, values: Mapping[str, object], told: Mapping[str, object]
    ) -> None:
        """`told` stands with the step only."""
        self.row = replace(self.row, **values)  # type: ignore[arg-type]
        self._book.write_step(self, kind, {**values, **told})
        self._book.write_call(self)

    def leave_talk(self) -> None:
        """The caller left the talk and is there still: passed on by the agent, and soon to come back."""
        self.attended = False
        self.left_talk_at = self._book.now()

    def surveyed(self, answer: SurveyRow) -> None:
        """A question after the talk, answered or not."""
        self._book.write_step(
            self, "surveyed", {"question": answer.question, "key": answer.pressed}
        )
        self._book.write_answer(answer)

    def recording_is(
        self,
        state: RecordingState,
        kind: StepKind,
        why: str,
        *,
        by: int | None = None,
        pause: PauseReason | None = None,
    ) -> None:
        """Note whether what is said is recorded, and by whom and why that changed."""
        at = self._book.now()
        paused = state == "paused"
        self.row = replace(
            self.row,
            recording=state,
            paused_at=(self.row.paused_at or at) if paused else None,
            paused_by=by if paused else None,
            pause_reason=pause,
        )
        self._book.write_step(self, kind, {"by": by, "cause": why})
        self._book.write_call(self)
        log.info(kind, call_id=self.call_id, why=why)
        self._book.publish(RecordingChanged(self.call_id, state, pause, at))

    def end(self, outcome: CallOutcome, *, at: datetime | None = None) -> None:
        """The call is over; a second end does nothing."""
        if self.row.ended_at is not None:
            return
        ended_at = at or self._book.now()
        if self.row.recording == "paused":
            self.recording_is("on", "recording_resumed", "call_ended")
        self._book.write_step(self, "ended", {"outcome": outcome})
        self.row = replace(self.row, ended_at=ended_at, outcome=outcome)
        self._book.write_call(self)
        self._book.forget(self)
        log.info("call_ended", call_id=self.call_id, outcome=outcome)
        self._book.publish(CallEnded(self.call_id, outcome, self.row.agent_id, ended_at))


class CallBook:
    """All calls that are not over."""

    def __init__(self, journal: Journal, bus: Bus, clock: Clock) -> None:
        self._journal = journal
        self._bus = bus
        self.now = clock
        self.publish = bus.publish
        self._open: dict[str, CallRecord] = {}
        self._by_linkedid: dict[str, CallRecord] = {}
        self._last_heard: dict[str, datetime] = {}
        self._ended: OrderedDict[str, CallRecord] = OrderedDict()

    def begin(self, start: CallStart) -> CallRecord:
        """A new record, or that of the same call from before a restart of the daemon."""
        known = self._open.get(start.call_id)
        if known is not None:
            known.attended = known.resumed = True
            known.left_talk_at = None
            known.step("resumed", node=start.node, line_version=start.line_version)
            return known
        row = CallRow(
            id=start.call_id,
            node=start.node,
            linkedid=start.linkedid,
            direction=start.direction,
            caller=start.caller,
            did=start.did,
            started_at=self.now(),
            line_version=start.line_version,
            medium=start.medium,
        )
        record = self._keep(row, attended=True)
        self.write_step(record, "started", {})
        self.write_call(record)
        log.info("call_started", call_id=start.call_id, direction=start.direction)
        self.publish(
            CallStarted(
                call_id=start.call_id,
                linkedid=start.linkedid,
                node=start.node,
                direction=start.direction,
                caller=start.caller,
                did=start.did,
                at=row.started_at,
            )
        )
        return record

    def find(self, call_id: str | None) -> CallRecord | None:
        return self._open.get(call_id) if call_id else None

    def find_recent(self, call_id: str) -> CallRecord | None:
        """Also one of the calls that ended last: in the wrap-up an agent still adds to it."""
        return self._open.get(call_id) or self._ended.get(call_id)

    def by_linkedid(self, linkedid: str) -> CallRecord | None:
        return self._by_linkedid.get(linkedid)

    def open(self) -> tuple[CallRecord, ...]:
        return tuple(self._open.values())

    def recover(self, calls: Iterable[CallRow], steps: Iterable[StepRow]) -> None:
        """Calls an earlier daemon left open, with the latest step known of each."""
        for row in {row.id: row for row in calls}.values():
            if row.ended_at is None:
                self._keep(row, attended=False)
                self._last_heard[row.id] = row.answered_at or row.queued_at or row.started_at
        for step in steps:
            record = self._open.get(step.call_id)
            if record is not None:
                record.row = replace(record.row, steps=max(record.row.steps, step.seq + 1))
                self._last_heard[step.call_id] = max(self._last_heard[step.call_id], step.at)

    def lose(self, record: CallRecord) -> None:
        """Close a call that is found to be gone: at the last moment anything was heard of it."""
        if record.left_talk_at is not None:
            record.end(ANSWERED, at=record.left_talk_at)
        else:
            record.end(LOST, at=self._last_heard.get(record.call_id))

    def write_step(self, record: CallRecord, kind: StepKind, detail: dict[str, object]) -> None:
        seq = record.row.steps
        record.row = replace(walk.noted(record.row, kind, detail), steps=seq + 1)
        self._journal.append(StepRow(record.call_id, seq, self.now(), kind, detail))

    def write_call(self, record: CallRecord) -> None:
        self._journal.append(record.row)

    def write_answer(self, answer: SurveyRow) -> None:
        self._journal.append(answer)

    def forget(self, record: CallRecord) -> None:
        self._open.pop(record.call_id, None)
        self._by_linkedid.pop(record.row.linkedid, None)
        self._last_heard.pop(record.call_id, None)
        self._ended[record.call_id] = record
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)

    def _keep(self, row: CallRow, *, attended: bool) -> CallRecord:
        record = CallRecord(row, self, attended=attended)
        self._open[row.id] = self._by_linkedid[row.linkedid] = record
        return record


def taken(route: Route, menu_path: tuple[str, ...]) -> dict[str, object]:
    """What stands in the record of a call that goes this way."""
    return {
        "queue": route.queue,
        "priority": route.priority,
        "medium": route.medium,
        "menu_path": menu_path,
    }


def told_of(route: Route) -> dict[str, object]:
    """Why it is this one, as the step `routed` tells it."""
    return {
        "why": _told(route.why),
        "decided_by": route.decided_by,
        "rules": [
            {"rule": each.rule, "outcome": each.outcome, "why": _told(each.why)}
            for each in route.verdicts
        ],
        "preferred": [{"role": each.role, "agents": list(each.agents)} for each in route.preferred],
        "skills": named(route.skills),
    }


def _told(why: Iterable[Reason]) -> list[dict[str, object]]:
    return [{"code": reason.code, "params": reason.params} for reason in why]
