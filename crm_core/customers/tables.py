"""Tables of customers and of the sales channel they stand in.

Rule: an invariant that two people could break at the same time is a constraint here, not only a
check in Python.
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
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base

_NOW = func.now()


class Level(Base):
    """A step of the sales channel; rank 1 stands next to the company, higher ranks further out."""

    __tablename__ = "levels"
    __table_args__ = (CheckConstraint("rank > 0", name="rank_positive"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    rank: Mapped[int]
    is_vip: Mapped[bool] = mapped_column(server_default=text("false"))


class PricePolicy(Base):
    """What share of the list price a customer pays: 0.9500 is 95折."""

    __tablename__ = "price_policies"
    __table_args__ = (
        CheckConstraint("discount > 0 AND discount <= 1", name="discount_is_a_share"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    discount: Mapped[Decimal] = mapped_column(Numeric(5, 4))


class Customer(Base):
    """A buyer. `version` counts edits by people; credit taken by orders does not count as one."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("credit_limit >= 0", name="credit_limit_not_negative"),
        CheckConstraint("credit_used >= 0", name="credit_used_not_negative"),
        CheckConstraint("credit_overdue >= 0", name="credit_overdue_not_negative"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    level_code: Mapped[str] = mapped_column(ForeignKey("levels.code"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    area_code: Mapped[str | None] = mapped_column(String(5))
    province: Mapped[str | None] = mapped_column(String(20))
    city: Mapped[str | None] = mapped_column(String(20))
    price_policy_code: Mapped[str] = mapped_column(ForeignKey("price_policies.code"))
    credit_limit: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    credit_used: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    credit_overdue: Mapped[Decimal] = mapped_column(Numeric(14, 2), server_default="0")
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    email: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(300))
    language: Mapped[str | None] = mapped_column(String(10))
    note: Mapped[str | None] = mapped_column(String(2000))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)


class CustomerPhone(Base):
    """A number belongs to one customer; a customer has one main number."""

    __tablename__ = "customer_phones"
    __table_args__ = (
        Index(
            "uq_customer_phones_main", "customer_id", unique=True, postgresql_where=text("is_main")
        ),
    )

    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    is_main: Mapped[bool] = mapped_column(server_default=text("false"))
