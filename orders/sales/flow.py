"""The life of an order, as one table. Rule: a status changes only along `MOVES`, by somebody who has
the right that stands there, and what happens to the goods, the credit and the customer stands beside.

    backordered ─┬→ review ←─┐
                 │    ├──────┼→ reviewed → picking → shipped → in_transit → delivered → settled
                 └→ placed ──┘                         │           │            ├→ returned
                                                       └─ refused ←┘            └→ exchanged
    cancelled: from every status before shipping; picking → reviewed: back to be changed

What came back moves by a return alone (`by_return`, see `orders.aftersales`), which moves goods and money itself, as
many as came. An order is changed while it stands before picking (`EDITABLE`), by whoever may place orders.
"""

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


@dataclass(frozen=True, slots=True)
class Move:
    """`right` is who may; None for `goods` or `credit` leaves them as they are; `by_return`: no person moves
    it so, only what came back does.
    """

    right: Right
    goods: Goods | None = None
    credit: Credit | None = None
    tells: bool = False
    by_return: bool = False


_PLACE, _REVIEW = Right.ORDER_PLACE, Right.ORDER_REVIEW
_CANCEL_BY_AGENT = Move(_PLACE, Goods.RELEASE, Credit.RELEASE, tells=True)
_CANCEL_BY_REVIEWER = Move(_REVIEW, Goods.RELEASE, Credit.RELEASE, tells=True)
_CAME_BACK = Move(Right.RETURN_MANAGE, credit=Credit.RELEASE, by_return=True)

MOVES: dict[tuple[Status, Status], Move] = {
    (Status.BACKORDERED, Status.PLACED): Move(_REVIEW, Goods.RESERVE, Credit.HOLD, tells=True),
    (Status.BACKORDERED, Status.REVIEW): Move(_REVIEW, Goods.RESERVE),
    (Status.BACKORDERED, Status.CANCELLED): Move(_PLACE, None, Credit.RELEASE, tells=True),
    (Status.REVIEW, Status.REVIEWED): Move(_REVIEW, credit=Credit.HOLD, tells=True),
    (Status.REVIEW, Status.CANCELLED): _CANCEL_BY_AGENT,
    (Status.PLACED, Status.REVIEW): Move(_REVIEW),
    (Status.PLACED, Status.REVIEWED): Move(_REVIEW),
    (Status.PLACED, Status.CANCELLED): _CANCEL_BY_AGENT,
    (Status.REVIEWED, Status.REVIEW): Move(_REVIEW),
    (Status.REVIEWED, Status.PICKING): Move(_REVIEW),
    (Status.REVIEWED, Status.CANCELLED): _CANCEL_BY_AGENT,
    (Status.PICKING, Status.REVIEWED): Move(_REVIEW),
    (Status.PICKING, Status.SHIPPED): Move(_REVIEW, Goods.SHIP, tells=True),
    (Status.PICKING, Status.CANCELLED): _CANCEL_BY_REVIEWER,
    (Status.SHIPPED, Status.IN_TRANSIT): Move(_REVIEW),
    (Status.SHIPPED, Status.REFUSED): Move(_REVIEW),
    (Status.IN_TRANSIT, Status.DELIVERED): Move(_REVIEW, tells=True),
    (Status.IN_TRANSIT, Status.REFUSED): Move(_REVIEW),
    (Status.REFUSED, Status.RETURNED): _CAME_BACK,
    (Status.DELIVERED, Status.SETTLED): Move(_REVIEW, credit=Credit.RELEASE),
    (Status.DELIVERED, Status.RETURNED): _CAME_BACK,
    (Status.DELIVERED, Status.EXCHANGED): _CAME_BACK,
    (Status.EXCHANGED, Status.SETTLED): Move(_REVIEW, credit=Credit.RELEASE),
    (Status.EXCHANGED, Status.RETURNED): _CAME_BACK,
}


EDITABLE = frozenset({Status.BACKORDERED, Status.REVIEW, Status.PLACED, Status.REVIEWED})
HOLDS_STOCK = frozenset({Status.REVIEW, Status.PLACED, Status.REVIEWED, Status.PICKING})
"""The statuses in which an order's goods are reserved."""


def has_left(current: str) -> bool:
    """Whether the goods of an order in this status went out, though they may have come back."""
    return current not in (Status.BACKORDERED, *HOLDS_STOCK, Status.CANCELLED)


def decide(current: str, to: str, *, by_return: bool = False) -> Move:
    """The move from one status to another. Raises MoveNotAllowed when the table has none, ReturnNeeded when it
    takes a return.
    """
    try:
        move = MOVES[Status(current), Status(to)]
    except (KeyError, ValueError):
        raise MoveNotAllowed(current, to) from None
    if move.by_return and not by_return:
        raise ReturnNeeded(current, to)
    return move


def may_edit(current: str, actor: Actor) -> bool:
    """Whether this person may change what is ordered."""
    return current in EDITABLE and actor.may(_PLACE)


def allowed(current: str, actor: Actor) -> tuple[str, ...]:
    """The statuses this person may move the order to; `edit` before them when it may be changed."""
    moves = (
        to.value
        for (origin, to), move in MOVES.items()
        if origin == current and not move.by_return and actor.may(move.right)
    )
    return (*(("edit",) if may_edit(current, actor) else ()), *moves)
