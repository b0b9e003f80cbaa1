"""The agent's state buttons. Rule: whether a button may be pressed is the ACD's decision alone."""

from typing import Literal

from acd.views import AgentView
from crm_core.errors import Conflict
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.breaks import known_break
from webui.routing import Route, needs
from webui.views import AgentStateView, View


class NoTelephone(Conflict):
    code = "no_telephone"


class NoQueue(Conflict):
    code = "no_queue"


class Command(Model):
    command: Literal["log_in", "ready", "break", "log_out", "finish_wrap_up"]
    reason: str | None = None


class AgentAnswer(View):
    agent: AgentStateView


async def change_state(asked: Asked[Command, Nothing]) -> AgentAnswer:
    """Press a state button; 409 when the state does not allow it now."""
    await _carry_out(asked)
    who = asked.principal
    return AgentAnswer(agent=asked.door.sidebar.me(who.user_id, who.name, who.extension))


async def _carry_out(asked: Asked[Command, Nothing]) -> AgentView:
    acd, agent_id = asked.services.acd, asked.principal.user_id
    match asked.body.command:
        case "log_in":
            return await _log_in(asked)
        case "break":
            return await acd.take_break(agent_id, known_break(acd, asked.body.reason))
        case "ready":
            return await acd.become_ready(agent_id)
        case "finish_wrap_up":
            return await acd.finish_wrap_up(agent_id)
        case "log_out":
            return await acd.log_out(agent_id)


async def _log_in(asked: Asked[Command, Nothing]) -> AgentView:
    who, services = asked.principal, asked.services
    if who.extension is None:
        raise NoTelephone("You have no extension: ask an administrator to give you one.")
    queues = await services.queues_of(who)
    if not queues:
        raise NoQueue("You are in no group that serves a queue: ask an administrator.")
    skills = await services.crm.skills.of(who)
    return await services.acd.log_in(who.user_id, who.name, who.extension, queues, skills)


ROUTES = (
    Route(
        "POST",
        "/api/agent/state",
        change_state,
        needs(Right.AGENT_WORK),
        Command,
        answer=AgentAnswer,
    ),
)
