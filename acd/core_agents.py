"""The agent's states and moves, as one table.

Rule: a state changes only by a move in MOVES. Where a command meets a busy agent the table keeps the
state: the wish waits in `pending` and takes effect where the agent would otherwise become ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from acd.core_types import AgentNow, Command, Login
from acd.errors import NotAllowedNow
from acd.events import AgentState

Move = (
    Command
    | Literal[
        "offer",
        "reserve",
        "release",
        "answer",
        "cancel",
        "fail",
        "hang_up",
        "wrap_up_over",
        "found_talking",
        "phone_lost",
        "phone_back",
    ]
)

_WISHES: Mapping[Command, AgentState] = {"break": "break", "log_out": "offline"}

MOVES: Mapping[AgentState, Mapping[Move, AgentState]] = {
    "offline": {"log_in": "ready"},
    "ready": {
        "break": "break",
        "log_out": "offline",
        "offer": "ringing",
        "reserve": "reserved",
        "found_talking": "talking",
        "phone_lost": "unavailable",
    },
    "reserved": {
        "break": "reserved",
        "log_out": "reserved",
        "ready": "reserved",
        "offer": "ringing",
        "release": "ready",
        "found_talking": "talking",
    },
    "ringing": {
        "break": "ringing",
        "log_out": "ringing",
        "ready": "ringing",
        "answer": "talking",
        "cancel": "ready",
        "fail": "unavailable",
    },
    "talking": {
        "break": "talking",
        "log_out": "talking",
        "ready": "talking",
        "hang_up": "wrap_up",
    },
    "wrap_up": {
        "break": "break",
        "log_out": "offline",
        "finish_wrap_up": "ready",
        "wrap_up_over": "ready",
        "found_talking": "talking",
    },
    "break": {"ready": "ready", "log_out": "offline", "found_talking": "talking"},
    "unavailable": {
        "ready": "ready",
        "break": "break",
        "log_out": "offline",
        "phone_back": "ready",
        "found_talking": "talking",
    },
}
PHONE_UNREACHABLE = "phone_unreachable"
COMMANDS: tuple[Command, ...] = ("log_in", "ready", "break", "log_out", "finish_wrap_up")
BUSY: frozenset[AgentState] = frozenset({"reserved", "ringing", "talking", "wrap_up"})
AWAY: frozenset[AgentState] = frozenset({"offline", "break", "unavailable"})
ON_A_CALL: frozenset[AgentState] = frozenset({"reserved", "ringing", "talking"})


@dataclass(slots=True)
class Agent:
    """One agent, owned by the core. `idle_since` is when the last call ended (or the log-in).

    `busy_since` is when the present call was answered, `calls` how many were since the log-in. While the
    telephone is not `reachable` the agent does not become ready.
    """

    login: Login
    state: AgentState = "offline"
    reason: str | None = None
    call_id: str | None = None
    call_queue: str | None = None
    since: float = 0.0
    idle_since: float = 0.0
    busy_since: float = 0.0
    calls: int = 0
    wrap_up_until: float | None = None
    pending: Command | None = None
    pending_reason: str | None = None
    reachable: bool = True
    ranks: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.ranks = {queue: rank for rank, queue in enumerate(self.login.queues)}

    @property
    def agent_id(self) -> int:
        return self.login.agent_id

    def view(self) -> AgentNow:
        return AgentNow(
            login=self.login,
            state=self.state,
            reason=self.reason,
            call_id=self.call_id,
            since=self.since,
            wrap_up_until=self.wrap_up_until,
            pending=self.pending,
            calls=self.calls,
            pending_reason=self.pending_reason,
        )

    def move(self, move: Move, now: float, reason: str | None = None) -> None:
        """Follow the table. Raises NotAllowedNow when the state has no such move."""
        to = MOVES[self.state].get(move)
        if to is None:
            raise self.refusal(move)
        if to == self.state:
            self._wish(move, reason)
        elif to in ("ready", "unavailable") and self.pending is not None:
            wish, wish_reason = self.pending, self.pending_reason
            self._enter(_WISHES[wish], now, wish_reason)
        elif to == "ready" and not self.reachable:
            self._enter("unavailable", now, PHONE_UNREACHABLE)
        else:
            self._enter(to, now, reason)

    def refusal(self, move: Move) -> NotAllowedNow:
        if move == "ready" and self.state == "unavailable":
            return NotAllowedNow(
                f"The telephone {self.login.extension} of {self.login.name} is not registered:"
                " plug it in or sign it in; then the agent is ready by itself."
            )
        return NotAllowedNow(
            f"{self.login.name} cannot do {move!r} while {self.state!r};"
            f" possible now: {', '.join(self.allowed()) or 'nothing'}."
        )

    def can(self, move: Move) -> bool:
        return move in MOVES[self.state]

    def allowed(self) -> tuple[Command, ...]:
        """The buttons that may be pressed now."""
        moves = MOVES[self.state]
        return tuple(
            command
            for command in COMMANDS
            if command in moves
            and command != self.pending
            and not (command == "ready" and self.state in ON_A_CALL and self.pending is None)
            and not (command == "ready" and self.state == "unavailable" and not self.reachable)
        )

    def _wish(self, move: Move, reason: str | None) -> None:
        wish = move if move in ("break", "log_out") else None
        self.pending, self.pending_reason = wish, reason if wish else None

    def _enter(self, state: AgentState, now: float, reason: str | None) -> None:
        if state == "ready" and self.state not in ("ringing", "reserved"):
            self.idle_since = now
        if state == "talking":
            self.busy_since = now
            self.calls += 1
        self.state, self.reason, self.since = state, reason, now
        if state != "wrap_up":
            self.wrap_up_until = None
        if state not in ON_A_CALL and state != "wrap_up":
            self.call_id = self.call_queue = None
        if state in AWAY or state == "ready":
            self.pending = self.pending_reason = None
