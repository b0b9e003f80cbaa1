"""How many customers a role may take out in 24 hours.

Rule: what stands here for a role holds, else the default of the settings; Zongji itself (the command line) has no
limit, and leaves its trail like everybody.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, NotFound
from crm_core.exchange.tables import ExportLimit
from crm_core.people.tables import User
from crm_core.rights import Actor, Right

PER_DAY = 20_000
_ENTITY = "export_limit"


class LimitContent(BaseModel):
    """0 lets nobody of the role take anything out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day: Annotated[int, Field(ge=0, le=100_000_000)]


@dataclass(frozen=True, slots=True)
class LimitView:
    role: str
    per_day: int
    version: int


class ExportLimits:
    """For those who hold `role.manage`; `default` is for roles of which nothing stands here."""

    def __init__(self, database: Database, default: int = PER_DAY) -> None:
        self._database = database
        self.default = default

    async def all(self, actor: Actor) -> tuple[LimitView, ...]:
        """By role. Raises Forbidden."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.reading() as connection:
            rows = await connection.execute(_VIEW.order_by(ExportLimit.role_code))
            return tuple(LimitView(*row) for row in rows)

    async def put(
        self, actor: Actor, role: str, content: LimitContent, version: int | None = None
    ) -> None:
        """Make it without a version, else change that version.

        Raises Forbidden, NotFound (the role), Conflict (there already, edited since).
        """
        actor.require(Right.ROLE_MANAGE)
        async with self._database.begin() as session:
            before = await _get(session, role)
            if version is None:
                await _make(session, role, content)
            else:
                await _change(session, role, content, version, before)
            await trail.record(
                session,
                actor.user_id,
                "export_limit.put",
                _ENTITY,
                role,
                before={"per_day": before.per_day} if before else None,
                after={"per_day": content.per_day},
            )

    async def remove(self, actor: Actor, role: str) -> None:
        """From now on the default holds. Raises Forbidden, NotFound."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.begin() as session:
            before = await _get(session, role)
            if before is None:
                raise NotFound(f"The role “{role}” has no limit of its own.")
            await session.execute(delete(ExportLimit).where(ExportLimit.role_code == role))
            await trail.record(
                session,
                actor.user_id,
                "export_limit.remove",
                _ENTITY,
                role,
                before={"per_day": before.per_day},
            )

    async def of(self, holder: AsyncSession | AsyncConnection, actor: Actor) -> int | None:
        """How many this actor may take out in 24 hours; None for any number."""
        if actor.user_id is None:
            return None
        query = (
            select(ExportLimit.per_day)
            .join(User, User.role_code == ExportLimit.role_code)
            .where(User.id == actor.user_id)
        )
        own = (await holder.execute(query)).scalar_one_or_none()
        return self.default if own is None else own


_VIEW = select(ExportLimit.role_code, ExportLimit.per_day, ExportLimit.version)


async def _get(session: AsyncSession, role: str) -> LimitView | None:
    rows = await session.execute(_VIEW.where(ExportLimit.role_code == role).with_for_update())
    row = rows.one_or_none()
    return LimitView(*row) if row else None


async def _make(session: AsyncSession, role: str, content: LimitContent) -> None:
    statement = upsert(ExportLimit).values(role_code=role, per_day=content.per_day)
    try:
        made = await session.scalar(
            statement.on_conflict_do_nothing().returning(ExportLimit.role_code)
        )
    except IntegrityError as error:
        raise NotFound(f"There is no role “{role}”.") from error
    if made is None:
        raise Conflict(
            f"The role “{role}” has a limit already: look at it, and name its version to change it.",
            fields={"role": "taken"},
        )


async def _change(
    session: AsyncSession,
    role: str,
    content: LimitContent,
    version: int,
    before: LimitView | None,
) -> None:
    if before is None:
        raise NotFound(f"The role “{role}” has no limit of its own.")
    if before.version != version:
        raise Conflict(
            "This limit was changed since you opened it: look again.",
            fields={"version": before.version},
        )
    await session.execute(
        update(ExportLimit)
        .where(ExportLimit.role_code == role)
        .values(per_day=content.per_day, version=version + 1)
    )
