"""Who did not get a call, at the moment when somebody did. Rule: pure; a few agents at most, however many there are."""

from collections.abc import Iterator, Mapping
from itertools import islice

from acd.core_agents import AWAY
from acd.core_choice import meets
from acd.core_lines import Line, LineKey, Waiting, line_of
from acd.core_roster import Roster
from acd.core_types import Passed, PassedOver

_MOST = 5


def passed_over(
    waiting: Waiting, chosen: int, roster: Roster, lines: Mapping[LineKey, Line]
) -> tuple[PassedOver, ...]:
    """Preferred agents who have been asked, then those who are ready in the caller's queue."""
    found: dict[int, Passed] = {}
    for agent_id, why in _candidates(waiting, roster, lines):
        found.setdefault(agent_id, why)
    found.pop(chosen, None)
    return tuple(PassedOver(agent_id, why) for agent_id, why in found.items())


def _candidates(
    waiting: Waiting, roster: Roster, lines: Mapping[LineKey, Line]
) -> Iterator[tuple[int, Passed]]:
    for group in waiting.caller.preferred[: waiting.asked]:
        for agent_id in group.agents:
            agent = roster.find(agent_id)
            if agent is None or agent.state in AWAY:
                yield agent_id, "away"
            else:
                yield agent_id, "later" if agent.state == "ready" else "busy"
    queue = waiting.caller.queue
    able = line_of(queue, waiting.needs)
    if able in lines:
        yield from ((agent_id, "later") for agent_id in _next(lines[able]))
    for agent_id in _next(lines[queue]):
        if not meets(roster.get(agent_id).login.skills, waiting.needs):
            yield agent_id, "skills"


def _next(line: Line) -> Iterator[int]:
    return (key[3] for key in islice(line.ready.keys, _MOST + 1))
