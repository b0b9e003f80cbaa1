"""What pacing is told, as Asterisk and the ACD report it, and what it decides.

Rule: frozen values without behaviour; times are POSIX seconds, durations seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

AgentState = Literal["idle", "reserved", "talking", "wrap_up"]
Mode = Literal["nobody_there", "limit_is_zero", "learning", "budget_spent", "predictive"]
Cap = Literal["carrier", "lines", "starts", "list"]


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody at work; who is away is not told of. `kind`: the campaign or queue whose call it is. `leaves`: goes away
    once this call is over. `reserved`: kept for a certain call, which is about to begin.
    """

    state: AgentState
    since: float
    kind: str = ""
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call of the campaign that nobody has answered yet; `segment` is the part of the list that it came from."""

    call_id: str
    started_at: float
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Floor:
    """All that counts for one decision.

    `waiting`: people who answered and whom no agent has yet. `inbound_waiting`: callers for the same agents.
    `callbacks_due`: when promised call-backs need an agent. `upcoming`: the segments of whom would be dialled next, in
    order. `numbers_left`, `closes_at`: what else the list holds, and when dialling ends, if known. `lines_free`, `starts_left`: how many calls the trunks hold and may begin now. `hour`: 0 to 23, where the list is.
    """

    agents: Sequence[Agent]
    ringing: Sequence[Ringing]
    upcoming: Sequence[str]
    hour: int
    waiting: int = 0
    inbound_waiting: int = 0
    callbacks_due: Sequence[float] = ()
    numbers_left: int = 1_000_000
    closes_at: float | None = None
    lines_free: int = 1_000_000
    starts_left: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Why:
    """The figures behind a decision; `dialer.pacing.why` puts them into words.

    `answer_rate`: of those who would be dialled next. `free_soon`, `answers_soon`: agents who come free, and answers, within
    `ahead_s`, as expected. `risk`: the chance that one more answer would find nobody; `accepted`: the greatest that the
    budget has room for. `room`: people who may still be abandoned today before the limit is reached; `share`: of today.
    """

    mode: Mode
    capped_by: Cap | None
    idle: int
    ringing: int
    spoken_for: int
    answer_rate: float
    answer_s: float
    talk_s: float
    wrap_up_s: float
    ahead_s: float
    free_soon: float
    answers_soon: float
    risk: float
    accepted: float
    room: float
    share: float
    limit: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Begin so many calls, and give up these ringing ones."""

    n_dial: int
    cancel: tuple[str, ...]
    why: Why
