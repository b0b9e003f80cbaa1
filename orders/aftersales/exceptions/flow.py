"""The life of an exception (异常单), as one table, and its three levels. Rule: who decides holds the right of the level;
what goes beyond the level is escalated, by hand or when its time is over.

    open → decided → closed
      ├→ open, one level higher (escalate)
      └→ withdrawn
"""

from enum import StrEnum

from crm_core.rights import Actor, Right
from orders.aftersales.errors import ExceptionClosed


class Kind(StrEnum):
    CANCELLATION = "cancellation"
    DELAY = "delay"
    DEFECT = "defect"
    DISPUTE = "dispute"


class State(StrEnum):
    OPEN = "open"
    DECIDED = "decided"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    RAISE = "raise"
    ESCALATE = "escalate"
    DECIDE = "decide"
    CLOSE = "close"
    WITHDRAW = "withdraw"


class Resolution(StrEnum):
    APOLOGISE = "apologise"
    COMPENSATE = "compensate"
    RETURN = "return"
    EXCHANGE = "exchange"
    REFUND = "refund"
    CANCEL = "cancel"
    REFUSE = "refuse"


HIGHEST = 3
RIGHT_OF_LEVEL = {
    1: Right.EXCEPTION_DECIDE,
    2: Right.EXCEPTION_DECIDE_2,
    3: Right.EXCEPTION_DECIDE_3,
}
MOVES: dict[tuple[State, Action], State] = {
    (State.OPEN, Action.ESCALATE): State.OPEN,
    (State.OPEN, Action.DECIDE): State.DECIDED,
    (State.OPEN, Action.WITHDRAW): State.WITHDRAWN,
    (State.DECIDED, Action.CLOSE): State.CLOSED,
}
_DONE = {
    Action.ESCALATE: "escalated",
    Action.DECIDE: "decided",
    Action.WITHDRAW: "withdrawn",
    Action.CLOSE: "closed",
}


def decide(state: str, action: Action) -> State:
    """The new state. Raises ExceptionClosed."""
    to = MOVES.get((State(state), action))
    if to is None:
        raise ExceptionClosed(state, _DONE[action])
    return to


def may(actor: Actor, action: Action, level: int) -> bool:
    """Deciding and closing take the right of the level, the rest that of raising one."""
    if action in (Action.DECIDE, Action.CLOSE):
        return actor.may(RIGHT_OF_LEVEL[level])
    return actor.may(Right.EXCEPTION_RAISE)


def allowed(actor: Actor, state: str, level: int) -> tuple[str, ...]:
    """What this person may do with an exception in this state."""
    return tuple(
        action.value
        for origin, action in MOVES
        if origin == state
        and may(actor, action, level)
        and not (action is Action.ESCALATE and level == HIGHEST)
    )
