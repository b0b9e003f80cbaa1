"""What others see of coupons, packages and referrals."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class CouponKindView:
    code: str
    name_zh: str
    name_en: str
    what: str
    value: Decimal
    least_total: Decimal
    most_discount: Decimal | None
    level_codes: tuple[str, ...]
    valid_days: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class CouponView:
    """`state` is issued, used, cancelled or expired."""

    id: int
    code: str
    kind_code: str
    name_zh: str
    name_en: str
    what: str
    value: Decimal
    least_total: Decimal
    customer_id: int
    state: str
    valid_until: datetime
    reason: str | None
    issued_at: datetime
    used_for: int | None
    used_at: datetime | None
    discount: Decimal | None


@dataclass(frozen=True, slots=True)
class CouponRunView:
    """`done` of `total` customers were looked at, `issued` of them got a coupon."""

    id: int
    kind_code: str
    reason: str | None
    state: str
    total: int
    done: int
    issued: int
    error: str | None
    created_by: int | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A coupon that an order may use, locked for it."""

    id: int
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


@dataclass(frozen=True, slots=True)
class PackageItemView:
    name_zh: str
    name_en: str
    many: int | None
    coupon_kind_code: str | None


@dataclass(frozen=True, slots=True)
class PackageKindView:
    code: str
    purpose: str
    name_zh: str
    name_en: str
    price: Decimal
    months: int
    most_in_90_days: int | None
    active: bool
    version: int
    items: tuple[PackageItemView, ...]


@dataclass(frozen=True, slots=True)
class EntitlementView:
    id: int
    name_zh: str
    name_en: str
    allowed: int | None
    used: int


@dataclass(frozen=True, slots=True)
class PackageView:
    """`state` is active, coming, expired or cancelled."""

    id: int
    kind_code: str
    purpose: str
    name_zh: str
    name_en: str
    customer_id: int
    starts_on: date
    ends_on: date
    state: str
    complaint_id: int | None
    reason: str | None
    granted_at: datetime
    entitlements: tuple[EntitlementView, ...]


@dataclass(frozen=True, slots=True)
class ReferralView:
    id: int
    referrer_customer_id: int
    referrer_name: str
    customer_id: int
    customer_name: str
    entered_at: datetime
    qualified_at: datetime | None


@dataclass(frozen=True, slots=True)
class BenefitsOfCustomer:
    """`referred_by`: who brought this customer; `referrals`: whom this customer brought."""

    coupons: tuple[CouponView, ...]
    packages: tuple[PackageView, ...]
    referred_by: ReferralView | None
    referrals: tuple[ReferralView, ...]


@dataclass(frozen=True, slots=True)
class ReferralRuleView:
    referrer_kind_code: str | None
    referred_kind_code: str | None
    version: int
