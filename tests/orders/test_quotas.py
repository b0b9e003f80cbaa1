"""Quotas and order windows: refused to everybody alike, given and taken back, never overdrawn."""

import asyncio
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_roles
from orders.catalogue.commands import NewCategory
from orders.delivery.run_commands import PutRoute
from orders.errors import OrderWindowClosed, OverQuota
from orders.quotas.commands import (
    ChangedQuota,
    ChangedWindow,
    NewGrant,
    NewQuota,
    NewWindow,
    QuotaQuery,
)
from orders.quotas.limits import Period, Window, begins, ends, is_open, next_opening
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


@given(st.sampled_from(Period), DAYS, DAYS)
def test_every_day_lies_in_one_period_and_the_next_one_begins_where_it_ends(period, day, since):
    after = ends(period, day)
    if after is None:
        assert period is Period.WHOLE
        return
    assert day < after
    assert begins(period, after, min(since, after)) == after
    last = after - timedelta(days=1)
    assert ends(period, last) == after
    assert begins(period, last, since) == begins(period, day, since) or since > day


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


async def test_an_order_of_yesterday_is_changed_by_what_was_ordered_yesterday(shop: Shop):
    sku = await shop.product(on_hand=100)
    await quota(shop, sku=sku, quantity=5)
    order = (await shop.place((sku, 3))).order
    before, shop.clock.now = shop.clock.now, shop.clock.now + timedelta(days=1)
    try:
        await shop.place((sku, 5))
        more = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 5)))
        assert more.lines[0].quantity == 5
        with pytest.raises(OverQuota) as refused:
            await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 6), version=2))
        assert refused.value.fields["left"] == 5
    finally:
        shop.clock.now = before


async def test_an_order_may_always_be_made_smaller_whatever_became_of_the_quota(shop: Shop):
    sku, other = [await shop.product(on_hand=100) for _ in range(2)]
    order = (await shop.place((sku, 9), (other, 1))).order
    await shop.place((sku, 9))
    await quota(shop, sku=sku, quantity=2)
    less = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 8), (other, 3)))
    assert [line.quantity for line in less.lines] == [8, 3]
    with pytest.raises(OverQuota) as refused:
        await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 9), version=2))
    assert refused.value.fields["left"] == 8


async def test_what_comes_free_counts_for_no_quota(shop: Shop):
    sku = await shop.product(on_hand=100)
    await shop.rule("free_goods", sku=sku, min_quantity=2, free_quantity=1, free_most=99)
    await quota(shop, sku=sku, quantity=6)
    order = (await shop.place((sku, 4))).order
    assert [line.quantity for line in order.lines] == [4, 2]
    assert (await shop.place((sku, 2))).created
    with pytest.raises(OverQuota):
        await shop.place((sku, 1))
    edited = await shop.trade.changes.edit(SYSTEM, order.id, anew((sku, 4)))
    assert [line.quantity for line in edited.lines] == [4, 2]


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


async def test_a_route_has_a_quota_of_its_own_and_its_own_day(shop: Shop):
    sku = await shop.product(on_hand=500)
    beside = await shop.customer("同路商店")
    content = PutRoute.model_validate(
        {"name_zh": "东线", "name_en": "East", "customer_ids": [shop.plain, beside]}
    )
    await shop.trade.fleet.put_route(SYSTEM, "east", content)
    made = await quota(shop, sku=sku, quantity=5, route_code="east", together=True)
    await shop.place((sku, 3), customer=shop.plain)
    with pytest.raises(OverQuota):
        await shop.place((sku, 3), customer=beside)
    assert (await shop.place((sku, 2), customer=beside)).created
    assert (await shop.place((sku, 50), customer=shop.dealer)).created
    standing = await shop.trade.quotas.of_customer(SYSTEM, beside)
    assert [(each.quota.id, each.left) for each in standing if each.quota.id == made.id] == [
        (made.id, 0)
    ]
    tuesdays = NewWindow(
        name_zh="东线周二", name_en="East on Tuesdays", route_code="east",
        weekdays=frozenset({2}), opens=time(8), closes=time(18),
    )  # fmt: skip
    window = await shop.trade.quotas.add_window(SYSTEM, tuesdays)
    with pytest.raises(OrderWindowClosed):
        await shop.service.place(person("agent"), shop.order((sku, 1), customer=shop.plain))
    ended = tuesdays.model_dump() | {"active": False, "version": window.version}
    await shop.trade.quotas.change_window(SYSTEM, window.id, ChangedWindow.model_validate(ended))


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


async def test_outside_its_window_an_order_is_made_smaller_but_not_larger(shop: Shop):
    sku, other = [await shop.product(on_hand=99) for _ in range(2)]
    await shop.rule("free_goods", sku=sku, min_quantity=2, free_quantity=1, free_most=99)
    async with shop.database.begin() as session:
        await seed_roles(session)
        await session.execute(
            text(
                "INSERT INTO users (id, login, name, password_hash, role_code, locale)"
                " VALUES (911, 'late', '晚', 'x', 'agent', 'zh-CN')"
            )
        )
    agent = person("agent", user_id=911)
    order = (await shop.place((sku, 4))).order
    window = NewWindow(
        name_zh="上午", name_en="Morning", level_code="agent", weekdays=frozenset({1}),
        opens=time(8), closes=time(9),
    )  # fmt: skip
    made = await shop.trade.quotas.add_window(SYSTEM, window)
    edit = shop.trade.changes.edit
    for larger in (anew((sku, 5)), anew((sku, 4), (other, 1)), anew((other, 1))):
        with pytest.raises(OrderWindowClosed):
            await edit(agent, order.id, larger)
    with pytest.raises(OrderWindowClosed):  # what came free was not ordered
        await edit(agent, order.id, anew((sku, 6)))
    less = await edit(agent, order.id, anew((sku, 2), note="少要"))
    assert (less.lines[0].quantity, less.note) == (2, "少要")
    assert (await edit(SYSTEM, order.id, anew((sku, 3), version=2))).version == 3
    ended = window.model_dump() | {"active": False, "version": made.version}
    await shop.trade.quotas.change_window(SYSTEM, made.id, ChangedWindow.model_validate(ended))
