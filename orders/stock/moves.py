"""What can happen to stock. Rule: the codes are those of the ledger."""

from enum import StrEnum


class Goods(StrEnum):
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    RESTOCK = "restock"
    REPLACE = "replace"
    RECEIVE = "receive"
    WRITE_OFF = "write_off"


# What each unit does to (on_hand, reserved).
EFFECT: dict[Goods, tuple[int, int]] = {
    Goods.RESERVE: (0, 1),
    Goods.RELEASE: (0, -1),
    Goods.SHIP: (-1, -1),
    Goods.RESTOCK: (1, 0),
    Goods.REPLACE: (-1, 0),
    Goods.RECEIVE: (1, 0),
    Goods.WRITE_OFF: (-1, 0),
}
