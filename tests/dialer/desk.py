"""The ACD's own core with one agent, as the dialler sees it; turns are told on the bus."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from acd.core import AcdCore
from acd.core_types import Caller, Decision, Login, QueueRules, Reserved, TurnCame
from acd.events import PlaceReached
from acd.tickets import HeldPlace, QueueEntry
from crm_core.bus import Bus

QUEUE = "retail"


class Desk:
    """`entries` are callers in the line, `calls` the numbers of those who are calling."""

    def __init__(self, agent_id: int, bus: Bus) -> None:
        self.agent_id = agent_id
        self.core = AcdCore((QueueRules(QUEUE, wrap_up_s=0),))
        self.entries: dict[str, QueueEntry] = {}
        self.calls: dict[str, str] = {}
        self.waits: dict[str, float | None] = {}
        self.held: list[HeldPlace] = []
        self._bus = bus
        self._tell(self.core.log_in(Login(agent_id, "李", "1001", (QUEUE,)), 0))

    @property
    def free(self) -> bool:
        agent = self.core.agent(self.agent_id)
        return agent is not None and agent.state == "ready"

    @free.setter
    def free(self, free: bool) -> None:
        command = "ready" if free else "break"
        if command in self.core.allowed(self.agent_id):
            self._tell(self.core.command(self.agent_id, command, 0, "rest"))

    @property
    def reserved_for(self) -> str | None:
        agent = self.core.agent(self.agent_id)
        return agent.call_id if agent is not None and agent.state == "reserved" else None

    @property
    def places(self) -> int:
        """How many are held."""
        return self.core.line(QUEUE).held

    def reserve(self, call_id: str, *, queue: str, agent_id: int | None) -> int | None:
        decided = self.core.reserve(call_id, 0, queue=queue, agent_id=agent_id)
        self._tell(decided)
        return next((each.agent_id for each in decided if isinstance(each, Reserved)), None)

    def release(self, call_id: str) -> None:
        self._tell(self.core.release(call_id, 0))

    def hold(self, place: HeldPlace) -> None:
        self.held.append(place)
        caller = Caller(
            place.call_id,
            place.queue,
            place.priority,
            place.joined_at.timestamp(),
            place.preferred,
            held=True,
            only_preferred=place.agent_id is not None,
        )
        self._tell(self.core.join(caller, 0))

    def join(self, caller: Caller) -> None:
        self._tell(self.core.join(caller, 0))

    def ringing(self) -> str | None:
        """The call for which the agent is rung."""
        agent = self.core.agent(self.agent_id)
        return agent.call_id if agent is not None and agent.state == "ringing" else None

    def talks(self, call_id: str) -> None:
        """The call that was dialled is answered, has its talk and is over."""
        self.join(Caller(call_id, QUEUE, 100, 0))
        self.ends(call_id)

    def ends(self, call_id: str) -> None:
        """The agent who is rung for this call has the talk, and it is over."""
        self._tell(self.core.answered(call_id, 0))
        self._tell(self.core.hung_up(self.agent_id, 0))
        self._tell(self.core.tick(0))

    def entry(self, call_id: str) -> QueueEntry | None:
        return self.entries.get(call_id)

    def calling(self) -> Mapping[str, str]:
        return self.calls

    def abandoned_waits(self) -> Mapping[str, float | None]:
        return self.waits

    def _tell(self, decided: Iterable[Decision]) -> None:
        for each in decided:
            if isinstance(each, TurnCame):
                at = datetime.now(UTC)
                self._bus.publish(PlaceReached(each.call_id, each.queue, each.agent_id, at))
