"""To-dos written, as SQL inside the caller's transaction.

Rule: a to-do is held (its row locked, its version compared, the actor's part in it checked) before it
is changed; every change raises the version and leaves an audit entry.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.visibility import must_see
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor
from crm_core.todos import rules, staff
from crm_core.todos.commands import NewTodo, TodoSource, TodoState
from crm_core.todos.rules import Action, Moments
from crm_core.todos.tables import Todo
from crm_core.todos.views import Once, TodoView, todos

ENTITY = "todo"
NOT_ESCALATED: dict[str, object] = {"escalated_at": None, "escalated_to": []}


async def add_once(
    session: AsyncSession, actor: Actor, source: TodoSource, new: NewTodo, now: datetime
) -> Once:
    """The source's to-do, made now unless there is one. Raises Forbidden, Invalid, NotFound."""
    there, made = await of_source(session, source), None
    if there is None:
        made = await add(session, actor, new, source, now)
        there = made or await of_source(session, source)
    assert there is not None
    return Once(await read(session, there, now), is_new=made is not None)


async def add(
    session: AsyncSession, actor: Actor, new: NewTodo, source: TodoSource | None, now: datetime
) -> int | None:
    """The new to-do's id, None when the source has one already. Raises Forbidden, Invalid, NotFound."""
    assignee_id = new.assignee_id or actor.user_id
    if assignee_id is None:
        raise Invalid("Who is to do it? Name somebody.", fields={"assignee_id": "missing"})
    rules.check_gives(actor, new.kind, assignee_id)
    customer_id = await seen_customer(session, actor, new.customer_id)
    shown = None if assignee_id == actor.user_id else customer_id
    await staff.check_can_take(session, new.kind, assignee_id, shown)
    values: dict[str, object] = new.model_dump(exclude={"assignee_id", "customer_id"}) | {
        "assignee_id": assignee_id,
        "customer_id": customer_id,
        "creator_id": actor.user_id,
        "created_at": now,
        "updated_at": now,
        **asdict(rules.moments(new.due_at, new.alarm_before_min, new.escalate_after_min)),
    }
    statement = insert(Todo).values(values).returning(Todo.id)
    if source is not None:
        values |= {"source_kind": source.kind, "source_reference": source.reference}
        statement = (
            upsert(Todo)
            .values(values)
            .on_conflict_do_nothing(index_elements=["source_kind", "source_reference"])
            .returning(Todo.id)
        )
    todo_id = (await session.execute(statement)).scalar_one_or_none()
    if todo_id is not None:
        await trail.record(
            session, actor.user_id, "todo.create", ENTITY, todo_id, after=_told(values)
        )
    return todo_id


async def held(
    session: AsyncSession,
    actor: Actor,
    todo_id: int,
    action: Action,
    *,
    version: int,
    now: datetime,
) -> TodoView:
    """The to-do as it is, locked for this action.

    Raises NotFound, Forbidden, Conflict (edited since), NotInThisState.
    """
    row = (
        await session.execute(todos(now).where(Todo.id == todo_id).with_for_update(of=Todo))
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no to-do {todo_id}.")
    todo = TodoView(*row)
    await check_seen(session, actor, todo)
    rules.check(actor, todo, action)
    if todo.version != version:
        raise Conflict(
            "Somebody else has changed this to-do since you opened it: look at it as it is now "
            "and enter your change again.",
            fields={"version": todo.version},
        )
    return todo


async def write(
    session: AsyncSession,
    actor: Actor,
    todo: TodoView,
    action: Action,
    *,
    values: Mapping[str, object],
    now: datetime,
) -> TodoView:
    """Change a to-do that is held; returns it as it became."""
    await session.execute(
        update(Todo)
        .where(Todo.id == todo.id)
        .values(**values, version=todo.version + 1, updated_at=now)
    )
    was, became = trail.changes(asdict(todo), _told(values))
    await trail.record(
        session, actor.user_id, f"todo.{action}", ENTITY, todo.id, before=was, after=became
    )
    return await read(session, todo.id, now)


async def settle(
    session: AsyncSession,
    actor: Actor,
    source: TodoSource,
    now: datetime,
    *,
    state: TodoState = TodoState.DONE,
) -> None:
    """What the source asked for has been done otherwise, or is not wanted any more: its to-do is closed."""
    todo_id = await session.scalar(
        update(Todo)
        .where(
            Todo.source_kind == source.kind,
            Todo.source_reference == source.reference,
            Todo.state == "open",
        )
        .values(
            state=state,
            closed_at=now,
            closed_by_id=actor.user_id,
            updated_at=now,
            version=Todo.version + 1,
        )
        .returning(Todo.id)
    )
    if todo_id is not None:
        action = Action.COMPLETE if state is TodoState.DONE else Action.CANCEL
        await trail.record(
            session, actor.user_id, f"todo.{action}", ENTITY, todo_id, after={"state": state}
        )


async def read(holder: AsyncSession | AsyncConnection, todo_id: int, now: datetime) -> TodoView:
    """Raises NotFound."""
    row = (await holder.execute(todos(now).where(Todo.id == todo_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no to-do {todo_id}.")
    return TodoView(*row)


async def of_source(session: AsyncSession, source: TodoSource) -> int | None:
    """The id of the to-do that the source caused, None when it has caused none."""
    return await session.scalar(
        select(Todo.id).where(
            Todo.source_kind == source.kind, Todo.source_reference == source.reference
        )
    )


async def seen_customer(
    holder: AsyncSession | AsyncConnection, actor: Actor, customer_id: int | None
) -> int | None:
    """Raises NotFound for a customer whom the actor may not see."""
    return None if customer_id is None else await must_see(holder, actor, customer_id)


async def check_seen(holder: AsyncSession | AsyncConnection, actor: Actor, todo: TodoView) -> None:
    """Whoever is to do it sees it, whosever the customer has become. Raises NotFound."""
    if todo.assignee_id != actor.user_id:
        await seen_customer(holder, actor, todo.customer_id)


def anew(todo: TodoView, planned: Moments) -> dict[str, object]:
    """The columns of the moments; one that has moved is still to come, whatever was before."""
    values: dict[str, object] = asdict(planned)
    if planned.alarm_at != todo.alarm_at:
        values["alarmed_at"] = None
    if planned.escalate_at != todo.escalate_at:
        values |= NOT_ESCALATED
    return values


def _told(values: Mapping[str, object]) -> dict[str, object]:
    """What the audit trail and a to-do's history tell; the rest follows from it."""
    left_out = {
        "alarm_at", "escalate_at", "escalated_to", "created_at", "updated_at", "creator_id",
    }  # fmt: skip
    return {key: value for key, value in values.items() if key not in left_out}
