"""Tables of what dealers report, and of those who want to become dealers.

Rule: a dealer has one report for a day; what an older version of it said is kept beside the newer one. An
application is decided once.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
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
from crm_core.personal import NUMBER, PART, dash_for, emptied, entity, nobodys_number

_Time = DateTime(timezone=True)
_Quantity = Numeric(12, 3)


class DealerStockReport(Base):
    """A dealer's stock on a day; `version` is the one that counts."""

    __tablename__ = "dealer_stock_reports"
    __table_args__ = (
        UniqueConstraint("customer_id", "report_date"),
        CheckConstraint("version > 0", name="version_positive"),
        {"info": entity("dealer_stock_report")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), info=one_for_each("report_date")
    )
    report_date: Mapped[date]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(_Time)


class DealerStockVersion(Base):
    """Who entered which version of a report; never changed."""

    __tablename__ = "dealer_stock_versions"

    report_id: Mapped[int] = mapped_column(
        ForeignKey("dealer_stock_reports.id", ondelete="CASCADE"), primary_key=True, info=PART
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str | None] = mapped_column(String(500), info=emptied())
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime] = mapped_column(_Time)


class DealerStockLine(Base):
    """One product of a version; `sold` since the report before, `needed` until the next one."""

    __tablename__ = "dealer_stock_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["report_id", "version"],
            ["dealer_stock_versions.report_id", "dealer_stock_versions.version"],
            ondelete="CASCADE",
        ),
        CheckConstraint("least(on_hand, sold, needed) >= 0", name="quantities_not_negative"),
    )

    report_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    product_code: Mapped[str] = mapped_column(String(30, collation="C"), primary_key=True)
    on_hand: Mapped[Decimal] = mapped_column(_Quantity)
    sold: Mapped[Decimal] = mapped_column(_Quantity)
    needed: Mapped[Decimal] = mapped_column(_Quantity)


class DealerApplication(Base):
    """Somebody who wants to sell for us; `customer_id` is what became of it."""

    __tablename__ = "dealer_applications"
    __table_args__ = (
        CheckConstraint("state IN ('new','approved','refused')", name="state_known"),
        CheckConstraint("(state = 'new') = (decided_at IS NULL)", name="decided_with_its_time"),
        CheckConstraint("(state = 'approved') = (customer_id IS NOT NULL)", name="approved_made"),
        CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="refused_with_reason"),
        Index(
            "uq_dealer_applications_open",
            "phone",
            unique=True,
            postgresql_where=text("state = 'new'"),
        ),
        Index("ix_dealer_applications_state", "state", "id"),
        {"info": entity("dealer_application")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), info=emptied("—"))
    phone: Mapped[str] = mapped_column(String(32), info=NUMBER | emptied(nobodys_number))
    province: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(20))
    level_code: Mapped[str] = mapped_column(ForeignKey("levels.code"))
    note: Mapped[str | None] = mapped_column(String(1000), info=emptied())
    state: Mapped[str] = mapped_column(String(10), server_default="new")
    reason: Mapped[str | None] = mapped_column(String(500), info=emptied(dash_for("reason")))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(_Time)
    version: Mapped[int] = mapped_column(server_default="1")
