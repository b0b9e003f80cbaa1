"""What the ACD core is told and what it decides.

Rule: frozen values without behaviour; times are POSIX seconds, durations seconds.
"""

from dataclasses import dataclass
from typing import Literal

from acd.events import AgentState, Reason

Command = Literal["log_in", "ready", "break", "log_out", "finish_wrap_up"]


@dataclass(frozen=True, slots=True)
class OverflowStep:
    """After so long in the line the caller is offered to the agents of `to` as well."""

    after_s: float
    to: str


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How one queue behaves. `wrap_up_s` None: wrap-up lasts until the agent finishes it."""

    name: str
    ring_s: float = 20.0
    wrap_up_s: float | None = 15.0
    preferred_wait_s: float = 20.0
    announce_every_s: float | None = None
    overflow: tuple[OverflowStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody for the line. `joined_at` comes from outside, so that a resumed caller keeps the place.

    `preferred_wait_s` and `overflow` replace the queue's own rules when they are given.
    """

    call_id: str
    queue: str
    priority: int
    joined_at: float
    preferred_agent: int | None = None
    preferred_wait_s: float | None = None
    overflow: tuple[OverflowStep, ...] | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """An agent at a telephone. The order of `queues` is the order in which the agent serves them."""

    agent_id: int
    name: str
    extension: str
    queues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """Ring this agent for this caller; the agent is `ringing` until the outcome is told."""

    call_id: str
    queue: str
    agent_id: int
    ring_s: float
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Widened:
    """The caller, still in the own queue, now waits for the agents of `to_queue` too."""

    call_id: str
    from_queue: str
    to_queue: str
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class AnnouncementDue:
    """Time to tell the caller the place (1 is next) and the estimate, None when nobody serves."""

    call_id: str
    position: int
    estimate_s: float | None


@dataclass(frozen=True, slots=True)
class AgentNow:
    """All there is to know of an agent. `pending` is what the agent asked for while busy."""

    login: Login
    state: AgentState
    reason: str | None
    call_id: str | None
    since: float
    wrap_up_until: float | None
    pending: Command | None

    @property
    def agent_id(self) -> int:
        return self.login.agent_id


@dataclass(frozen=True, slots=True)
class AgentMoved:
    """The agent's state, reason or pending wish changed; `before` is the state until now."""

    before: AgentState
    now: AgentNow


@dataclass(frozen=True, slots=True)
class Reserved:
    """The agent is kept for a call that is being dialled."""

    call_id: str
    agent_id: int


@dataclass(frozen=True, slots=True)
class OfferLapsed:
    """Nobody told the outcome of an offer in time; the caller is back in the line."""

    call_id: str
    agent_id: int


Decision = Offered | Widened | AnnouncementDue | AgentMoved | Reserved | OfferLapsed


@dataclass(frozen=True, slots=True)
class LineNow:
    """A queue at this moment: own callers, the earliest of them, and the agents who serve it."""

    waiting: int
    longest_since: float | None
    ready: int
    busy: int


@dataclass(frozen=True, slots=True)
class WaitingNow:
    """A caller in the line; `offered_to` is the agent being rung. `position` 1 is next."""

    caller: Caller
    position: int
    estimate_s: float | None
    offered_to: int | None
