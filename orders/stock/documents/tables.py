"""Stock documents (库存单据). Rule: a document is never changed once it is posted, and posts once; a wrong one
is reversed by another one.
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
    event,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.stock import protection
from orders.stock.documents.kinds import Kind, State

_KINDS = ",".join(f"'{kind}'" for kind in Kind)
_STATES = ",".join(f"'{state}'" for state in State)


class StockDocument(Base):
    """`key` makes it unique, `fingerprint` tells whether the same key means the same document."""

    __tablename__ = "stock_documents"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        CheckConstraint(f"state IN ({_STATES})", name="state_known"),
        CheckConstraint(
            "(kind = 'transfer') = (to_warehouse IS NOT NULL) AND to_warehouse <> warehouse",
            name="transfer_has_two_ends",
        ),
        CheckConstraint("(state = 'posted') = (posted_at IS NOT NULL)", name="posted_at_a_time"),
        Index("ix_stock_documents_warehouse_id", "warehouse", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouses.code"))
    to_warehouse: Mapped[str | None] = mapped_column(ForeignKey("warehouses.code"))
    supplier: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("stock_documents.id"), unique=True)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    posted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    posted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StockDocumentLine(Base):
    """`quantity` is what came, went, was sent or counted (None: not yet); `expected` what the books said when
    it was counted, or what was sent when it arrived; `price` is the new one of a price change.
    """

    __tablename__ = "stock_document_lines"
    __table_args__ = (
        CheckConstraint("expected >= 0", name="expected_not_negative"),
        Index("ix_stock_document_lines_sku", "sku"),
    )

    document_id: Mapped[int] = mapped_column(ForeignKey("stock_documents.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("stock_batches.id"))
    quantity: Mapped[int | None]
    expected: Mapped[int | None]
    unit_cost: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    price: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    price_before: Mapped[Decimal | None] = mapped_column(Numeric(20, 6))
    value: Mapped[Decimal | None] = mapped_column(Numeric(20, 2))
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


event.listen(StockDocument.__table__, "after_create", protection.protect_documents)
event.listen(StockDocumentLine.__table__, "after_create", protection.protect_lines)
