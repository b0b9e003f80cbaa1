"""What an event does to a waybill, and then to its order, as two tables. Rule: pure; an event that says
nothing new changes nothing, and one that contradicts what is known changes nothing either: it is a conflict
for a person, and stays one.

    created → handed_over → in_transit → delivered
                             │   ↑  └──→ refused → returned
                             └→ lost (and may be found again)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orders.delivery.codes import EventCode, Outcome, State
from orders.sales.flow import Status

_ON_THE_WAY = frozenset(
    {
        EventCode.ACCEPTED,
        EventCode.IN_TRANSIT,
        EventCode.OUT_FOR_DELIVERY,
        EventCode.NOT_DELIVERED,
    }
)
_ENDS = {
    EventCode.DELIVERED: State.DELIVERED,
    EventCode.REFUSED: State.REFUSED,
    EventCode.LOST: State.LOST,
    EventCode.RETURNED: State.RETURNED,
}
_BEGUN = (State.CREATED, State.HANDED_OVER, State.IN_TRANSIT)
# Which ends may still follow each state; the state's own word says nothing new.
_FOLLOWS: Mapping[State, frozenset[State]] = {
    **dict.fromkeys(_BEGUN, frozenset(_ENDS.values())),
    State.LOST: frozenset({State.DELIVERED, State.REFUSED, State.RETURNED}),
    State.REFUSED: frozenset({State.RETURNED, State.LOST}),
    State.DELIVERED: frozenset(),
    State.RETURNED: frozenset(),
    State.VOID: frozenset(),
}
# What a state says already, although its word was another one: what came back was refused before.
_IMPLIED: Mapping[State, frozenset[State]] = {State.RETURNED: frozenset({State.REFUSED})}


@dataclass(frozen=True, slots=True)
class Step:
    """`state` is what the waybill becomes, None when it stays as it is."""

    outcome: Outcome
    state: State | None = None


def step(state: State, code: EventCode, *, older: bool) -> Step:
    """`older`: the event happened before the waybill came into this state."""
    if state is State.VOID:
        return Step(Outcome.CONFLICT)
    if code in _ON_THE_WAY:
        begins = state in (State.CREATED, State.HANDED_OVER)
        found = state is State.LOST and not older
        return Step(Outcome.APPLIED, State.IN_TRANSIT) if begins or found else Step(Outcome.NOTED)
    end = _ENDS[code]
    if end is state or end in _IMPLIED.get(state, ()):
        return Step(Outcome.NOTED)
    return Step(Outcome.APPLIED, end) if end in _FOLLOWS[state] else Step(Outcome.CONFLICT)


_FORWARD = (Status.PICKING, Status.SHIPPED, Status.IN_TRANSIT, Status.DELIVERED)
_KEPT = (Status.DELIVERED, Status.SETTLED, Status.EXCHANGED)
_GOALS: Mapping[State, Status] = {
    State.HANDED_OVER: Status.SHIPPED,
    State.IN_TRANSIT: Status.IN_TRANSIT,
    State.DELIVERED: Status.DELIVERED,
    State.REFUSED: Status.REFUSED,
    State.RETURNED: Status.REFUSED,
}
_REACHED: Mapping[Status, frozenset[Status]] = {
    Status.SHIPPED: frozenset({Status.SHIPPED, Status.IN_TRANSIT, *_KEPT}),
    Status.IN_TRANSIT: frozenset({Status.IN_TRANSIT, Status.REFUSED, Status.RETURNED, *_KEPT}),
    Status.DELIVERED: frozenset(_KEPT),
    Status.REFUSED: frozenset({Status.REFUSED, Status.RETURNED}),
}


def order_path(status: str, state: State) -> tuple[Status, ...] | None:
    """The moves by which an order follows its waybill; none when it is there, None when it cannot."""
    goal = _GOALS.get(state)
    if goal is None:
        return ()
    now = Status(status)
    if now in _REACHED[goal]:
        return ()
    if now not in _FORWARD:
        return None
    place = _FORWARD.index(now)
    if goal is not Status.REFUSED:
        return _FORWARD[place + 1 : _FORWARD.index(goal) + 1]
    if now is Status.DELIVERED:
        return None
    return (Status.SHIPPED, Status.REFUSED) if now is Status.PICKING else (Status.REFUSED,)
