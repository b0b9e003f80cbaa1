"""The agents of the core and their places among the ready ones.

Rule: an agent stands in the `ready` lists of all own queues exactly while in state `ready`, and the
counts of each queue are kept at every move, never by looking at all agents.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from acd.core_agents import AWAY, BUSY, Agent, Move
from acd.core_lines import Line, LineKey
from acd.core_types import AgentMoved, AgentNow, Login
from acd.errors import ExtensionTaken, UnknownAgent


@dataclass(slots=True)
class Staff:
    """How many agents of a queue are ready and how many are busy with calls."""

    ready: int = 0
    busy: int = 0


class Roster:
    """Agents by id; knows who holds which extension."""

    def __init__(self, lines: dict[LineKey, Line]) -> None:
        self._lines = lines
        self._agents: dict[int, Agent] = {}
        self._by_extension: dict[str, int] = {}
        self.staff = {name: Staff() for name in lines if isinstance(name, str)}

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def find(self, agent_id: int) -> Agent | None:
        return self._agents.get(agent_id)

    def get(self, agent_id: int) -> Agent:
        agent = self._agents.get(agent_id)
        if agent is None:
            raise UnknownAgent(f"Agent {agent_id} is not logged in. Log in first.")
        return agent

    def is_present(self, agent_id: int) -> bool:
        """At work, if perhaps busy."""
        agent = self._agents.get(agent_id)
        return agent is not None and agent.state not in AWAY

    def admit(self, login: Login) -> Agent:
        """Put an agent, still offline, on the roster."""
        holder = self._agents.get(self._by_extension.get(login.extension, -1))
        if (
            holder is not None
            and holder.login.extension == login.extension
            and holder.agent_id != login.agent_id
            and holder.state != "offline"
        ):
            raise ExtensionTaken(
                f"Extension {login.extension} is in use by {holder.login.name}."
                " Choose another telephone or have that agent logged out."
            )
        agent = self._agents.get(login.agent_id)
        if agent is None or agent.state == "offline":
            agent = self._agents[login.agent_id] = Agent(login)
            self._by_extension[login.extension] = login.agent_id
            self._lines.setdefault(login.agent_id, Line())
        return agent

    def restore(self, known: AgentNow) -> Agent:
        """Put an agent back as known from before; only for one who is not on the roster."""
        agent = self.admit(known.login)
        agent.state, agent.reason, agent.since = known.state, known.reason, known.since
        agent.call_id, agent.wrap_up_until = known.call_id, known.wrap_up_until
        agent.idle_since, agent.pending = known.since, known.pending
        if agent.state == "ready":
            self._list(agent)
        self._count(agent, agent.state, 1)
        return agent

    def move(self, agent: Agent, move: Move, now: float, reason: str | None = None) -> AgentMoved:
        """Move by the table and keep lists and counts. Raises NotAllowedNow."""
        before, idle_since = agent.state, agent.idle_since
        agent.move(move, now, reason)
        if before != agent.state:
            if before == "ready":
                self._unlist(agent, idle_since)
            if agent.state == "ready":
                self._list(agent)
            self._count(agent, before, -1)
            self._count(agent, agent.state, 1)
        return AgentMoved(before, agent.view())

    def _list(self, agent: Agent) -> None:
        for queue, rank in agent.ranks.items():
            self._lines[queue].ready.add((rank, agent.idle_since, agent.agent_id))

    def _unlist(self, agent: Agent, idle_since: float) -> None:
        for queue, rank in agent.ranks.items():
            self._lines[queue].ready.remove((rank, idle_since, agent.agent_id))

    def _count(self, agent: Agent, state: str, change: int) -> None:
        if state != "ready" and state not in BUSY:
            return
        for queue in agent.ranks:
            if state == "ready":
                self.staff[queue].ready += change
            else:
                self.staff[queue].busy += change
