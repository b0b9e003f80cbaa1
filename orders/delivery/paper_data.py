"""What stands on papers, read from the database. Rule: a handful of statements, however many papers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.visibility import within_scope
from crm_core.rights import Actor
from orders.catalogue.tables import Product
from orders.delivery import waybills
from orders.delivery.codes import Way
from orders.delivery.errors import UnknownWaybill
from orders.delivery.papers.content import Goods, Parcel
from orders.delivery.tables import Consignee, Waybill
from orders.delivery.views import ConsigneeView, WaybillView
from orders.sales.tables import Order, OrderedLine


async def parcels(
    session: AsyncSession, actor: Actor, waybill_ids: Sequence[int], now: datetime, zone: tzinfo
) -> tuple[tuple[WaybillView, Parcel], ...]:
    """In this order. Raises UnknownWaybill for one that is not there or not to be seen."""
    found = waybills.selected().where(Waybill.id.in_(waybill_ids), within_scope(actor))
    views = {row.id: waybills.view(row) for row in await session.execute(found)}
    for waybill_id in waybill_ids:
        if waybill_id not in views:
            raise UnknownWaybill(f"There is no waybill {waybill_id}.")
    order_ids = [each.order_id for each in views.values()]
    orders = {
        order.id: order
        for order in await session.scalars(select(Order).where(Order.id.in_(order_ids)))
    }
    consignees = {
        row.order_id: row
        for row in await session.scalars(select(Consignee).where(Consignee.order_id.in_(order_ids)))
    }
    goods = await goods_of(session, order_ids)
    printed_at = now.astimezone(zone)
    return tuple(
        (
            view := views[each],
            _parcel(
                view,
                orders[view.order_id],
                consignees[view.order_id],
                goods[view.order_id],
                printed_at,
            ),
        )
        for each in waybill_ids
    )


async def goods_of(
    session: AsyncSession, order_ids: Sequence[int]
) -> Mapping[int, tuple[Goods, ...]]:
    """The lines of each order."""
    rows = await session.execute(
        select(
            OrderedLine.order_id,
            OrderedLine.sku,
            Product.name_zh,
            Product.specification,
            OrderedLine.unit,
            OrderedLine.quantity,
            OrderedLine.unit_price,
            OrderedLine.line_total,
        )
        .join(Product, Product.sku == OrderedLine.sku)
        .where(OrderedLine.order_id.in_(order_ids))
        .order_by(OrderedLine.order_id, OrderedLine.line_no)
    )
    found: dict[int, list[Goods]] = {order_id: [] for order_id in order_ids}
    for row in rows:
        found[row.order_id].append(Goods(*row[1:]))
    return {order_id: tuple(lines) for order_id, lines in found.items()}


def _parcel(
    view: WaybillView,
    order: Order,
    to: Consignee,
    goods: tuple[Goods, ...],
    printed_at: datetime,
) -> Parcel:
    line = ConsigneeView(
        to.order_id, to.recipient, to.phone, to.province, to.city, to.district, to.street,
        to.postcode, to.way, to.version,
    ).line  # fmt: skip
    return Parcel(
        courier=view.courier_zh,
        number=view.number,
        order_number=view.order_number,
        recipient=to.recipient,
        phone=to.phone or "",
        province=to.province or "",
        city=to.city or "",
        district=to.district or "",
        street=to.street,
        line=line,
        postcode=to.postcode or "",
        urgent=to.way == Way.URGENT,
        weight_g=view.weight_g,
        cod_amount=view.cod_amount,
        total=order.total,
        discount=order.discount,
        note=order.note or "",
        goods=goods,
        printed_at=printed_at,
    )
