"""The worker that turns overdue complaints into to-dos, whose alarms and escalations do the rest.

Rule: an overdue complaint has at most one open to-do, of its handler; without one who can do it, of the nearest
supervisor above who may see the customer. One who calls it done without handling the complaint gets another one
only when something of the complaint has changed. A round looks at all of them, whatever becomes of one.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import String, cast, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.complaints.tables import Complaint
from crm_core.complaints.todos import SOURCE, prefix
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.todos import asking, staff
from crm_core.todos.commands import NewTodo, Priority, TodoKind, TodoSource
from crm_core.todos.staff import Staff
from crm_core.todos.staff import Worker as Person
from crm_core.todos.tables import Todo
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

Place = tuple[datetime, int]

_EVERY_S = 60.0
_BATCH = 200
_BEGINNING: Place = (datetime.min.replace(tzinfo=UTC), 0)
_TITLES = ("投诉 #{id} 已超时：请处理", "Complaint #{id} is overdue: handle it")


class ComplaintAlarms(Worker):
    """Looks every `every_s` seconds."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("complaint-alarms", every_s=every_s)
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """How many to-dos were made. Raises DatabaseUnavailable."""
        now, made, place = self._clock(), 0, _BEGINNING
        while True:
            async with self._database.begin() as session:
                rows = await _overdue(session, now, after=place, limit=self._batch)
                known = await staff.read(session) if rows else Staff({}, {})
                made += sum([await _ask(session, row, known, now) for row in rows])
            if len(rows) < self._batch:
                return made
            place = (rows[-1].due_at, rows[-1].id)


async def _overdue(
    session: AsyncSession, now: datetime, *, after: Place, limit: int
) -> Sequence[Any]:
    number = cast(Complaint.id, String)
    asked = (
        select(Todo.id)
        .where(
            Todo.customer_id == Complaint.customer_id,
            Todo.source_kind == SOURCE,
            or_(
                Todo.source_reference == func.concat(number, ":", Complaint.version),
                (Todo.state == "open") & Todo.source_reference.like(number + literal(":%")),
            ),
        )
        .exists()
    )
    rows = await session.execute(
        select(
            Complaint.id,
            Complaint.version,
            Complaint.customer_id,
            Complaint.handler_id,
            Complaint.entered_by_id,
            Complaint.due_at,
        )
        .join(Customer, Customer.id == Complaint.customer_id)
        .where(Complaint.handled_at.is_(None), Complaint.due_at <= now, ~asked)
        .where(Customer.erased_at.is_(None))
        .where(tuple_(Complaint.due_at, Complaint.id) > tuple_(*map(literal, after)))
        .order_by(Complaint.due_at, Complaint.id)
        .limit(limit)
        .with_for_update(of=Complaint, skip_locked=True)
    )
    return rows.all()


async def _ask(session: AsyncSession, row: Any, known: Staff, now: datetime) -> bool:
    """Whether somebody was asked to handle it now."""
    who = await _assignee(session, row, known)
    if who is None:
        log.warning("complaint_without_assignee", complaint=row.id)
        return False
    zh, en = _TITLES
    title = en if who.locale.startswith("en") else zh
    new = NewTodo(
        title=title.format(id=row.id),
        due_at=now,
        customer_id=row.customer_id,
        kind=TodoKind.TASK,
        priority=Priority.HIGH,
        assignee_id=who.id,
    )
    source = TodoSource(kind=SOURCE, reference=f"{prefix(row.id)}{row.version}")
    return bool(await asking.ask(session, new, source, now))


async def _assignee(session: AsyncSession, row: Any, known: Staff) -> Person | None:
    handler = known.workers.get(row.handler_id or 0)
    if handler is not None and await staff.who_see(session, (handler,), row.customer_id):
        return handler
    whose = row.handler_id or row.entered_by_id
    above = await staff.nearest_above(session, known, whose, row.customer_id)
    return above[0] if above else None
