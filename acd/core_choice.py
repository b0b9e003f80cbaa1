"""Who comes first: the order of callers and, by a queue's strategy, that of its ready agents.

Rule: an order is a key which stands still while the one who has it waits, so that sorted lists keep it.
Ageing keeps it too: when every caller's priority grows at the same rate, who is ahead stays ahead, as
if those of higher priority had come so much earlier.
"""

from collections.abc import Mapping

from acd.core_agents import Agent
from acd.core_lines import Line, ReadyKey
from acd.core_types import Ageing, Caller, Needs, Strategy
from acd.events import Reason


def meets(skills: Mapping[str, int], needs: Needs) -> bool:
    """Whether somebody has every skill at the level needed."""
    return all(skills.get(skill, 0) >= level for skill, level in needs)


def caller_rank(caller: Caller, ageing: Ageing | None) -> float:
    """Smaller is earlier: without ageing by priority alone, with it by time and priority together."""
    if ageing is None:
        return -caller.priority
    return caller.since - caller.priority * ageing.every_s / ageing.by


def ready_key(strategy: Strategy, agent: Agent, rank: int, needs: Needs) -> ReadyKey:
    """The place of a ready agent in a line; `rank` is the queue's place in the agent's order."""
    match strategy:
        case "longest_idle":
            return (rank, 0, agent.idle_since, agent.agent_id)
        case "round_robin":
            return (rank, 0, 0, agent.agent_id)
        case "least_calls":
            return (rank, agent.calls, agent.idle_since, agent.agent_id)
        case "proficiency":
            return (-_proficiency(agent, needs), rank, agent.idle_since, agent.agent_id)


def next_agent(strategy: Strategy, line: Line) -> int | None:
    """The agent who gets the next call of the line; None when nobody is ready."""
    first = line.ready.first()
    if first is not None and strategy == "round_robin":
        after = line.ready.first(line.ready.place((first[0], 0, 0, line.turn + 1)))
        if after is not None and after[0] == first[0]:
            first = after
    return first[3] if first else None


def why_agent(strategy: Strategy, agent: Agent, needs: Needs, now: float) -> Reason:
    """The strategy as a reason, with what it looked at."""
    match strategy:
        case "longest_idle":
            return Reason("longest_idle", {"seconds": str(round(now - agent.idle_since))})
        case "round_robin":
            return Reason("round_robin")
        case "least_calls":
            return Reason("least_calls", {"calls": str(agent.calls)})
        case "proficiency":
            return Reason("proficiency", {"level": str(_proficiency(agent, needs))})


def named(needs: Needs) -> str:
    """Needs as screens show them: `wine 2, beer 1`."""
    return ", ".join(f"{skill} {level}" for skill, level in needs)


def _proficiency(agent: Agent, needs: Needs) -> int:
    return sum(agent.login.skills.get(skill, 0) for skill, _ in needs)
