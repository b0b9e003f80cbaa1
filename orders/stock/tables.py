"""Tables of stock. Rule: oversold stock is forbidden here as well, and the ledger adds up to the balance at
every commit.
"""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from orders.stock.moves import Goods

MAIN = "main"
_KINDS = ",".join(f"'{kind}'" for kind in Goods)


class Stock(Base):
    """The balance; hot, so its pages keep room for updates in place."""

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("0 <= reserved AND reserved <= on_hand", name="never_oversold"),
        {"postgresql_with": {"fillfactor": 20}},
    )

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    warehouse: Mapped[str] = mapped_column(String(20), primary_key=True, server_default=MAIN)
    on_hand: Mapped[int] = mapped_column(server_default="0")
    reserved: Mapped[int] = mapped_column(server_default="0")


class StockMove(Base):
    """The ledger: never changed; its sums are the balance."""

    __tablename__ = "stock_moves"
    __table_args__ = (
        ForeignKeyConstraint(["sku", "warehouse"], ["stock.sku", "stock.warehouse"]),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind_known"),
        Index("ix_stock_moves_sku_id", "sku", "id"),
        Index("ix_stock_moves_order_id", "order_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    sku: Mapped[str] = mapped_column(String(40))
    warehouse: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(10))
    on_hand_change: Mapped[int]
    reserved_change: Mapped[int]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
