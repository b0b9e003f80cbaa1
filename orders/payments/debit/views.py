"""What other packages see of bank debit. Rule: frozen; an account is shown by its last four digits."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class AccountView:
    id: int
    customer_id: int
    account_masked: str
    account_name: str
    bank_code: str
    mandate: str
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchView:
    """`state` is made, sent (the file was fetched), answered (no line waits) or cancelled."""

    id: int
    due_on: date
    state: str
    count: int
    total: Decimal
    waiting: int
    paid: int
    paid_total: Decimal
    failed: int
    refused: int
    created_by: int | None
    created_at: datetime
    sent_at: datetime | None

    @property
    def number(self) -> str:
        return number_of(self.id)


@dataclass(frozen=True, slots=True)
class LineView:
    line_no: int
    token: str
    order_id: int
    order_number: str
    amount: Decimal
    account_masked: str
    state: str
    bank_serial: str | None
    reason: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of an answer that was not taken; `reason` is a code."""

    line_no: int
    row: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """What an answer brought: newly booked, newly failed, told before, refused."""

    batch: BatchView
    paid: int
    failed: int
    same: int
    refused: tuple[RefusedRow, ...]


def masked(account_no: str) -> str:
    return f"****{account_no[-4:]}"


def number_of(batch_id: int) -> str:
    """What the bank's files call a batch."""
    return f"{batch_id:010d}"
