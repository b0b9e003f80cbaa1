"""What a reviewer is told of the way to the customer: which day can be held, and what the courier takes."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm_core.rights import SYSTEM
from orders.delivery.codes import Way
from orders.stock.planning.commands import Policy
from tests.delivery.depot import Depot

FAR = "河北省唐山市路北区建设路8号"


def today(depot: Depot) -> date:
    return depot.shop.clock.now.date()


async def report(depot: Depot, order_id: int):
    return await depot.trade.changes.report(SYSTEM, order_id)


@pytest.mark.parametrize(("after", "holds"), [(6, False), (7, True)])
async def test_the_wished_day_is_held_against_the_courier_s_days(depot: Depot, after, holds):
    wish = today(depot) + timedelta(days=after)
    order_id = await depot.order(status="placed", address=FAR, wanted_on=wish)
    found = await report(depot, order_id)
    arrives = today(depot) + timedelta(days=7)
    assert (found.courier, found.ready_on, found.arrives_on) == ("post", today(depot), arrives)
    assert found.wished_day_holds is holds
    missed = [each.params for each in found.findings if each.code == "wished_day_missed"]
    told = {"wanted_on": wish.isoformat(), "earliest": arrives.isoformat()}
    assert missed == ([] if holds else [told])


async def test_the_freight_is_part_of_the_cost(depot: Depot):
    sku = await depot.shop.product(on_hand=0, price="100.00", weight_g=1500)
    await depot.shop.receive(sku, 2, unit_cost=Decimal("60.00"))
    placed = await depot.shop.place(
        (sku, 1), address=FAR, customer=depot.shop.plain, payment="cash_on_delivery"
    )
    found = await report(depot, placed.order.id)  # EMS: 12 + 3 and 2 for the cash
    assert (found.courier, found.freight) == ("ems", Decimal("17.00"))
    assert (found.cost, found.margin) == (Decimal("77.00"), Decimal("23.00"))
    await depot.shop.move(placed.order.id, "reviewed", "picking")
    made = await depot.waybill(placed.order.id)
    assert made.courier_code == "ems"
    assert (await report(depot, placed.order.id)).freight == Decimal("17.00")


async def test_what_nobody_has_weighed_has_no_freight_but_a_day(depot: Depot):
    order_id = await depot.order(status="placed", address=FAR, weight_g=None)
    found = await report(depot, order_id)
    assert (found.courier, found.freight) == ("post", None)
    assert found.arrives_on == today(depot) + timedelta(days=7)
    assert "freight_unknown" in [each.code for each in found.findings]


async def test_without_an_address_nothing_is_said_of_the_way(depot: Depot):
    wish = today(depot) + timedelta(days=9)
    order_id = await depot.order(status="placed", address=None, wanted_on=wish)
    found = await report(depot, order_id)
    assert (found.courier, found.freight, found.arrives_on) == (None, None, None)
    assert found.wished_day_holds is None
    assert [each.code for each in found.findings if each.code.startswith("w")] == [
        "wished_day_unknown"
    ]


async def test_goods_that_come_too_late_miss_the_day_whoever_carries_them(depot: Depot):
    sku = await depot.shop.product(on_hand=1, weight_g=100)
    policy = Policy(sku=sku, min_quantity=0, target_quantity=9, lead_days=5)
    await depot.trade.stock_planning.set_policy(SYSTEM, policy)
    placed = await depot.shop.place(
        (sku, 3), backorder=True, wanted_on=today(depot) + timedelta(days=4)
    )
    (part,) = placed.order.parts
    found = await report(depot, part.id)
    assert (found.ready_on, found.arrives_on) == (today(depot) + timedelta(days=5), None)
    assert found.wished_day_holds is False


async def test_what_the_customer_fetches_costs_no_freight(depot: Depot):
    order_id = await depot.order(status="placed", wanted_on=today(depot))
    await depot.consignee(order_id, way=Way.SELF_COLLECTION, version=0)
    found = await report(depot, order_id)
    assert (found.courier, found.freight, found.wished_day_holds) == (None, 0, True)
