"""The planning of stock as people see it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from orders.reasons import Reason


@dataclass(frozen=True, slots=True)
class PolicyView:
    sku: str
    warehouse: str
    min_quantity: int
    target_quantity: int
    lead_days: int
    lot: int | None
    version: int


@dataclass(frozen=True, slots=True)
class ForecastError:
    """Of one method in back-test, as in `forecast.MethodError`."""

    method: str
    mae: float
    wape: float | None
    mase: float | None


@dataclass(frozen=True, slots=True)
class ForecastView:
    """What is `expected` to be sold in `horizon_days`, by the method that was best over `origins` looks back."""

    sku: str
    warehouse: str
    made_on: date
    history_days: int
    horizon_days: int
    method: str
    expected: Decimal
    deviation: Decimal
    origins: int
    errors: tuple[ForecastError, ...]


@dataclass(frozen=True, slots=True)
class AdviceView:
    """How many base units to restock, and why."""

    sku: str
    name_zh: str
    name_en: str
    warehouse: str
    quantity: int
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class AlarmView:
    """`quantity` is what was there when it was raised, `bound` the least, the days left, or what orders hold."""

    id: int
    kind: str
    sku: str
    name_zh: str
    name_en: str
    warehouse: str
    batch_id: int | None
    batch_no: str | None
    quantity: int
    bound: int
    raised_at: datetime
    ended_at: datetime | None
