"""Waiting lines and deadlines of the core.

Rule: a line keeps its callers and its ready agents sorted, so that the next one is found at once and
joining, leaving and asking for a place cost a binary search, however many wait. A line belongs to a
queue (its name), to those of a queue who need the same skills, or to one agent (the id): there wait
those who want just this agent.
"""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Generic, Literal, TypeVar

from sortedcontainers import SortedList

from acd.core_types import Caller, Needs, OverflowStep

LineKey = str | int | tuple[str, Needs]
CallerKey = tuple[float, float, str]
ReadyKey = tuple[float, float, float, int]
K = TypeVar("K", CallerKey, ReadyKey, tuple[float, str])
DeadlineKind = Literal[
    "alone", "step", "relax", "announce", "comfort", "lapse", "wrap_up", "unreserve"
]


def queue_of(key: LineKey) -> str | None:
    """The queue of a line, None for an agent's."""
    if isinstance(key, tuple):
        return key[0]
    return key if isinstance(key, str) else None


def line_of(queue: str, needs: Needs) -> LineKey:
    """Where those of a queue wait who need these skills."""
    return (queue, needs) if needs else queue


@dataclass(slots=True)
class Waiting:
    """A caller inside the core: where the caller is eligible and what comes next by time.

    `rank`: smaller is served earlier, whenever it is asked. `asked` groups of preferred agents
    have been asked; `alone_until`: only they are until then. `lined`: stands in the lines now (not while an agent
    is being rung). `overflow` are the steps not taken yet, by time, and `step_at` when the next of them comes to
    be looked at; `watched_in` the lines of which it is waited for that nobody is left.
    """

    caller: Caller
    rank: float
    overflow: list[OverflowStep]
    needs: Needs
    lines: list[LineKey] = field(default_factory=list)
    lined: bool = False
    step_at: float | None = None
    watched_in: list[LineKey] = field(default_factory=list)
    relaxed: int = 0
    asked: int = 0
    alone_until: float | None = None
    announce_at: float | None = None
    comfort_at: float | None = None
    told: tuple[float, float] | None = None
    """When an estimate was first told, and which, before it was corrected."""
    offered_to: int | None = None
    diverted: bool = False
    lapses_at: float | None = None

    @property
    def engaged(self) -> bool:
        """An agent is being rung, or the caller is on a way out of the line."""
        return self.offered_to is not None or self.diverted

    @property
    def key(self) -> CallerKey:
        """Order of service."""
        return (self.rank, self.caller.since, self.caller.call_id)

    @property
    def age(self) -> tuple[float, str]:
        return (self.caller.joined_at, self.caller.call_id)

    @property
    def relax_at(self) -> float | None:
        """When the caller needs less."""
        if self.relaxed == len(self.caller.relax):
            return None
        return self.caller.joined_at + self.caller.relax[self.relaxed].after_s


class Sorted(Generic[K]):
    """Unique keys in order. Of a plain list of 100,000 half a megabyte would move at each change."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys: SortedList[K] = SortedList()

    def add(self, key: K) -> None:
        self.keys.add(key)

    def remove(self, key: K) -> None:
        """Raises ValueError."""
        self.keys.remove(key)

    def place(self, key: K) -> int:
        """How many come before `key`."""
        return int(self.keys.bisect_left(key))

    def first(self, at: int = 0) -> K | None:
        """The one at a place, None when there are not so many."""
        return self.keys[at] if at < len(self.keys) else None

    def __len__(self) -> int:
        return len(self.keys)


class Line:
    """Callers in order of service, ready agents in order of choice, own callers by age.

    Of a queue's own line `everybody` are its callers whatever they need, and `own` those whose own queue
    it is, also while they wait for one agent only. `turn` is the agent who was chosen last; `present`
    counts agents at work who may serve this line, `held` the places kept in it for call-backs.
    """

    __slots__ = ("callers", "everybody", "held", "needs", "own", "present", "ready", "turn")

    def __init__(self, needs: Needs = ()) -> None:
        self.needs = needs
        self.callers: Sorted[CallerKey] = Sorted()
        self.everybody: Sorted[CallerKey] = Sorted()
        self.ready: Sorted[ReadyKey] = Sorted()
        self.own: Sorted[tuple[float, str]] = Sorted()
        self.turn = 0
        self.present = 0
        self.held = 0

    def enters(self, waiting: Waiting) -> None:
        """An own caller, or an own place that is held."""
        if waiting.caller.held:
            self.held += 1
        else:
            self.own.add(waiting.age)

    def leaves(self, waiting: Waiting) -> None:
        if waiting.caller.held:
            self.held -= 1
        else:
            self.own.remove(waiting.age)


class Deadlines:
    """Times at which something falls due; what was withdrawn is skipped when it comes up."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, DeadlineKind, str]] = []

    def add(self, at: float, kind: DeadlineKind, subject: str) -> None:
        heappush(self._heap, (at, kind, subject))

    def first(self) -> tuple[float, DeadlineKind, str] | None:
        return self._heap[0] if self._heap else None

    def pop(self) -> None:
        heappop(self._heap)
