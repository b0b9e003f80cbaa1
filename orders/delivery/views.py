"""What other packages see of couriers and waybills. Rule: frozen; never a table row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orders.delivery import addresses
from orders.delivery.choice import Tariff
from orders.reasons import Reason
from orders.stock.views import BatchPart


@dataclass(frozen=True, slots=True)
class CourierView:
    """`numbers_left` are those of the ranges that are not used yet."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    paper: str
    ways: tuple[str, ...]
    not_served: tuple[str, ...]
    priority: int
    number_check: str
    cod: bool
    cod_fee_percent: Decimal
    cod_fee_least: Decimal
    cod_most: Decimal | None
    feedback_columns: Mapping[str, str]
    feedback_codes: Mapping[str, str]
    active: bool
    version: int
    tariffs: tuple[Tariff, ...]
    numbers_left: int


@dataclass(frozen=True, slots=True)
class ConsigneeView:
    """`version` 0: proposed from the order and the customer, not kept yet."""

    order_id: int
    recipient: str
    phone: str | None
    province: str | None
    city: str | None
    district: str | None
    street: str
    postcode: str | None
    way: str
    version: int

    @property
    def line(self) -> str:
        return addresses.one_line(self.province, self.city, self.district, self.street)


@dataclass(frozen=True, slots=True)
class UnsortedView:
    """An order that waits for its waybill."""

    order_id: int
    order_number: str
    customer_id: int
    customer_name: str
    total: Decimal
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class WaybillView:
    id: int
    order_id: int
    order_number: str
    order_status: str
    customer_id: int
    customer_name: str
    courier_code: str
    courier_zh: str
    courier_en: str
    number: str
    kind: str
    state: str
    weight_g: int
    volume_ml: int
    freight: Decimal
    cod_amount: Decimal
    cod_fee: Decimal
    collected: Decimal | None
    why: tuple[Reason, ...]
    reason: str | None
    created_at: datetime
    printed_at: datetime | None
    handed_over_at: datetime | None
    due_at: datetime | None
    late_at: datetime | None
    state_at: datetime
    voided_reason: str | None
    outdated: bool


@dataclass(frozen=True, slots=True)
class EventView:
    id: int
    waybill_id: int
    number: str
    code: str
    at: datetime
    place: str | None
    signer: str | None
    note: str | None
    collected: Decimal | None
    source: str
    received_at: datetime
    outcome: str
    why: str | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sorted:
    """What became of one order of many: its waybill, or why it has none; `batches` are those that its goods were
    taken from when it was handed over.
    """

    order_id: int
    waybill: WaybillView | None
    code: str | None = None
    message: str | None = None
    batches: tuple[BatchPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of one report: applied, noted, conflict, duplicate or refused."""

    number: str
    outcome: str
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of a courier's file that was not taken in, as Excel counts rows."""

    row: int
    cells: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class FileTaken:
    """How a courier's file went; handed in again, what was taken in counts as duplicate."""

    rows: int
    applied: int
    noted: int
    duplicates: int
    conflicts: int
    refused: tuple[RefusedRow, ...]
