"""What people are good at: skills with levels from 1 (some) to 5 (expert), as routes of the line plan ask.

Rule: the names are the line plan's and the user's record carries them, so that they change with its version.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from pydantic import Field
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.people.tables import UserSkill
from crm_core.rights import Principal

SkillName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
SkillLevel = Annotated[int, Field(ge=1, le=5)]
Skills = Annotated[dict[SkillName, SkillLevel], Field(max_length=50)]


async def put(session: AsyncSession, user_id: int, skills: Mapping[str, int]) -> None:
    """What the user is good at from the next log-in at the telephone."""
    await session.execute(delete(UserSkill).where(UserSkill.user_id == user_id))
    rows = [{"user_id": user_id, "skill": name, "level": level} for name, level in skills.items()]
    if rows:
        await session.execute(insert(UserSkill), rows)


class SkillService:
    """Reading for the telephone; what somebody had is remembered for the time PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, Mapping[str, int]] = {}

    async def of(self, who: Principal) -> Mapping[str, int]:
        query = select(UserSkill.skill, UserSkill.level).where(UserSkill.user_id == who.user_id)
        with suppress(DatabaseUnavailable):
            async with self._database.reading() as connection:
                rows = await connection.execute(query)
                self._known[who.user_id] = {row.skill: row.level for row in rows}
        return self._known.get(who.user_id, {})
