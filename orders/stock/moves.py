"""What can happen to stock. Rule: the codes are those of the ledger; a negative quantity undoes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Goods(StrEnum):
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    RESTOCK = "restock"
    REPLACE = "replace"
    RECEIVE = "receive"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    GAIN = "gain"
    LOSS = "loss"
    WRITE_OFF = "write_off"
    BLOCK = "block"
    UNBLOCK = "unblock"
    EXPIRE = "expire"
    REVALUE = "revalue"


class Effect(NamedTuple):
    """What each unit does to the balance."""

    on_hand: int
    reserved: int
    blocked: int

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved - self.blocked


EFFECT: Mapping[Goods, Effect] = {
    Goods.RESERVE: Effect(0, 1, 0),
    Goods.RELEASE: Effect(0, -1, 0),
    Goods.SHIP: Effect(-1, -1, 0),
    Goods.RESTOCK: Effect(1, 0, 0),
    Goods.REPLACE: Effect(-1, 0, 0),
    Goods.RECEIVE: Effect(1, 0, 0),
    Goods.TRANSFER_OUT: Effect(-1, 0, 0),
    Goods.TRANSFER_IN: Effect(1, 0, 0),
    Goods.GAIN: Effect(1, 0, 0),
    Goods.LOSS: Effect(-1, 0, 0),
    Goods.WRITE_OFF: Effect(-1, 0, 0),
    Goods.BLOCK: Effect(0, 0, 1),
    Goods.UNBLOCK: Effect(0, 0, -1),
    Goods.EXPIRE: Effect(0, 0, 1),
    Goods.REVALUE: Effect(0, 0, 0),
}
# Happens whether or not orders hold the goods: then less than nothing is available, and an alarm says so.
UNASKED = frozenset({Goods.EXPIRE, Goods.BLOCK})
