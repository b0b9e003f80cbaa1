"""Tables of bank debit (代扣): whose accounts may be debited, batches, their lines, rows that were refused."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import one_for_each
from crm_core.db import Base
from crm_core.personal import PART, REMOVED, emptied
from orders.payments.tables import one_of


class DebitAccount(Base):
    """An account that the customer allowed us to debit; `mandate` is the agreement's number at the bank."""

    __tablename__ = "debit_accounts"
    __table_args__ = (
        UniqueConstraint("customer_id", "account_no", name="uq_debit_accounts_customer_account"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), info=one_for_each("account_no")
    )
    account_no: Mapped[str] = mapped_column(String(34))
    account_name: Mapped[str] = mapped_column(String(60))
    bank_code: Mapped[str] = mapped_column(String(12))
    mandate: Mapped[str] = mapped_column(String(32))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DebitBatch(Base):
    """Amounts the bank is to collect on a day, in one file. `count` and `total` never change."""

    __tablename__ = "debit_batches"
    __table_args__ = (
        CheckConstraint(
            one_of("state", ["made", "sent", "answered", "cancelled"]), name="state_known"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(10), server_default="made")
    count: Mapped[int]
    total: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DebitLine(Base):
    """One order's amount; the account is as it was. An order waits in one batch at most."""

    __tablename__ = "debit_lines"
    __table_args__ = (
        CheckConstraint(
            one_of("state", ["waiting", "paid", "failed", "dropped"]), name="state_known"
        ),
        CheckConstraint("amount > 0", name="amount_positive"),
        UniqueConstraint("batch_id", "line_no", name="uq_debit_lines_batch_line"),
        Index(
            "uq_debit_lines_waiting",
            "order_id",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("debit_batches.id"))
    line_no: Mapped[int]
    token: Mapped[str] = mapped_column(String(32), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    account_no: Mapped[str] = mapped_column(String(34), info=emptied("—"))
    account_name: Mapped[str] = mapped_column(String(60), info=emptied("—"))
    bank_code: Mapped[str] = mapped_column(String(12))
    mandate: Mapped[str] = mapped_column(String(32), info=emptied("—"))
    state: Mapped[str] = mapped_column(String(10), server_default="waiting")
    bank_serial: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(100))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DebitRefusal(Base):
    """A row of an answer that could not be taken, once for each row and reason."""

    __tablename__ = "debit_refusals"
    __table_args__ = (UniqueConstraint("batch_id", "row", "reason", name="uq_debit_refusals_once"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("debit_batches.id"))
    row: Mapped[str] = mapped_column(String(300))
    line_no: Mapped[int]
    reason: Mapped[str] = mapped_column(String(30))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
