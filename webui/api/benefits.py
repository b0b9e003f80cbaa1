"""Coupons, packages and referrals: kinds and rules, and what a customer has."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from crm_core.benefits.commands import (
    CouponCode,
    CouponKindContent,
    Grant,
    IssueCoupons,
    Money,
    PackageKindContent,
    ReferralContent,
    ReferralRuleContent,
    UseEntitlement,
)
from crm_core.benefits.service import BenefitService
from crm_core.fields import Id
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import View

_KindVersion = Annotated[int, Field(ge=0, le=999_999_999)]


class WantedCouponKind(CouponKindContent, Model):
    """Version 0 makes a new kind."""

    version: _KindVersion = 0


class WantedPackageKind(PackageKindContent, Model):
    """Version 0 makes a new kind."""

    version: _KindVersion = 0


class WantedCoupons(IssueCoupons, Model):
    """Which coupon, and for whom."""


class WantedCouponCheck(Model):
    customer_id: Id
    codes: Annotated[tuple[CouponCode, ...], Field(min_length=1, max_length=10)]
    total: Money


class WantedPackage(Grant, Model):
    """Which package."""


class WantedEntitlementUse(UseEntitlement, Model):
    """A service was given."""


class WantedReferral(ReferralContent, Model):
    """Who brought the customer."""


class WantedReferralRule(ReferralRuleContent, Model):
    """What both get."""


class EndingSearch(Model):
    days: Annotated[int, Field(ge=0, le=400)] = 30


class CouponKindItem(View):
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


class CouponKindList(View):
    items: tuple[CouponKindItem, ...]


class PackageItemItem(View):
    name_zh: str
    name_en: str
    many: int | None
    coupon_kind_code: str | None


class PackageKindItem(View):
    code: str
    purpose: str
    name_zh: str
    name_en: str
    price: Decimal
    months: int
    most_in_90_days: int | None
    active: bool
    version: int
    items: tuple[PackageItemItem, ...]


class PackageKindList(View):
    items: tuple[PackageKindItem, ...]


class CouponItem(View):
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


class EntitlementItem(View):
    id: int
    name_zh: str
    name_en: str
    allowed: int | None
    used: int


class PackageItemOfCustomer(View):
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
    entitlements: tuple[EntitlementItem, ...]


class PackageList(View):
    items: tuple[PackageItemOfCustomer, ...]


class ReferralItem(View):
    id: int
    referrer_customer_id: int
    referrer_name: str
    customer_id: int
    customer_name: str
    entered_at: datetime
    qualified_at: datetime | None


class BenefitsAnswer(View):
    coupons: tuple[CouponItem, ...]
    packages: tuple[PackageItemOfCustomer, ...]
    referred_by: ReferralItem | None
    referrals: tuple[ReferralItem, ...]


class IssuedAnswer(View):
    issued: int


class TakenItem(View):
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


class CouponCheckAnswer(View):
    coupons: tuple[TakenItem, ...]
    discount: Decimal


class MadeAnswer(View):
    id: int


class ReferralRuleAnswer(View):
    referrer_kind_code: str | None
    referred_kind_code: str | None
    version: int


async def of_customer(asked: Asked[Nothing, Nothing]) -> BenefitsAnswer:
    """The coupons, packages and referrals of a customer."""
    found = await _service(asked).of_customer(asked.principal, int(asked.id))
    return BenefitsAnswer.model_validate(found)


async def coupon_kinds(asked: Asked[Nothing, Nothing]) -> CouponKindList:
    """Kinds of coupons."""
    found = await _service(asked).coupon_kinds(asked.principal)
    return CouponKindList(items=tuple(map(CouponKindItem.model_validate, found)))


async def put_coupon_kind(asked: Asked[WantedCouponKind, Nothing]) -> CouponKindList:
    """Make a kind of coupon, or change it."""
    content = CouponKindContent(**asked.body.model_dump(exclude={"version"}))
    await _service(asked).put_coupon_kind(asked.principal, asked.id, asked.body.version, content)
    return CouponKindList(
        items=tuple(
            map(CouponKindItem.model_validate, await _service(asked).coupon_kinds(asked.principal))
        )
    )


async def package_kinds(asked: Asked[Nothing, Nothing]) -> PackageKindList:
    """Kinds of packages."""
    found = await _service(asked).package_kinds(asked.principal)
    return PackageKindList(items=tuple(map(PackageKindItem.model_validate, found)))


async def put_package_kind(asked: Asked[WantedPackageKind, Nothing]) -> PackageKindList:
    """Make a kind of package, or change it; what customers have stays as it is."""
    content = PackageKindContent(**asked.body.model_dump(exclude={"version"}))
    await _service(asked).put_package_kind(asked.principal, asked.id, asked.body.version, content)
    found = await _service(asked).package_kinds(asked.principal)
    return PackageKindList(items=tuple(map(PackageKindItem.model_validate, found)))


async def issue(asked: Asked[WantedCoupons, Nothing]) -> IssuedAnswer:
    """Issue a coupon to each of many customers: all or none."""
    return IssuedAnswer(issued=await _service(asked).issue(asked.principal, asked.body))


async def check(asked: Asked[WantedCouponCheck, Nothing]) -> CouponCheckAnswer:
    """What coupons would take off an order; nothing is used up."""
    body = asked.body
    taken = await _service(asked).check(asked.principal, body.codes, body.customer_id, body.total)
    items = tuple(map(TakenItem.model_validate, taken))
    return CouponCheckAnswer(
        coupons=items, discount=sum((each.discount for each in taken), Decimal(0))
    )


async def cancel_coupon(asked: Asked[Nothing, Nothing]) -> None:
    """A coupon that was not used is not valid any more."""
    await _service(asked).cancel_coupon(asked.principal, int(asked.id))


async def grant(asked: Asked[WantedPackage, Nothing]) -> MadeAnswer:
    """Give a package; one that the customer has already is renewed from its end."""
    return MadeAnswer(id=await _service(asked).grant(asked.principal, int(asked.id), asked.body))


async def cancel_package(asked: Asked[Nothing, Nothing]) -> None:
    """The services of a package end; coupons that came with it stay."""
    await _service(asked).cancel_package(asked.principal, int(asked.id))


async def use(asked: Asked[WantedEntitlementUse, Nothing]) -> MadeAnswer:
    """Note that a service of a package was given."""
    return MadeAnswer(id=await _service(asked).use(asked.principal, int(asked.id), asked.body))


async def undo_use(asked: Asked[Nothing, Nothing]) -> None:
    """It was not given after all."""
    await _service(asked).undo_use(asked.principal, int(asked.id))


async def ending(asked: Asked[Nothing, EndingSearch]) -> PackageList:
    """Service packages to renew: they end soon and have no follower."""
    found = await _service(asked).ending(asked.principal, asked.query.days)
    return PackageList(items=tuple(map(PackageItemOfCustomer.model_validate, found)))


async def refer(asked: Asked[WantedReferral, Nothing]) -> MadeAnswer:
    """Note who brought the customer; both are rewarded when the first order is delivered."""
    return MadeAnswer(id=await _service(asked).refer(asked.principal, int(asked.id), asked.body))


async def referral_rule(asked: Asked[Nothing, Nothing]) -> ReferralRuleAnswer:
    """What both get for a referral."""
    return ReferralRuleAnswer.model_validate(await _service(asked).referral_rule(asked.principal))


async def change_referral_rule(asked: Asked[WantedReferralRule, Nothing]) -> ReferralRuleAnswer:
    """Change what both get."""
    found = await _service(asked).change_referral_rule(asked.principal, asked.body)
    return ReferralRuleAnswer.model_validate(found)


def _service(asked: Asked[Model, Model]) -> BenefitService:
    return asked.services.crm.benefits


_SEE = needs(Right.CUSTOMER_VIEW)
_EDIT = needs(Right.CUSTOMER_EDIT)
_ISSUE = needs(Right.BENEFIT_ISSUE)
_MANAGE = needs(Right.BENEFIT_MANAGE)
_OF = f"/api/customers/{NUMBER}"

ROUTES = (
    Route("GET", f"{_OF}/benefits", of_customer, _SEE, answer=BenefitsAnswer),
    Route(
        "POST",
        f"{_OF}/packages",
        grant,
        _ISSUE,
        WantedPackage,
        answer=MadeAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", f"{_OF}/referral", refer, _EDIT, WantedReferral, answer=MadeAnswer),
    Route("GET", "/api/coupon-kinds", coupon_kinds, _SEE, answer=CouponKindList),
    Route(
        "PUT",
        f"/api/coupon-kinds/{CODE}",
        put_coupon_kind,
        _MANAGE,
        WantedCouponKind,
        answer=CouponKindList,
    ),
    Route("GET", "/api/package-kinds", package_kinds, _SEE, answer=PackageKindList),
    Route(
        "PUT",
        f"/api/package-kinds/{CODE}",
        put_package_kind,
        _MANAGE,
        WantedPackageKind,
        answer=PackageKindList,
    ),
    Route(
        "POST",
        "/api/coupons",
        issue,
        _ISSUE,
        WantedCoupons,
        answer=IssuedAnswer,
        status=201,
        once=True,
    ),
    Route(
        "POST",
        "/api/coupons/check",
        check,
        needs(Right.ORDER_PLACE),
        WantedCouponCheck,
        answer=CouponCheckAnswer,
    ),
    Route("DELETE", f"/api/coupons/{NUMBER}", cancel_coupon, _ISSUE, status=204),
    Route("GET", "/api/packages/ending", ending, _SEE, query=EndingSearch, answer=PackageList),
    Route("DELETE", f"/api/packages/{NUMBER}", cancel_package, _ISSUE, status=204),
    Route(
        "POST",
        f"/api/entitlements/{NUMBER}/uses",
        use,
        _EDIT,
        WantedEntitlementUse,
        answer=MadeAnswer,
        status=201,
        once=True,
    ),
    Route("DELETE", f"/api/entitlement-uses/{NUMBER}", undo_use, _EDIT, status=204),
    Route("GET", "/api/referral-rule", referral_rule, _MANAGE, answer=ReferralRuleAnswer),
    Route(
        "PUT",
        "/api/referral-rule",
        change_referral_rule,
        _MANAGE,
        WantedReferralRule,
        answer=ReferralRuleAnswer,
    ),
)
