"""The customer's page of an order: what it shows, what may be changed, and what no link opens."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from crm_core.errors import Conflict, Forbidden, Invalid, TooManyAttempts
from crm_core.rights import SYSTEM, Principal, Right, Scope
from orders.delivery.codes import EventCode
from orders.errors import ChangedMeanwhile, UnknownOrder
from orders.progress import links
from orders.progress.changing import CHANGES
from orders.progress.commands import CustomerChange
from orders.progress.errors import LinkNotValid, LinksNotSet, NotDelivered, TooLateToChange
from orders.progress.links import LinkTerms
from orders.progress.service import FAILURES
from orders.review.commands import NewReviewRule
from orders.sales.commands import EditOrder, SplitOrder
from orders.sales.events import OrderChanged
from orders.sales.rounds import BackorderFilling
from orders.services import Trade
from tests.delivery.depot import Depot
from tests.orders.order_shop import LINKS

HOME = "192.0.2.1"
TANGSHAN = {
    "province": "河北省",
    "city": "唐山市",
    "district": "路北区",
    "street": "建设路8号2单元",
}


def page(depot: Depot):
    return depot.trade.progress


async def token_of(depot: Depot, order_id: int) -> str:
    made = await page(depot).issue(SYSTEM, order_id)
    assert made.link.startswith("https://shop.example/o/")
    return made.link.rpartition("/")[2]


async def opened(depot: Depot, **order):
    """(order id, token, what the page shows)."""
    order_id = await depot.order(**{"status": "placed"} | order)
    token = await token_of(depot, order_id)
    return order_id, token, await page(depot).show(token, HOME)


def change(view, **wanted) -> CustomerChange:
    return CustomerChange.model_validate({"version": view.version} | wanted)


def to(view, **more) -> dict[str, object]:
    return TANGSHAN | {"version": view.consignee.version} | more


async def test_a_page_shows_the_order_and_hides_the_person(depot: Depot):
    _, _, view = await opened(depot, quantity=3)
    assert (view.status, view.company, view.language) == ("placed", "总机商贸", "zh-CN")
    assert [(line.quantity, line.unit) for line in view.lines] == [(3, "箱")]
    assert view.total is None
    assert {line.unit_price for line in view.lines} == {None}
    assert view.consignee is not None
    assert view.consignee.recipient == "滨***"
    assert view.consignee.phone == "138****8000"
    assert view.consignee.address == "天津市友谊***"
    assert view.editable


async def test_prices_stand_there_when_the_settings_say_so(depot: Depot):
    shop = depot.shop
    priced = Trade.of(
        depot.shop.database,
        shop.bus,
        clock=shop.clock,
        links=LinkTerms(LINKS.base, LINKS.keys, show_prices=True),
    )
    _, token, _ = await opened(depot, quantity=2)
    view = await priced.progress.show(token, HOME)
    assert view.total == Decimal("19.00")
    assert [line.line_total for line in view.lines] == [Decimal("19.00")]
    assert (view.dues.state, view.dues.left) == ("owed", Decimal("19.00"))


async def test_parcels_and_parts_are_shown_with_what_the_courier_said(depot: Depot):
    made = await depot.handed_over()
    await depot.hear(made, EventCode.IN_TRANSIT, place="天津分拨中心")
    view = await page(depot).show(await token_of(depot, made.order_id), HOME)
    (parcel,) = view.parcels
    assert (parcel.number, parcel.courier_zh, parcel.state) == (
        made.number,
        made.courier_zh,
        "in_transit",
    )
    assert (parcel.events[0].code, parcel.events[0].place) == ("in_transit", "天津分拨中心")
    assert not view.editable


async def test_a_split_order_shows_its_parts_on_both_pages(depot: Depot):
    order_id, token, view = await opened(depot, quantity=5)
    wanted = SplitOrder.model_validate(
        {"version": view.version, "lines": [{"line_no": 1, "quantity": 2}]}
    )
    part = await depot.trade.changes.split(SYSTEM, order_id, wanted)
    whole = await page(depot).show(token, HOME)
    assert [(each.number, each.lines[0].quantity) for each in whole.parts] == [(part.number, 2)]
    of_part = await page(depot).show(await token_of(depot, part.id), HOME)
    assert (of_part.number, [each.number for each in of_part.parts]) == (
        part.number,
        [whole.number],
    )


async def test_a_customer_changes_day_address_and_note_and_a_person_is_told(depot: Depot):
    order_id, token, view = await opened(depot, note="门口放")
    day = view.first_day + timedelta(days=3)
    depot.shop.heard.clear()
    changed = await page(depot).change(
        token,
        HOME,
        change(
            view,
            wanted_on=day,
            note="请早上送",
            address=to(view, recipient="王小明", phone="139 0013 9001"),
        ),
    )
    assert (changed.wanted_on, changed.version) == (day, view.version + 1)
    assert changed.consignee is not None
    assert changed.consignee.recipient == "王***"
    assert changed.consignee.address == "河北省唐山市建设***"
    order = await depot.trade.orders.get(SYSTEM, order_id)
    assert order.address == "河北省唐山市路北区建设路8号2单元"
    assert order.note == "门口放\n请早上送"
    consignee = await depot.trade.waybills.consignee(SYSTEM, order_id)
    assert (consignee.recipient, consignee.phone, consignee.city) == (
        "王小明",
        "13900139001",
        "唐山市",
    )
    todo = await depot.shop.scalar(
        "SELECT json_build_object('title', title, 'note', note, 'who', assignee_id) FROM todos"
        " WHERE source_kind = 'customer_change' AND source_reference = :ref",
        ref=f"{order_id}:{changed.version}",
    )
    assert todo["who"] == depot.salesperson
    assert order.number in todo["title"]
    assert todo["note"].splitlines() == [
        f"希望送达日期:{day}",
        "收货地址已改:见订单",
        "客户留言:请早上送",
    ]
    audit = await depot.shop.scalar(
        "SELECT json_build_object('who', actor_id, 'after', after) FROM audit_log"
        " WHERE action = 'order.customer_update' AND entity_id = :id",
        id=str(order_id),
    )
    assert audit["who"] is None
    assert set(audit["after"]) == {"wanted_on", "address", "note"}
    assert [event.order_id for event in depot.shop.heard if isinstance(event, OrderChanged)] == [
        order_id
    ]


async def hold_words(depot: Depot, says: str, *words: str) -> None:
    content = {"kind": "note_words", "says": says, "name_zh": "词", "name_en": "word"}
    new = NewReviewRule.model_validate(content | {"words": words})
    await depot.trade.review_rules.add(SYSTEM, new)


@pytest.mark.parametrize("status", ["placed", "reviewed"])
async def test_what_a_customer_writes_is_held_like_what_an_agent_writes(depot: Depot, status: str):
    await hold_words(depot, "hold", f"定制{status}")
    await hold_words(depot, "urgent", f"加急{status}")
    order_id, token, view = await opened(depot, status=status)
    view = await page(depot).change(token, HOME, change(view, note="请早上送"))
    assert view.status == status
    view = await page(depot).change(token, HOME, change(view, note=f"定制{status},加急{status}"))
    order = await depot.trade.orders.get(SYSTEM, order_id)
    assert (order.status, order.review, order.urgent) == ("review", "hold", True)
    assert [why.params["words"] for why in order.review_why] == [
        f"定制{status}",
        f"加急{status}",
    ]
    assert (order.history[-1].to_status, order.history[-1].reason) == (
        "review",
        "changed by the customer",
    )
    assert view.version == order.version
    await depot.shop.assert_ledger_adds_up()


async def test_what_a_person_has_approved_is_held_again_only_for_something_new(depot: Depot):
    await hold_words(depot, "hold", "礼盒", "刻字")
    order_id, token, view = await opened(depot, note="礼盒装")
    assert view.status == "review"
    await depot.shop.move(order_id, "reviewed")
    view = await page(depot).change(token, HOME, change(view, note="门口放"))
    assert view.status == "reviewed"
    order = await depot.trade.orders.get(SYSTEM, order_id)
    assert order.review == "hold"
    view = await page(depot).change(token, HOME, change(view, note="请刻字"))
    assert view.status == "review"


async def test_what_waits_for_goods_is_reviewed_when_they_have_come(depot: Depot):
    await hold_words(depot, "reject", "退定")
    sku = await depot.shop.product(on_hand=0)
    placed = await depot.shop.place((sku, 1), backorder=True, address="天津市河西区友谊路5号")
    token = await token_of(depot, placed.order.id)
    view = await page(depot).show(token, HOME)
    await page(depot).change(token, HOME, change(view, note="退定"))
    await depot.shop.receive(sku, 1)
    await BackorderFilling(depot.shop.database, depot.trade.orders).run_once()
    order = await depot.trade.orders.get(SYSTEM, placed.order.id)
    assert (order.status, order.review) == ("review", "hold")


async def test_another_area_means_another_courier(depot: Depot):
    order_id, token, view = await opened(depot)
    await page(depot).change(token, HOME, change(view, address=to(view)))
    await depot.shop.move(order_id, "reviewed", "picking")
    assert (await depot.waybill(order_id)).courier_code == "post"
    near, *_ = await opened(depot)
    await depot.shop.move(near, "reviewed", "picking")
    assert (await depot.waybill(near)).courier_code == "own"


async def test_an_address_that_no_courier_serves_is_refused_and_nothing_is_changed(depot: Depot):
    _, token, view = await opened(depot)
    shop = depot.shop
    async with shop.database.begin() as session:
        await session.execute(text("UPDATE couriers SET not_served = '{西藏}' WHERE code <> 'own'"))
    far = to(view, province="西藏自治区", city="那曲市", district="色尼区")
    with pytest.raises(NotDelivered):
        await page(depot).change(token, HOME, change(view, address=far, note="x"))
    assert await page(depot).show(token, HOME) == view


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (lambda view: {"wanted_on": view.first_day - timedelta(days=1)}, "wanted_on"),
        (lambda view: {"wanted_on": view.last_day + timedelta(days=1)}, "wanted_on"),
        (lambda view: {"address": to(view, phone="not a number")}, "address.phone"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_name(depot: Depot, wanted, field):
    _, token, view = await opened(depot)
    with pytest.raises(Invalid) as refused:
        await page(depot).change(token, HOME, change(view, **wanted(view)))
    assert field in refused.value.fields


async def test_when_the_goods_are_packed_it_is_too_late(depot: Depot):
    order_id, token, view = await opened(depot)
    await depot.shop.move(order_id, "reviewed", "picking")
    assert not (await page(depot).show(token, HOME)).editable
    with pytest.raises(TooLateToChange):
        await page(depot).change(token, HOME, change(view, note="等一下"))


async def test_of_customer_and_agent_at_once_one_looks_again(depot: Depot):
    order_id, token, view = await opened(depot)
    order = await depot.trade.orders.get(SYSTEM, order_id)
    lines = [{"sku": line.sku, "quantity": line.quantity} for line in order.lines]
    edit = EditOrder.model_validate(
        {"version": order.version, "lines": lines, "address": order.address, "note": "座席改的"}
    )
    results = await asyncio.gather(
        depot.trade.changes.edit(SYSTEM, order_id, edit),
        page(depot).change(token, HOME, change(view, note="客户改的")),
        return_exceptions=True,
    )
    assert [type(each) for each in results].count(ChangedMeanwhile) == 1
    after = await depot.trade.orders.get(SYSTEM, order_id)
    assert after.version == order.version + 1
    assert after.note in {"座席改的", "客户改的"}


async def test_an_address_that_an_agent_edits_later_counts_and_the_recipient_stays(depot: Depot):
    order_id, token, view = await opened(depot)
    await page(depot).change(token, HOME, change(view, address=to(view, recipient="王小明")))
    order = await depot.trade.orders.get(SYSTEM, order_id)
    lines = [{"sku": line.sku, "quantity": line.quantity} for line in order.lines]
    edit = {"version": order.version, "lines": lines, "address": "天津市南开区鞍山道1号"}
    await depot.trade.changes.edit(SYSTEM, order_id, EditOrder.model_validate(edit))
    there = await depot.trade.waybills.consignee(SYSTEM, order_id)
    assert (there.recipient, there.city, there.district, there.street) == (
        "王小明",
        "天津市",
        "南开区",
        "鞍山道1号",
    )
    shown = await page(depot).show(token, HOME)
    assert shown.consignee is not None
    assert shown.consignee.address == "天津市鞍山***"


async def test_an_address_that_an_agent_changed_meanwhile_is_not_overwritten(depot: Depot):
    order_id, token, view = await opened(depot)
    await depot.consignee(order_id, recipient="新收货人", street="友谊路6号", city="天津市")
    with pytest.raises(Conflict):
        await page(depot).change(token, HOME, change(view, address=to(view)))
    assert (await depot.trade.waybills.consignee(SYSTEM, order_id)).street == "友谊路6号"


async def test_a_link_changes_an_order_ten_times_and_then_has_to_wait(depot: Depot):
    _, token, view = await opened(depot)
    for turn in range(CHANGES.free):
        view = await page(depot).change(token, HOME, change(view, note=f"{turn}"))
    with pytest.raises(TooManyAttempts):
        await page(depot).change(token, HOME, change(view, note="once more"))
    depot.shop.clock.pass_by(timedelta(hours=2))
    await page(depot).change(token, HOME, change(view, note="again"))


async def test_unknown_forged_expired_and_revoked_links_are_refused_alike(depot: Depot):
    order_id, token, view = await opened(depot)
    now = depot.shop.clock()
    stranger = LinkTerms(LINKS.base, (b"somebody else's key, 32 bytes ...",))
    await page(depot).revoke(SYSTEM, order_id)
    refusals = []
    for wrong in (
        token,
        links.token(LINKS, 987_654, now),
        links.token(stranger, order_id, now),
        links.token(LINKS, order_id, now - timedelta(days=400)),
        "",
        "A" * 35,
        "x",
    ):
        with pytest.raises(LinkNotValid) as refused:
            await page(depot).show(wrong, "192.0.2.9")
        refusals.append((refused.value.code, refused.value.message, refused.value.fields))
    assert len({str(each) for each in refusals}) == 1
    with pytest.raises(LinkNotValid):
        await page(depot).change(token, "192.0.2.9", change(view, note="x"))
    with pytest.raises(LinkNotValid):
        await page(depot).pay(token, "192.0.2.9", "a-key-of-pay")


async def test_a_link_made_after_a_revocation_counts_at_once(depot: Depot):
    order_id, old, _ = await opened(depot)
    await page(depot).revoke(SYSTEM, order_id)
    new = await token_of(depot, order_id)
    assert new != old
    assert (await page(depot).show(new, HOME)).number
    await page(depot).revoke(SYSTEM, order_id)
    with pytest.raises(LinkNotValid):
        await page(depot).show(new, HOME)


async def test_a_link_ends_a_month_after_the_order_s_last_step(depot: Depot):
    order_id, token, _ = await opened(depot)
    clock, began = depot.shop.clock, depot.shop.clock.now
    clock.pass_by(timedelta(days=20))
    await depot.shop.move(order_id, "reviewed")
    clock.pass_by(timedelta(days=29))
    assert (await page(depot).show(token, HOME)).expires_at == began + timedelta(days=50)
    clock.pass_by(timedelta(days=1))
    with pytest.raises(LinkNotValid):
        await page(depot).show(token, HOME)


async def test_who_tries_many_links_is_made_to_wait_and_a_right_link_opens_all_the_same(
    depot: Depot,
):
    _, token, _ = await opened(depot)
    guesser = "198.51.100.7"
    for _ in range(FAILURES.free):
        with pytest.raises(LinkNotValid):
            await page(depot).show("A" * 35, guesser)
    with pytest.raises(TooManyAttempts):
        await page(depot).show("A" * 35, guesser)
    with pytest.raises(LinkNotValid):
        await page(depot).show("A" * 35, HOME)
    assert (await page(depot).show(token, guesser)).number
    depot.shop.clock.pass_by(timedelta(minutes=20))
    with pytest.raises(LinkNotValid):
        await page(depot).show("A" * 35, guesser)


async def test_agents_make_and_revoke_links_of_customers_they_may_see(depot: Depot):
    order_id, *_ = await opened(depot)
    nobody = Principal(1, "n", "n", "n", frozenset({Right.ORDER_VIEW}), "zh-CN", None, 1)
    with pytest.raises(Forbidden):
        await page(depot).issue(nobody, order_id)
    with pytest.raises(Forbidden):
        await page(depot).revoke(nobody, order_id)
    rights = frozenset({Right.ORDER_PLACE})
    other = Principal(depot.supervisor, "o", "o", "o", rights, "zh-CN", None, 1, Scope.OWN)
    for who, asked in ((other, order_id), (SYSTEM, 987_654)):
        with pytest.raises(UnknownOrder):
            await page(depot).issue(who, asked)
        with pytest.raises(UnknownOrder):
            await page(depot).revoke(who, asked)
    bare = Trade.of(depot.shop.database, depot.shop.bus, clock=depot.shop.clock)
    with pytest.raises(LinksNotSet):
        await bare.progress.issue(SYSTEM, order_id)


@pytest.mark.parametrize("days", [1, -1])
async def test_a_link_opens_its_order_whatever_the_clock_is_set_to(depot: Depot, days: int):
    clock, by = depot.shop.clock, timedelta(days=days)
    order_id, old, view = await opened(depot)
    clock.set_by(by)
    assert (await page(depot).show(old, HOME)).number == view.number
    await page(depot).revoke(SYSTEM, order_id)
    new = await token_of(depot, order_id)
    for _ in range(2):
        assert (await page(depot).show(new, HOME)).number == view.number
        with pytest.raises(LinkNotValid):
            await page(depot).show(old, "192.0.2.77")
        clock.set_by(-by)
        by = -by


async def test_whoever_guessed_too_often_is_heard_again_when_the_clock_was_set_back(depot: Depot):
    clock, address = depot.shop.clock, "192.0.2.78"
    for _ in range(FAILURES.free):
        with pytest.raises(LinkNotValid):
            await page(depot).show("wrong", address)
    with pytest.raises(TooManyAttempts):
        await page(depot).show("wrong", address)
    clock.set_by(timedelta(days=-1))
    with pytest.raises(LinkNotValid):
        await page(depot).show("wrong", address)
    with pytest.raises(TooManyAttempts):
        await page(depot).show("wrong", address)
    clock.set_by(timedelta(days=1))
