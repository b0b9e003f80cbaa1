"""The units of the organisation (branch, department, team) in a tree.

Rule: one change of the tree at a time, so that nobody closes a circle.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people.named import Id, Name, check_version, write
from crm_core.people.tables import Unit, User
from crm_core.rights import Actor, Right

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.unit.tree'))")
_MOVE_BELOW = text(
    "UPDATE units SET path = CAST(:above AS integer[]) || path[array_position(path, :id):]"
    " WHERE path @> ARRAY[CAST(:id AS integer)]"
)


class UnitContent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    parent_id: Id | None = None


@dataclass(frozen=True, slots=True)
class UnitView:
    id: int
    name: str
    parent_id: int | None
    people: int
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


class UnitService:
    """Reading and changing the tree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[UnitView, ...]:
        async with self._database.reading() as connection:
            rows = await connection.execute(_UNIT.order_by(Unit.name))
            return tuple(UnitView(*row) for row in rows)

    async def create(self, actor: Actor, content: UnitContent) -> UnitView:
        """Raises Forbidden, Invalid (parent), Conflict (name taken)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            await session.execute(_LOCK)
            path = await _path(session, content.parent_id)
            made = await write(
                session, insert(Unit).values(**content.model_dump(), path=path).returning(Unit.id)
            )
            await trail.record(
                session, actor.user_id, "unit.create", "unit", made, after=content.model_dump()
            )
            return await _one(session, made)

    async def change(
        self, actor: Actor, unit_id: int, version: int, content: UnitContent
    ) -> UnitView:
        """Raises Forbidden, NotFound, Invalid (circle), Conflict (edited since, name taken)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            await session.execute(_LOCK)
            before = await _one(session, unit_id)
            check_version(before.version, version)
            path = await _path(session, content.parent_id)
            if unit_id in path:
                raise Invalid(
                    "The unit above would then stand below this one: choose another one.",
                    fields={"parent_id": "circle"},
                )
            await session.execute(_MOVE_BELOW, {"above": path, "id": unit_id})
            await write(
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
            return await _one(session, unit_id)

    async def remove(self, actor: Actor, unit_id: int) -> None:
        """Raises Forbidden, NotFound, Conflict (people or units are in it)."""
        actor.require(Right.ORGANISATION_MANAGE)
        async with self._database.begin() as session:
            await session.execute(_LOCK)
            before = await _one(session, unit_id)
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


async def _path(session: AsyncSession, parent_id: int | None) -> list[int]:
    if parent_id is None:
        return []
    above = await session.scalar(select(Unit.path).where(Unit.id == parent_id))
    if above is None:
        raise Invalid("There is no such unit above.", fields={"parent_id": "unknown"})
    return [*above, parent_id]


async def _one(holder: AsyncSession | AsyncConnection, unit_id: int) -> UnitView:
    row = (await holder.execute(_UNIT.where(Unit.id == unit_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no unit {unit_id}.")
    return UnitView(*row)
