"""What agents are good at, as routes of the line ask for it. Rule: for supervisors, who manage no accounts."""

from crm_core.people.skill_board import ChangeSkills
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedSkills(ChangeSkills, Model):
    """All skills of somebody with their levels, 1 (some) to 5 (expert)."""


class SkilledAgentItem(View):
    user_id: int
    name: str
    extension: str | None
    skills: dict[str, int]
    version: int


class SkillBoardAnswer(View):
    """`skills` are those that routes of the line ask for, and those that somebody has."""

    skills: tuple[str, ...]
    items: tuple[SkilledAgentItem, ...]


class SkilledAgentAnswer(View):
    agent: SkilledAgentItem


async def board(asked: Asked[Nothing, Nothing]) -> SkillBoardAnswer:
    """Everybody with a telephone beside every skill."""
    found = await asked.services.crm.skill_board.agents(asked.principal)
    had = {skill for agent in found for skill in agent.skills}
    return SkillBoardAnswer(
        skills=tuple(sorted({*asked.services.acd.skills_asked, *had})),
        items=tuple(SkilledAgentItem.model_validate(agent) for agent in found),
    )


async def change(asked: Asked[WantedSkills, Nothing]) -> SkilledAgentAnswer:
    """Set what somebody is good at, from the next log-in at the telephone."""
    made = await asked.services.crm.skill_board.change(asked.principal, int(asked.id), asked.body)
    return SkilledAgentAnswer(agent=SkilledAgentItem.model_validate(made))


_MANAGE = needs(Right.SKILL_MANAGE)

ROUTES = (
    Route("GET", "/api/skills", board, _MANAGE, answer=SkillBoardAnswer),
    Route("PUT", f"/api/skills/{NUMBER}", change, _MANAGE, WantedSkills, answer=SkilledAgentAnswer),
)
