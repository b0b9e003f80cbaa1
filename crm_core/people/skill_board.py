"""Who is good at what, for those who see to it: everybody with a telephone beside every skill.

Rule: a change is one of the user's record, held against its version and noted in the trail as that; it reaches
nobody whose role goes beyond the rights of whoever asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from crm_core.db import Database
from crm_core.fields import Versioned
from crm_core.people import users
from crm_core.people.skills import Skills
from crm_core.people.users import UserChange, UserView
from crm_core.rights import Actor, Right


class ChangeSkills(Versioned):
    """All that somebody is good at; what is not named is no skill of theirs."""

    skills: Skills


@dataclass(frozen=True, slots=True)
class SkilledAgent:
    """Levels from 1 (some) to 5 (expert); `version` is that of the user's record."""

    user_id: int
    name: str
    extension: str | None
    skills: Mapping[str, int]
    version: int


class SkillBoard:
    """May raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def agents(self, actor: Actor) -> tuple[SkilledAgent, ...]:
        """Active users with a telephone, by extension."""
        actor.require(Right.SKILL_MANAGE)
        async with self._database.begin() as session:
            return tuple(_skilled(each) for each in await users.agents(session))

    async def change(self, actor: Actor, user_id: int, wanted: ChangeSkills) -> SkilledAgent:
        """From the next log-in at the telephone. Raises NotFound, Conflict (version), BeyondOwnRights."""
        actor.require(Right.SKILL_MANAGE)
        change = UserChange(version=wanted.version, skills=wanted.skills)
        async with self._database.begin() as session:
            await users.change(session, actor, user_id, change)
            return _skilled(await users.get(session, user_id))


def _skilled(view: UserView) -> SkilledAgent:
    return SkilledAgent(view.id, view.name, view.extension, view.skills, view.version)
