"""Tables of invoices (发票). Rule: an invoice is issued once, never changed after that, and only a red letter takes it
back.
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

from crm_core.customers.references import one_for_each
from crm_core.db import Base
from crm_core.personal import PART, REMOVED, emptied


class InvoiceTitle(Base):
    """What stands on a customer's invoices (抬头); one for each tax number or name."""

    __tablename__ = "invoice_titles"
    __table_args__ = (
        UniqueConstraint("customer_id", "title", name="uq_invoice_titles_customer_title"),
        {"info": REMOVED},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), info=one_for_each("title"))
    title: Mapped[str] = mapped_column(String(100))
    tax_no: Mapped[str | None] = mapped_column(String(20))
    address: Mapped[str | None] = mapped_column(String(100))
    phone: Mapped[str | None] = mapped_column(String(32))
    bank: Mapped[str | None] = mapped_column(String(100))
    account: Mapped[str | None] = mapped_column(String(34))
    email: Mapped[str | None] = mapped_column(String(200))
    is_main: Mapped[bool] = mapped_column(server_default=text("false"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Invoice(Base):
    """`red_of` names the invoice that a red letter (红冲) takes back in part or whole; amounts are positive in both.
    The buyer's data are as they were. `key` is made by whoever asked for it.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        CheckConstraint("kind IN ('special','normal')", name="kind_known"),
        CheckConstraint("state IN ('requested','issued','void')", name="state_known"),
        CheckConstraint("gross > 0 AND gross = net + tax", name="adds_up"),
        CheckConstraint(
            "(state = 'issued') = (number IS NOT NULL AND issued_at IS NOT NULL)",
            name="issued_with_number",
        ),
        Index(
            "uq_invoices_number",
            "code",
            "number",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("number IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True, info=PART)
    kind: Mapped[str] = mapped_column(String(10))
    electronic: Mapped[bool]
    red_of: Mapped[int | None] = mapped_column(ForeignKey("invoices.id"), index=True)
    state: Mapped[str] = mapped_column(String(10), server_default="requested")
    title: Mapped[str] = mapped_column(String(100), info=emptied("—"))
    tax_no: Mapped[str | None] = mapped_column(String(20), info=emptied())
    address: Mapped[str | None] = mapped_column(String(100), info=emptied())
    phone: Mapped[str | None] = mapped_column(String(32), info=emptied())
    bank: Mapped[str | None] = mapped_column(String(100), info=emptied())
    account: Mapped[str | None] = mapped_column(String(34), info=emptied())
    email: Mapped[str | None] = mapped_column(String(200), info=emptied())
    gross: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    net: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    tax: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    code: Mapped[str | None] = mapped_column(String(12))
    number: Mapped[str | None] = mapped_column(String(20))
    issued_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(String(200), info=emptied())
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class InvoiceLine(Base):
    """What of one line of the order is invoiced; `order_line` is the order's line."""

    __tablename__ = "invoice_lines"
    __table_args__ = (CheckConstraint("gross > 0 AND gross = net + tax", name="adds_up"),)

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    order_line: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(100))
    unit: Mapped[str] = mapped_column(String(20))
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    gross: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    net: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    tax: Mapped[Decimal] = mapped_column(Numeric(14, 2))
