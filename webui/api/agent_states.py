"""Agents' states: set by a supervisor, and how long they lasted."""

from datetime import date, datetime
from typing import Literal

from acd.agent_times import AgentTimesQuery
from crm_core.audit import trail
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.breaks import known_break
from webui.present import own_state
from webui.routing import NUMBER, Route, needs
from webui.views import AgentStateView, View


class SupervisedState(Model):
    """`reason` is asked for with `break` alone."""

    command: Literal["ready", "break", "log_out", "finish_wrap_up"]
    reason: str | None = None


class SupervisedStateAnswer(View):
    agent: AgentStateView


class AgentTimesSearch(AgentTimesQuery, Model):
    """Days are those of the company's zone, both included; without them today."""


class StateTimeItem(View):
    agent_id: int
    day: date
    name: str
    state: str
    reason: str | None
    seconds: float
    times: int


class AgentTimesAnswer(View):
    lines: tuple[StateTimeItem, ...]


class StateEntryItem(View):
    seq: int
    since: datetime
    state: str
    reason: str | None
    pending: str | None
    call_id: str | None
    by_id: int | None
    by_name: str | None


class StateLogAnswer(View):
    entries: tuple[StateEntryItem, ...]


async def supervise(asked: Asked[SupervisedState, Nothing]) -> SupervisedStateAnswer:
    """Set an agent's state, at once or after the call; 409 when the state does not allow it now."""
    body, services, agent_id = asked.body, asked.services, int(asked.id)
    reason = known_break(services.acd, body.reason) if body.command == "break" else None
    async with services.database.begin() as session:
        await trail.record(
            session,
            asked.principal.user_id,
            "agent.state",
            "user",
            agent_id,
            after={"command": body.command, "reason": reason},
        )
        by = asked.principal.user_id
        view = services.acd.supervise(agent_id, body.command, reason, by=by)
    return SupervisedStateAnswer(
        agent=own_state(view, services.acd.break_reasons(), view.extension)
    )


async def report(asked: Asked[Nothing, AgentTimesSearch]) -> AgentTimesAnswer:
    """How long agents were in each state and why, and how often, by agent and day."""
    services = asked.services
    lines = await services.agent_times.report(asked.query, services.clock())
    return AgentTimesAnswer(lines=tuple(map(StateTimeItem.model_validate, lines)))


async def log(asked: Asked[Nothing, AgentTimesSearch]) -> StateLogAnswer:
    """Every change of an agent's state and who did it (nobody: it came by itself)."""
    services = asked.services
    entries = await services.agent_times.log(int(asked.id), asked.query, services.clock())
    return StateLogAnswer(entries=tuple(map(StateEntryItem.model_validate, entries)))


ROUTES = (
    Route(
        "POST",
        f"/api/agents/{NUMBER}/state",
        supervise,
        needs(Right.AGENT_SUPERVISE),
        SupervisedState,
        answer=SupervisedStateAnswer,
    ),
    Route(
        "GET",
        "/api/agents/times",
        report,
        needs(Right.AGENT_SUPERVISE),
        query=AgentTimesSearch,
        answer=AgentTimesAnswer,
    ),
    Route(
        "GET",
        f"/api/agents/{NUMBER}/states",
        log,
        needs(Right.AGENT_SUPERVISE),
        query=AgentTimesSearch,
        answer=StateLogAnswer,
    ),
)
