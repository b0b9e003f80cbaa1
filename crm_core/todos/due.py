"""To-dos whose moment has come, claimed as SQL inside the caller's transaction.

Rule: a moment is claimed by the one UPDATE that writes it down, so that of several daemons one gets
it; what another daemon or a person holds just now is left for the next round. Supervisors never hear
of a to-do before its assignee has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.customers.tables import Customer
from crm_core.todos.tables import Todo

_TO_ALARM = (Todo.state == "open") & Todo.alarmed_at.is_(None)
_TO_ESCALATE = (Todo.state == "open") & Todo.escalated_at.is_(None)
_CUSTOMER = (
    select(Customer.name).where(Customer.id == Todo.customer_id).correlate(Todo).scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class DueTodo:
    """`moment` is when it should have been told."""

    moment: datetime
    id: int
    title: str
    customer_id: int | None
    customer_name: str | None
    assignee_id: int
    due_at: datetime


async def end_of_batch(session: AsyncSession, now: datetime, batch: int) -> datetime | None:
    """The time up to which about `batch` moments wait; None when none has come."""
    waiting = union_all(
        _waiting(Todo.alarm_at, _TO_ALARM, now, batch),
        _waiting(Todo.escalate_at, _TO_ESCALATE, now, batch),
    ).subquery()
    first = select(waiting.c.moment).order_by(waiting.c.moment).limit(batch)
    found = tuple(await session.scalars(first))
    return found[-1] if found else None


async def claim_alarms(
    session: AsyncSession, until: datetime, now: datetime
) -> tuple[DueTodo, ...]:
    return await _claim(session, Todo.alarm_at, Todo.alarmed_at, _TO_ALARM, until=until, now=now)


async def claim_escalations(
    session: AsyncSession, until: datetime, now: datetime
) -> tuple[DueTodo, ...]:
    told = _TO_ESCALATE & Todo.alarmed_at.is_not(None)
    return await _claim(session, Todo.escalate_at, Todo.escalated_at, told, until=until, now=now)


async def escalated_to(session: AsyncSession, todo_id: int, supervisors: Sequence[int]) -> None:
    """Who was told of it."""
    values = {"escalated_to": list(supervisors)}
    await session.execute(update(Todo).where(Todo.id == todo_id).values(values))


async def _claim(
    session: AsyncSession,
    moment: InstrumentedAttribute[datetime],
    told_at: InstrumentedAttribute[datetime | None],
    condition: ColumnElement[bool],
    *,
    until: datetime,
    now: datetime,
) -> tuple[DueTodo, ...]:
    free = select(Todo.id).where(condition, moment <= until).with_for_update(skip_locked=True)
    rows = await session.execute(
        update(Todo)
        .where(Todo.id.in_(free), condition)
        .values({told_at: now})
        .returning(
            moment,
            Todo.id,
            Todo.title,
            Todo.customer_id,
            _CUSTOMER,
            Todo.assignee_id,
            Todo.due_at,
        )
        .execution_options(synchronize_session=False)
    )
    return tuple(DueTodo(*row) for row in rows)


def _waiting(
    moment: InstrumentedAttribute[datetime],
    condition: ColumnElement[bool],
    now: datetime,
    batch: int,
) -> Select[datetime]:
    first = (
        select(moment.label("moment"))
        .where(condition, moment <= now)
        .order_by(moment)
        .limit(batch)
        .subquery()
    )
    return select(first.c.moment)
