"""Returns and exceptions in a customer's history: every step of each."""

from collections.abc import Sequence

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.timeline import Place, TimelineEntry, newest_first
from orders.aftersales.exceptions.tables import OrderException, OrderExceptionStep
from orders.aftersales.returns.tables import OrderReturn, OrderReturnStep
from orders.sales.tables import Order


async def returns(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> Sequence[TimelineEntry]:
    """What happened to returns after a place, the newest first."""
    step, table = OrderReturnStep, OrderReturn
    place = (step.at, literal("return.") + step.state, step.id)
    rows = await connection.execute(
        select(
            step.id,
            step.at,
            step.state,
            step.actor_id,
            table.id,
            table.number,
            table.kind,
            Order.number,
        )
        .join(table, table.id == step.return_id)
        .join(Order, Order.id == table.order_id)
        .where(Order.customer_id.in_(customer_ids), after.is_after(*place))
        .order_by(*newest_first(*place))
        .limit(limit)
    )
    return [
        TimelineEntry(
            at=at,
            kind=f"return.{state}",
            reference=str(return_id),
            title=number,
            params={"kind": kind, "order": order},
            actor_id=actor_id,
            row=row,
        )
        for row, at, state, actor_id, return_id, number, kind, order in rows
    ]


async def exceptions(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> Sequence[TimelineEntry]:
    """What happened to exceptions after a place, the newest first."""
    step, table = OrderExceptionStep, OrderException
    place = (step.at, literal("exception.") + step.action, step.id)
    rows = await connection.execute(
        select(
            step.id, step.at, step.action, step.level, step.actor_id, table.id, table.number, table.kind,
            Order.number,
        )
        .join(table, table.id == step.exception_id)
        .join(Order, Order.id == table.order_id)
        .where(Order.customer_id.in_(customer_ids), after.is_after(*place))
        .order_by(*newest_first(*place))
        .limit(limit)
    )  # fmt: skip
    return [
        TimelineEntry(
            at=at,
            kind=f"exception.{action}",
            reference=str(exception_id),
            title=number,
            params={"kind": kind, "level": str(level), "order": order},
            actor_id=actor_id,
            row=row,
        )
        for row, at, action, level, actor_id, exception_id, number, kind, order in rows
    ]
