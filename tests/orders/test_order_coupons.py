"""Coupons in orders: used with the order, once, and given back with it."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.benefits import coupons
from crm_core.benefits.commands import ReferralContent
from crm_core.benefits.coupons import CouponRefused
from crm_core.benefits.kinds import seed_benefits
from crm_core.benefits.service import BenefitService, NotNew
from crm_core.rights import SYSTEM
from orders.errors import BadOrder, OutOfStock, SameKeyOtherOrder
from orders.sales.benefit_source import has_delivery
from tests.orders.order_shop import Shop


async def coupon(shop: Shop, customer: int | None = None) -> str:
    """20 off from 200 on."""
    async with shop.database.begin() as session:
        await seed_benefits(session)
        (made,) = await coupons.issue(
            session, SYSTEM, "welcome", [customer or shop.dealer], reason=None, now=shop.clock()
        )
    return str(await shop.scalar(f"SELECT code FROM coupons WHERE id = {made}"))


async def state(shop: Shop, code: str) -> str:
    return str(await shop.scalar(f"SELECT state FROM coupons WHERE code = '{code}'"))


async def test_an_order_costs_less_by_its_coupon_and_shows_it(shop: Shop):
    code, sku = await coupon(shop), await shop.product(on_hand=50, price="100.00")
    command = shop.order((sku, 3), coupon_codes=(code,))
    placed = await shop.service.place(SYSTEM, command)
    lines = sum(line.line_total for line in placed.order.lines)
    assert (placed.order.discount, placed.order.total) == (20, lines - 20)
    assert [(each.code, each.discount) for each in placed.order.coupons] == [(code, 20)]
    assert await shop.service.get(SYSTEM, placed.order.id) == placed.order
    assert await state(shop, code) == "used"
    again = await shop.service.place(SYSTEM, command)
    assert (again.created, again.order.id) == (False, placed.order.id)
    held = await shop.scalar(f"SELECT credit_held FROM orders WHERE id = {placed.order.id}")
    assert held == placed.order.total
    with pytest.raises(CouponRefused):
        await shop.service.place(SYSTEM, shop.order((sku, 3), coupon_codes=(code,)))
    with pytest.raises(SameKeyOtherOrder):
        await shop.service.place(SYSTEM, shop.order((sku, 3), key=command.key))


async def test_an_order_that_fails_leaves_the_coupon(shop: Shop):
    code, sku = await coupon(shop), await shop.product(on_hand=1, price="500.00")
    with pytest.raises(OutOfStock):
        await shop.service.place(SYSTEM, shop.order((sku, 2), coupon_codes=(code,)))
    cheap = await shop.product(on_hand=5, price="1.00")
    with pytest.raises(CouponRefused, match="at least"):
        await shop.service.place(SYSTEM, shop.order((cheap, 1), coupon_codes=(code,)))
    assert await state(shop, code) == "issued"
    with pytest.raises(BadOrder):
        shop.order((cheap, 1), coupon_codes=(code,) * 11)


async def test_a_cancelled_order_gives_the_coupon_back(shop: Shop):
    code, sku = await coupon(shop), await shop.product(on_hand=9, price="100.00")
    order = (await shop.place((sku, 3), coupon_codes=(code,))).order
    await shop.service.move(order.id, "cancelled", SYSTEM)
    assert await state(shop, code) == "issued"
    assert (await shop.place((sku, 3), coupon_codes=(code,))).order.discount == 20


async def test_of_many_orders_at_once_one_has_the_coupon(shop: Shop):
    code, sku = await coupon(shop), await shop.product(on_hand=100, price="100.00")
    results = await asyncio.gather(
        *(
            shop.service.place(SYSTEM, shop.order((sku, 3), coupon_codes=(code,)))
            for _ in range(10)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, CouponRefused) for each in results) == 9
    assert await shop.scalar(
        f"SELECT count(*) FROM orders o JOIN coupons c ON c.used_for = o.id WHERE c.code = '{code}'"
    ) == 1  # fmt: skip


async def test_the_first_delivery_rewards_who_brought_the_customer(shop: Shop):
    await coupon(shop)
    async with shop.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO referrals (referrer_customer_id, customer_id, entered_at)"
                f" VALUES ({shop.dealer}, {shop.plain}, now())"
            )
        )
    before = await shop.scalar("SELECT count(*) FROM coupons WHERE kind_code = 'thanks'")
    sku = await shop.product(on_hand=9)
    for _ in range(2):
        order = (await shop.place((sku, 1), customer=shop.plain)).order
        for to in ("reviewed", "picking", "shipped", "in_transit", "delivered"):
            await shop.service.move(order.id, to, SYSTEM)
    after = await shop.scalar("SELECT count(*) FROM coupons WHERE kind_code = 'thanks'")
    assert after - before == 1
    assert isinstance(order.total, Decimal)


async def test_who_has_had_a_delivery_is_brought_by_nobody_any_more(shop: Shop):
    async def has_one(customer_id: int) -> bool:
        async with shop.database.begin() as session:
            return await has_delivery(session, customer_id)

    sku = await shop.product(on_hand=9)
    order = (await shop.place((sku, 1), customer=shop.dealer)).order
    assert not await has_one(shop.dealer)
    for to in ("reviewed", "picking", "shipped", "in_transit", "delivered"):
        await shop.service.move(order.id, to, SYSTEM)
    assert await has_one(shop.dealer)
    benefits = BenefitService(shop.database, clock=now, zone=UTC, has_delivery=has_delivery)
    given = ReferralContent(referrer_customer_id=shop.plain)
    with pytest.raises(NotNew):
        await benefits.refer(SYSTEM, shop.dealer, given)


def now() -> datetime:
    return datetime.now(UTC)
