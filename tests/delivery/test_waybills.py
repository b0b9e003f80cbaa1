"""Waybills: sorting orders to couriers, numbers, handing over, what customers are told, void and anew."""

import asyncio
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.rights import SYSTEM
from orders.delivery.codes import WaybillKind
from orders.delivery.commands import (
    AskChoice,
    MakeWaybills,
    NewRange,
    PutConsignee,
    PutCourier,
    UnsortedQuery,
    VoidWaybill,
    WaybillIds,
    WaybillQuery,
)
from orders.delivery.errors import UnknownCourier, UnknownWaybill, WaybillState
from orders.errors import MoveNotAllowed
from orders.payments.commands import EnteredMoney
from orders.sales.commands import SplitOrder
from tests.crm_core.crm_core_support import person
from tests.delivery.depot import COURIERS, RANGES, Depot
from tests.orders.test_order_editing import anew

FAR = "西藏自治区拉萨市城关区八廓街1号"


async def test_orders_are_sorted_to_couriers_and_every_one_is_answered_for(depot: Depot):
    near, far = await depot.order(), await depot.order(address=FAR, weight_g=2500)
    placed = await depot.order(status="placed")
    heard: list[tuple[int, int]] = []
    done = await depot.trade.waybills.make(
        SYSTEM,
        MakeWaybills(order_ids=(near, far, placed, 99_999)),
        progress=lambda *at: heard.append(at),
    )
    assert [each.waybill and each.waybill.courier_code for each in done] == [
        "own", "post", None, None,
    ]  # fmt: skip
    assert [each.code for each in done[2:]] == ["move_not_allowed", "unknown_order"]
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]
    post = done[1].waybill
    assert post is not None
    assert (post.weight_g, post.freight, post.state) == (2500, Decimal("12.00"), "created")
    assert [reason.code for reason in post.why] == ["tariff", "chosen"]
    (again,) = await depot.trade.waybills.make(SYSTEM, MakeWaybills(order_ids=(far,)))
    assert again.code == "waybill_exists"


async def test_orders_that_wait_for_a_waybill_are_listed_until_they_have_one(depot: Depot):
    order, placed = await depot.order(), await depot.order(status="placed")
    waybills = depot.trade.waybills
    query = UnsortedQuery(after=order - 1, limit=200)
    waiting = [each.order_id for each in await waybills.unsorted(SYSTEM, query)]
    assert waiting[0] == order
    assert placed not in waiting
    made = await depot.waybill(order)
    assert order not in {each.order_id for each in await waybills.unsorted(SYSTEM, query)}
    await waybills.void(SYSTEM, made.id, VoidWaybill(reason="x"))
    assert order in {each.order_id for each in await waybills.unsorted(SYSTEM, query)}


async def test_a_person_may_choose_the_courier_and_says_why(depot: Depot):
    order = await depot.order(address=FAR)
    made = await depot.waybill(order, courier_code="ems", reason="客户要求")
    assert (made.courier_code, made.reason, made.number[:2]) == ("ems", "客户要求", "EE")
    assert [reason.code for reason in made.why] == ["tariff", "dearer"]
    kept = await depot.shop.scalar(
        "SELECT after ->> 'chosen' FROM audit_log WHERE action = 'waybill.create'"
        " AND entity_id = :id",
        id=str(made.id),
    )
    assert kept == "false"


async def test_cash_is_collected_by_a_courier_that_can(depot: Depot):
    order = await depot.order(address=FAR, payment="cash_on_delivery", quantity=50)
    choice = await depot.trade.couriers.choose_for(SYSTEM, order)
    why = {offer.code: [reason.code for reason in offer.why] for offer in choice.offers}
    assert why["post"] == ["no_cod"]
    assert why["own"] == ["area_not_served"]
    (refused,) = await depot.trade.waybills.make(
        SYSTEM, MakeWaybills(order_ids=(order,), courier_code="post", reason="便宜")
    )
    assert refused.code == "no_courier"
    made = await depot.waybill(order)
    assert (made.courier_code, made.cod_amount, made.cod_fee) == (
        "ems", Decimal("475.00"), Decimal("4.75"),
    )  # fmt: skip


async def test_what_nobody_has_weighed_is_said_and_may_be_weighed_by_hand(depot: Depot):
    made = await depot.waybill(await depot.order(weight_g=None))
    assert made.weight_g == 0
    assert "weight_unknown" in [reason.code for reason in made.why]
    weighed = await depot.waybill(await depot.order(weight_g=None, address=FAR), weight_g=3000)
    assert (weighed.weight_g, weighed.freight) == (3000, Decimal("12.00"))


async def test_a_pack_weighs_what_it_says_or_what_its_units_weigh(depot: Depot):
    packs = (
        {"unit": "件", "factor": 10, "weight_g": 9000},
        {"unit": "托", "factor": 100},
    )
    sku = await depot.shop.product(on_hand=200, weight_g=1000, volume_ml=500, packs=packs)
    lines = ((sku, 3), (sku, 1, "件"), (sku, 1, "托"))
    placed = await depot.shop.place(*lines, address="天津市河西区友谊路5号")
    await depot.shop.move(placed.order.id, "reviewed", "picking")
    made = await depot.waybill(placed.order.id)
    assert (made.weight_g, made.volume_ml) == (3000 + 9000 + 100_000, 113 * 500)


async def test_of_many_at_once_each_gets_a_number_of_its_own_and_each_order_one(depot: Depot):
    orders = [await depot.order() for _ in range(6)]
    asked = [MakeWaybills(order_ids=(order,)) for order in (*orders, *orders)]
    answers = await asyncio.gather(*(depot.trade.waybills.make(SYSTEM, each) for each in asked))
    made = [each.waybill for (each,) in answers if each.waybill is not None]
    assert len(made) == len({each.number for each in made}) == 6
    assert {each.code for (each,) in answers if each.waybill is None} == {"waybill_exists"}


async def test_numbers_run_out_and_typed_ones_are_checked_and_passed_over(depot: Depot):
    content = PutCourier.model_validate(COURIERS["ems"] | {"priority": 99, "active": False})
    await depot.trade.couriers.put(SYSTEM, "tiny", content)
    chosen = {"courier_code": "tiny", "reason": "试用"}
    named = await depot.order()
    (refused,) = await depot.trade.waybills.make(SYSTEM, MakeWaybills(order_ids=(named,), **chosen))
    assert refused.code == "no_courier"  # not active, so not asked
    await depot.trade.couriers.put(
        SYSTEM, "tiny", PutCourier.model_validate(COURIERS["ems"] | {"priority": 99, "version": 1})
    )
    few = NewRange.model_validate(RANGES["ems"] | {"prefix": "EB", "last_serial": 2})
    assert (await depot.trade.couriers.add_numbers(SYSTEM, "tiny", few)).numbers_left == 2
    for number, code in (("EB000000011CN", "bad_waybill_number"), ("EB000000028CN", None)):
        (done,) = await depot.trade.waybills.make(
            SYSTEM, MakeWaybills(order_ids=(named,), number=number, **chosen)
        )
        assert done.code == code, done
    first = await depot.waybill(**chosen)
    assert first.number == "EB000000014CN"
    order = await depot.order()
    (none,) = await depot.trade.waybills.make(SYSTEM, MakeWaybills(order_ids=(order,), **chosen))
    assert none.code == "numbers_used_up"
    (taken,) = await depot.trade.waybills.make(
        SYSTEM, MakeWaybills(order_ids=(order,), number=first.number, **chosen)
    )
    assert taken.code == "waybill_exists"
    with pytest.raises(Invalid):
        await depot.trade.couriers.add_numbers(
            SYSTEM, "tiny", NewRange(width=9, first_serial=1, last_serial=2)
        )


async def test_handing_over_ships_the_order_and_tells_the_customer_the_number(depot: Depot):
    made = await depot.handed_over()
    assert await depot.now(made) == ("handed_over", "shipped")
    assert made.due_at is not None
    told = await depot.shop.scalar(
        "SELECT (params ->> 'waybill') || (params ->> 'courier') FROM outbox"
        " WHERE subject_id = :id AND kind = 'order_shipped' AND channel = 'email'",
        id=made.order_id,
    )
    assert told == f"{made.number}自有车队"
    (again,) = await depot.trade.waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=(made.id,)))
    assert again.code == "waybill_state"
    await depot.shop.assert_ledger_adds_up()


async def test_an_order_that_was_cancelled_is_not_handed_over(depot: Depot):
    made = await depot.waybill()
    await depot.shop.move(made.order_id, "cancelled")
    (done,) = await depot.trade.waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=(made.id,)))
    assert done.code == "move_not_allowed"
    assert await depot.now(made) == ("created", "cancelled")


async def test_a_waybill_is_void_before_it_is_handed_over_and_another_one_made(depot: Depot):
    made = await depot.waybill()
    gone = await depot.trade.waybills.void(SYSTEM, made.id, VoidWaybill(reason="打印错误"))
    assert (gone.state, gone.voided_reason) == ("void", "打印错误")
    anew = await depot.waybill(made.order_id)
    assert anew.number != made.number
    sent = await depot.handed_over()
    with pytest.raises(WaybillState):
        await depot.trade.waybills.void(SYSTEM, sent.id, VoidWaybill(reason="x"))
    with pytest.raises(UnknownWaybill):
        await depot.trade.waybills.void(SYSTEM, 99_999, VoidWaybill(reason="x"))


async def test_the_goods_that_come_back_have_a_waybill_of_their_own(depot: Depot):
    order = await depot.order(status="delivered")
    back = await depot.waybill(order, kind=WaybillKind.RETURN)
    assert (back.kind, back.cod_amount) == ("return", 0)
    await depot.hear(back, "delivered")
    assert await depot.now(back) == ("delivered", "delivered")
    assert await depot.todos(back) == [("came_back", depot.salesperson)]


async def test_an_order_keeps_its_address_when_the_customer_moves(depot: Depot):
    order = await depot.order(address=None, customer=depot.shop.plain, status="placed")
    with pytest.raises(Invalid):
        await depot.trade.waybills.consignee(SYSTEM, order)
    insert = (
        "INSERT INTO customer_addresses (customer_id, is_main, recipient, phone, province, city,"
        " district, detail) VALUES (:id, true, '王五', '13911112222', '天津市', '天津市', '和平区',"
        " '南京路1号')"
    )
    async with depot.shop.database.begin() as session:
        await session.execute(text(insert), {"id": depot.shop.plain})
    proposed = await depot.trade.waybills.consignee(SYSTEM, order)
    assert (proposed.version, proposed.recipient, proposed.line) == (
        0, "王五", "天津市和平区南京路1号",
    )  # fmt: skip
    await depot.shop.move(order, "reviewed", "picking")
    await depot.waybill(order)
    async with depot.shop.database.begin() as session:
        await session.execute(
            text("UPDATE customer_addresses SET detail = '别处' WHERE customer_id = :id"),
            {"id": depot.shop.plain},
        )
    kept = await depot.trade.waybills.consignee(SYSTEM, order)
    assert (kept.version, kept.street) == (1, "南京路1号")


async def test_of_two_who_change_an_address_the_second_sees_it_and_none_does_after_shipping(
    depot: Depot,
):
    order = await depot.order()
    await depot.consignee(order, province="河北省", city="唐山市")
    answers = await asyncio.gather(
        *(depot.consignee(order, version=1, recipient=name) for name in ("甲", "乙")),
        return_exceptions=True,
    )
    assert [type(each) for each in answers].count(Conflict) == 1
    made = await depot.waybill(order)
    assert made.courier_code == "post"
    await depot.trade.waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=(made.id,)))
    with pytest.raises(MoveNotAllowed):
        await depot.consignee(order, version=2)


async def test_what_the_customer_collects_itself_has_no_courier(depot: Depot):
    order = await depot.order()
    await depot.consignee(order, way="self_collection")
    (done,) = await depot.trade.waybills.make(SYSTEM, MakeWaybills(order_ids=(order,)))
    assert done.code == "no_courier"


async def test_papers_are_printed_for_many_and_noted(depot: Depot):
    made = [await depot.waybill() for _ in range(3)]
    ids = tuple(each.id for each in reversed(made))
    pdf = await depot.trade.papers.waybills(SYSTEM, ids)
    texts = [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]
    assert len(texts) == 3
    for each, page in zip(reversed(made), texts, strict=True):
        assert each.number in page
        assert "河西区友谊路5号" in page
    seen, _ = await depot.trade.waybills.get(SYSTEM, made[0].id)
    assert seen.printed_at == depot.shop.clock.now
    with pytest.raises(UnknownWaybill):
        await depot.trade.papers.waybills(SYSTEM, (made[0].id, 99_999))


async def test_waybills_are_listed_by_what_is_known_of_them(depot: Depot):
    made = await depot.waybill()
    for query in (
        WaybillQuery(number=made.number),
        WaybillQuery(order_id=made.order_id),
        WaybillQuery(courier_code="own", state="created", limit=1),
    ):
        assert await depot.trade.waybills.list(SYSTEM, query) == (made,)
    older = await depot.trade.waybills.list(SYSTEM, WaybillQuery(before=made.id))
    assert all(each.id < made.id for each in older)


async def test_couriers_are_kept_by_those_who_may_with_an_audit_entry(depot: Depot):
    couriers = depot.trade.couriers
    before = await couriers.get(SYSTEM, "post")
    content = PutCourier.model_validate(
        COURIERS["post"] | {"version": before.version, "active": False}
    )
    with pytest.raises(Forbidden):
        await couriers.put(person("agent"), "post", content)
    changed = await couriers.put(SYSTEM, "post", content)
    assert not changed.active
    with pytest.raises(Conflict):
        await couriers.put(SYSTEM, "post", content)
    with pytest.raises(UnknownCourier):
        await couriers.put(SYSTEM, "nobody", content)
    wanted = AskChoice(weight_g=500, province="河北省", city="唐山市")
    choice = await couriers.choose(SYSTEM, wanted)
    assert choice.chosen is not None
    assert choice.chosen.code == "ems"
    assert choice.of("post") is None
    back = content.model_copy(update={"version": changed.version, "active": True})
    await couriers.put(SYSTEM, "post", back)
    entry = await depot.shop.scalar(
        "SELECT CAST(after AS text) FROM audit_log WHERE action = 'courier.update'"
        " AND entity_id = 'post' ORDER BY id LIMIT 1"
    )
    assert entry == '{"active": false}'


async def test_the_database_itself_refuses_two_waybills_on_their_way(depot: Depot):
    made = await depot.waybill()
    double = (
        "INSERT INTO waybills (order_id, courier_code, number, kind, weight_g, volume_ml, freight,"
        " created_at, state_at) VALUES (:id, 'own', 'DOUBLE', 'outward', 1, 1, 1, now(), now())"
    )
    with pytest.raises(IntegrityError, match="uq_waybills_outward"):
        async with depot.shop.database.begin() as session:
            await session.execute(text(double), {"id": made.order_id})


async def test_rights_are_asked_for(depot: Depot):
    waybills, agent = depot.trade.waybills, person("agent")
    assert await waybills.list(agent, WaybillQuery()) is not None
    with pytest.raises(Forbidden):
        await waybills.make(agent, MakeWaybills(order_ids=(1,)))
    with pytest.raises(Forbidden):
        await waybills.put_consignee(agent, 1, PutConsignee(recipient="x", street="y"))
    with pytest.raises(Forbidden):
        await depot.trade.papers.waybills(agent, (1,))


async def split_off(depot: Depot, order: int, quantity: int):
    view = await depot.shop.service.get(SYSTEM, order)
    wanted = {"version": view.version, "lines": [{"line_no": 1, "quantity": quantity}]}
    return await depot.trade.changes.split(SYSTEM, order, SplitOrder.model_validate(wanted))


async def changed(depot: Depot, order: int, quantity: int) -> None:
    view = await depot.shop.service.get(SYSTEM, order)
    content = anew((view.lines[0].sku, quantity), version=view.version)
    kept = {"payment": view.payment, "address": view.address}
    await depot.trade.changes.edit(SYSTEM, order, content.model_copy(update=kept))


async def send_elsewhere(depot: Depot, order: int) -> None:
    known = await depot.trade.waybills.consignee(SYSTEM, order)
    content = PutConsignee(recipient="王五", street="新街1号", version=known.version)
    await depot.trade.waybills.put_consignee(SYSTEM, order, content)


async def paid(depot: Depot, order: int, amount: str) -> None:
    now = depot.shop.clock.now
    money = {"amount": amount, "method": "transfer", "reference": f"slip-{order}", "paid_at": now}
    await depot.trade.payments.enter(SYSTEM, order, EnteredMoney.model_validate(money))


async def hand_over(depot: Depot, waybill_id: int):
    (done,) = await depot.trade.waybills.hand_over(SYSTEM, WaybillIds(waybill_ids=(waybill_id,)))
    return done


@pytest.mark.parametrize(
    ("change", "collects"),
    [
        ("split", "47.50"),
        ("more", "95.00"),
        ("less", "19.00"),
        ("paid", "46.00"),
        ("elsewhere", "57.00"),
    ],
)
async def test_a_waybill_of_before_the_order_changed_is_not_handed_over_and_gives_way(
    depot: Depot, change, collects
):
    order = await depot.order(payment="cash_on_delivery", quantity=6)
    old = await depot.waybill(order)
    assert (old.cod_amount, old.outdated) == (Decimal("57.00"), False)
    if change == "split":
        await split_off(depot, order, 1)
    elif change == "paid":
        await paid(depot, order, "11.00")
    elif change == "elsewhere":
        await send_elsewhere(depot, order)
    else:
        await depot.shop.receive((await depot.shop.service.get(SYSTEM, order)).lines[0].sku, 10)
        await depot.shop.move(order, "reviewed")
        await changed(depot, order, 10 if change == "more" else 2)
        await depot.shop.move(order, *await onwards(depot, order))
    refused = await hand_over(depot, old.id)
    assert refused.code == "waybill_outdated"
    assert await depot.now(old) == ("created", "picking")
    waiting = await depot.trade.waybills.unsorted(SYSTEM, UnsortedQuery(after=order - 1))
    assert order in {each.order_id for each in waiting}
    new = await depot.waybill(order)
    assert (new.cod_amount, new.number == old.number) == (Decimal(collects), False)
    gone, _ = await depot.trade.waybills.get(SYSTEM, old.id)
    assert (gone.state, gone.voided_reason) == ("void", "the order was changed")
    noted = await depot.shop.scalar(
        "SELECT after ->> 'reason' FROM audit_log WHERE action = 'waybill.void' AND entity_id = :id",
        id=str(old.id),
    )
    assert noted == "the order was changed"
    assert (await hand_over(depot, new.id)).waybill is not None


async def onwards(depot: Depot, order: int) -> tuple[str, ...]:
    status = (await depot.shop.service.get(SYSTEM, order)).status
    return ("picking",) if status == "reviewed" else ("reviewed", "picking")


async def test_each_part_of_an_order_collects_its_own_share(depot: Depot):
    order = await depot.order(payment="cash_on_delivery", quantity=6)
    await depot.waybill(order)
    part = await split_off(depot, order, 2)
    made = [await depot.waybill(each) for each in (order, part.id)]
    assert [each.cod_amount for each in made] == [Decimal("38.00"), Decimal("19.00")]
    assert [each.weight_g for each in made] == [6000, 3000]


async def test_a_waybill_of_an_order_that_went_back_and_came_unchanged_still_holds(depot: Depot):
    made = await depot.waybill(await depot.order(payment="cash_on_delivery"))
    await depot.shop.move(made.order_id, "reviewed", "picking")
    assert (await hand_over(depot, made.id)).waybill is not None


async def test_a_courier_that_has_an_outdated_parcel_is_believed_and_a_person_told(depot: Depot):
    order = await depot.order(payment="cash_on_delivery", quantity=2)
    made = await depot.waybill(order)
    await paid(depot, order, "19.00")
    answer = await depot.hear(made, "accepted")
    assert answer.outcome == "applied"
    assert await depot.now(made) == ("in_transit", "in_transit")
    assert await depot.todos(made) == [("outdated", depot.salesperson)]
    await depot.hear(made, "out_for_delivery")
    assert await depot.todos(made) == [("outdated", depot.salesperson)]


async def test_of_many_who_replace_an_outdated_waybill_one_does(depot: Depot):
    order = await depot.order(payment="cash_on_delivery", quantity=2)
    old = await depot.waybill(order)
    await split_off(depot, order, 1)
    wanted = MakeWaybills(order_ids=(order,))
    answers = await asyncio.gather(
        *(depot.trade.waybills.make(SYSTEM, wanted) for _ in range(4)),
        *(hand_over(depot, old.id) for _ in range(2)),
    )
    made = [each.waybill for (each,) in answers[:4] if each.waybill is not None]
    assert len(made) == 1
    assert {each.code for each in answers[4:]} <= {"waybill_outdated", "waybill_state"}
