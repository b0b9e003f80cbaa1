"""What other packages see of returns. Rule: frozen; never a table row."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ReturnLineView:
    """`good`, `damaged` and `missing` are None until it was received."""

    line_no: int
    sku: str
    name_zh: str
    name_en: str
    unit: str
    quantity: int
    good: int | None
    damaged: int | None
    missing: int | None
    value: Decimal


@dataclass(frozen=True, slots=True)
class ReturnStepView:
    state: str
    actor_id: int | None
    actor_name: str | None
    at: datetime
    text: str | None


@dataclass(frozen=True, slots=True)
class ReturnSummary:
    id: int
    number: str
    order_id: int
    order_number: str
    customer_id: int
    customer_name: str
    kind: str
    way: str
    reason_code: str
    reason: str | None
    late_reason: str | None
    state: str
    value: Decimal
    asked_back: Decimal
    waybill_id: int | None
    waybill_number: str | None
    replacement_id: int | None
    replacement_number: str | None
    version: int
    requested_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnView:
    """A return with its lines and what was done to it, the oldest first."""

    summary: ReturnSummary
    lines: tuple[ReturnLineView, ...]
    steps: tuple[ReturnStepView, ...]


@dataclass(frozen=True, slots=True)
class TermView:
    """`version` 0: nobody has said otherwise."""

    code: str
    days: int | None
    version: int
