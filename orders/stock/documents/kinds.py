"""Kinds and states of stock documents, and why goods are lost or found."""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    RECEIPT = "receipt"
    TRANSFER = "transfer"
    COUNT = "count"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write_off"
    HOLD = "hold"
    COST_CHANGE = "cost_change"
    PRICE_CHANGE = "price_change"


class State(StrEnum):
    """A count is `open` until it is posted, a transfer `in_transit` until it has arrived."""

    OPEN = "open"
    IN_TRANSIT = "in_transit"
    POSTED = "posted"
    CANCELLED = "cancelled"


class Cause(StrEnum):
    DAMAGED = "damaged"
    EXPIRED = "expired"
    FOUND = "found"
    LOST = "lost"
    STOLEN = "stolen"
    SAMPLE = "sample"
    RECALL = "recall"
    CORRECTION = "correction"


PREFIX: Mapping[Kind, str] = {
    Kind.RECEIPT: "RK",
    Kind.TRANSFER: "DB",
    Kind.COUNT: "PD",
    Kind.ADJUSTMENT: "SY",
    Kind.WRITE_OFF: "BS",
    Kind.HOLD: "DJ",
    Kind.COST_CHANGE: "CB",
    Kind.PRICE_CHANGE: "TJ",
}
# What was posted can be undone by its opposite; goods that travel are sent back, prices are changed again.
REVERSIBLE = frozenset(
    {Kind.RECEIPT, Kind.COUNT, Kind.ADJUSTMENT, Kind.WRITE_OFF, Kind.HOLD, Kind.COST_CHANGE}
)
