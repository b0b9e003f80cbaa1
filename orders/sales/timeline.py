"""Orders in a customer's history: every move of each."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.timeline import TimelineEntry
from orders.sales.tables import Order, OrderStatusLog


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], before: datetime, limit: int
) -> Sequence[TimelineEntry]:
    """What happened to orders before a time, the newest first."""
    rows = await connection.execute(
        select(
            OrderStatusLog.at,
            OrderStatusLog.to_status,
            OrderStatusLog.actor_id,
            Order.id,
            Order.number,
            Order.total,
        )
        .join(Order, Order.id == OrderStatusLog.order_id)
        .where(Order.customer_id.in_(customer_ids), OrderStatusLog.at < before)
        .order_by(OrderStatusLog.at.desc(), OrderStatusLog.id.desc())
        .limit(limit)
    )
    return [
        TimelineEntry(
            at=row.at,
            kind=f"order.{row.to_status}",
            reference=str(row.id),
            title=row.number,
            params={"total": str(row.total)},
            actor_id=row.actor_id,
        )
        for row in rows
    ]
