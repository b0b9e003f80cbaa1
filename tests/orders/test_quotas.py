"""Quotas and order windows: refused to everybody alike, given and taken back, never overdrawn."""

import asyncio
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from orders.catalogue.commands import NewCategory
from orders.errors import OrderWindowClosed, OverQuota
from orders.quotas.commands import (
    ChangedQuota,
    ChangedWindow,
    NewGrant,
    NewQuota,
    NewWindow,
    QuotaQuery,
)
from orders.quotas.limits import Period, Window, begins, is_open, next_opening
from tests.crm_core.crm_core_support import person
from tests.orders.order_shop import Shop
from tests.orders.test_order_editing import anew

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = st.dates(date(2000, 1, 1), date(2199, 12, 31))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WINDOWS = st.builds(Window, st.frozensets(st.integers(1, 7), min_size=1), TIMES, TIMES)
MOMENTS = st.builds(datetime.combine, st.dates(date(2025, 1, 1), date(2027, 1, 1)), TIMES).map(
    lambda at: at.replace(tzinfo=SHANGHAI)
)


@given(st.sampled_from(Period), DAYS, DAYS)
def test_a_period_begins_on_or_before_the_day_and_with_it_the_next_one(period, day, since):
    first = begins(period, day, since)
    assert first <= max(day, since)
    assert begins(period, max(first, day), since) == first
    if period is Period.WEEK and first > since:
        assert first.isoweekday() == 1
    if period is Period.MONTH and first > since:
        assert first.day == 1


@given(st.lists(WINDOWS, max_size=3), MOMENTS)
def test_when_it_is_closed_the_next_opening_is_told_and_holds(windows, local):
    if is_open(windows, local):
        return
    opens = next_opening(windows, local)
    assert opens is not None
    assert local < opens <= local + timedelta(days=8)
    assert is_open(windows, opens)


def test_a_window_over_midnight_belongs_to_the_day_it_opens_on():
    friday = Window(frozenset({5}), time(22), time(2))
    assert friday.holds(datetime(2026, 3, 6, 23, tzinfo=SHANGHAI))
    assert friday.holds(datetime(2026, 3, 7, 1, 59, tzinfo=SHANGHAI))
    assert not friday.holds(datetime(2026, 3, 6, 1, tzinfo=SHANGHAI))
    assert not friday.holds(datetime(2026, 3, 7, 2, tzinfo=SHANGHAI))


async def quota(shop: Shop, **content):
    wanted = {"period": "day", "valid_from": "2026-01-01"} | content
    return await shop.trade.quotas.add(SYSTEM, NewQuota.model_validate(wanted))


async def test_what_is_beyond_the_quota_is_refused_and_leaves_nothing_behind(shop: Shop):
    sku = await shop.product(on_hand=100, packs=[{"unit": "件", "factor": 5}])
    await quota(shop, sku=sku, quantity=10)
    await shop.place((sku, 4))
    with pytest.raises(OverQuota) as refused:
        await shop.place((sku, 2), (sku, 1, "件"))
    assert refused.value.fields == {"goods": sku, "left": 6, "period": "day"}
    quote = await shop.service.quote(SYSTEM, shop.dealer, shop.order((sku, 7)).lines)
    assert [w.params["left"] for w in quote.warnings if w.code == "over_quota"] == ["6"]
    await shop.place((sku, 1), (sku, 1, "件"))
    assert (await shop.place((sku, 10), customer=shop.plain)).created
    assert await shop.balance(sku) == (100, 20)
    await shop.assert_ledger_adds_up()


async def test_a_cancelled_order_and_the_next_day_give_it_back(shop: Shop):
    sku = await shop.product(on_hand=100)
    await quota(shop, sku=sku, quantity=3)
    order = (await shop.place((sku, 3))).order
    with pytest.raises(OverQuota):
        await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 4)))
    less = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 2)))
    assert (await shop.place((sku, 1))).created
    await shop.move(less.id, "cancelled")
    assert (await shop.place((sku, 2))).created
    with pytest.raises(OverQuota):
        await shop.place((sku, 1))
    before, shop.clock.now = shop.clock.now, shop.clock.now + timedelta(days=1)
    try:
        assert (await shop.place((sku, 3))).created
    finally:
        shop.clock.now = before


async def test_a_customer_is_given_more_and_has_it_taken_back(shop: Shop):
    sku = await shop.product(on_hand=100)
    made = await quota(shop, sku=sku, quantity=2, level_code="agent", period="month")
    more = NewGrant(customer_id=shop.dealer, quantity=3, reason="节日加量")
    stands = await shop.trade.quotas.grant(SYSTEM, made.id, more)
    assert (stands.allowed, stands.left, stands.begins) == (5, 5, date(2026, 3, 1))
    await shop.place((sku, 4))
    back = NewGrant(customer_id=shop.dealer, quantity=-3, reason="收回")
    assert (await shop.trade.quotas.grant(SYSTEM, made.id, back)).left == 0
    with pytest.raises(OverQuota):
        await shop.place((sku, 1))
    assert (await shop.place((sku, 9), customer=shop.plain)).created
    with pytest.raises(Invalid, match="not for this customer"):
        await shop.trade.quotas.grant(
            SYSTEM, made.id, NewGrant(customer_id=shop.plain, quantity=1, reason="x")
        )
    (mine,) = [s for s in await shop.trade.quotas.of_customer(SYSTEM, shop.dealer)
               if s.quota.id == made.id]  # fmt: skip
    assert (mine.allowed, mine.used, mine.left) == (2, 4, 0)


async def test_a_quota_of_a_category_for_all_together_is_never_overdrawn(shop: Shop):
    catalogue = shop.trade.catalogue
    new = NewCategory(code="smoke", name_zh="烟", name_en="Tobacco")
    await catalogue.add_category(SYSTEM, new)
    below = NewCategory(code="thin", name_zh="细支", name_en="Slim", parent_code="smoke")
    await catalogue.add_category(SYSTEM, below)
    one, two = [await shop.product(on_hand=500, category_code=code) for code in ("smoke", "thin")]
    made = await quota(shop, category_code="smoke", quantity=30, together=True, period="week")
    who = [shop.dealer, shop.plain]
    answers = await asyncio.gather(
        *(shop.place(((one, two)[n % 2], 2), customer=who[n % 2]) for n in range(40)),
        return_exceptions=True,
    )
    assert [type(each) for each in answers].count(OverQuota) == 25
    (stands,) = [s for s in await shop.trade.quotas.of_customer(SYSTEM, shop.plain)
                 if s.quota.id == made.id]  # fmt: skip
    assert (stands.used, stands.left) == (30, 0)


async def test_quotas_are_kept_by_who_may_and_by_version(shop: Shop):
    sku = await shop.product(on_hand=1)
    content = {"sku": sku, "period": "day", "quantity": 1, "valid_from": "2026-01-01"}
    new = NewQuota.model_validate(content)
    quotas = shop.trade.quotas
    with pytest.raises(Forbidden):
        await quotas.add(person("agent"), new)
    made = await quotas.add(SYSTEM, new)
    ended = ChangedQuota.model_validate(content | {"active": False, "version": 1})
    assert not (await quotas.change(SYSTEM, made.id, ended)).active
    with pytest.raises(Conflict):
        await quotas.change(SYSTEM, made.id, ended)
    assert (await shop.place((sku, 1))).created
    (found,) = await quotas.search(SYSTEM, QuotaQuery(sku=sku))
    assert found.id == made.id
    for wrong, error in (
        ({"sku": "NO-SUCH"}, Invalid),
        ({"customer_id": 999_999}, NotFound),
        ({"level_code": "nobody"}, Invalid),
    ):
        with pytest.raises(error):
            await quotas.add(SYSTEM, NewQuota.model_validate(content | wrong))


async def test_outside_its_window_an_order_is_refused_with_the_next_opening(shop: Shop):
    sku = await shop.product(on_hand=9)
    local = shop.clock.now.astimezone(SHANGHAI)  # Monday, 09:30
    window = NewWindow(
        name_zh="上午", name_en="Morning", level_code="agent", weekdays=frozenset({1, 3}),
        opens=time(9), closes=time(9, 30),
    )  # fmt: skip
    made = await shop.trade.quotas.add_window(SYSTEM, window)
    agent = person("agent")
    with pytest.raises(OrderWindowClosed) as refused:
        await shop.service.place(agent, shop.order((sku, 1)))
    wednesday = local.replace(day=local.day + 2, hour=9, minute=0)
    assert refused.value.fields == {"opens": wednesday.isoformat()}
    assert (await shop.service.place(SYSTEM, shop.order((sku, 1)))).created
    before, shop.clock.now = shop.clock.now, shop.clock.now - timedelta(minutes=1)
    try:
        with pytest.raises(
            Exception, match="users"
        ):  # the window lets it; the agent is nobody here
            await shop.service.place(agent, shop.order((sku, 1)))
    finally:
        shop.clock.now = before
    ended = window.model_dump() | {"active": False, "version": made.version}
    await shop.trade.quotas.change_window(SYSTEM, made.id, ChangedWindow.model_validate(ended))
