"""The agents of the core and their places among the ready ones.

Rule: an agent stands in the `ready` lists of all lines which the agent may serve exactly while in
state `ready` and given no call at once, and the counts of each queue are kept at every move, never by looking at all
agents.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from acd.core_agents import AWAY, BUSY, Agent, Move
from acd.core_choice import meets, ready_key
from acd.core_lines import CallerKey, Line, LineKey, ReadyKey, line_of, queue_of
from acd.core_types import AgentMoved, AgentNow, Login, Needs, QueueRules
from acd.errors import ExtensionTaken, UnknownAgent


@dataclass(slots=True)
class Staff:
    """How many agents of a queue are ready and how many are busy with calls."""

    ready: int = 0
    busy: int = 0


class Roster:
    """Agents by id; knows who holds which extension and who may serve which line."""

    def __init__(self, lines: dict[LineKey, Line], rules: Mapping[str, QueueRules]) -> None:
        self._lines = lines
        self._rules = rules
        self._of_queue: dict[str, list[LineKey]] = {queue: [queue] for queue in rules}
        self._agents: dict[int, Agent] = {}
        self._serves: dict[int, dict[LineKey, int]] = {}
        self._listed: dict[int, list[tuple[LineKey, ReadyKey]]] = {}
        self._by_extension: dict[str, int] = {}
        self.staff = {queue: Staff() for queue in rules}
        self.emptied: dict[LineKey, None] = {}
        """Lines whose last ready agent, or last agent at work, went since somebody looked."""

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

    def serves(self, agent_id: int) -> Mapping[LineKey, int]:
        """The lines an agent may serve, each with its queue's place in the agent's order."""
        return self._serves[agent_id]

    def present(self, queue: str, needs: Needs) -> int:
        """Agents at work who may serve those of the queue who need this."""
        return self._lines[self.line(queue, needs)].present

    def ahead(self, queue: str, place: CallerKey) -> int:
        """How many wait before a place in a queue, whatever they need."""
        return self._lines[queue].everybody.place(place)

    def ahead_alike(self, queue: str, needs: Needs, place: CallerKey) -> int:
        """Of these, those who need just the same."""
        return self._lines[line_of(queue, needs)].callers.place(place)

    def open(self, queue: str) -> None:
        """One more queue."""
        self._of_queue[queue], self.staff[queue] = [queue], Staff()

    @contextmanager
    def standing_anew(self) -> Iterator[None]:
        """Who is ready stands in no line in this block, and by the strategies of afterwards then."""
        ready = [agent for agent in self._agents.values() if agent.state == "ready"]
        for agent in ready:
            self._unlist(agent)
        yield
        for agent in ready:
            self.stand_ready(agent)

    def line(self, queue: str, needs: Needs) -> LineKey:
        """The line for these needs; the first time, the agents who may serve it are looked for."""
        key = line_of(queue, needs)
        if key not in self._lines:
            self._lines[key] = Line(needs)
            self._of_queue[queue].append(key)
            for agent in self._agents.values():
                self._may_serve(agent, queue, key)
        return key

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
            self._serves[agent.agent_id], self._listed[agent.agent_id] = {}, []
            for queue in agent.ranks:
                for key in self._of_queue[queue]:
                    self._may_serve(agent, queue, key)
            self._by_extension[login.extension] = login.agent_id
            self._lines.setdefault(login.agent_id, Line())
        return agent

    def restore(self, known: AgentNow) -> Agent:
        """Put an agent back as known from before; only for one who is not on the roster."""
        agent = self.admit(known.login)
        agent.state, agent.reason, agent.since = known.state, known.reason, known.since
        agent.call_id, agent.wrap_up_until = known.call_id, known.wrap_up_until
        agent.idle_since = agent.busy_since = known.since
        agent.pending, agent.calls = known.pending, known.calls
        agent.pending_reason = known.pending_reason
        if agent.state == "ready":
            self.stand_ready(agent)
        self._count(agent, "offline", agent.state)
        return agent

    def move(self, agent: Agent, move: Move, now: float, reason: str | None = None) -> AgentMoved:
        """Move by the table and keep counts; who is ready now, and gets no call, is to be listed. Raises NotAllowedNow."""
        before = agent.state
        agent.move(move, now, reason)
        if before != agent.state:
            if before == "ready":
                self._unlist(agent)
            self._count(agent, before, agent.state)
        return AgentMoved(before, agent.view())

    def _may_serve(self, agent: Agent, queue: str, key: LineKey) -> None:
        rank, line = agent.ranks.get(queue), self._lines[key]
        if rank is None or not meets(agent.login.skills, line.needs):
            return
        self._serves[agent.agent_id][key] = rank
        line.present += agent.state not in AWAY
        if agent.state == "ready":
            self._list_in(agent, key, rank)

    def stand_ready(self, agent: Agent) -> None:
        """Into the `ready` lists of all lines which the agent may serve."""
        for key, rank in self._serves[agent.agent_id].items():
            self._list_in(agent, key, rank)

    def _list_in(self, agent: Agent, key: LineKey, rank: int) -> None:
        line = self._lines[key]
        strategy = self._rules[queue_of(key) or ""].strategy
        place = ready_key(strategy, agent, rank, line.needs)
        line.ready.add(place)
        self._listed[agent.agent_id].append((key, place))

    def _unlist(self, agent: Agent) -> None:
        listed = self._listed[agent.agent_id]
        for key, place in listed:
            ready = self._lines[key].ready
            ready.remove(place)
            if not ready:
                self.emptied[key] = None
        listed.clear()

    def _count(self, agent: Agent, before: str, now: str) -> None:
        for queue in agent.ranks:
            staff = self.staff[queue]
            staff.ready += (now == "ready") - (before == "ready")
            staff.busy += (now in BUSY) - (before in BUSY)
        change = (now not in AWAY) - (before not in AWAY)
        if change:
            for key in self._serves[agent.agent_id]:
                line = self._lines[key]
                line.present += change
                if not line.present:
                    self.emptied[key] = None
