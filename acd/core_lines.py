"""Waiting lines and deadlines of the core.

Rule: a line keeps its callers and its ready agents sorted, so that the next one is found at once and
joining, leaving and asking for a place cost a binary search, however many wait. A line belongs to a
queue (its name) or to one agent (the id): there wait those who want just this agent.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Generic, Literal, TypeVar

from acd.core_types import Caller, OverflowStep

LineKey = str | int
CallerKey = tuple[int, float, str]
ReadyKey = tuple[int, float, int]
K = TypeVar("K", tuple[int, float, str], tuple[int, float, int], tuple[float, str])
DeadlineKind = Literal["alone", "step", "announce", "lapse", "wrap_up", "unreserve"]


@dataclass(slots=True)
class Waiting:
    """A caller inside the core: where the caller is eligible and what comes next by time.

    `alone_until`: only the preferred agent is asked until then. `lined`: stands in the lines now
    (not while an agent is being rung).
    """

    caller: Caller
    overflow: tuple[OverflowStep, ...]
    lines: list[LineKey] = field(default_factory=list)
    lined: bool = False
    steps_taken: int = 0
    alone_until: float | None = None
    announce_at: float | None = None
    offered_to: int | None = None
    lapses_at: float | None = None

    @property
    def key(self) -> CallerKey:
        """Order of service: higher priority, then who came first."""
        return (-self.caller.priority, self.caller.joined_at, self.caller.call_id)

    @property
    def age(self) -> tuple[float, str]:
        return (self.caller.joined_at, self.caller.call_id)

    @property
    def step_at(self) -> float | None:
        """When the next overflow step falls due."""
        if self.steps_taken == len(self.overflow):
            return None
        return self.caller.joined_at + self.overflow[self.steps_taken].after_s


class Sorted(Generic[K]):
    """A sorted list of unique keys."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys: list[K] = []

    def add(self, key: K) -> None:
        insort(self.keys, key)

    def remove(self, key: K) -> None:
        place = self.place(key)
        if self.keys[place : place + 1] != [key]:
            raise KeyError(key)
        del self.keys[place]

    def place(self, key: K) -> int:
        """How many come before `key`."""
        return bisect_left(self.keys, key)

    def first(self) -> K | None:
        return self.keys[0] if self.keys else None

    def __len__(self) -> int:
        return len(self.keys)


class Line:
    """Callers in order of service, ready agents in order of choice, own callers by age.

    `own` holds those whose own queue this is, also while they wait for one agent only.
    """

    __slots__ = ("callers", "own", "ready")

    def __init__(self) -> None:
        self.callers: Sorted[CallerKey] = Sorted()
        self.ready: Sorted[ReadyKey] = Sorted()
        self.own: Sorted[tuple[float, str]] = Sorted()


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
