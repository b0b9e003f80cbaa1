"""Records of calls: what happened, step by step, from the first ring to the end.

Rule: each change is written to the journal first and published on the bus after, by this module
alone. A call that a daemon before us began goes on under the same id and the next step number.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from acd.events import CallEnded, CallIdentified, CallRouted, CallStarted, Direction
from acd.journal import Journal
from acd.routing import Route
from acd.rows import CallRow, StepRow
from crm_core.bus import Bus

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]
LOST = "lost"
_ENDED_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class CallStart:
    """A call has come in (or a dialled one was answered)."""

    call_id: str
    linkedid: str
    node: str
    direction: Direction
    caller: str | None
    did: str


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """Who the caller is, as far as known."""

    customer_id: int | None = None
    customer_name: str | None = None
    level: str | None = None
    province: str | None = None
    city: str | None = None
    area_code: str | None = None


class CallRecord:
    """One call's record, written by the coroutine of the call and by the ACD.

    `attended`: a coroutine of this daemon looks after the call and will end it.
    """

    def __init__(self, row: CallRow, book: "CallBook", *, attended: bool) -> None:
        self.row = row
        self.attended = attended
        self._book = book

    @property
    def call_id(self) -> str:
        return self.row.id

    def step(self, kind: str, **detail: object) -> None:
        """Note a thing that happened, keypad steps included."""
        self._book.write_step(self, kind, detail)

    def identified(self, facts: CallerFacts) -> None:
        """The caller was looked up."""
        self.change(
            "identified",
            customer_id=facts.customer_id,
            customer_name=facts.customer_name,
            level=facts.level,
            province=facts.province,
            city=facts.city,
            area_code=facts.area_code,
        )
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
        chosen = {
            "queue": route.queue,
            "priority": route.priority,
            "medium": route.medium,
            "menu_path": menu_path,
        }
        self.row = replace(self.row, **chosen)  # type: ignore[arg-type]
        why = [{"code": reason.code, "params": reason.params} for reason in route.why]
        self._book.write_step(self, "routed", {**chosen, "why": why})
        self._book.write_call(self)
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

    def change(self, kind: str, **values: object) -> None:
        """Note a step and the values it changed in the record."""
        self.row = replace(self.row, **values)  # type: ignore[arg-type]
        self._book.write_step(self, kind, values)
        self._book.write_call(self)

    def end(self, outcome: str, *, at: datetime | None = None) -> None:
        """The call is over; a second end does nothing."""
        if self.row.ended_at is not None:
            return
        ended_at = at or self._book.now()
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
            known.attended = True
            known.step("resumed", node=start.node)
            return known
        row = CallRow(
            id=start.call_id,
            node=start.node,
            linkedid=start.linkedid,
            direction=start.direction,
            caller=start.caller,
            did=start.did,
            started_at=self.now(),
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
        record.end(LOST, at=self._last_heard.get(record.call_id))

    def write_step(self, record: CallRecord, kind: str, detail: dict[str, object]) -> None:
        seq = record.row.steps
        record.row = replace(record.row, steps=seq + 1)
        self._journal.append(StepRow(record.call_id, seq, self.now(), kind, detail))

    def write_call(self, record: CallRecord) -> None:
        self._journal.append(record.row)

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
