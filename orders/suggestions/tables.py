"""How often goods were delivered together. Rule: every order counts once, and what is counted stands in one row for
each pair, so that a suggestion is one indexed look.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base
from crm_core.personal import PART


class ProductPair(Base):
    """In so many orders there were both; each pair stands here both ways round."""

    __tablename__ = "product_pairs"
    __table_args__ = (
        CheckConstraint("orders > 0", name="orders_positive"),
        CheckConstraint("sku <> with_sku", name="of_two"),
    )

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    with_sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    orders: Mapped[int]


class ProductCount(Base):
    """So many of the orders had it."""

    __tablename__ = "product_counts"
    __table_args__ = (CheckConstraint("orders > 0", name="orders_positive"),)

    sku: Mapped[str] = mapped_column(ForeignKey("products.sku"), primary_key=True)
    orders: Mapped[int]


class PairCount(Base):
    """The one row that says of how many orders the pairs are, and up to which delivery."""

    __tablename__ = "pair_counts"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("orders >= 0", name="orders_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    orders: Mapped[int] = mapped_column(server_default="0")
    counted_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CountedOrder(Base):
    """Delivered lately and counted; older ones are forgotten, since nobody looks there again."""

    __tablename__ = "counted_orders"
    __table_args__ = (Index("ix_counted_orders_delivered_at", "delivered_at"),)

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, info=PART)
    delivered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
