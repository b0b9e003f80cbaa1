"""A paper about an order of ours that is refused becomes a to-do, so that nobody ships what the other side knows
otherwise. Rule: each paper once, for the customer's salesperson or the nearest supervisor, in the transaction that
refuses it.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.todos.commands import TodoSource
from orders.connections.clients import Opened
from orders.connections.documents import Claimed
from orders.connections.errors import ConnectorError
from orders.connections.tables import ConnectionLink
from orders.sales.asking import Wanted, ask

SOURCE = "connection"
_WITHIN = timedelta(hours=1)
_TITLES = {
    "zh": "订单 {order} 与 {connection} 不一致,请核对",
    "en": "Order {order} stands otherwise with {connection}: settle it",
}


async def raise_todo(
    session: AsyncSession, opened: Opened, claimed: Claimed, error: ConnectorError, now: datetime
) -> None:
    """Nothing when the paper is about no order of ours."""
    order_id = await _order_id(session, claimed)
    if order_id is None:
        return
    note = f"{error.code}: {error.reason}"
    wanted = Wanted(
        TodoSource(kind=SOURCE, reference=str(claimed.id)),
        _TITLES,
        now + _WITHIN,
        {"connection": opened.name},
        {"zh": note, "en": note},
    )
    await ask(session, order_id, wanted, now)


async def _order_id(session: AsyncSession, claimed: Claimed) -> int | None:
    if claimed.order_id is not None:
        return claimed.order_id
    return await session.scalar(
        select(ConnectionLink.order_id).where(
            ConnectionLink.connection_id == claimed.connection_id,
            ConnectionLink.outside_key == claimed.outside_key,
        )
    )
