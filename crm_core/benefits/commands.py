"""What may be asked of coupons, packages and referrals."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from crm_core.customers.channel import Code
from crm_core.customers.criteria import Conditions
from crm_core.fields import PAGE, Command, Id, Limit, Text, Version

Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
Above = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
Name = Annotated[Text, Field(min_length=1, max_length=50)]
Reason = Annotated[Text, Field(min_length=1, max_length=200)]
CouponCode = Annotated[Text, Field(min_length=12, max_length=20)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2189, 12, 31))]


class What(StrEnum):
    AMOUNT = "amount"
    PERCENT = "percent"


class Purpose(StrEnum):
    SERVICE = "service"
    COMPENSATION = "compensation"


class CouponKindContent(Command):
    """`value` is money, or per cent of the order; without `level_codes` it is for every level."""

    name_zh: Name
    name_en: Name
    what: What
    value: Above
    least_total: Money = Decimal(0)
    most_discount: Above | None = None
    level_codes: Annotated[tuple[Code, ...], Field(max_length=20)] = ()
    valid_days: Annotated[int, Field(ge=1, le=3660)] = 90
    active: bool = True

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.what is What.PERCENT and self.value > 100:  # noqa: PLR2004
            raise ValueError(
                "a discount of more than 100 per cent gives money away: write up to 100"
            )
        return self


def _each_once(ids: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(ids))


class IssueCoupons(Command):
    """One coupon for each of these customers."""

    kind_code: Code
    customer_ids: Annotated[
        tuple[Id, ...], Field(min_length=1, max_length=1000), AfterValidator(_each_once)
    ]
    reason: Reason | None = None


class NewCouponRun(Command):
    """One coupon for everybody who fits the conditions of a customer search, such as a segment."""

    kind_code: Code
    conditions: Annotated[Conditions, Field(min_length=1)]
    reason: Reason | None = None


class CouponRunQuery(Command):
    """`before`: the last run of the page before; the newest come first."""

    before: Id | None = None
    limit: Limit = PAGE


class PackageItemContent(Command):
    """`many` coupons of a kind, or a service `many` times; a service without `many` has no limit."""

    name_zh: Name
    name_en: Name
    many: Annotated[int, Field(ge=1, le=1000)] | None = None
    coupon_kind_code: Code | None = None

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if self.coupon_kind_code is not None and (self.many is None or self.many > 50):  # noqa: PLR2004
            raise ValueError("say how many coupons, up to 50")
        return self


class PackageKindContent(Command):
    purpose: Purpose
    name_zh: Name
    name_en: Name
    price: Money = Decimal(0)
    months: Annotated[int, Field(ge=1, le=120)] = 12
    most_in_90_days: Annotated[int, Field(ge=1, le=1000)] | None = None
    items: Annotated[tuple[PackageItemContent, ...], Field(min_length=1, max_length=20)]
    active: bool = True


class Grant(Command):
    """Without `starts_on` it begins today, or the day after the customer's present one of the kind ends."""

    kind_code: Code
    starts_on: Day | None = None
    complaint_id: Id | None = None
    reason: Annotated[Text, Field(max_length=500)] | None = None


class UseEntitlement(Command):
    note: Annotated[Text, Field(max_length=200)] | None = None


class ReferralContent(Command):
    """Who brought the customer."""

    referrer_customer_id: Id


class ReferralRuleContent(Command):
    """Coupons for both, when the first order of who was referred is delivered."""

    version: Version
    referrer_kind_code: Code | None = None
    referred_kind_code: Code | None = None
