"""What screens may see of agents, queues and the waiting line. Rule: frozen, times aware UTC."""

from dataclasses import dataclass
from datetime import datetime

from acd.core_types import AgentNow, Command, LineNow, WaitingNow
from acd.counters import Day
from acd.events import AgentChanged, AgentState, QueueChanged, Reason
from acd.floor_clock import FloorClock
from acd.lineplan import QueuePlan
from acd.rows import AgentStateRow


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent and the buttons that may be pressed; `pending` waits for the end of a call."""

    agent_id: int
    name: str
    extension: str
    state: AgentState
    reason: str | None
    call_id: str | None
    since: datetime
    wrap_up_until: datetime | None
    queues: tuple[str, ...]
    pending: str | None
    allowed: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A caller in the line; `offered_to` is the agent whose telephone rings."""

    call_id: str
    queue: str
    priority: int
    since: datetime
    position: int
    estimate_s: float | None
    offered_to: int | None
    why: tuple[Reason, ...]


def _or_none(seconds: float | None, time: FloorClock) -> datetime | None:
    return None if seconds is None else time.moment(seconds)


def agent_view(agent: AgentNow, allowed: tuple[Command, ...], time: FloorClock) -> AgentView:
    return AgentView(
        agent_id=agent.agent_id,
        name=agent.login.name,
        extension=agent.login.extension,
        state=agent.state,
        reason=agent.reason,
        call_id=agent.call_id,
        since=time.moment(agent.since),
        wrap_up_until=_or_none(agent.wrap_up_until, time),
        queues=agent.login.queues,
        pending=agent.pending,
        allowed=allowed,
    )


def agent_changed(agent: AgentNow, at: datetime, time: FloorClock) -> AgentChanged:
    return AgentChanged(
        agent_id=agent.agent_id,
        name=agent.login.name,
        extension=agent.login.extension,
        state=agent.state,
        reason=agent.reason,
        call_id=agent.call_id,
        since=time.moment(agent.since),
        wrap_up_until=_or_none(agent.wrap_up_until, time),
        queues=agent.login.queues,
        at=at,
        pending=agent.pending,
    )


def agent_row(agent: AgentNow, seq: int, by: int | None, time: FloorClock) -> AgentStateRow:
    return AgentStateRow(
        agent_id=agent.agent_id,
        seq=seq,
        name=agent.login.name,
        extension=agent.login.extension,
        queues=agent.login.queues,
        state=agent.state,
        reason=agent.reason,
        call_id=agent.call_id,
        pending=agent.pending,
        since=time.moment(agent.since),
        wrap_up_until=_or_none(agent.wrap_up_until, time),
        skills=dict(agent.login.skills),
        calls=agent.calls,
        pending_reason=agent.pending_reason,
        by_id=by,
    )


def queue_changed(
    plan: QueuePlan, line: LineNow, day: Day, at: datetime, time: FloorClock
) -> QueueChanged:
    return QueueChanged(
        name=plan.name,
        label_zh=plan.label_zh,
        label_en=plan.label_en,
        waiting=line.waiting,
        held=line.held,
        longest_since=_or_none(line.longest_since, time),
        ready=line.ready,
        busy=line.busy,
        calls_today=day.calls,
        answered_today=day.answered,
        abandoned_today=day.abandoned,
        within_target_today=day.within_target,
        target_s=plan.target_s,
        at=at,
    )


def waiting_view(
    now: WaitingNow, estimate_s: float | None, why: tuple[Reason, ...], time: FloorClock
) -> WaitingView:
    return WaitingView(
        call_id=now.caller.call_id,
        queue=now.caller.queue,
        priority=now.caller.priority,
        since=time.moment(now.caller.joined_at),
        position=now.position,
        estimate_s=estimate_s,
        offered_to=now.offered_to,
        why=why,
    )
