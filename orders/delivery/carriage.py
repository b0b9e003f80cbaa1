"""How an order gets to its customer, as far as anybody can say before it is sent. Rule: it only reads, and locks
nothing.
"""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Invalid
from orders.delivery import waybills
from orders.delivery.codes import State, Way, WaybillKind
from orders.delivery.tables import Waybill
from orders.sales.report_views import Carriage
from orders.sales.tables import Order


async def expected(session: AsyncSession, order_id: int) -> Carriage | None:
    """By the waybill it has, or as it would be sent now. None where nobody knows where it goes, or no courier can
    carry it.
    """
    outward = (Waybill.kind == WaybillKind.OUTWARD, Waybill.state != State.VOID)
    made = await session.scalar(select(Waybill).where(Waybill.order_id == order_id, *outward))
    if made is not None:
        cost = made.freight + made.cod_fee
        return Carriage(made.courier_code, cost, made.days, made.due_at)
    try:
        order = await session.get_one(Order, order_id)
        asked = await waybills.considered(session, order, back=False)
    except Invalid:  # nobody knows where it goes
        return None
    if asked.consignee.way == Way.SELF_COLLECTION:
        return Carriage(None, Decimal(0), 0)
    offer = asked.choice.chosen
    if offer is None:
        return None
    freight = None if asked.measures.unknown else offer.cost
    return Carriage(offer.code, freight, offer.days)
