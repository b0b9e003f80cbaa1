"""Tables of stock. Rule: oversold stock is forbidden here as well, and the ledger, which is only ever added
to, adds up to the balance at every commit: quantities and value.
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
    event,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.stock import protection
from orders.stock.moves import Goods

MAIN = "main"
MOST_ON_HAND = 1_000_000_000
_KINDS = ",".join(f"'{kind}'" for kind in Goods)
_ZERO, _ONE = text("0"), text("1")


class Warehouse(Base):
    """Where goods lie and from where they are delivered; `main` serves whom no other one serves.

    `serves` are cities and provinces, of two the one with the lower `priority`; `keeper_id` is told of
    alarms; goods are near their end `expiry_days` before they expire.
    """

    __tablename__ = "warehouses"
    __table_args__ = (
        CheckConstraint("kind IN ('warehouse','outlet')", name="kind_known"),
        CheckConstraint(f"active OR code <> '{MAIN}'", name="main_is_active"),
        CheckConstraint("expiry_days >= 0", name="expiry_days_not_negative"),
    )

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(10), server_default="warehouse")
    serves: Mapped[list[str]] = mapped_column(ARRAY(String(20)), server_default=text("'{}'"))
    priority: Mapped[int] = mapped_column(server_default=_ZERO)
    keeper_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expiry_days: Mapped[int] = mapped_column(server_default=text("30"))
    active: Mapped[bool] = mapped_column(server_default=true())
    version: Mapped[int] = mapped_column(server_default=_ONE)


class Stock(Base):
    """The balance; hot, so its pages keep room for updates in place. `value` is what the goods on hand cost
    (移动加权平均), so that their average cost is value ÷ on_hand.

    What is on hand, neither reserved nor blocked, is available. Only goods that were blocked while orders
    held them make that less than nothing.
    """

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("0 <= reserved AND reserved <= on_hand", name="never_oversold"),
        CheckConstraint("0 <= blocked AND blocked <= on_hand", name="blocked_is_on_hand"),
        CheckConstraint("value >= 0 AND (on_hand > 0 OR value = 0)", name="value_of_what_is_there"),
        {"postgresql_with": {"fillfactor": 20}},
    )

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    warehouse: Mapped[str] = mapped_column(
        ForeignKey("warehouses.code"), primary_key=True, server_default=MAIN
    )
    on_hand: Mapped[int] = mapped_column(server_default="0")
    reserved: Mapped[int] = mapped_column(server_default="0")
    blocked: Mapped[int] = mapped_column(server_default=_ZERO)
    value: Mapped[Decimal] = mapped_column(Numeric(20, 2), server_default=_ZERO)


class StockMove(Base):
    """The ledger: never changed; its sums are the balance."""

    __tablename__ = "stock_moves"
    __table_args__ = (
        ForeignKeyConstraint(["sku", "warehouse"], ["stock.sku", "stock.warehouse"]),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        Index("ix_stock_moves_sku_id", "sku", "id"),
        Index("ix_stock_moves_order_id", "order_id"),
        Index(
            "ix_stock_moves_document_id",
            "document_id",
            postgresql_where=text("document_id IS NOT NULL"),
        ),
        Index("ix_stock_moves_at", "at", postgresql_using="brin"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sku: Mapped[str] = mapped_column(String(40))
    warehouse: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))
    on_hand_change: Mapped[int]
    reserved_change: Mapped[int]
    blocked_change: Mapped[int] = mapped_column(server_default=_ZERO)
    value_change: Mapped[Decimal] = mapped_column(Numeric(20, 2), server_default=_ZERO)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    document_id: Mapped[int | None] = mapped_column(ForeignKey("stock_documents.id"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StockBatch(Base):
    """Goods of one making in one warehouse. A product with a shelf life lies in batches altogether, another
    one in none; changed only while the balance is locked. `expires_on` is the last day of sale.
    """

    __tablename__ = "stock_batches"
    __table_args__ = (
        ForeignKeyConstraint(["sku", "warehouse"], ["stock.sku", "stock.warehouse"]),
        UniqueConstraint("sku", "warehouse", "batch_no"),
        CheckConstraint("on_hand >= 0", name="on_hand_not_negative"),
        CheckConstraint("blocked = (blocked_reason IS NOT NULL)", name="blocked_with_a_reason"),
        Index("ix_stock_batches_there", "expires_on", postgresql_where=text("on_hand > 0")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sku: Mapped[str] = mapped_column(String(40))
    warehouse: Mapped[str] = mapped_column(String(20))
    batch_no: Mapped[str] = mapped_column(String(40))
    made_on: Mapped[date | None]
    expires_on: Mapped[date]
    on_hand: Mapped[int] = mapped_column(server_default=_ZERO)
    blocked: Mapped[bool] = mapped_column(server_default=false())
    blocked_reason: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(server_default=_ONE)


class StockBatchMove(Base):
    """Which batches a move of the ledger took or filled: so a batch leads to the orders it went into."""

    __tablename__ = "stock_batch_moves"
    __table_args__ = (CheckConstraint("quantity <> 0", name="moves_something"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    move_id: Mapped[int] = mapped_column(ForeignKey("stock_moves.id"), index=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("stock_batches.id"), index=True)
    quantity: Mapped[int]


event.listen(Warehouse.__table__, "after_create", protection.open_main)
event.listen(StockMove.__table__, "after_create", protection.protect_moves)
event.listen(StockBatchMove.__table__, "after_create", protection.protect_batch_moves)
event.listen(Stock.__table__, "after_create", protection.protect_shelf_life)
