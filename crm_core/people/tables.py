"""Tables of the people who work here, their roles and their log-ins.

Rule: an invariant that two people could break at the same time is a constraint here, not only a
check in Python.
"""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    String,
    UniqueConstraint,
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
    """`scope` says whose customers the role sees; with `second_factor_required` its people may do
    nothing before they have enrolled an authenticator.
    """

    __tablename__ = "roles"
    __table_args__ = (CheckConstraint("scope IN ('all','unit','own')", name="scope_known"),)

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    scope: Mapped[str] = mapped_column(String(5), server_default="all")
    second_factor_required: Mapped[bool] = mapped_column(server_default=text("false"))
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
    password_set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    must_change_password: Mapped[bool] = mapped_column(server_default=text("false"))
    role_code: Mapped[str] = mapped_column(ForeignKey("roles.code"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"), index=True)
    extension: Mapped[str | None] = mapped_column(String(8), unique=True)
    locale: Mapped[str] = mapped_column(String(10), server_default="zh-CN")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    version: Mapped[int] = mapped_column(server_default="1")


class ReplacedPassword(Base):
    """A password that somebody had before the present one, so that it is not taken up again."""

    __tablename__ = "password_history"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    replaced_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SecondFactor(Base):
    """Somebody's authenticator (TOTP); it counts once `confirmed_at` is there.

    `secret` is encrypted; `last_step` is the latest step of 30 seconds whose code was used.
    """

    __tablename__ = "second_factors"
    __table_args__ = (
        CheckConstraint("(confirmed_at IS NULL) = (last_step IS NULL)", name="used_once_confirmed"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_step: Mapped[int | None] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """Lets somebody in once who has lost the authenticator."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_sha256"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("second_factors.user_id", ondelete="CASCADE"), index=True
    )
    code_sha256: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class UserSkill(Base):
    """What somebody is good at, from 1 (some) to 5 (expert)."""

    __tablename__ = "user_skills"
    __table_args__ = (CheckConstraint("level BETWEEN 1 AND 5", name="level_known"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    skill: Mapped[str] = mapped_column(String(50), primary_key=True)
    level: Mapped[int]


class Deputy(Base):
    """Who stands in for a user (代理人), the first `place` first; the days are those of the company's zone."""

    __tablename__ = "deputies"
    __table_args__ = (
        CheckConstraint("deputy_id <> user_id", name="never_oneself"),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    deputy_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]


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


class ServiceToken(Base):
    """Lets a program use the API with some of its maker's rights; only the program knows the token."""

    __tablename__ = "service_tokens"
    __table_args__ = (CheckConstraint("cardinality(rights) > 0", name="has_a_scope"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(12))
    rights: Mapped[list[str]] = mapped_column(ARRAY(String(50)))
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
