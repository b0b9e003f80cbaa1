"""Events of waybills as they are read. Rule: those that nobody could follow are shown until a person has dealt
with them.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.errors import NotFound
from crm_core.rights import Actor
from orders.delivery.codes import Outcome
from orders.delivery.commands import ConflictQuery
from orders.delivery.tables import Waybill, WaybillEvent
from orders.delivery.views import EventView
from orders.sales.tables import Order

_OPEN = (WaybillEvent.outcome == Outcome.CONFLICT) & WaybillEvent.resolved_at.is_(None)
_COLUMNS = (
    WaybillEvent.id, WaybillEvent.waybill_id, Waybill.number, WaybillEvent.code, WaybillEvent.at,
    WaybillEvent.place, WaybillEvent.signer, WaybillEvent.note, WaybillEvent.collected,
    WaybillEvent.source, WaybillEvent.received_at, WaybillEvent.outcome, WaybillEvent.why,
    WaybillEvent.resolved_at,
)  # fmt: skip


async def of_waybill(
    holder: AsyncSession | AsyncConnection, waybill_id: int
) -> Sequence[EventView]:
    """In the order in which it happened."""
    return await of_waybills(holder, (waybill_id,))


async def of_waybills(
    holder: AsyncSession | AsyncConnection, waybill_ids: Collection[int]
) -> Sequence[EventView]:
    """Of several, in the order in which it happened."""
    found = _selected().where(WaybillEvent.waybill_id.in_(waybill_ids))
    rows = await holder.execute(found.order_by(WaybillEvent.at, WaybillEvent.id))
    return [EventView(*row) for row in rows]


async def conflicts(
    connection: AsyncConnection, actor: Actor, query: ConflictQuery
) -> tuple[EventView, ...]:
    found = _selected().where(_OPEN, within_scope(actor), WaybillEvent.id > (query.after or 0))
    rows = await connection.execute(found.order_by(WaybillEvent.id).limit(query.limit))
    return tuple(EventView(*row) for row in rows)


async def resolve(session: AsyncSession, actor: Actor, event_id: int, now: datetime) -> None:
    """Raises NotFound when it is no open conflict."""
    seen = _selected().where(WaybillEvent.id == event_id, _OPEN, within_scope(actor))
    done = None
    if (await session.execute(seen)).one_or_none() is not None:
        done = await session.scalar(
            update(WaybillEvent)
            .where(WaybillEvent.id == event_id, _OPEN)
            .values(resolved_by=actor.user_id, resolved_at=now)
            .returning(WaybillEvent.id)
        )
    if done is None:
        raise NotFound(f"There is no open conflict {event_id}: somebody may have dealt with it.")


def _selected() -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS)
        .join(Waybill, Waybill.id == WaybillEvent.waybill_id)
        .join(Order, Order.id == Waybill.order_id)
        .join(Customer, Customer.id == Order.customer_id)
    )
