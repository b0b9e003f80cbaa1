"""Who can be given to-dos, read from the people's tables. Rule: only active people count."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import Invalid
from crm_core.people.tables import RoleRight, User
from crm_core.rights import Right
from crm_core.todos.commands import TodoKind


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str


def holders(right: Right) -> Select[*tuple[Any, ...]]:
    """Active people whose role includes the right: id and name."""
    return (
        select(User.id, User.name)
        .join(RoleRight, RoleRight.role_code == User.role_code)
        .where(User.active, RoleRight.right_code == right)
    )


async def supervisors(holder: AsyncSession | AsyncConnection) -> tuple[Person, ...]:
    """To whom notes and escalations go."""
    rows = await holder.execute(holders(Right.TODO_SUPERVISE).order_by(User.name, User.id))
    return tuple(Person(*row) for row in rows)


async def workers(holder: AsyncSession | AsyncConnection) -> tuple[Person, ...]:
    """Who can be given tasks."""
    rows = await holder.execute(holders(Right.TODO_WORK).order_by(User.name, User.id))
    return tuple(Person(*row) for row in rows)


async def check_can_take(session: AsyncSession, kind: str, user_id: int) -> None:
    """Raises Invalid when this person cannot be given such a to-do."""
    is_note = kind == TodoKind.NOTE_TO_SUPERVISOR
    right = Right.TODO_SUPERVISE if is_note else Right.TODO_WORK
    if (await session.execute(holders(right).where(User.id == user_id))).first() is None:
        raise Invalid(
            "A note goes to a supervisor: choose one of them."
            if is_note
            else "This person is not at work here or has no to-dos: choose somebody else.",
            fields={"assignee_id": "unknown"},
        )
