"""What other packages see of exceptions. Rule: frozen; never a table row."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ExceptionSummary:
    id: int
    number: str
    order_id: int
    order_number: str
    order_status: str
    customer_id: int
    customer_name: str
    kind: str
    level: int
    state: str
    description: str
    raised_by: int | None
    raised_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    resolution: str | None
    decided_by: int | None
    decided_at: datetime | None
    words: str | None
    cost: Decimal
    refund: Decimal
    coupon_id: int | None
    package_id: int | None
    return_id: int | None
    version: int


@dataclass(frozen=True, slots=True)
class ExceptionStepView:
    action: str
    level: int
    actor_id: int | None
    actor_name: str | None
    at: datetime
    text: str | None


@dataclass(frozen=True, slots=True)
class ExceptionView:
    """An exception with what was done to it, the oldest first."""

    summary: ExceptionSummary
    steps: tuple[ExceptionStepView, ...]


@dataclass(frozen=True, slots=True)
class LevelView:
    """`version` 0: nobody has said otherwise."""

    level: int
    name_zh: str
    name_en: str
    hours: int
    most: Decimal | None
    version: int


@dataclass(frozen=True, slots=True)
class RuleView:
    id: int
    kind: str | None
    least_total: Decimal
    level_code: str | None
    vip: bool
    level: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class ReportLine:
    """Of one kind and level: how many were raised, are open, were escalated, were decided after their time, and
    what they cost.
    """

    kind: str
    level: int
    count: int
    open: int
    escalated: int
    late: int
    cost: Decimal
