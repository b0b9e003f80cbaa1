"""The life of an attempt to pay, as one table. Rule: money that came in is never refused: also an attempt that
failed or expired becomes paid when the gateway says so.

    requested → pending → paid → partly_refunded → refunded
         ├─────────┴→ failed, expired ─→ paid (late)
"""

from enum import StrEnum


class State(StrEnum):
    REQUESTED = "requested"
    PENDING = "pending"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN = (State.REQUESTED, State.PENDING)
RECEIVED = (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
MOVES: frozenset[tuple[State, State]] = frozenset(
    {
        (State.REQUESTED, State.PENDING),
        (State.REQUESTED, State.PAID),
        (State.REQUESTED, State.FAILED),
        (State.REQUESTED, State.EXPIRED),
        (State.PENDING, State.PAID),
        (State.PENDING, State.FAILED),
        (State.PENDING, State.EXPIRED),
        (State.FAILED, State.PAID),
        (State.EXPIRED, State.PAID),
        (State.PAID, State.PARTLY_REFUNDED),
        (State.PAID, State.REFUNDED),
        (State.PARTLY_REFUNDED, State.REFUNDED),
    }
)


def moved(current: str, to: State) -> State:
    """The new state. Raises ValueError for a move that the table does not have."""
    if current != to and (State(current), to) not in MOVES:
        raise ValueError(f"a payment that is {current} cannot become {to}")
    return to
