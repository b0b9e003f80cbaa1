"""Tables of payments: attempts at a gateway, refunds, call-backs, and what does not fit.

Rule: what came in stands in the ledger of receipts alone; here is how it came to be asked for and what a person
must look at.
"""

from datetime import datetime
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

from crm_core.db import Base
from crm_core.personal import PART, dash_for, emptied
from orders.payments.flow import OPEN, State


def one_of(column: str, codes: list[str]) -> str:
    return f"{column} IN ({','.join(repr(str(code)) for code in codes)})"


_OPEN = one_of("state", list(OPEN))


class Payment(Base):
    """One attempt to be paid at a gateway. `token` is what the gateway knows it by, `key` what whoever asked
    for it knows it by; `received` is what came in. An order has one open attempt at most.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(one_of("state", list(State)), name="state_known"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "(state IN ('paid','partly_refunded','refunded'))"
            " = (received IS NOT NULL AND reference IS NOT NULL)",
            name="received_by_a_transaction",
        ),
        UniqueConstraint("gateway", "reference", name="uq_payments_gateway_reference"),
        Index("uq_payments_open", "order_id", unique=True, postgresql_where=text(_OPEN)),
        Index("ix_payments_due", "next_look_at", postgresql_where=text(_OPEN)),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    gateway: Mapped[str] = mapped_column(String(20))
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    received: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    state: Mapped[str] = mapped_column(String(20), server_default="requested")
    pay_url: Mapped[str | None] = mapped_column(String(500))
    reference: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(300))
    looks: Mapped[int] = mapped_column(server_default="0")
    next_look_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    paid_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PaymentRefund(Base):
    """Money on its way back through the gateway: `requested` until the gateway has it, then `pending`."""

    __tablename__ = "payment_refunds"
    __table_args__ = (
        CheckConstraint(
            one_of("state", ["requested", "pending", "done", "failed"]), name="state_known"
        ),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index(
            "ix_payment_refunds_due",
            "next_look_at",
            postgresql_where=text("state IN ('requested','pending')"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    state: Mapped[str] = mapped_column(String(20), server_default="requested")
    words: Mapped[str] = mapped_column(String(80), info=emptied("—"))
    reference: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(300))
    looks: Mapped[int] = mapped_column(server_default="0")
    next_look_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class GatewayNotice(Base):
    """A call-back whose seal was right; the same nonce is a replay and never comes a second time."""

    __tablename__ = "gateway_notices"
    __table_args__ = (UniqueConstraint("gateway", "nonce", name="uq_gateway_notices_nonce"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(20))
    nonce: Mapped[str] = mapped_column(String(64))
    notice_id: Mapped[str] = mapped_column(String(64), index=True)
    about: Mapped[str] = mapped_column(String(20))
    token: Mapped[str] = mapped_column(String(64))
    reference: Mapped[str | None] = mapped_column(String(64))
    amount: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    currency: Mapped[str] = mapped_column(String(3))
    outcome: Mapped[str] = mapped_column(String(20))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PaymentDifference(Base):
    """What does not fit between the outside's word and ours, once for each `subject`, until a person has
    resolved it. `expected` is our amount, `found` the other's; either may be missing.
    """

    __tablename__ = "payment_differences"
    __table_args__ = (
        CheckConstraint("state IN ('open','resolved')", name="state_known"),
        CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_once"),
        UniqueConstraint("kind", "subject", name="uq_payment_differences_once"),
        Index("ix_payment_differences_open", "id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str | None] = mapped_column(String(64))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payments.id"))
    expected: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    found: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    currency: Mapped[str] = mapped_column(String(3), server_default="CNY")
    money_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(String(10), server_default="open")
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("payment_entries.id"), unique=True)
    resolved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(String(300), info=emptied(dash_for("reason")))
