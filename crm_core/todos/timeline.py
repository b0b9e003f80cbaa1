"""To-dos in a customer's history. Rule: a to-do is told when it is made and when it is closed; notes to
supervisors are not the customer's history.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.fields import LONGEST_PAGE
from crm_core.timeline import Place, TimelineEntry, newest_first
from crm_core.todos.commands import TodoKind
from crm_core.todos.tables import Todo


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened after a place, newest first; at most LONGEST_PAGE."""
    most = min(limit, LONGEST_PAGE)
    made = _moments(
        customer_ids,
        after,
        most,
        at=Todo.created_at,
        what=literal("created"),
        actor_id=Todo.creator_id,
    )
    closed = _moments(
        customer_ids, after, most, at=Todo.closed_at, what=Todo.state, actor_id=Todo.closed_by_id
    ).where(Todo.closed_at.is_not(None))
    both = union_all(made.subquery().select(), closed.subquery().select()).subquery()
    rows = await connection.execute(
        select(both).order_by(*newest_first(both.c.at, both.c.what, both.c.id)).limit(most)
    )
    return tuple(
        TimelineEntry(
            at=row.at,
            kind=f"todo.{row.what}",
            reference=str(row.id),
            title=row.title,
            params={"kind": row.kind, "due_at": row.due_at.isoformat()},
            actor_id=row.actor_id,
        )
        for row in rows
    )


def _moments(
    customer_ids: Sequence[int],
    after: Place,
    most: int,
    *,
    at: InstrumentedAttribute[Any],
    what: ColumnElement[str] | InstrumentedAttribute[str],
    actor_id: InstrumentedAttribute[int | None],
) -> Select[*tuple[Any, ...]]:
    place = (at, literal("todo.") + what, Todo.id)
    return (
        select(
            at.label("at"),
            Todo.id,
            what.label("what"),
            Todo.title,
            Todo.kind,
            Todo.due_at,
            actor_id.label("actor_id"),
        )
        .where(
            Todo.customer_id.in_(customer_ids),
            after.is_after(*place),
            Todo.kind != TodoKind.NOTE_TO_SUPERVISOR,
        )
        .order_by(*newest_first(*place))
        .limit(most)
    )
