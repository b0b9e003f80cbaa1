"""Lists of to-dos. Rule: one statement each, with a page's end; open ones by due time, closed ones
by the time they were closed, latest first. Whoever is to do something sees it, in lists, counts and
alarms alike, whosever the customer has become.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    func,
    join,
    or_,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.audit.tables import AuditEntry
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import beyond_scope, concerns_seen
from crm_core.errors import Invalid
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.todos import views
from crm_core.todos.commands import HistoryQuery, Scope, TodoKind, TodoQuery, TodoState
from crm_core.todos.tables import Todo
from crm_core.todos.views import HistoryEntry, RaisedAlarm, TodoBrief, TodoCounts, TodoView
from crm_core.todos.writing import ENTITY, seen_customer

_ON_THE_CARD = 5
_SHARED = Todo.kind != TodoKind.NOTE_TO_SUPERVISOR


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: TodoQuery, now: datetime
) -> tuple[TodoView, ...]:
    """Raises Forbidden (supervised), Invalid (customer without an id), NotFound (the customer)."""
    if wanted.scope is Scope.SUPERVISED:
        actor.require(Right.TODO_SUPERVISE)
    if wanted.scope is Scope.CUSTOMER and wanted.customer_id is None:
        raise Invalid("Of which customer? Name one.", fields={"customer_id": "missing"})
    customer_id = await seen_customer(connection, actor, wanted.customer_id)
    mine = Todo.assignee_id == actor.user_id
    query = views.todos(now).where(
        Todo.state == wanted.state,
        or_(mine, concerns_seen(Todo.customer_id, actor)),
        *_scope(actor, wanted),
    )
    if customer_id is not None:
        query = query.where(Todo.customer_id == customer_id)
    if wanted.assignee_id is not None:
        query = query.where(Todo.assignee_id == wanted.assignee_id)
    if wanted.overdue:
        query = query.where(views.is_overdue(now))
    rows = await connection.execute(_page(query, wanted))
    return tuple(TodoView(*row) for row in rows)


def _scope(actor: Actor, wanted: TodoQuery) -> Sequence[ColumnElement[bool]]:
    if wanted.scope is Scope.MINE:
        return (Todo.assignee_id == actor.user_id,)
    if wanted.scope is Scope.CREATED:
        return (Todo.creator_id == actor.user_id,)
    if actor.may(Right.TODO_SUPERVISE):
        return ()
    return (or_(_SHARED, Todo.assignee_id == actor.user_id, Todo.creator_id == actor.user_id),)


def _page(query: Select[*tuple[Any, ...]], wanted: TodoQuery) -> Select[*tuple[Any, ...]]:
    is_open = wanted.state is TodoState.OPEN
    moment = Todo.due_at if is_open else Todo.closed_at
    if wanted.after is not None:
        last = select(moment, Todo.id).where(Todo.id == wanted.after).correlate(None)
        place, end = tuple_(moment, Todo.id), last.scalar_subquery()
        query = query.where(place > end if is_open else place < end)
    if is_open:
        query = query.order_by(moment, Todo.id)
    else:
        query = query.order_by(moment.desc(), Todo.id.desc())
    return query.limit(wanted.limit)


async def open_of(
    connection: AsyncConnection, customer_id: int, now: datetime
) -> tuple[TodoBrief, ...]:
    """What is still to be done for a customer, the most urgent first; no notes to supervisors."""
    rows = await connection.execute(
        views.briefs(now)
        .where(Todo.customer_id == customer_id, Todo.state == TodoState.OPEN, _SHARED)
        .order_by(Todo.due_at, Todo.id)
        .limit(_ON_THE_CARD)
    )
    return tuple(TodoBrief(*row) for row in rows)


async def raised(connection: AsyncConnection, each: int) -> tuple[RaisedAlarm, ...]:
    """Open though they alarmed: the latest `each` of every assignee, and of every supervisor told."""
    query: Select[*tuple[Any, ...]] = (
        select(
            Todo.id,
            Todo.title,
            Todo.customer_id,
            Customer.name,
            Todo.assignee_id,
            User.name,
            Todo.due_at,
            Todo.escalated_at.is_not(None),
            Todo.version,
            Todo.escalated_to,
        )
        .join(User, User.id == Todo.assignee_id)
        .outerjoin(Customer, Customer.id == Todo.customer_id)
        .where(Todo.id.in_(_latest(each)))
        .order_by(Todo.due_at, Todo.id)
    )
    found = [RaisedAlarm(*row) for row in await connection.execute(query)]
    return await _seen_by_supervisors(connection, found)


def _latest(each: int) -> CompoundSelect[int]:
    raised_ones = (Todo.state == TodoState.OPEN) & Todo.alarmed_at.is_not(None)
    latest_first = (Todo.due_at.desc(), Todo.id.desc())
    told = func.unnest(Todo.escalated_to).table_valued("person").render_derived(name="told")
    parts = (
        select(
            Todo.id,
            func.row_number().over(partition_by=whose, order_by=latest_first).label("place"),
        )
        .select_from(source)
        .where(raised_ones)
        .subquery()
        for source, whose in ((Todo, Todo.assignee_id), (join(Todo, told, true()), told.c.person))
    )
    return union(*(select(part.c.id).where(part.c.place <= each) for part in parts))


async def _seen_by_supervisors(
    connection: AsyncConnection, alarms: Sequence[RaisedAlarm]
) -> tuple[RaisedAlarm, ...]:
    """Each with only those of its supervisors who may see its customer now."""
    told = {person for alarm in alarms for person in alarm.supervisors}
    customers = {alarm.customer_id for alarm in alarms if alarm.customer_id is not None}
    beyond = await beyond_scope(connection, told, customers)
    return tuple(
        replace(
            alarm,
            supervisors=tuple(
                each
                for each in alarm.supervisors
                if alarm.customer_id not in beyond.get(each, frozenset())
            ),
        )
        for alarm in alarms
    )


async def counts(connection: AsyncConnection, user_id: int | None, now: datetime) -> TodoCounts:
    overdue = func.count().filter(Todo.due_at < now)
    row = (
        await connection.execute(
            select(func.count(), overdue).where(
                Todo.assignee_id == user_id, Todo.state == TodoState.OPEN
            )
        )
    ).one()
    return TodoCounts(*row)


async def history(
    connection: AsyncConnection, todo_id: int, wanted: HistoryQuery
) -> tuple[HistoryEntry, ...]:
    """The to-do's audit entries, newest first."""
    of_this = and_(AuditEntry.entity == ENTITY, AuditEntry.entity_id == str(todo_id))
    query = (
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.actor_id,
            User.name,
            AuditEntry.action,
            AuditEntry.before,
            AuditEntry.after,
        )
        .outerjoin(User, User.id == AuditEntry.actor_id)
        .where(of_this)
        .order_by(AuditEntry.id.desc())
        .limit(wanted.limit)
    )
    if wanted.before is not None:
        query = query.where(AuditEntry.id < wanted.before)
    return tuple(HistoryEntry(*row) for row in await connection.execute(query))
