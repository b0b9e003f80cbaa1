"""Tables of coupons, packages (service and compensation) and referrals.

Rule: what must happen once is a constraint: a coupon is used by one order, an entitlement not more often than
it allows, a customer is referred by one other.
"""

from datetime import date, datetime
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
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from crm_core.customers.references import never_same_as, one_for_each
from crm_core.db import Base
from crm_core.personal import PART, emptied, entity

_Time = DateTime(timezone=True)
_Money = Numeric(12, 2)


class CouponKind(Base):
    """`value` is money, or per cent; without `level_codes` it is for every level."""

    __tablename__ = "coupon_kinds"
    __table_args__ = (
        CheckConstraint("what IN ('amount','percent')", name="what_known"),
        CheckConstraint("value > 0 AND (what <> 'percent' OR value <= 100)", name="value_sensible"),
        CheckConstraint("least_total >= 0", name="least_total_not_negative"),
        CheckConstraint("most_discount > 0", name="most_discount_positive"),
        CheckConstraint("valid_days BETWEEN 1 AND 3660", name="valid_days_sensible"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    what: Mapped[str] = mapped_column(String(10))
    value: Mapped[Decimal] = mapped_column(_Money)
    least_total: Mapped[Decimal] = mapped_column(_Money, server_default="0")
    most_discount: Mapped[Decimal | None] = mapped_column(_Money)
    level_codes: Mapped[list[str]] = mapped_column(ARRAY(String(30)), server_default=text("'{}'"))
    valid_days: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class Coupon(Base):
    """`source` names what it was issued for, so that it is issued once; `used_for` is the order's id."""

    __tablename__ = "coupons"
    __table_args__ = (
        CheckConstraint("state IN ('issued','used','cancelled')", name="state_known"),
        CheckConstraint("(state = 'used') = (used_for IS NOT NULL)", name="used_for_something"),
        CheckConstraint("valid_until > valid_from", name="valid_for_a_time"),
        Index("ix_coupons_customer", "customer_id", "id"),
        Index("ix_coupons_used_for", "used_for", postgresql_where=text("used_for IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(String(14), unique=True)
    kind_code: Mapped[str] = mapped_column(ForeignKey("coupon_kinds.code"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    state: Mapped[str] = mapped_column(String(10), server_default="issued")
    valid_from: Mapped[datetime] = mapped_column(_Time)
    valid_until: Mapped[datetime] = mapped_column(_Time)
    reason: Mapped[str | None] = mapped_column(String(200), info=emptied())
    source: Mapped[str | None] = mapped_column(String(60), unique=True)
    issued_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    issued_at: Mapped[datetime] = mapped_column(_Time)
    used_for: Mapped[int | None] = mapped_column(BigInteger)
    used_at: Mapped[datetime | None] = mapped_column(_Time)
    discount: Mapped[Decimal | None] = mapped_column(_Money)


class CouponRun(Base):
    """Coupons for everybody who fits `conditions`: `done` of `total` customers, until `last_customer`."""

    __tablename__ = "coupon_runs"
    __table_args__ = (
        CheckConstraint("state IN ('running','done','cancelled','failed')", name="state_known"),
        CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="ended_with_its_time"),
        CheckConstraint("0 <= issued AND issued <= done", name="issued_to_some_of_them"),
        Index("ix_coupon_runs_running", "id", postgresql_where=text("state = 'running'")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind_code: Mapped[str] = mapped_column(ForeignKey("coupon_kinds.code"), index=True)
    reason: Mapped[str | None] = mapped_column(String(200))
    conditions: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(10), server_default="running")
    total: Mapped[int]
    done: Mapped[int] = mapped_column(server_default="0")
    issued: Mapped[int] = mapped_column(server_default="0")
    last_customer: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str | None] = mapped_column(String(300))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(_Time)
    ended_at: Mapped[datetime | None] = mapped_column(_Time)


class PackageKind(Base):
    """A yearly service package, or one that makes up for something; `most_in_90_days` for one customer."""

    __tablename__ = "package_kinds"
    __table_args__ = (
        CheckConstraint("purpose IN ('service','compensation')", name="purpose_known"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("months BETWEEN 1 AND 120", name="months_sensible"),
        CheckConstraint("most_in_90_days > 0", name="most_positive"),
    )

    code: Mapped[str] = mapped_column(String(30), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(12))
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    price: Mapped[Decimal] = mapped_column(_Money, server_default="0")
    months: Mapped[int]
    most_in_90_days: Mapped[int | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default="1")


class PackageItem(Base):
    """What a package holds: `many` coupons of a kind, or a service `many` times (None: without limit)."""

    __tablename__ = "package_items"
    __table_args__ = (
        CheckConstraint("many > 0", name="many_positive"),
        CheckConstraint("coupon_kind_code IS NULL OR many IS NOT NULL", name="coupons_are_counted"),
    )

    kind_code: Mapped[str] = mapped_column(ForeignKey("package_kinds.code"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    many: Mapped[int | None]
    coupon_kind_code: Mapped[str | None] = mapped_column(ForeignKey("coupon_kinds.code"))


class Package(Base):
    """A customer's package; the days count in the company's calendar, both included."""

    __tablename__ = "packages"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="ends_after_start"),
        Index("ix_packages_customer", "customer_id", "id"),
        Index("ix_packages_ends_on", "ends_on", postgresql_where=text("cancelled_at IS NULL")),
        {"info": entity("package")},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind_code: Mapped[str] = mapped_column(ForeignKey("package_kinds.code"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"), index=True)
    reason: Mapped[str | None] = mapped_column(String(500), info=emptied())
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    granted_at: Mapped[datetime] = mapped_column(_Time)
    cancelled_at: Mapped[datetime | None] = mapped_column(_Time)


class Entitlement(Base):
    """A service of a package: `used` times of `allowed` (None: without limit)."""

    __tablename__ = "entitlements"
    __table_args__ = (
        CheckConstraint(
            "used >= 0 AND (allowed IS NULL OR used <= allowed)", name="never_too_often"
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id"), index=True, info=PART)
    name_zh: Mapped[str] = mapped_column(String(50))
    name_en: Mapped[str] = mapped_column(String(50))
    allowed: Mapped[int | None]
    used: Mapped[int] = mapped_column(server_default="0")


class EntitlementUse(Base):
    """A service was given; `undone_at` when it was not after all."""

    __tablename__ = "entitlement_uses"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    entitlement_id: Mapped[int] = mapped_column(
        ForeignKey("entitlements.id"), index=True, info=PART
    )
    note: Mapped[str | None] = mapped_column(String(200), info=emptied())
    used_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    used_at: Mapped[datetime] = mapped_column(_Time)
    undone_at: Mapped[datetime | None] = mapped_column(_Time)
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class Referral(Base):
    """`referrer_customer_id` brought `customer_id`; qualified by the first delivery."""

    __tablename__ = "referrals"
    __table_args__ = (
        CheckConstraint("referrer_customer_id <> customer_id", name="not_oneself"),
        UniqueConstraint("customer_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    referrer_customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), index=True, info=never_same_as("customer_id")
    )
    customer_id: Mapped[int] = mapped_column(
        ForeignKey("customers.id"), info=one_for_each() | never_same_as("referrer_customer_id")
    )
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    entered_at: Mapped[datetime] = mapped_column(_Time)
    qualified_at: Mapped[datetime | None] = mapped_column(_Time)


class ReferralRule(Base):
    """The one rule: which coupons both get."""

    __tablename__ = "referral_rules"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    referrer_kind_code: Mapped[str | None] = mapped_column(ForeignKey("coupon_kinds.code"))
    referred_kind_code: Mapped[str | None] = mapped_column(ForeignKey("coupon_kinds.code"))
    version: Mapped[int] = mapped_column(server_default="1")
