"""One of our orders leaves to another program. Rule: it is read when it leaves, so what goes is how it is now;
asking is outside every transaction, and being asked twice does not enter it twice.

Where orders are changed and cancelled after they left, the link is written before the other side is asked, under the
order's lock: no change comes between that nobody tells there. It has an `outside_id` when they have said that it is there.
"""

import hashlib
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

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
from orders.sales.tables import Order
from orders.sales.views import OrderView

_HELD = (Status.BACKORDERED, Status.REVIEW)


@dataclass(frozen=True, slots=True)
class Leaving:
    """`is_there`: they have it as it is now, and nothing is to be done; else `order` None: it was cancelled.

    `left`: the other side was asked about it before; `content` tells whether it was how it is now.
    """

    order_id: int
    number: str
    order: LeavingOrder | None
    left: bool = False
    content: str = ""
    is_there: bool = False


async def read(database: Database, opened: Opened, claimed: Claimed, zone: tzinfo) -> Leaving:
    """Raises ConnectorError, UnknownOrder."""
    order_id = int(claimed.outside_key)
    async with database.begin() as session:
        await session.execute(
            select(Order.id).where(Order.id == order_id).with_for_update(read=True)
        )
        order = await reading.order(session, order_id, SYSTEM)
        link = await session.scalar(
            select(ConnectionLink).where(
                ConnectionLink.connection_id == opened.id, ConnectionLink.order_id == order_id
            )
        )
        if order.status == Status.CANCELLED:
            return Leaving(order_id, order.number, None, left=link is not None)
        held, content = order.status in _HELD, _content(order)
        if opened.connector.changes and link is not None and _same(link, order, content, held):
            return Leaving(order_id, order.number, None, is_there=True)
        changed = link is not None and (link.content, link.digest) != (content, _digest(held))
        leaving = Leaving(
            order_id,
            order.number,
            await _paper(session, opened, order, zone, link=link, held=held, changed=changed),
            link is not None,
            content,
        )
        if link is None and opened.connector.changes and leaving.order is not None:
            values = _key(opened, leaving) | _values(leaving.order, content)
            await session.execute(upsert(ConnectionLink).values(values).on_conflict_do_nothing())
    return leaving


async def leave(database: Database, opened: Opened, leaving: Leaving) -> Outcome:
    """The other side is asked. Raises ConnectorError."""
    if leaving.is_there:
        return Outcome("done", "nothing_new", order_id=leaving.order_id)
    if leaving.order is None:
        if not leaving.left or not await opened.client.cancel(leaving.number):
            return Outcome("ignored", "cancelled_before")
        return Outcome("done", "cancelled_there", order_id=leaving.order_id)
    outside_id = await opened.client.send(leaving.order)
    async with database.begin() as session:
        await _linked(session, opened, leaving, leaving.order, outside_id)
    return Outcome("done", "sent", order_id=leaving.order_id)


async def _paper(
    session: AsyncSession,
    opened: Opened,
    order: OrderView,
    zone: tzinfo,
    *,
    link: ConnectionLink | None,
    held: bool,
    changed: bool,
) -> LeavingOrder:
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
        outside_key=None if link is None else link.outside_key,
        version=order.version,
        held=held,
        changed=changed,
    )


def _content(order: OrderView) -> str:
    """Equal for two states of an order that are the same for the other side."""
    lines = [(each.sku, each.unit, each.quantity, str(each.unit_price)) for each in order.lines]
    said = [lines, str(order.total), str(order.discount), order.address, order.note]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _digest(held: bool) -> str:
    return "held" if held else ""


def _same(link: ConnectionLink, order: OrderView, content: str, held: bool) -> bool:
    """Whoever is erased is taken out of an order that nobody changes."""
    return (
        link.outside_id is not None
        and link.digest == _digest(held)
        and (link.version == order.version or link.content == content)
    )


async def _linked(
    session: AsyncSession, opened: Opened, leaving: Leaving, order: LeavingOrder, outside_id: str
) -> None:
    """It is there as it is now; what came from there has its link."""
    if order.outside_key not in (None, leaving.number):
        return
    known = "".join(each for each in outside_id[:100] if not is_control(each))
    values = _values(order, leaving.content) | {"outside_id": known}
    await session.execute(
        upsert(ConnectionLink)
        .values(**_key(opened, leaving), **values)
        .on_conflict_do_update(
            index_elements=["connection_id", "outside_key"],
            set_=values,
            where=ConnectionLink.state == "sent",
        )
    )


def _key(opened: Opened, leaving: Leaving) -> dict[str, Any]:
    return {
        "connection_id": opened.id,
        "outside_key": leaving.number,
        "order_id": leaving.order_id,
        "state": "sent",
    }


def _values(order: LeavingOrder, content: str) -> dict[str, Any]:
    return {"version": order.version, "digest": _digest(order.held), "content": content}
