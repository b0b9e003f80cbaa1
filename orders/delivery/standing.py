"""Whether a waybill still says what its order is. Rule: one that was made for another version of the order, or that
collects another sum than is owed by now, is not handed over; the next one that is made for the order takes its place.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.delivery.codes import State, WaybillKind
from orders.delivery.tables import Waybill
from orders.methods import Method
from orders.receipts import book
from orders.receipts.tables import PaymentEntry
from orders.sales.tables import Order


def due() -> ColumnElement[Decimal]:
    """What a courier is to collect for an order that goes out."""
    paid = book.paid_sum().where(PaymentEntry.order_id == Order.id).correlate(Order)
    owed = func.greatest(Order.total - Order.given_back - paid.scalar_subquery(), Decimal(0))
    return case((Order.payment == Method.CASH_ON_DELIVERY, owed), else_=Decimal(0))


def outdated() -> ColumnElement[bool]:
    """Beside the waybill's order."""
    return and_(
        Waybill.kind == WaybillKind.OUTWARD,
        Waybill.state == State.CREATED,
        or_(Waybill.order_version != Order.version, Waybill.cod_amount != due()),
    )


async def outdated_of(session: AsyncSession, waybill_ids: Collection[int]) -> Sequence[str]:
    """The numbers of those of them that are."""
    found = (
        select(Waybill.number)
        .join(Order, Order.id == Waybill.order_id)
        .where(Waybill.id.in_(waybill_ids), outdated())
    )
    return (await session.scalars(found.order_by(Waybill.id))).all()
