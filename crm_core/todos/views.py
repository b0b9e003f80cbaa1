"""To-dos as people see them, and the columns they are read from.

Rule: a view's fields stand in the order of its columns; whether a to-do is overdue is asked of the
time that the caller gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import aliased

from crm_core.customers.tables import Customer
from crm_core.people.tables import User
from crm_core.todos.tables import Todo


@dataclass(frozen=True, slots=True)
class TodoView:
    """`overdue`: open after its due time. `creator_id` None: Zongji itself made it."""

    id: int
    title: str
    note: str | None
    customer_id: int | None
    customer_name: str | None
    call_id: str | None
    kind: str
    priority: str
    due_at: datetime
    overdue: bool
    alarm_before_min: int
    escalate_after_min: int
    assignee_id: int
    assignee_name: str
    creator_id: int | None
    creator_name: str | None
    state: str
    source_kind: str | None
    source_reference: str | None
    snoozes: int
    completion_note: str | None
    alarm_at: datetime
    escalate_at: datetime
    alarmed_at: datetime | None
    escalated_at: datetime | None
    closed_at: datetime | None
    closed_by_id: int | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TodoBrief:
    """A line of the customer's card."""

    id: int
    title: str
    kind: str
    priority: str
    due_at: datetime
    overdue: bool
    assignee_id: int
    assignee_name: str


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """A to-do that is open though it alarmed; `supervisors` have heard of it and may see its customer."""

    todo_id: int
    title: str
    customer_id: int | None
    customer_name: str | None
    assignee_id: int
    assignee_name: str
    due_at: datetime
    escalated: bool
    version: int
    supervisors: Sequence[int]


@dataclass(frozen=True, slots=True)
class TodoCounts:
    """What waits for one person."""

    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A change of a to-do; `before` and `after` hold what changed, as plain values."""

    id: int
    at: datetime
    actor_id: int | None
    actor_name: str | None
    action: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Once:
    """The to-do of a source, and whether it was made now."""

    todo: TodoView
    is_new: bool


Assignee, Creator = aliased(User), aliased(User)


def is_overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Todo.state == "open", Todo.due_at < now)


def todos(now: datetime) -> Select[*tuple[Any, ...]]:
    """The columns of TodoView."""
    return (
        select(
            Todo.id,
            Todo.title,
            Todo.note,
            Todo.customer_id,
            Customer.name,
            Todo.call_id,
            Todo.kind,
            Todo.priority,
            Todo.due_at,
            is_overdue(now),
            Todo.alarm_before_min,
            Todo.escalate_after_min,
            Todo.assignee_id,
            Assignee.name,
            Todo.creator_id,
            Creator.name,
            Todo.state,
            Todo.source_kind,
            Todo.source_reference,
            Todo.snoozes,
            Todo.completion_note,
            Todo.alarm_at,
            Todo.escalate_at,
            Todo.alarmed_at,
            Todo.escalated_at,
            Todo.closed_at,
            Todo.closed_by_id,
            Todo.version,
            Todo.created_at,
            Todo.updated_at,
        )
        .join(Assignee, Assignee.id == Todo.assignee_id)
        .outerjoin(Creator, Creator.id == Todo.creator_id)
        .outerjoin(Customer, Customer.id == Todo.customer_id)
    )


def briefs(now: datetime) -> Select[*tuple[Any, ...]]:
    """The columns of TodoBrief."""
    return select(
        Todo.id,
        Todo.title,
        Todo.kind,
        Todo.priority,
        Todo.due_at,
        is_overdue(now),
        Todo.assignee_id,
        Assignee.name,
    ).join(Assignee, Assignee.id == Todo.assignee_id)
