"""Tables of reconciliation: a gateway's statements and their rows."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Numeric,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base


class GatewayStatement(Base):
    """What a gateway says of one day; handed in again it grows by what is new."""

    __tablename__ = "gateway_statements"
    __table_args__ = (UniqueConstraint("gateway", "day", name="uq_gateway_statements_day"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(20))
    day: Mapped[date]
    taken_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    taken_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StatementLine(Base):
    """One movement. `entry_id` is the entry of our ledger that it is; each belongs to one movement."""

    __tablename__ = "gateway_statement_lines"
    __table_args__ = (
        CheckConstraint("kind IN ('receipt','refund')", name="kind_known"),
        UniqueConstraint("gateway", "kind", "reference", name="uq_gateway_statement_lines_once"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("gateway_statements.id"), index=True)
    gateway: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    token: Mapped[str] = mapped_column(String(64))
    reference: Mapped[str] = mapped_column(String(64))
    amount: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("payment_entries.id"), unique=True)
