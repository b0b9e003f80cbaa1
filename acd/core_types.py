"""What the ACD core is told and what it decides.

Rule: frozen values without behaviour; times are POSIX seconds, durations seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acd.events import AgentState, Reason

Command = Literal["log_in", "ready", "break", "log_out", "finish_wrap_up"]
Strategy = Literal["longest_idle", "round_robin", "least_calls", "proficiency"]
PreferredAs = Literal["passed_on", "dialled", "salesperson", "deputy", "spoke_last"]
Passed = Literal["away", "busy", "later", "skills"]
LineState = Literal["nobody_there", "nobody_ready"]
Needs = tuple[tuple[str, int], ...]
"""Skills a caller needs and the least level of each, in order of the skills' names."""


def needs(skills: Mapping[str, int]) -> Needs:
    return tuple(sorted(skills.items()))


WayKind = Literal["outside", "voicemail", "callback", "announce"]


@dataclass(frozen=True, slots=True)
class Way:
    """Where a caller may go besides an agent: an outside number, voicemail, the offer of a call-back, or on waiting
    after an announcement.

    `to` is the number, the queue whose people hear the message, or what is announced. The first two take the caller out
    of the line until the caller comes back or is gone.
    """

    kind: WayKind
    to: str = ""
    ring_s: float = 30.0

    @property
    def leads_out(self) -> bool:
        return self.kind in ("outside", "voicemail")

    @property
    def only_tells(self) -> bool:
        """The caller has nothing to decide: it can wait until what is being said is over."""
        return self.kind == "announce"


@dataclass(frozen=True, slots=True)
class OverflowStep:
    """Once all holds that is given, the caller is offered to the agents of queue `to` as well, or goes a `way`.

    `after_s`: so long in the line. `state`: of all queues that the caller is offered to by then; without a ready
    agent, or without any at work. `waiting_over`: at joining the queue has no more than so many places.
    `wait_over_s`: the wait that is foreseen is longer, or nobody serves. Each step is taken once.
    """

    after_s: float
    to: str | None = None
    way: Way | None = None
    state: LineState | None = None
    waiting_over: int | None = None
    wait_over_s: float | None = None


@dataclass(frozen=True, slots=True)
class RelaxStep:
    """After so long in the line the caller needs only these skills."""

    after_s: float
    skills: Needs


@dataclass(frozen=True, slots=True)
class Ageing:
    """Every `every_s` seconds of waiting are worth `by` of priority."""

    every_s: float
    by: float


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How one queue behaves. `wrap_up_s` None: wrap-up lasts until the agent finishes it.

    The place is announced `announce_first_s` after the joining (None: like later) and every `announce_every_s`; when
    nothing has been said for `comfort_every_s`, a word of comfort is due.
    """

    name: str
    ring_s: float = 20.0
    wrap_up_s: float | None = 15.0
    preferred_wait_s: float = 20.0
    announce_every_s: float | None = None
    announce_first_s: float | None = None
    comfort_every_s: float | None = None
    overflow: tuple[OverflowStep, ...] = ()
    strategy: Strategy = "longest_idle"


@dataclass(frozen=True, slots=True)
class Preferred:
    """Agents who are asked before the queue, the first of them first, and as what they are."""

    role: PreferredAs
    agents: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody for the line. `joined_at` comes from outside, so that a resumed caller keeps the place.

    `preferred` are asked group by group: those of whom nobody is at work are passed by, the others alone have
    the caller for `preferred_wait_s` each, and then the queue. `preferred_wait_s` and `overflow` replace the
    queue's own rules when they are given. `skills` bind every agent but the preferred ones and one who was
    reserved for this call. `place_at`: the moment that counts for the order, for one who keeps a place from
    before. `held`: the place of somebody who is to be called back; with `only_preferred` by nobody else. With
    `agents_only` overflow leads to other queues and no other way, as for people whom we called.
    """

    call_id: str
    queue: str
    priority: int
    joined_at: float
    preferred: tuple[Preferred, ...] = ()
    preferred_wait_s: float | None = None
    overflow: tuple[OverflowStep, ...] | None = None
    skills: Needs = ()
    relax: tuple[RelaxStep, ...] = ()
    place_at: float | None = None
    held: bool = False
    only_preferred: bool = False
    agents_only: bool = False

    @property
    def since(self) -> float:
        """The moment that counts for the order."""
        return self.joined_at if self.place_at is None else self.place_at

    def prefers(self, agent_id: int) -> PreferredAs | None:
        """As what the agent is preferred, if so."""
        return next((each.role for each in self.preferred if agent_id in each.agents), None)


@dataclass(frozen=True, slots=True)
class Login:
    """An agent at a telephone. The order of `queues` is the order in which the agent serves them.

    `skills` are levels from 1 (some) to 5 (expert).
    """

    agent_id: int
    name: str
    extension: str
    queues: tuple[str, ...]
    skills: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Somebody who did not get the call: not at work, on another call, ready but behind the one who got it, or
    without the skills.
    """

    agent_id: int
    why: Passed


@dataclass(frozen=True, slots=True)
class Offered:
    """Ring this agent for this caller; the agent is `ringing` until the outcome is told. `others` are preferred
    agents and the next of the queue.
    """

    call_id: str
    queue: str
    agent_id: int
    ring_s: float
    why: tuple[Reason, ...]
    others: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True)
class Widened:
    """The caller, still in the own queue, now waits for the agents of `to_queue` too."""

    call_id: str
    from_queue: str
    to_queue: str
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Diverted:
    """An overflow step sends the caller a way; one that leads out has the caller in no line by now."""

    call_id: str
    queue: str
    way: Way
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The caller waited long enough to be content with fewer or lower skills."""

    call_id: str
    queue: str
    skills: Needs


@dataclass(frozen=True, slots=True)
class AnnouncementDue:
    """Time to tell the caller the place (1 is next) and the estimate, None when nobody serves."""

    call_id: str
    position: int
    estimate_s: float | None


@dataclass(frozen=True, slots=True)
class ComfortDue:
    """Nothing was said to the caller for a while."""

    call_id: str


@dataclass(frozen=True, slots=True)
class AgentNow:
    """All there is to know of an agent. `pending` is what the agent asked for while busy.

    `calls` were taken since the log-in.
    """

    login: Login
    state: AgentState
    reason: str | None
    call_id: str | None
    since: float
    wrap_up_until: float | None
    pending: Command | None
    calls: int = 0
    pending_reason: str | None = None

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
class TurnCame:
    """The turn of a held place: the agent is reserved until its call is dialled, or released."""

    call_id: str
    queue: str
    agent_id: int


@dataclass(frozen=True, slots=True)
class OfferLapsed:
    """Nobody told the outcome of an offer in time; the caller is back in the line."""

    call_id: str
    agent_id: int


Decision = (
    Offered
    | Widened
    | Diverted
    | Relaxed
    | AnnouncementDue
    | ComfortDue
    | AgentMoved
    | Reserved
    | TurnCame
    | OfferLapsed
)


@dataclass(frozen=True, slots=True)
class LineNow:
    """A queue at this moment: own callers, the earliest of them, places held for call-backs, and the agents who
    serve it.
    """

    waiting: int
    held: int
    longest_since: float | None
    ready: int
    busy: int


@dataclass(frozen=True, slots=True)
class WaitingNow:
    """A caller in the line; `offered_to` is the agent being rung. `position` 1 is next."""

    caller: Caller
    position: int
    offered_to: int | None
