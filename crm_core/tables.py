"""Tables of customers, of the people who work here, and of what was changed.

Rule: an invariant that two people could break at the same time is a constraint here, not only a
check in Python.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.dialects.postgresql import JSONB
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


class Role(Base):
    __tablename__ = "roles"

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))


class RoleRight(Base):
    __tablename__ = "role_rights"

    role_code: Mapped[str] = mapped_column(
        ForeignKey("roles.code", ondelete="CASCADE"), primary_key=True
    )
    right_code: Mapped[str] = mapped_column(String(50), primary_key=True)


class User(Base):
    """Somebody who works here; never deleted, only made inactive, so that history keeps its names."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("login = lower(login)", name="login_is_lower_case"),
        CheckConstraint("extension ~ '^[0-9]{2,8}$'", name="extension_is_digits"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    login: Mapped[str] = mapped_column(String(50), unique=True)
    name: Mapped[str] = mapped_column(String(50))
    password_hash: Mapped[str] = mapped_column(String(200))
    role_code: Mapped[str] = mapped_column(ForeignKey("roles.code"), index=True)
    extension: Mapped[str | None] = mapped_column(String(8), unique=True)
    locale: Mapped[str] = mapped_column(String(10), server_default="zh-CN")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)


class LoginSession(Base):
    """A browser that is logged in; the token itself is known only to that browser."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(200), server_default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class LoginLimit(Base):
    """Attempts counted against a login or an address (`subject`), until one succeeds."""

    __tablename__ = "login_limits"

    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    attempts: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    blocked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


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


class PlaceOverride(Base):
    """Imported knowledge of where numbers with this prefix are at home."""

    __tablename__ = "place_overrides"
    __table_args__ = (CheckConstraint("prefix ~ '^[+]?[0-9]+$'", name="prefix_is_digits"),)

    prefix: Mapped[str] = mapped_column(String(16), primary_key=True)
    area_code: Mapped[str | None] = mapped_column(String(5))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20))


class AuditEntry(Base):
    """Who changed what, written in the transaction of the change; `actor_id` is None for Zongji itself."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_entity_entity_id_at", "entity", "entity_id", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW, index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(50))
    entity: Mapped[str] = mapped_column(String(30))
    entity_id: Mapped[str] = mapped_column(String(50))
    before: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
