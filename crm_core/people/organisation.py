"""The organisation: units (branch, department, team) in a tree, and groups that answer queues.

Rule: one change of the tree of units at a time, so that nobody closes a circle; a group's queues are
in order of preference, and somebody in several groups serves them in the order of the groups' names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, DatabaseUnavailable, Invalid, NotFound
from crm_core.fields import Text
from crm_core.people.tables import Group, GroupMember, Unit, User
from crm_core.rights import Actor, Principal, Right

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.unit.tree'))")
_MOVE_BELOW = text(
    "UPDATE units SET path = CAST(:above AS integer[]) || path[array_position(path, :id):]"
    " WHERE path @> ARRAY[CAST(:id AS integer)]"
)
_Name = Annotated[Text, Field(min_length=1, max_length=50)]
_UserId = Annotated[int, Field(ge=1, le=2_147_483_647)]


class UnitContent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Name
    parent_id: _UserId | None = None


class GroupContent(BaseModel):
    """`queues` as the line plan names them, the preferred one first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Name
    queues: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")], ...], Field(max_length=50)
    ] = ()
    members: Annotated[frozenset[_UserId], Field(max_length=1000)] = frozenset()


@dataclass(frozen=True, slots=True)
class UnitView:
    id: int
    name: str
    parent_id: int | None
    people: int
    version: int


@dataclass(frozen=True, slots=True)
class GroupView:
    id: int
    name: str
    queues: tuple[str, ...]
    members: tuple[int, ...]
    version: int


_UNIT = select(
    Unit.id,
    Unit.name,
    Unit.parent_id,
    select(func.count())
    .where(User.unit_id == Unit.id, User.active)
    .scalar_subquery()
    .label("people"),
    Unit.version,
)
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


class OrganisationService:
    """Units and groups; what somebody serves is remembered for the time PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._served: dict[int, tuple[str, ...]] = {}

    async def units(self) -> tuple[UnitView, ...]:
        async with self._database.reading() as connection:
            rows = await connection.execute(_UNIT.order_by(Unit.name))
            return tuple(UnitView(*row) for row in rows)

    async def groups(self) -> tuple[GroupView, ...]:
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

    async def create_unit(self, actor: Actor, content: UnitContent) -> UnitView:
        """Raises Forbidden, Invalid (parent), Conflict (name taken)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            await session.execute(_LOCK)
            path = await _path(session, content.parent_id)
            made = await _write(
                session, insert(Unit).values(**content.model_dump(), path=path).returning(Unit.id)
            )
            await trail.record(
                session, actor.user_id, "unit.create", "unit", made, after=content.model_dump()
            )
            return await _unit(session, made)

    async def change_unit(
        self, actor: Actor, unit_id: int, version: int, content: UnitContent
    ) -> UnitView:
        """Raises Forbidden, NotFound, Invalid (circle), Conflict (edited since, name taken)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            await session.execute(_LOCK)
            before = await _unit(session, unit_id)
            _check_version(before.version, version)
            path = await _path(session, content.parent_id)
            if unit_id in path:
                raise Invalid(
                    "The unit above would then stand below this one: choose another one.",
                    fields={"parent_id": "circle"},
                )
            await session.execute(_MOVE_BELOW, {"above": path, "id": unit_id})
            await _write(
                session,
                update(Unit)
                .where(Unit.id == unit_id)
                .values(**content.model_dump(), path=path, version=version + 1)
                .returning(Unit.id),
            )
            had = {name: getattr(before, name) for name in content.model_dump()}
            was, became = trail.changes(had, content.model_dump())
            await trail.record(
                session, actor.user_id, "unit.update", "unit", unit_id, before=was, after=became
            )
            return await _unit(session, unit_id)

    async def remove_unit(self, actor: Actor, unit_id: int) -> None:
        """Raises Forbidden, NotFound, Conflict (people or units are in it)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            await session.execute(_LOCK)
            before = await _unit(session, unit_id)
            try:
                await session.execute(delete(Unit).where(Unit.id == unit_id))
            except IntegrityError as error:
                raise Conflict("People or units are in this unit: move them first.") from error
            await trail.record(
                session,
                actor.user_id,
                "unit.remove",
                "unit",
                unit_id,
                before={"name": before.name},
            )

    async def create_group(self, actor: Actor, content: GroupContent) -> GroupView:
        """Raises Forbidden, Invalid (a member), Conflict (name taken)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            values = {"name": content.name, "queues": list(content.queues)}
            made = await _write(session, insert(Group).values(values).returning(Group.id))
            await _set_members(session, made, content.members)
            view = await _one_group(session, made)
            await trail.record(
                session, actor.user_id, "group.create", "group", made, after=_recorded(view)
            )
        return view

    async def change_group(
        self, actor: Actor, group_id: int, version: int, content: GroupContent
    ) -> GroupView:
        """Agents serve the new queues from their next log-in. Raises as `create_group`, NotFound."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            before = await _one_group(session, group_id)
            _check_version(before.version, version)
            values = {"name": content.name, "queues": list(content.queues), "version": version + 1}
            await _write(
                session,
                update(Group)
                .where(Group.id == group_id, Group.version == version)
                .values(values)
                .returning(Group.id),
            )
            await session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
            await _set_members(session, group_id, content.members)
            view = await _one_group(session, group_id)
            was, became = trail.changes(_recorded(before), _recorded(view))
            await trail.record(
                session, actor.user_id, "group.update", "group", group_id, before=was, after=became
            )
        return view

    async def remove_group(self, actor: Actor, group_id: int) -> None:
        """Raises Forbidden, NotFound."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            before = await _one_group(session, group_id)
            await session.execute(delete(Group).where(Group.id == group_id))
            await trail.record(
                session, actor.user_id, "group.remove", "group", group_id, before=_recorded(before)
            )


def _check_version(now: int, wanted: int) -> None:
    if now != wanted:
        raise Conflict(
            "Somebody else has changed this since you opened it: look again.",
            fields={"version": now},
        )


async def _path(session: AsyncSession, parent_id: int | None) -> list[int]:
    if parent_id is None:
        return []
    above = await session.scalar(select(Unit.path).where(Unit.id == parent_id))
    if above is None:
        raise Invalid("There is no such unit above.", fields={"parent_id": "unknown"})
    return [*above, parent_id]


async def _write(session: AsyncSession, statement: Any) -> int:
    try:
        written: int | None = (await session.execute(statement)).scalar_one_or_none()
    except IntegrityError as error:
        raise Conflict(
            "This name is taken: choose another one.", fields={"name": "taken"}
        ) from error
    if written is None:
        raise Conflict("Somebody else has changed this since you opened it: look again.")
    return written


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


async def _unit(holder: AsyncSession | AsyncConnection, unit_id: int) -> UnitView:
    row = (await holder.execute(_UNIT.where(Unit.id == unit_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no unit {unit_id}.")
    return UnitView(*row)


async def _one_group(holder: AsyncSession | AsyncConnection, group_id: int) -> GroupView:
    row = (await holder.execute(_GROUP.where(Group.id == group_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no group {group_id}.")
    return _group(row)


def _group(row: Any) -> GroupView:
    return GroupView(row.id, row.name, tuple(row.queues), tuple(row.members or ()), row.version)


def _recorded(group: GroupView) -> dict[str, object]:
    return {"name": group.name, "queues": list(group.queues), "members": list(group.members)}
