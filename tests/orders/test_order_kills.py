"""A process killed at every step of placing, changing, splitting and shipping an order."""

import contextlib

import pytest

from crm_core.rights import SYSTEM
from orders.errors import ChangedMeanwhile, MoveNotAllowed
from orders.sales.commands import EditOrder, SplitOrder
from tests.orders.order_shop import Shop
from tests.victims import EachStep, Victims

pytestmark = pytest.mark.timeout(300)


async def told(shop: Shop, order_id: int, kind: str) -> int:
    return await shop.scalar(
        "SELECT count(*) FROM outbox WHERE subject = 'order' AND subject_id = :id AND kind = :kind",
        id=order_id,
        kind=kind,
    )


async def test_placing(shop: Shop, victims: Victims):
    there, short = await shop.product(on_hand=500), await shop.product(on_hand=3)
    each = EachStep(victims)
    while each.again():
        key, lines = f"killed-{each.step}", [(there, 2), (short, 2)]
        await each.kill("place", key=key, customer=shop.dealer, lines=lines, backorder=True)
        before = await shop.scalar("SELECT count(*) FROM orders WHERE key = :key", key=key)
        placed = await shop.place(*lines, key=key, backorder=True)
        assert placed.created == (before == 0)
        whole = [placed.order, *placed.order.parts]
        goods = await shop.scalar(
            "SELECT sum(base_quantity) FROM order_lines WHERE order_id = ANY (:ids)",
            ids=[each.id for each in whole],
        )
        assert goods == 4
        assert await told(shop, placed.order.id, f"order_{placed.order.status}") == 2
        await shop.assert_ledger_adds_up()
        await shop.move(placed.order.id, "cancelled")
    assert each.died["place"] >= 6


async def test_shipping(shop: Shop, victims: Victims):
    sku = await shop.product(on_hand=500)
    each = EachStep(victims)
    while each.again():
        order = (await shop.place((sku, 2))).order
        await shop.move(order.id, "reviewed", "picking")
        await each.kill("move", order=order.id, to="shipped")
        with contextlib.suppress(MoveNotAllowed):
            await shop.move(order.id, "shipped")
        assert (await shop.service.get(SYSTEM, order.id)).status == "shipped"
        assert await told(shop, order.id, "order_shipped") == 2
        await shop.assert_ledger_adds_up()
    assert each.died["move"] >= 5


async def test_changing(shop: Shop, victims: Victims):
    one, two = [await shop.product(on_hand=500) for _ in range(2)]
    content = {"version": 1, "lines": [{"sku": two, "quantity": 3}]}
    each = EachStep(victims)
    while each.again():
        order = (await shop.place((one, 2))).order
        await each.kill("edit", order=order.id, content=content)
        with contextlib.suppress(ChangedMeanwhile):
            await shop.trade.changes.edit(SYSTEM, order.id, EditOrder.model_validate(content))
        edited = await shop.service.get(SYSTEM, order.id)
        assert [(line.sku, line.quantity) for line in edited.lines] == [(two, 3)]
        assert (edited.version, edited.credit_held) == (2, edited.total)
        await shop.assert_ledger_adds_up()
    assert each.died["edit"] >= 8


async def test_splitting(shop: Shop, victims: Victims):
    sku = await shop.product(on_hand=500)
    content = {"version": 1, "lines": [{"line_no": 1, "quantity": 1}], "backorder": True}
    each = EachStep(victims)
    while each.again():
        order = (await shop.place((sku, 3))).order
        await each.kill("split", order=order.id, content=content)
        with contextlib.suppress(ChangedMeanwhile):
            await shop.trade.changes.split(SYSTEM, order.id, SplitOrder.model_validate(content))
        left = await shop.service.get(SYSTEM, order.id)
        (part,) = left.parts
        assert left.total + part.total == order.total
        assert (part.status, left.lines[0].quantity) == ("backordered", 2)
        await shop.assert_ledger_adds_up()
    assert each.died["split"] >= 8
