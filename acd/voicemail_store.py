"""Messages as people see them.

Rule: whoever may listen to recordings hears every message, within the scope of the role; else only whoever has the
to-do of it. That somebody listened is noted with the first to do so. One that the policy removed stays as a row, and
is heard no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from acd import holds
from acd.tables import Call, Voicemail
from crm_core.audit import trail
from crm_core.customers.visibility import concerns_seen
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.rights import Actor, Right
from crm_core.todos.tables import Todo

_NONE = "There is no message of this call (any more)."


@dataclass(frozen=True, slots=True)
class VoicemailView:
    """`state` and `assignee_id` are of the to-do, None until there is one; `removed_at`: the sound is gone."""

    call_id: str
    queue: str
    seconds: float
    stored_at: datetime
    heard_at: datetime | None
    heard_by_id: int | None
    caller: str | None
    customer_id: int | None
    customer_name: str | None
    todo_id: int | None
    state: str | None
    assignee_id: int | None
    removed_at: datetime | None
    held_at: datetime | None
    hold_reason: str | None


def _views() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Voicemail.call_id,
            Voicemail.queue,
            Voicemail.seconds,
            Voicemail.stored_at,
            Voicemail.heard_at,
            Voicemail.heard_by_id,
            Call.caller,
            Call.customer_id,
            Call.customer_name,
            Voicemail.todo_id,
            Todo.state,
            Todo.assignee_id,
            Voicemail.removed_at,
            Voicemail.held_at,
            Voicemail.hold_reason,
        )
        .outerjoin(Call, Call.id == Voicemail.call_id)
        .outerjoin(Todo, Todo.id == Voicemail.todo_id)
    )


class VoicemailStore:
    """Reading messages, noting who heard them, keeping them beyond the policy. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(
        self, actor: Actor, *, queue: str | None, is_open: bool | None, limit: int
    ) -> Sequence[VoicemailView]:
        """The newest first; `is_open`: whose to-do is open, or not."""
        query = _views().where(_heard_by(actor))
        if queue is not None:
            query = query.where(Voicemail.queue == queue)
        if is_open is not None:
            open_now = func.coalesce(Todo.state, "open") == "open"
            query = query.where(open_now if is_open else ~open_now)
        query = query.order_by(Voicemail.stored_at.desc(), Voicemail.call_id).limit(limit)
        async with self._database.reading() as connection:
            return [VoicemailView(*row) for row in await connection.execute(query)]

    async def find(self, actor: Actor, call_id: str) -> VoicemailView:
        """That of a call, removed ones too. Raises NotFound."""
        query = _views().where(Voicemail.call_id == call_id, _heard_by(actor))
        async with self._database.reading() as connection:
            found = (await connection.execute(query)).one_or_none()
        if found is None:
            raise NotFound(_NONE)
        return VoicemailView(*found)

    async def hold(self, actor: Actor, call_id: str, reason: str, now: datetime) -> None:
        """Keep it whatever the policy says; done again it changes the reason.

        Raises Forbidden, NotFound, RecordingRemoved.
        """
        async with self._database.begin() as session:
            found = await _lock(session, actor, call_id)
            await holds.hold(session, actor, found, reason, now)

    async def release(self, actor: Actor, call_id: str) -> None:
        """The policy holds again. Raises Forbidden, NotFound."""
        async with self._database.begin() as session:
            await holds.release(session, actor, await _lock(session, actor, call_id))

    async def listen(self, actor: Actor, call_id: str, now: datetime) -> str:
        """Note that the message is heard; its path, relative to the folder of recordings. Raises NotFound."""
        async with self._database.begin() as session:
            found = await _lock(session, actor, call_id)
            if found.removed_at is not None:
                raise NotFound(_NONE)
            if found.heard_at is None:
                found.heard_at, found.heard_by_id = now, actor.user_id
            await trail.record(session, actor.user_id, "voicemail.listen", "call", call_id)
            return found.path


async def _lock(session: AsyncSession, actor: Actor, call_id: str) -> Voicemail:
    """Raises NotFound."""
    found = await session.scalar(
        select(Voicemail)
        .outerjoin(Call, Call.id == Voicemail.call_id)
        .outerjoin(Todo, Todo.id == Voicemail.todo_id)
        .where(Voicemail.call_id == call_id, _heard_by(actor))
        .with_for_update(of=Voicemail)
    )
    if found is None:
        raise NotFound(_NONE)
    return found


def _heard_by(actor: Actor) -> ColumnElement[bool]:
    mine = Todo.assignee_id == actor.user_id
    if not actor.may(Right.RECORDING_LISTEN):
        return mine
    return or_(mine, Call.id.is_(None), concerns_seen(Call.customer_id, actor))
