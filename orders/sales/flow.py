"""The life of an order, as one table. Rule: a status changes only along `MOVES`, in a way and by somebody with
the right that stand there, and what happens to the goods, the credit and the customer stands beside.

    backordered ─┬→ review ←─┐
                 │    ├──────┼→ reviewed → picking → shipped → in_transit → delivered → settled
                 └→ placed ──┘                         │           │            ├→ returned
                                                       └─ refused ←┘            └→ exchanged
    cancelled: from every status before shipping; picking → reviewed: back to be changed

What came back moves by a return alone (see `orders.aftersales`), which moves goods and money itself, as many as came.
An order is changed while it stands before picking (`EDITABLE`), by whoever may place orders; then the rules of review
are asked again, and what they say moves it, the goods and the credit being taken anew by the change itself.
What came back is told by its return. An order is settled when it is paid; what is settled unpaid is waived (`orders.sales.waiving`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm_core.rights import Actor, Right
from orders.errors import MoveNotAllowed, ReturnNeeded
from orders.stock.moves import Goods


class Status(StrEnum):
    BACKORDERED = "backordered"
    REVIEW = "review"
    PLACED = "placed"
    REVIEWED = "reviewed"
    PICKING = "picking"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    RETURNED = "returned"
    EXCHANGED = "exchanged"


LABELS: dict[Status, tuple[str, str]] = {
    Status.BACKORDERED: ("待补货", "back-ordered"),
    Status.REVIEW: ("待审核", "awaiting review"),
    Status.PLACED: ("订购", "ordered"),
    Status.REVIEWED: ("已审核", "approved"),
    Status.PICKING: ("配货中", "being picked"),
    Status.SHIPPED: ("已发货", "shipped"),
    Status.IN_TRANSIT: ("在途", "in transit"),
    Status.DELIVERED: ("已交付", "delivered"),
    Status.SETTLED: ("已结算", "settled"),
    Status.CANCELLED: ("取消", "cancelled"),
    Status.REFUSED: ("拒收", "refused"),
    Status.RETURNED: ("退货", "returned"),
    Status.EXCHANGED: ("更换", "exchanged"),
}


class Credit(StrEnum):
    HOLD = "hold"
    RELEASE = "release"


class By(StrEnum):
    """How a move comes about: it is asked for as such, it follows of a change of what was ordered, or of goods that
    came back.
    """

    HAND = "hand"
    CHANGE = "change"
    RETURN = "return"


class Tells(StrEnum):
    """The customer hears of a `step` always, of a `stop` unless the order goes on at once."""

    STEP = "step"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Move:
    """`may` is who may, for each way in which it comes about; None for `goods` or `credit` leaves them as they are.
    Without `tells` nobody is told: what goes to and fro inside the house is nobody's else. `paid`: only what is paid
    in full, or waived.
    """

    may: Mapping[By, Right]
    goods: Goods | None = None
    credit: Credit | None = None
    tells: Tells | None = None
    paid: bool = False


_AGENT = {By.HAND: Right.ORDER_PLACE}
_REVIEWER = {By.HAND: Right.ORDER_REVIEW}
_HELD = Move(_REVIEWER | {By.CHANGE: Right.ORDER_PLACE})
_CANCEL_BY_AGENT = Move(_AGENT, Goods.RELEASE, Credit.RELEASE, tells=Tells.STEP)
_CANCEL_BY_REVIEWER = Move(_REVIEWER, Goods.RELEASE, Credit.RELEASE, tells=Tells.STEP)
_CAME_BACK = Move({By.RETURN: Right.RETURN_MANAGE}, credit=Credit.RELEASE)
_SETTLE = Move(_REVIEWER, credit=Credit.RELEASE, tells=Tells.STEP, paid=True)

MOVES: dict[tuple[Status, Status], Move] = {
    (Status.BACKORDERED, Status.PLACED): Move(
        _REVIEWER, Goods.RESERVE, Credit.HOLD, tells=Tells.STEP
    ),
    (Status.BACKORDERED, Status.REVIEW): Move(_REVIEWER, Goods.RESERVE),
    (Status.BACKORDERED, Status.CANCELLED): Move(_AGENT, None, Credit.RELEASE, tells=Tells.STEP),
    (Status.REVIEW, Status.REVIEWED): Move(_REVIEWER, credit=Credit.HOLD, tells=Tells.STEP),
    (Status.REVIEW, Status.PLACED): Move({By.CHANGE: Right.ORDER_PLACE}, credit=Credit.HOLD),
    (Status.REVIEW, Status.CANCELLED): _CANCEL_BY_AGENT,
    (Status.PLACED, Status.REVIEW): _HELD,
    (Status.PLACED, Status.REVIEWED): Move(_REVIEWER),
    (Status.PLACED, Status.CANCELLED): _CANCEL_BY_AGENT,
    (Status.REVIEWED, Status.REVIEW): _HELD,
    (Status.REVIEWED, Status.PICKING): Move(_REVIEWER, tells=Tells.STOP),
    (Status.REVIEWED, Status.CANCELLED): _CANCEL_BY_AGENT,
    (Status.PICKING, Status.REVIEWED): Move(_REVIEWER),
    (Status.PICKING, Status.SHIPPED): Move(_REVIEWER, Goods.SHIP, tells=Tells.STEP),
    (Status.PICKING, Status.CANCELLED): _CANCEL_BY_REVIEWER,
    (Status.SHIPPED, Status.IN_TRANSIT): Move(_REVIEWER, tells=Tells.STOP),
    (Status.SHIPPED, Status.REFUSED): Move(_REVIEWER, tells=Tells.STEP),
    (Status.IN_TRANSIT, Status.DELIVERED): Move(_REVIEWER, tells=Tells.STEP),
    (Status.IN_TRANSIT, Status.REFUSED): Move(_REVIEWER, tells=Tells.STEP),
    (Status.REFUSED, Status.RETURNED): _CAME_BACK,
    (Status.DELIVERED, Status.SETTLED): _SETTLE,
    (Status.DELIVERED, Status.RETURNED): _CAME_BACK,
    (Status.DELIVERED, Status.EXCHANGED): _CAME_BACK,
    (Status.EXCHANGED, Status.SETTLED): _SETTLE,
    (Status.EXCHANGED, Status.RETURNED): _CAME_BACK,
    (Status.SETTLED, Status.RETURNED): _CAME_BACK,
    (Status.SETTLED, Status.EXCHANGED): _CAME_BACK,
}


EDITABLE = frozenset({Status.BACKORDERED, Status.REVIEW, Status.PLACED, Status.REVIEWED})
HOLDS_STOCK = frozenset({Status.REVIEW, Status.PLACED, Status.REVIEWED, Status.PICKING})
"""The statuses in which an order's goods are reserved."""


def has_left(current: str) -> bool:
    """Whether the goods of an order in this status went out, though they may have come back."""
    return current not in (Status.BACKORDERED, *HOLDS_STOCK, Status.CANCELLED)


def decide(current: str, to: str, actor: Actor, *, by: By = By.HAND) -> Move:
    """The move from one status to another. Raises MoveNotAllowed when the table has none of this way, ReturnNeeded
    when it takes a return, Forbidden.
    """
    try:
        move = MOVES[Status(current), Status(to)]
    except (KeyError, ValueError):
        raise MoveNotAllowed(current, to) from None
    if by not in move.may:
        raise ReturnNeeded(current, to) if By.RETURN in move.may else MoveNotAllowed(current, to)
    actor.require(move.may[by])
    return move


def may_edit(current: str, actor: Actor) -> bool:
    """Whether this person may change what is ordered."""
    return current in EDITABLE and actor.may(Right.ORDER_PLACE)


def allowed(current: str, actor: Actor) -> tuple[str, ...]:
    """The statuses this person may move the order to; `edit` before them when it may be changed."""
    moves = (
        to.value
        for (origin, to), move in MOVES.items()
        if origin == current and By.HAND in move.may and actor.may(move.may[By.HAND])
    )
    return (*(("edit",) if may_edit(current, actor) else ()), *moves)
