"""Orders that leave to an ERP, and what became of them."""

from crm_core.rights import SYSTEM
from orders.sales.flow import Status
from tests.orders.test_order_editing import anew


async def reviewed(desk, *lines, customer: int | None = None, **product):
    skus = lines or ((await desk.shop.product(on_hand=100, price="12.50", **product), 2),)
    order = (await desk.shop.place(*skus, customer=customer, address="友谊路5号")).order
    await desk.shop.move(order.id, Status.REVIEWED)
    return order


async def out(desk, connection_id: int):
    papers = await desk.papers(connection_id)
    return [each for each in papers if each.direction == "out"]


async def edited(desk, order, *lines):
    now = await desk.shop.service.get(SYSTEM, order.id)
    content = anew(*lines, version=now.version, address=now.address)
    await desk.shop.trade.changes.edit(SYSTEM, order.id, content)


def quantities(model) -> list[int]:
    return [each["FQty"] for each in model["FSaleOrderEntry"]]
