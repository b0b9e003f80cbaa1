"""What the live board shows. Rule: read whole from the ACD each time; the store finds what differs."""

from acd.service import AcdService
from webui.cards import Cards
from webui.health import Health
from webui.pops import CallFacts
from webui.present import Reader, board_agent, board_queue, board_waiting
from webui.state import Objects


def board(acd: AcdService, cards: Cards, health: Health, reader: Reader) -> Objects:
    """Queues, agents at work, callers in the line, the parts of the system, and what is to be done about them."""
    return {
        "queues": {queue.name: board_queue(queue) for queue in acd.queue_views()},
        "agents": {
            str(agent.agent_id): board_agent(agent, acd.break_reasons())
            for agent in acd.agent_views()
            if agent.state != "offline"
        },
        "waiting": {
            waiting.call_id: board_waiting(
                waiting, facts_of(acd, waiting.call_id), cards.get(waiting.call_id), reader
            )
            for waiting in acd.waiting_views()
        },
        "system": health.system(),
        "notices": health.supervisors_notices(),
    }


def facts_of(acd: AcdService, call_id: str) -> CallFacts | None:
    """What the record of a call that lives knows."""
    record = acd.record(call_id)
    return CallFacts.of(record.row) if record else None
