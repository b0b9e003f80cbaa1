"""A waybill comes into a state, and its order follows, in one transaction. Rule: both or neither."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.rights import System
from orders.delivery import tracking
from orders.delivery.codes import State, WaybillKind
from orders.delivery.tables import Courier, Waybill
from orders.sales import moving
from orders.sales.flow import Status
from orders.sales.moving import Moved
from orders.sales.tables import Order


@dataclass(frozen=True, slots=True)
class Way:
    """What the order of a waybill has to do; `path` is None when it cannot."""

    order: Order
    path: tuple[Status, ...] | None


async def way(session: AsyncSession, waybill: Waybill, state: State) -> Way:
    """The order's row is locked."""
    order = await session.scalar(
        select(Order).where(Order.id == waybill.order_id).with_for_update()
    )
    assert order is not None
    back = waybill.kind == WaybillKind.RETURN
    return Way(order, () if back else tracking.order_path(order.status, state))


async def go(
    session: AsyncSession,
    waybill: Waybill,
    state: State,
    path: tuple[Status, ...],
    *,
    at: datetime,
    actor_id: int | None,
    channels: Collection[str],
    now: datetime,
    zone: tzinfo,
    why: str | None = None,
) -> tuple[Moved, ...]:
    """The waybill's row is held, the path is the order's; `why` the goods are not taken. Raises what `moving.move`
    raises.
    """
    if waybill.handed_over_at is None and state is not State.VOID:
        waybill.handed_over_at = at
        waybill.due_at = at + timedelta(days=waybill.days) if waybill.days else None
    waybill.state, waybill.state_at = state, at
    told = await _told(session, waybill, why, zone) if path else None
    await session.flush()
    moved = [
        await moving.move(
            session,
            waybill.order_id,
            status,
            actor=System(actor_id),
            channels=channels,
            now=now,
            zone=zone,
            facts=told,
            goes_on=status is not path[-1],
        )
        for status in path
    ]
    return tuple(moved)


def publish(bus: Bus, moved: Collection[Moved]) -> None:
    """After the commit."""
    for each in moved:
        bus.publish(each.event)
        for change in each.stock:
            bus.publish(change)


async def _told(
    session: AsyncSession, waybill: Waybill, why: str | None, zone: tzinfo
) -> dict[str, str]:
    names = (
        await session.execute(
            select(Courier.name_zh, Courier.name_en).where(Courier.code == waybill.courier_code)
        )
    ).one()
    told = {"waybill": waybill.number, "courier_zh": names[0], "courier_en": names[1]}
    if waybill.due_at is not None:
        told["date"] = waybill.due_at.astimezone(zone).date().isoformat()
    return told | ({"reason": why} if why else {})
