"""Coupons, packages and referrals: given once, used once, over in time."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from crm_core.audit.tables import AuditEntry
from crm_core.benefits import coupons, referrals
from crm_core.benefits.commands import (
    CouponKindContent,
    Grant,
    IssueCoupons,
    PackageItemContent,
    PackageKindContent,
    ReferralContent,
    ReferralRuleContent,
    UseEntitlement,
)
from crm_core.benefits.coupons import CouponRefused
from crm_core.benefits.packages import UsedUp
from crm_core.benefits.tables import CouponKind
from crm_core.benefits.timeline import entries
from crm_core.complaints.commands import NewComplaint
from crm_core.complaints.service import ComplaintService
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.timeline import Place
from tests.benefits.conftest import BenefitHouse

FREE = PackageItemContent(name_zh="免费配送", name_en="Free delivery", many=2)


async def check(house: BenefitHouse, customer: int, *codes: str, total: int = 100):
    return await house.benefits.check(house.office.wang, codes, customer, Decimal(total))


async def test_a_coupon_takes_off_what_its_kind_says(house: BenefitHouse):
    customer = await house.somebody()
    ten = await house.coupon(customer)
    fifth = await house.coupon(customer, what="percent", value="20", most_discount="15")
    taken = await check(house, customer, ten.lower(), fifth)
    assert [each.discount for each in taken] == [10, 15]
    (one,) = await check(house, customer, ten, total=5)
    assert one.discount == 5


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ({"least_total": "200"}, "at least 200"),
        ({"level_codes": ["retailer"]}, "level"),
    ],
)
async def test_a_coupon_that_does_not_fit_says_why(house: BenefitHouse, kind, why):
    customer = await house.somebody()
    code = await house.coupon(customer, **kind)
    with pytest.raises(CouponRefused, match=why):
        await check(house, customer, code)


async def test_a_coupon_is_its_customers_and_for_its_time(house: BenefitHouse):
    customer, other = await house.somebody(), await house.somebody()
    code = await house.coupon(customer, valid_days=5)
    with pytest.raises(CouponRefused, match="this customer's"):
        await check(house, other, code)
    with pytest.raises(CouponRefused, match="twice"):
        await check(house, customer, code, code)
    with pytest.raises(CouponRefused, match="sign is wrong"):
        await check(house, customer, "AAAA-AAAA-AAAA")
    house.clock.pass_by(days=5)
    with pytest.raises(CouponRefused, match="ended"):
        await check(house, customer, code)
    held = await house.benefits.of_customer(house.office.wang, customer)
    assert held.coupons[0].state == "expired"


async def test_of_fifty_orders_at_once_one_uses_the_coupon(house: BenefitHouse):
    customer = await house.somebody()
    code = await house.coupon(customer)

    async def order(number: int) -> Decimal:
        async with house.database.begin() as session:
            now = house.clock()
            taken = await coupons.take(session, [code], customer, Decimal(100), now)
            await coupons.use(session, taken, number, now)
            return taken[0].discount

    results = await asyncio.gather(*(order(n) for n in range(50)), return_exceptions=True)
    assert sum(isinstance(each, Decimal) for each in results) == 1
    assert sum(isinstance(each, CouponRefused) for each in results) == 49
    used = (await house.benefits.of_customer(house.office.wang, customer)).coupons[0]
    assert (used.state, used.discount) == ("used", 10)
    with pytest.raises(Conflict, match="used already"):
        await house.benefits.cancel_coupon(house.office.zhao, used.id)
    async with house.database.begin() as session:
        await coupons.give_back(session, used.used_for or 0)
    assert await check(house, customer, code)
    await house.benefits.cancel_coupon(house.office.zhao, used.id)
    with pytest.raises(CouponRefused, match="cancelled"):
        await check(house, customer, code)


async def test_many_get_a_coupon_or_none_does(house: BenefitHouse):
    kind = await house.kind()
    some = [await house.somebody() for _ in range(3)]
    wanted = IssueCoupons(kind_code=kind, customer_ids=(*some, 999_999))
    with pytest.raises(NotFound):
        await house.benefits.issue(house.office.zhao, wanted)
    held = await house.benefits.of_customer(house.office.wang, some[0])
    assert not held.coupons
    wanted = IssueCoupons(kind_code=kind, customer_ids=(*some, some[0]), reason="周年庆")
    assert await house.benefits.issue(house.office.zhao, wanted) == 3
    with pytest.raises(Invalid):
        await house.benefits.issue(
            house.office.zhao, IssueCoupons(kind_code="none_such", customer_ids=(some[0],))
        )
    with pytest.raises(Forbidden):
        await house.benefits.issue(house.office.wang, wanted)
    async with house.database.reading() as connection:
        after = house.clock().replace(year=2027)
        assert [each.kind for each in await entries(connection, some[:1], Place(after), 9)] == [
            "coupon.issued"
        ]


async def test_a_kind_is_changed_from_the_version_that_was_looked_at(house: BenefitHouse):
    kind = await house.kind()
    content = CouponKindContent.model_validate(
        {"name_zh": "新名", "name_en": "New", "what": "percent", "value": "5"}
    )
    with pytest.raises(Conflict, match="already"):
        await house.benefits.put_coupon_kind(house.office.sun, kind, 0, content)
    await house.benefits.put_coupon_kind(house.office.sun, kind, 1, content)
    with pytest.raises(Conflict, match="changed"):
        await house.benefits.put_coupon_kind(house.office.sun, kind, 1, content)
    (found,) = [
        each for each in await house.benefits.coupon_kinds(house.office.wang) if each.code == kind
    ]
    assert (found.name_zh, found.version) == ("新名", 2)
    with pytest.raises(Forbidden):
        await house.benefits.put_coupon_kind(house.office.wang, kind, 2, content)


async def test_a_service_is_given_as_often_as_the_package_says(house: BenefitHouse):
    customer = await house.somebody()
    always = PackageItemContent(name_zh="优先接听", name_en="First in line")
    package = await house.package(customer, await house.package_kind(FREE, always))
    held = (await house.benefits.of_customer(house.office.wang, customer)).packages[0]
    assert (held.id, held.state, held.ends_on) == (package, "active", date(2027, 3, 1))
    free, unlimited = held.entitlements
    wang = house.office.wang
    results = await asyncio.gather(
        *(house.benefits.use(wang, free.id, UseEntitlement()) for _ in range(6)),
        return_exceptions=True,
    )
    uses = [each for each in results if isinstance(each, int)]
    assert (len(uses), sum(isinstance(each, UsedUp) for each in results)) == (2, 4)
    await house.benefits.undo_use(wang, uses[0])
    with pytest.raises(NotFound):
        await house.benefits.undo_use(wang, uses[0])
    await house.benefits.use(wang, free.id, UseEntitlement(note="补送"))
    for _ in range(5):
        await house.benefits.use(wang, unlimited.id, UseEntitlement())
    await house.benefits.cancel_package(house.office.zhao, package)
    with pytest.raises(NotFound):
        await house.benefits.use(wang, unlimited.id, UseEntitlement())
    with pytest.raises(Conflict):
        await house.benefits.cancel_package(house.office.zhao, package)


async def test_a_package_is_renewed_from_its_end_and_called_for_before(house: BenefitHouse):
    customer = await house.somebody()
    kind = await house.package_kind(FREE, months=1)
    await house.package(customer, kind)
    house.clock.pass_by(days=20)
    wang = house.office.wang
    assert customer in {each.customer_id for each in await house.benefits.ending(wang, 15)}
    await house.package(customer, kind)
    assert customer not in {each.customer_id for each in await house.benefits.ending(wang, 15)}
    last, first = (await house.benefits.of_customer(wang, customer)).packages
    assert (first.ends_on, last.starts_on, last.ends_on) == (
        date(2026, 4, 1),
        date(2026, 4, 2),
        date(2026, 5, 1),
    )
    assert (first.state, last.state) == ("active", "coming")
    with pytest.raises(NotFound):
        await house.benefits.use(wang, last.entitlements[0].id, UseEntitlement())


async def test_what_makes_up_for_a_complaint_is_limited_and_brings_coupons(house: BenefitHouse):
    customer, other = await house.somebody(), await house.somebody()
    complaints = ComplaintService(house.database, clock=house.clock)
    new = NewComplaint(customer_id=other, category_code="delivery_late", description="晚到")
    complaint = await complaints.create(house.office.wang, new)
    coupon = await house.kind()
    sorry = PackageItemContent(name_zh="致歉券", name_en="Sorry", many=2, coupon_kind_code=coupon)
    kind = await house.package_kind(sorry, purpose="compensation", most_in_90_days=1)
    with pytest.raises(Invalid, match="complaint"):
        await house.package(customer, kind, complaint_id=complaint.id)
    results = await asyncio.gather(
        *(house.package(other, kind, complaint_id=complaint.id) for _ in range(3)),
        return_exceptions=True,
    )
    assert sorted(isinstance(each, Conflict) for each in results) == [False, True, True]
    held = await house.benefits.of_customer(house.office.wang, other)
    assert [each.kind_code for each in held.coupons] == [coupon, coupon]
    assert held.packages[0].complaint_id == complaint.id
    with pytest.raises(Forbidden):
        await house.benefits.grant(house.office.wang, other, Grant(kind_code=kind))


async def test_a_referral_is_rewarded_once_and_closes_no_circle(house: BenefitHouse):
    old, young, third = [await house.somebody() for _ in range(3)]
    wang, now = house.office.wang, house.clock()

    async def refer(customer: int, by: int) -> None:
        await house.benefits.refer(wang, customer, ReferralContent(referrer_customer_id=by))

    await refer(young, old)
    await refer(third, young)
    with pytest.raises(Invalid, match="each other"):
        await refer(old, third)
    with pytest.raises(Invalid):
        await refer(old, old)
    with pytest.raises(Conflict):
        await refer(young, await house.somebody())

    async def delivered() -> None:
        async with house.database.begin() as session:
            await referrals.qualify(session, young, now)

    await asyncio.gather(*(delivered() for _ in range(5)))
    held = await house.benefits.of_customer(wang, old)
    assert [each.kind_code for each in held.coupons] == ["thanks"]
    assert (held.referrals[0].customer_id, held.referrals[0].qualified_at) == (young, now)
    held = await house.benefits.of_customer(wang, young)
    assert [each.kind_code for each in held.coupons] == ["welcome"]
    assert held.referred_by is not None
    assert held.referred_by.referrer_customer_id == old


async def test_the_rule_of_referrals_is_kept_as_data(house: BenefitHouse):
    sun = house.office.sun
    rule = await house.benefits.referral_rule(sun)
    change = ReferralRuleContent(version=rule.version, referrer_kind_code="thanks")
    changed = await house.benefits.change_referral_rule(sun, change)
    assert (changed.referred_kind_code, changed.version) == (None, rule.version + 1)
    with pytest.raises(Conflict):
        await house.benefits.change_referral_rule(sun, change)
    wrong = ReferralRuleContent(version=changed.version, referrer_kind_code="none_such")
    with pytest.raises(Invalid):
        await house.benefits.change_referral_rule(sun, wrong)
    back = ReferralRuleContent(
        version=changed.version, referrer_kind_code="thanks", referred_kind_code="welcome"
    )
    await house.benefits.change_referral_rule(sun, back)


async def test_coupons_that_are_promised_stay_active(house: BenefitHouse):
    sun = house.office.sun
    off = {"name_zh": "券", "name_en": "C", "what": "amount", "value": "30", "active": False}
    content = CouponKindContent.model_validate(off)
    with pytest.raises(Conflict, match="referral rule"):
        await house.benefits.put_coupon_kind(sun, "thanks", 1, content)
    coupon = await house.kind()
    gift = PackageItemContent(name_zh="券", name_en="C", many=1, coupon_kind_code=coupon)
    package = await house.package_kind(gift)
    with pytest.raises(Conflict, match=package):
        await house.benefits.put_coupon_kind(sun, coupon, 1, content)
    ended = {"purpose": "service", "name_zh": "年", "name_en": "Y", "items": [gift.model_dump()]}
    closed = PackageKindContent.model_validate(ended | {"active": False})
    await house.benefits.put_package_kind(sun, package, 1, closed)
    await house.benefits.put_coupon_kind(sun, coupon, 1, content)
    again = closed.model_copy(update={"active": True})
    with pytest.raises(Invalid):
        await house.benefits.put_package_kind(sun, package, 2, again)
    rule = await house.benefits.referral_rule(sun)
    named = ReferralRuleContent(version=rule.version, referrer_kind_code=coupon)
    with pytest.raises(Invalid):
        await house.benefits.change_referral_rule(sun, named)


async def test_a_reward_that_cannot_be_issued_stops_no_delivery_and_is_noted(house: BenefitHouse):
    old, young = await house.somebody(), await house.somebody()
    given = ReferralContent(referrer_customer_id=old)
    referral = await house.benefits.refer(house.office.wang, young, given)
    try:
        async with house.database.begin() as session:
            off = update(CouponKind).where(CouponKind.code == "thanks")
            await session.execute(off.values(active=False))
            await referrals.qualify(session, young, house.clock())
            noted = await session.scalar(
                select(AuditEntry.after).where(
                    AuditEntry.action == "referral.unrewarded",
                    AuditEntry.entity_id == str(referral),
                )
            )
    finally:
        async with house.database.begin() as session:
            await session.execute(update(CouponKind).values(active=True))
    assert (noted["kind_code"], noted["customer_id"]) == ("thanks", old)
    held = await house.benefits.of_customer(house.office.wang, young)
    assert held.referred_by is not None
    assert held.referred_by.qualified_at == house.clock()
    assert [each.kind_code for each in held.coupons] == ["welcome"]
