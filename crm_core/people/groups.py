"""Groups of people that answer queues.

Rule: a group's queues are in order of preference, and somebody in several groups serves them in the
order of the groups' names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, Invalid, NotFound
from crm_core.people.named import Id, Name, check_version, write
from crm_core.people.tables import Group, GroupMember
from crm_core.rights import Actor, Principal, Right


class GroupContent(BaseModel):
    """`queues` as the line plan names them, the preferred one first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    queues: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")], ...], Field(max_length=50)
    ] = ()
    members: Annotated[frozenset[Id], Field(max_length=1000)] = frozenset()


@dataclass(frozen=True, slots=True)
class GroupView:
    id: int
    name: str
    queues: tuple[str, ...]
    members: tuple[int, ...]
    version: int


_GROUP = select(
    Group.id,
    Group.name,
    Group.queues,
    select(func.array_agg(aggregate_order_by(GroupMember.user_id, GroupMember.user_id)))
    .where(GroupMember.group_id == Group.id)
    .scalar_subquery()
    .label("members"),
    Group.version,
)


class GroupService:
    """Reading and changing groups; what somebody serves is remembered for the time PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._served: dict[int, tuple[str, ...]] = {}

    async def all(self) -> tuple[GroupView, ...]:
        async with self._database.reading() as connection:
            rows = await connection.execute(_GROUP.order_by(Group.name))
            return tuple(_group(row) for row in rows)

    async def queues_of(self, who: Principal, known: Sequence[str]) -> tuple[str, ...]:
        """The queues somebody with a telephone serves; all `known` while there are no groups."""
        if who.extension is None:
            return ()
        try:
            served = await self._read_queues(who.user_id)
        except DatabaseUnavailable:
            served = self._served.get(who.user_id)
        else:
            self._served[who.user_id] = served or ()
        return tuple(known) if served is None else tuple(q for q in served if q in known)

    async def _read_queues(self, user_id: int) -> tuple[str, ...] | None:
        """None when there are no groups at all."""
        member = select(GroupMember.group_id).where(GroupMember.user_id == user_id)
        async with self._database.reading() as connection:
            rows = await connection.execute(
                select(Group.queues, Group.id.in_(member)).order_by(Group.name)
            )
            groups = rows.all()
        if not groups:
            return None
        return tuple(dict.fromkeys(q for queues, mine in groups if mine for q in queues))

    async def create(self, actor: Actor, content: GroupContent) -> GroupView:
        """Raises Forbidden, Invalid (a member), Conflict (name taken)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            values = {"name": content.name, "queues": list(content.queues)}
            made = await write(session, insert(Group).values(values).returning(Group.id))
            await _set_members(session, made, content.members)
            view = await _one(session, made)
            await trail.record(
                session, actor.user_id, "group.create", "group", made, after=_recorded(view)
            )
        return view

    async def change(
        self, actor: Actor, group_id: int, version: int, content: GroupContent
    ) -> GroupView:
        """Agents serve the new queues from their next log-in. Raises as `create`, NotFound."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            before = await _one(session, group_id)
            check_version(before.version, version)
            values = {"name": content.name, "queues": list(content.queues), "version": version + 1}
            await write(
                session,
                update(Group)
                .where(Group.id == group_id, Group.version == version)
                .values(values)
                .returning(Group.id),
            )
            await session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
            await _set_members(session, group_id, content.members)
            view = await _one(session, group_id)
            was, became = trail.changes(_recorded(before), _recorded(view))
            await trail.record(
                session, actor.user_id, "group.update", "group", group_id, before=was, after=became
            )
        return view

    async def remove(self, actor: Actor, group_id: int) -> None:
        """Raises Forbidden, NotFound."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            before = await _one(session, group_id)
            await session.execute(delete(Group).where(Group.id == group_id))
            await trail.record(
                session, actor.user_id, "group.remove", "group", group_id, before=_recorded(before)
            )


async def _set_members(session: AsyncSession, group_id: int, members: frozenset[int]) -> None:
    if not members:
        return
    rows = [{"group_id": group_id, "user_id": user_id} for user_id in members]
    try:
        await session.execute(insert(GroupMember), rows)
    except IntegrityError as error:
        raise Invalid(
            "One of the members does not exist.", fields={"members": "unknown"}
        ) from error


async def _one(holder: AsyncSession | AsyncConnection, group_id: int) -> GroupView:
    row = (await holder.execute(_GROUP.where(Group.id == group_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no group {group_id}.")
    return _group(row)


def _group(row: Any) -> GroupView:
    return GroupView(row.id, row.name, tuple(row.queues), tuple(row.members or ()), row.version)


def _recorded(group: GroupView) -> dict[str, object]:
    return {"name": group.name, "queues": list(group.queues), "members": list(group.members)}
