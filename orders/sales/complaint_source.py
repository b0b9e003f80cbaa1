"""What complaints ask of orders: whose order it is."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.sales.tables import Order


async def is_order_of(session: AsyncSession, number: str, customer_id: int) -> bool:
    found = select(Order.id).where(Order.number == number, Order.customer_id == customer_id)
    return await session.scalar(found) is not None
