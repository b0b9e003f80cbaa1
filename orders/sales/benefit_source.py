"""What benefits ask of orders: whether a customer was ever delivered anything."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.sales.flow import Status
from orders.sales.tables import Order, OrderStatusLog


async def has_delivery(session: AsyncSession, customer_id: int) -> bool:
    """Also one that came back later."""
    delivered = (
        select(Order.id)
        .join(OrderStatusLog, OrderStatusLog.order_id == Order.id)
        .where(Order.customer_id == customer_id, OrderStatusLog.to_status == Status.DELIVERED)
        .limit(1)
    )
    return await session.scalar(delivered) is not None
