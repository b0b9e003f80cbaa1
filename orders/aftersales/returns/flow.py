"""The life of a return, as one table. Rule: a state changes only along `MOVES`, by somebody who has the right
that stands there.

    requested → approved → received → closed
        ├───────────┴→ rejected, cancelled

A refused delivery is on its way back already: it begins as approved.
"""

from dataclasses import dataclass
from enum import StrEnum

from crm_core.rights import Actor, Right
from orders.aftersales.errors import ReturnClosed


class Kind(StrEnum):
    RETURN = "return"
    EXCHANGE = "exchange"
    REFUSED_DELIVERY = "refused_delivery"


class Way(StrEnum):
    """How the goods come back: by post, with our driver, or over the counter."""

    POST = "post"
    DRIVER = "driver"
    COUNTER = "counter"


class Why(StrEnum):
    QUALITY = "quality"
    WRONG_GOODS = "wrong_goods"
    DAMAGED_IN_TRANSIT = "damaged_in_transit"
    NOT_AS_DESCRIBED = "not_as_described"
    UNWANTED = "unwanted"
    REFUSED = "refused"
    OTHER = "other"


class State(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    RECEIVED = "received"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class Action(StrEnum):
    APPROVE = "approve"
    RECEIVE = "receive"
    CLOSE = "close"
    REJECT = "reject"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Move:
    to: State
    right: Right


COMING = frozenset({State.REQUESTED, State.APPROVED})
"""The states in which goods are still to come."""

_MANAGE = Right.RETURN_MANAGE
_REJECT, _CANCEL = Move(State.REJECTED, _MANAGE), Move(State.CANCELLED, Right.RETURN_REQUEST)
MOVES: dict[tuple[State, Action], Move] = {
    (State.REQUESTED, Action.APPROVE): Move(State.APPROVED, _MANAGE),
    (State.REQUESTED, Action.REJECT): _REJECT,
    (State.REQUESTED, Action.CANCEL): _CANCEL,
    (State.APPROVED, Action.RECEIVE): Move(State.RECEIVED, _MANAGE),
    (State.APPROVED, Action.REJECT): _REJECT,
    (State.APPROVED, Action.CANCEL): _CANCEL,
    (State.RECEIVED, Action.CLOSE): Move(State.CLOSED, _MANAGE),
}
_DONE = {
    Action.APPROVE: "approved",
    Action.RECEIVE: "received",
    Action.CLOSE: "closed",
    Action.REJECT: "rejected",
    Action.CANCEL: "cancelled",
}


def right_of(action: Action) -> Right:
    """What an action takes, whatever the state."""
    return next(move.right for (_, each), move in MOVES.items() if each is action)


def decide(state: str, action: Action) -> State:
    """Raises ReturnClosed."""
    move = MOVES.get((State(state), action))
    if move is None:
        raise ReturnClosed(state, _DONE[action])
    return move.to


def allowed(actor: Actor, state: str) -> tuple[str, ...]:
    """What this person may do with a return in this state."""
    return tuple(
        action.value
        for (origin, action), move in MOVES.items()
        if origin == state and actor.may(move.right)
    )
