"""Why a customer's data are still needed for orders. Rule: an order that is not at its end needs them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.sales.flow import Status
from orders.sales.tables import Order

_AT_ITS_END = (
    Status.SETTLED,
    Status.CANCELLED,
    Status.REFUSED,
    Status.RETURNED,
    Status.EXCHANGED,
)


async def open_orders(session: AsyncSession, customer_ids: Sequence[int]) -> str | None:
    """The numbers of orders that still go on."""
    numbers = await session.scalars(
        select(Order.number)
        .where(Order.customer_id.in_(customer_ids), Order.status.not_in(_AT_ITS_END))
        .order_by(Order.id)
        .limit(5)
    )
    found = ", ".join(numbers)
    return f"Orders still go on: end {found} first." if found else None
