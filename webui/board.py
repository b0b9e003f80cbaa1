"""What the live board shows. Rule: read whole from the ACD each time; the store finds what differs."""

from acd.service import AcdService
from crm_core.rights import Right
from webui.cards import Cards
from webui.health import Health
from webui.pops import CallFacts
from webui.present import board_agent, board_queue, board_waiting
from webui.state import Objects


def board(acd: AcdService, cards: Cards, health: Health, rights: frozenset[Right]) -> Objects:
    """Queues, agents at work, callers in the line, and the parts of the system."""
    return {
        "queues": {queue.name: board_queue(queue) for queue in acd.queue_views()},
        "agents": {
            str(agent.agent_id): board_agent(agent)
            for agent in acd.agent_views()
            if agent.state != "offline"
        },
        "waiting": {
            waiting.call_id: board_waiting(
                waiting, facts_of(acd, waiting.call_id), cards.get(waiting.call_id), rights
            )
            for waiting in acd.waiting_views()
        },
        "system": health.system(),
    }


def facts_of(acd: AcdService, call_id: str) -> CallFacts | None:
    """What the record of a call that lives knows."""
    record = acd.record(call_id)
    return CallFacts.of(record.row) if record else None
