"""What other packages see of stock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class StockLevel:
    """A balance; `value` is what the goods on hand cost, `average_cost` of one unit (None: none are there);
    `on_the_way` comes from other warehouses.
    """

    sku: str
    name_zh: str
    name_en: str
    unit: str
    warehouse: str
    on_hand: int
    reserved: int
    blocked: int
    available: int
    value: Decimal
    average_cost: Decimal | None
    on_the_way: int


@dataclass(frozen=True, slots=True)
class BatchView:
    id: int
    sku: str
    warehouse: str
    batch_no: str
    made_on: date | None
    expires_on: date
    on_hand: int
    blocked: bool
    blocked_reason: str | None
    version: int


@dataclass(frozen=True, slots=True)
class BatchPart:
    """So many base units of a batch."""

    sku: str
    batch_no: str
    expires_on: date
    quantity: int


@dataclass(frozen=True, slots=True)
class MoveView:
    """A line of the ledger."""

    id: int
    at: datetime
    sku: str
    warehouse: str
    kind: str
    on_hand_change: int
    reserved_change: int
    blocked_change: int
    value_change: Decimal
    order_id: int | None
    document_id: int | None
    actor_id: int | None


@dataclass(frozen=True, slots=True)
class InOut:
    """What came in and went out by kind, between two balances (进销存)."""

    sku: str
    name_zh: str
    name_en: str
    warehouse: str
    opening: int
    opening_value: Decimal
    came_in: Mapping[str, int]
    went_out: Mapping[str, int]
    closing: int
    closing_value: Decimal
