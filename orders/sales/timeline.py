"""Orders in a customer's history: every move of each."""

from collections.abc import Sequence

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.timeline import Place, TimelineEntry, newest_first
from orders.sales.tables import Order, OrderStatusLog


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> Sequence[TimelineEntry]:
    """What happened to orders after a place, the newest first."""
    place = (OrderStatusLog.at, literal("order.") + OrderStatusLog.to_status, OrderStatusLog.id)
    rows = await connection.execute(
        select(
            OrderStatusLog.id.label("row"),
            OrderStatusLog.at,
            OrderStatusLog.to_status,
            OrderStatusLog.actor_id,
            Order.id,
            Order.number,
            Order.total,
        )
        .join(Order, Order.id == OrderStatusLog.order_id)
        .where(Order.customer_id.in_(customer_ids), after.is_after(*place))
        .order_by(*newest_first(*place))
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
            row=row.row,
        )
        for row in rows
    ]
