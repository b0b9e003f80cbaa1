"""One of our orders leaves to another program. Rule: it is read when it leaves, so what goes is how it is now;
asking is outside every transaction, and being asked twice does not enter it twice.
"""

from datetime import tzinfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.rights import SYSTEM
from crm_core.text import is_control
from orders.connections import matching
from orders.connections.clients import Opened
from orders.connections.documents import Claimed, Outcome
from orders.connections.papers import LeavingOrder
from orders.connections.tables import ConnectionLink
from orders.sales import reading
from orders.sales.flow import Status


async def read(
    database: Database, opened: Opened, claimed: Claimed, zone: tzinfo
) -> LeavingOrder | None:
    """None when it was cancelled meanwhile. Raises ConnectorError, UnknownOrder."""
    order_id = int(claimed.outside_key)
    async with database.reading_entities() as session:
        order = await reading.order(session, order_id, SYSTEM)
        if order.status == Status.CANCELLED:
            return None
        outside_key = await session.scalar(
            select(ConnectionLink.outside_key).where(
                ConnectionLink.connection_id == opened.id, ConnectionLink.order_id == order_id
            )
        )
        lines = await matching.leaving_lines(session, opened.id, order.lines)
        needs_customer = not opened.connector.receives
        customer = (
            await matching.leaving_customer(session, opened.id, order.customer_id)
            if needs_customer
            else ""
        )
    return LeavingOrder(
        number=order.number,
        day=order.placed_at.astimezone(zone).date(),
        status=order.status,
        customer_code=customer,
        lines=lines,
        total=order.total,
        discount=order.discount,
        address=order.address,
        note=order.note,
        outside_key=outside_key,
    )


async def linked(
    session: AsyncSession, opened: Opened, claimed: Claimed, order: LeavingOrder, outside_id: str
) -> Outcome:
    """It is there now."""
    order_id = int(claimed.outside_key)
    if order.outside_key is None:
        await session.execute(
            upsert(ConnectionLink)
            .values(
                connection_id=opened.id,
                outside_key=order.number,
                order_id=order_id,
                version=claimed.version,
                digest="",
                content="",
                outside_id="".join(each for each in outside_id[:100] if not is_control(each)),
                state="sent",
            )
            .on_conflict_do_nothing()
        )
    return Outcome("done", "sent", order_id=order_id)
