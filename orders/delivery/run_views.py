"""What other packages see of own delivery. Rule: frozen; never a table row."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RouteView:
    code: str
    name_zh: str
    name_en: str
    areas: tuple[str, ...]
    weekdays: tuple[int, ...]
    customer_ids: tuple[int, ...]
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class VehicleView:
    code: str
    plate: str
    name: str | None
    capacity_g: int
    capacity_ml: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class DriverView:
    code: str
    name: str
    phone: str
    user_id: int | None
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """`cash_due` is what the customers have to pay, `cash_collected` what the driver handed in."""

    id: int
    number: str
    day: date
    courier_code: str
    route_code: str | None
    vehicle_code: str
    plate: str
    driver_code: str
    driver_name: str
    state: str
    created_at: datetime
    out_at: datetime | None
    settled_at: datetime | None
    version: int
    stops: int
    weight_g: int
    volume_ml: int
    cash_due: Decimal
    cash_collected: Decimal


@dataclass(frozen=True, slots=True)
class ReturnedView:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class StopView:
    order_id: int
    order_number: str
    waybill_id: int
    number: str
    state: str
    place: int
    customer_name: str
    weight_g: int
    volume_ml: int
    cash_due: Decimal
    result: str | None
    cash_collected: Decimal
    note: str | None
    returned: tuple[ReturnedView, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An order that was not taken, and why."""

    order_id: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RunView:
    """`left` are the orders of this request that were not taken."""

    run: RunSummary
    capacity_g: int
    capacity_ml: int
    stops: tuple[StopView, ...]
    left: tuple[LeftOut, ...] = ()
