"""Tables of the people who work here, their roles and their log-ins.

Rule: an invariant that two people could break at the same time is a constraint here, not only a
check in Python.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.db import Base

_NOW = func.now()


class Unit(Base):
    """A part of the company: branch, department, team. `path` are the units above, topmost first."""

    __tablename__ = "units"
    __table_args__ = (
        CheckConstraint("NOT path @> ARRAY[id]", name="never_above_itself"),
        CheckConstraint(
            "parent_id IS NOT DISTINCT FROM path[cardinality(path)]", name="path_ends_at_parent"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)
    path: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    version: Mapped[int] = mapped_column(server_default="1")


class Group(Base):
    """People who answer the same queues, the first queue first; they may come from any unit."""

    __tablename__ = "groups"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    queues: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    version: Mapped[int] = mapped_column(server_default="1")


class GroupMember(Base):
    __tablename__ = "group_members"

    group_id: Mapped[int] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)


class Role(Base):
    """`scope` says whose customers the role sees."""

    __tablename__ = "roles"
    __table_args__ = (CheckConstraint("scope IN ('all','unit','own')", name="scope_known"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    scope: Mapped[str] = mapped_column(String(5), server_default="all")
    version: Mapped[int] = mapped_column(server_default="1")


class RoleRight(Base):
    __tablename__ = "role_rights"

    role_code: Mapped[str] = mapped_column(
        ForeignKey("roles.code", ondelete="CASCADE"), primary_key=True
    )
    right_code: Mapped[str] = mapped_column(String(50), primary_key=True)


class RoleField(Base):
    """A field that a role may not write, or not even see; `field` is such as customer.credit_limit."""

    __tablename__ = "role_fields"
    __table_args__ = (CheckConstraint("access IN ('hidden','read')", name="access_known"),)

    role_code: Mapped[str] = mapped_column(
        ForeignKey("roles.code", ondelete="CASCADE"), primary_key=True
    )
    field: Mapped[str] = mapped_column(String(80), primary_key=True)
    access: Mapped[str] = mapped_column(String(6))


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
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)
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
