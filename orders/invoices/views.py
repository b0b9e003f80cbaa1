"""What other packages see of invoices. Rule: frozen; never a table row."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class TitleView:
    id: int
    customer_id: int
    title: str
    tax_no: str | None
    address: str | None
    phone: str | None
    bank: str | None
    account: str | None
    email: str | None
    is_main: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceLineView:
    order_line: int
    sku: str
    name: str
    unit: str
    tax_rate: Decimal
    gross: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceBrief:
    """Amounts are positive, also of a red letter, which has `red_of`."""

    id: int
    order_id: int
    order_number: str
    kind: str
    electronic: bool
    red_of: int | None
    state: str
    title: str
    tax_no: str | None
    address: str | None
    phone: str | None
    bank: str | None
    account: str | None
    email: str | None
    gross: Decimal
    net: Decimal
    tax: Decimal
    code: str | None
    number: str | None
    issued_at: datetime | None
    reason: str | None
    requested_by: int | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceView:
    invoice: InvoiceBrief
    lines: tuple[InvoiceLineView, ...]
