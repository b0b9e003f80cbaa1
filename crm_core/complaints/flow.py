"""The life of a complaint, as one table. Rule: a state changes only along `MOVES`, by somebody who has
the right that stands there; where `handler_only` stands, it takes the handler or who manages complaints.

    open ─────┐ take, assign                  resolve             close
    reopened ─┴─────────────→ in_progress ────────────→ resolved ───────→ closed
    rejected ← reject: from open, in_progress and reopened
    reopened ← reopen: from resolved, closed and rejected
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm_core.errors import Conflict, Forbidden
from crm_core.rights import Actor, Right


class MoveNotAllowed(Conflict):
    code = "complaint_state"


class State(StrEnum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"
    REJECTED = "rejected"


class Action(StrEnum):
    TAKE = "take"
    ASSIGN = "assign"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Move:
    to: State
    right: Right
    handler_only: bool = False


HANDLED = frozenset({State.RESOLVED, State.CLOSED, State.REJECTED})
UNHANDLED = frozenset(State) - HANDLED

_WORK, _MANAGE = Right.COMPLAINT_WORK, Right.COMPLAINT_MANAGE
MOVES: Mapping[tuple[State, Action], Move] = {
    (State.OPEN, Action.TAKE): Move(State.IN_PROGRESS, _WORK),
    (State.OPEN, Action.ASSIGN): Move(State.IN_PROGRESS, _MANAGE),
    (State.OPEN, Action.REJECT): Move(State.REJECTED, _MANAGE),
    (State.IN_PROGRESS, Action.ASSIGN): Move(State.IN_PROGRESS, _MANAGE),
    (State.IN_PROGRESS, Action.RESOLVE): Move(State.RESOLVED, _WORK, handler_only=True),
    (State.IN_PROGRESS, Action.REJECT): Move(State.REJECTED, _MANAGE),
    (State.RESOLVED, Action.CLOSE): Move(State.CLOSED, _WORK),
    (State.RESOLVED, Action.REOPEN): Move(State.REOPENED, _WORK),
    (State.CLOSED, Action.REOPEN): Move(State.REOPENED, _WORK),
    (State.REOPENED, Action.TAKE): Move(State.IN_PROGRESS, _WORK),
    (State.REOPENED, Action.ASSIGN): Move(State.IN_PROGRESS, _MANAGE),
    (State.REOPENED, Action.REJECT): Move(State.REJECTED, _MANAGE),
    (State.REJECTED, Action.REOPEN): Move(State.REOPENED, _MANAGE),
}


def right_for(action: Action) -> Right:
    """What is asked for before the complaint is looked at: the least that suffices in some state."""
    rights = {move.right for (_, each), move in MOVES.items() if each is action}
    return _WORK if _WORK in rights else _MANAGE


def check_unhandled(state: str) -> None:
    """Raises MoveNotAllowed."""
    if State(state) in HANDLED:
        raise MoveNotAllowed(
            f"This complaint is {state}: reopen it before you edit it.", fields={"state": state}
        )


def decide(actor: Actor, state: str, handler_id: int | None, action: Action) -> Move:
    """Raises Forbidden, MoveNotAllowed."""
    move = MOVES.get((State(state), action))
    if move is None:
        raise _not_allowed(state, action)
    actor.require(move.right)
    if move.handler_only and not _handles(actor, handler_id):
        raise Forbidden(f"Only its handler, or who manages complaints, may {action} this one.")
    return move


def allowed(actor: Actor, state: str, handler_id: int | None) -> tuple[str, ...]:
    """What this person may do with a complaint in this state."""
    return tuple(
        action.value
        for (origin, action), move in MOVES.items()
        if origin == state
        and actor.may(move.right)
        and (not move.handler_only or _handles(actor, handler_id))
    )


def _not_allowed(state: str, action: Action) -> MoveNotAllowed:
    return MoveNotAllowed(
        f"This complaint is {state.replace('_', ' ')}: look at it again before you {action} it.",
        fields={"state": state},
    )


def _handles(actor: Actor, handler_id: int | None) -> bool:
    return actor.may(_MANAGE) or (handler_id is not None and handler_id == actor.user_id)
