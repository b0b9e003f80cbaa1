"""What is shown of settlement."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class TotalView:
    kind: str
    items: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class SettlementView:
    """`balance` above nothing: the party owes it; below: we do. `differences` are the open ones; `done_items` of
    `items` are worked off after it was paid.
    """

    id: int
    number: str
    party_kind: str
    party_code: str
    begins: date
    ends: date
    state: str
    items: int
    balance: Decimal
    paid: Decimal
    statement_rows: int | None
    created_by: int | None
    created_at: datetime
    confirmed_by: int | None
    confirmed_at: datetime | None
    paid_at: datetime | None
    finished_at: datetime | None
    version: int
    differences: int
    done_items: int


@dataclass(frozen=True, slots=True)
class PaymentView:
    id: int
    amount: Decimal
    method: str
    reference: str
    paid_at: datetime
    booked_at: datetime
    booked_by: int | None


@dataclass(frozen=True, slots=True)
class SettlementDetail:
    settlement: SettlementView
    totals: tuple[TotalView, ...]
    payments: tuple[PaymentView, ...]


@dataclass(frozen=True, slots=True)
class ItemView:
    id: int
    kind: str
    subject: str
    subject_id: int
    reference: str
    at: datetime
    amount: Decimal
    told: Decimal | None


@dataclass(frozen=True, slots=True)
class DifferenceView:
    """Amounts without sign; `ours` is None for what only they have, `theirs` for what only we have."""

    id: int
    settlement_id: int
    kind: str
    reference: str
    ours: Decimal | None
    theirs: Decimal | None
    resolution: str | None
    reason: str | None
    resolved_by: int | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A row of the party's file, as Excel counts it, and why it was not taken."""

    row: int
    cells: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class TakenStatement:
    detail: SettlementDetail
    rows: int
    matched: int
    refused: tuple[RefusedLine, ...]


@dataclass(frozen=True, slots=True)
class SupplierView:
    code: str
    name_zh: str
    name_en: str
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class ChargeView:
    id: int
    supplier_code: str
    kind: str
    reference: str
    amount: Decimal
    happened_at: datetime
    booked_at: datetime
    booked_by: int | None
    note: str | None
    settlement_id: int | None
