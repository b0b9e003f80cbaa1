"""States that come back from an ERP move our order. Rule: an order only ever goes forward; a state that it has
passed already is old news, and one that no way leads to is for a person.
"""

from collections import deque
from collections.abc import Collection
from datetime import datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.rights import SYSTEM
from orders.connections.clients import Opened
from orders.connections.documents import Claimed, Outcome
from orders.connections.entering import Entered
from orders.connections.errors import ConnectorError
from orders.connections.tables import ConnectionLink
from orders.sales import moving
from orders.sales.flow import MOVES, By, Status
from orders.sales.tables import Order


def way(origin: str, to: str) -> tuple[str, ...] | None:
    """The shortest way of moves that may be asked for; None when there is none."""
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(origin, ())])
    seen = {origin}
    while waiting:
        status, steps = waiting.popleft()
        if status == to:
            return steps
        for (before, after), move in MOVES.items():
            if before == status and By.HAND in move.may and after not in seen:
                seen.add(after)
                waiting.append((after, (*steps, after)))
    return None


async def follow(
    session: AsyncSession,
    opened: Opened,
    claimed: Claimed,
    *,
    channels: Collection[str],
    now: datetime,
    zone: tzinfo,
) -> Entered:
    """In the caller's transaction. Raises ConnectorError, and what moving an order raises."""
    link = await session.get(ConnectionLink, (opened.id, claimed.outside_key))
    if link is None or link.order_id is None:
        return Entered(Outcome("ignored", "not_ours"))
    status = await session.scalar(
        select(Order.status).where(Order.id == link.order_id).with_for_update()
    )
    assert status is not None
    wanted = str(claimed.body["status"])
    if wanted not in set(Status):
        raise ConnectorError(
            "unknown_status", f"{wanted} is no status of ours: mend the settings", permanent=True
        )
    steps = way(status, wanted)
    if steps is None:
        if way(wanted, status) is not None:
            return Entered(Outcome("ignored", "passed_before", order_id=link.order_id))
        raise ConnectorError(
            "no_way", f"our order is {status} and cannot become {wanted}.", permanent=True
        )
    events: list[object] = []
    for left, step in enumerate(steps, 1 - len(steps)):
        moved = await moving.move(
            session,
            link.order_id,
            step,
            actor=SYSTEM,
            channels=channels,
            now=now,
            zone=zone,
            goes_on=left < 0,
        )
        events += [moved.event, *moved.stock]
    code = "moved" if steps else "there_already"
    return Entered(Outcome("done", code, order_id=link.order_id), tuple(events))
