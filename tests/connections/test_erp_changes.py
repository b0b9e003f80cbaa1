"""What changes after it left: there, too, or for a person."""

import pytest
from sqlalchemy import text

from crm_core.rights import SYSTEM
from orders.sales.commands import SplitOrder
from orders.sales.flow import Status
from tests.connections.erp_orders import edited, out, quantities, reviewed


async def test_what_changes_after_it_left_is_changed_in_kingdee_too(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    await edited(desk, order, (order.lines[0].sku, 5))
    await desk.work()
    there = kingdee.orders[order.number]
    assert (there["state"], quantities(there["model"])) == ("C", [5])
    services = [service for service, _ in kingdee.asked if service != "ExecuteBillQuery"]
    assert services[-4:] == ["UnAudit", "Save", "Submit", "Audit"]
    codes = [each.code for each in await out(desk, kingdee.connection)]
    assert codes == ["sent", "sent"]


async def test_goods_of_the_same_price_that_are_changed_are_changed_there(desk, kingdee):
    order = await reviewed(desk)
    other = await desk.shop.product(on_hand=10, price="12.50")
    await desk.work()
    await edited(desk, order, (other, 2))
    await desk.work()
    (line,) = kingdee.orders[order.number]["model"]["FSaleOrderEntry"]
    assert line["FMaterialId"] == {"FNumber": other}


async def test_what_is_erased_of_an_order_changes_nothing_there(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    async with desk.database.begin() as session:
        erased = text("UPDATE orders SET address = NULL WHERE id = :id")
        await session.execute(erased, {"id": order.id})
    await desk.work()
    codes = [each.code for each in await out(desk, kingdee.connection)]
    assert codes == ["sent", "nothing_new"]
    assert [service for service, _ in kingdee.asked].count("Save") == 1


@pytest.mark.parametrize("stops_at", range(1, 6))
async def test_whatever_answer_is_lost_a_change_is_there_in_the_end(desk, kingdee, stops_at):
    order = await reviewed(desk)
    await desk.work()
    await edited(desk, order, (order.lines[0].sku, 7))
    kingdee.faults.extend([""] * (stops_at - 1) + ["lost"])
    for _ in range(4):
        await desk.work()
        desk.later(minutes=1)
    there = kingdee.orders[order.number]
    assert (there["state"], quantities(there["model"])) == ("C", [7])


async def test_an_order_that_is_held_again_is_not_approved_there_until_it_is_here(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    await desk.shop.move(order.id, Status.REVIEW)
    await desk.work()
    assert kingdee.orders[order.number]["state"] == "A"
    await desk.shop.move(order.id, Status.REVIEWED)
    await desk.work()
    assert kingdee.orders[order.number]["state"] == "C"


async def test_a_part_that_is_split_off_while_it_is_picked_leaves_too(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    await desk.shop.move(order.id, Status.PICKING)
    wanted = {"version": order.version, "lines": [{"line_no": 1, "quantity": 1}]}
    split = SplitOrder.model_validate(wanted)
    part = await desk.shop.trade.changes.split(SYSTEM, order.id, split)
    await desk.work()
    there = {number: quantities(each["model"]) for number, each in kingdee.orders.items()}
    assert there == {order.number: [1], part.number: [1]}


async def test_an_order_that_is_cancelled_after_it_left_is_void_in_kingdee(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    kingdee.faults.extend(["", "", "lost"])
    await desk.shop.move(order.id, Status.CANCELLED)
    for _ in range(3):
        await desk.work()
        desk.later(minutes=1)
    assert kingdee.orders[order.number]["void"]
    (_, paper) = await out(desk, kingdee.connection)
    assert (paper.state, paper.code) == ("done", "cancelled_there")


@pytest.mark.parametrize("change", ["cancelled", "edited"])
async def test_what_an_erp_does_not_take_back_is_for_a_person(desk, kingdee, yonyou, change):
    order = await reviewed(desk)
    await desk.work()
    yonyou.orders[order.number]["status"] = 1
    kingdee.shipped = yonyou.shipped = {order.number}
    if change == "cancelled":
        await desk.shop.move(order.id, Status.CANCELLED)
    else:
        await edited(desk, order, (order.lines[0].sku, 5))
    await desk.work()
    for server, code in ((kingdee, "kingdee_refused"), (yonyou, "yonyou_refused")):
        (_, paper) = await out(desk, server.connection)
        assert (paper.state, paper.code) == ("refused", code)
        assert "存在下游单据" in paper.reason
    assert await desk.todos(order.id) == [f"订单 {order.number} 与 旗舰店 不一致,请核对"] * 2


async def test_what_changes_after_it_left_is_entered_anew_in_yonyou(desk, yonyou):
    order = await reviewed(desk)
    await desk.work()
    yonyou.orders[order.number]["status"] = 1
    for quantity in (5, 2, 5):
        await edited(desk, order, (order.lines[0].sku, quantity))
        await desk.work()
        (line,) = yonyou.orders[order.number]["body"]["orderDetails"]
        assert line["qty"] == quantity
    await desk.shop.move(order.id, Status.CANCELLED)
    await desk.work()
    assert order.number not in yonyou.orders


@pytest.mark.parametrize("stops_at", range(1, 6))
async def test_whatever_yonyou_s_answer_to_a_change_was_it_is_there_in_the_end(
    desk, yonyou, stops_at
):
    order = await reviewed(desk)
    await desk.work()
    yonyou.orders[order.number]["status"] = 1
    await edited(desk, order, (order.lines[0].sku, 5))
    yonyou.faults.extend([""] * (stops_at - 1) + ["lost"])
    for _ in range(4):
        await desk.work()
        desk.later(minutes=1)
    (line,) = yonyou.orders[order.number]["body"]["orderDetails"]
    assert line["qty"] == 5


@pytest.mark.parametrize("theirs", ["C", "closed"])
async def test_an_order_that_is_held_for_review_is_let_go_on_by_a_person_only(
    desk, kingdee, theirs
):
    order = await reviewed(desk)
    await desk.work()
    await desk.shop.move(order.id, Status.REVIEW)
    closed = "B" if theirs == "closed" else "A"
    kingdee.changed = [[order.number, "C", closed, "2026-03-02T12:00:00"]]
    desk.later(minutes=6)
    await desk.work()
    assert (await desk.shop.service.get(SYSTEM, order.id)).status == "review"
    (state,) = [each for each in await desk.papers(kingdee.connection) if each.kind == "state"]
    assert (state.state, state.code) == ("refused", "no_way")
    assert await desk.todos(order.id) == [f"订单 {order.number} 与 旗舰店 不一致,请核对"]


async def test_a_back_order_that_is_held_is_not_let_go_on_by_their_state(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    await desk.shop.move(order.id, Status.REVIEW)
    async with desk.database.begin() as session:
        values = {"id": order.id}
        await session.execute(
            text("UPDATE orders SET status = 'backordered', review = 'hold' WHERE id = :id"), values
        )
    kingdee.changed = [[order.number, "C", "A", "2026-03-02T12:00:00"]]
    desk.later(minutes=6)
    await desk.work()
    assert (await desk.shop.service.get(SYSTEM, order.id)).status == "backordered"
    assert len(await desk.todos(order.id)) == 1


async def test_a_state_that_comes_late_takes_no_order_back(desk, kingdee):
    order = await reviewed(desk)
    await desk.work()
    await desk.shop.move(order.id, Status.PICKING)
    kingdee.changed = [[order.number, "C", "A", "2026-03-02T12:00:00"]]
    desk.later(minutes=6)
    await desk.work()
    assert (await desk.shop.service.get(SYSTEM, order.id)).status == "picking"
