"""The worker that alarms: the assignee when a to-do is due, the nearest supervisors above who may see its
customer when it stays undone.

Rule: each is told at most once, by whichever daemon claims it, and in the order of the moments, also
after a time when no daemon ran. What was claimed by a daemon that died before it could publish is not
told again; the list shows it as overdue all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.todos import due, staff
from crm_core.todos.due import DueTodo
from crm_core.todos.events import TodoAlarm, TodoEscalated
from crm_core.todos.staff import Staff
from crm_core.todos.writing import ENTITY
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_EVERY_S = 5.0
_BATCH = 200
_Told = tuple[DueTodo, TodoAlarm | TodoEscalated]


@dataclass(frozen=True, slots=True)
class _Batch:
    """`claimed` counts also what is told to nobody."""

    claimed: int = 0
    told: Sequence[_Told] = ()


class TodoAlarms(Worker):
    """Looks every `every_s` seconds for what is due."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("todo-alarms", every_s=every_s)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """Tell all that is due; returns how many were told. Raises DatabaseUnavailable."""
        now, told = self._clock(), 0
        while (batch := await self._claim(now)).claimed:
            for _, event in sorted(batch.told, key=_order):
                self._bus.publish(event)
            told += len(batch.told)
        return told

    async def _claim(self, now: datetime) -> _Batch:
        async with self._database.begin() as session:
            until = await due.end_of_batch(session, now, self._batch)
            if until is None:
                return _Batch()
            alarms = await due.claim_alarms(session, until, now)
            escalations = await due.claim_escalations(session, until, now)
            told = (
                *await _alarms(session, alarms, now),
                *await _escalations(session, escalations, now),
            )
        return _Batch(len(alarms) + len(escalations), told)


async def _alarms(
    session: AsyncSession, claimed: Sequence[DueTodo], now: datetime
) -> Sequence[_Told]:
    for todo in claimed:
        await trail.record(session, None, "todo.alarm", ENTITY, todo.id)
        log.info("todo_alarmed", todo=todo.id, assignee=todo.assignee_id)
    return tuple(
        (
            todo,
            TodoAlarm(
                todo.id,
                todo.title,
                todo.customer_id,
                todo.customer_name,
                todo.assignee_id,
                todo.due_at,
                now,
            ),
        )
        for todo in claimed
    )


async def _escalations(
    session: AsyncSession, claimed: Sequence[DueTodo], now: datetime
) -> Sequence[_Told]:
    """A supervisor's own to-do goes to nobody else: it is only logged."""
    known = await staff.read(session) if claimed else Staff({}, {})
    told: list[_Told] = []
    for todo in claimed:
        assignee = known.workers.get(todo.assignee_id)
        heard: tuple[int, ...] = ()
        if assignee is None or not assignee.supervises:
            above = staff.nearest_above(session, known, todo.assignee_id, todo.customer_id)
            heard = tuple(each.id for each in await above)
        await due.escalated_to(session, todo.id, heard)
        await trail.record(
            session, None, "todo.escalate", ENTITY, todo.id, after={"supervisors": heard}
        )
        log.info("todo_escalated", todo=todo.id, assignee=todo.assignee_id, supervisors=heard)
        if heard:
            told.append((todo, _escalated(todo, heard, now)))
    return told


def _escalated(todo: DueTodo, supervisors: tuple[int, ...], now: datetime) -> TodoEscalated:
    return TodoEscalated(
        todo.id,
        todo.title,
        todo.customer_id,
        todo.customer_name,
        todo.assignee_id,
        todo.due_at,
        now,
        supervisors,
    )


def _order(told: _Told) -> tuple[datetime, int, bool]:
    todo, event = told
    return todo.moment, todo.id, isinstance(event, TodoEscalated)
