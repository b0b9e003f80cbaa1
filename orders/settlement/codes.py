"""The words of settlement."""

from enum import StrEnum


class PartyKind(StrEnum):
    COURIER = "courier"
    SUPPLIER = "supplier"


class State(StrEnum):
    DRAFT = "draft"
    CONFIRMED = "confirmed"
    PAID = "paid"
    DISCARDED = "discarded"


class ItemKind(StrEnum):
    """What money is for."""

    COD = "cod"
    FREIGHT = "freight"
    COD_FEE = "cod_fee"
    GOODS = "goods"
    GOODS_RETURNED = "goods_returned"
    REBATE = "rebate"


class ChargeKind(StrEnum):
    """What a supplier is owed for, or owes us."""

    GOODS = "goods"
    GOODS_RETURNED = "goods_returned"
    REBATE = "rebate"


class Resolution(StrEnum):
    """How a difference came right: our amount stands, theirs does, or the item waits for the next settlement."""

    OURS = "ours"
    THEIRS = "theirs"
    POSTPONED = "postponed"


SIGN = {
    ItemKind.COD: 1,
    ItemKind.FREIGHT: -1,
    ItemKind.COD_FEE: -1,
    ItemKind.GOODS: -1,
    ItemKind.GOODS_RETURNED: 1,
    ItemKind.REBATE: 1,
}
"""1: the party owes it to us; -1: we owe it."""

KINDS_OF = {
    PartyKind.COURIER: (ItemKind.COD, ItemKind.FREIGHT, ItemKind.COD_FEE),
    PartyKind.SUPPLIER: (ItemKind.GOODS, ItemKind.GOODS_RETURNED, ItemKind.REBATE),
}
WAYBILL, CHARGE, DIFFERENCE = "waybill", "supplier_charge", "difference"
"""What an item is of."""
