"""States that come back from an ERP move our order. Rule: an order only ever goes forward; a state that it has
passed already is old news, and one that no way leads to is for a person. What is held for review only a person
lets go on.
"""

from collections import deque
from collections.abc import Collection
from datetime import datetime, tzinfo

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.rights import SYSTEM
from orders.connections.clients import Opened
from orders.connections.documents import Claimed, Outcome
from orders.connections.entering import Entered
from orders.connections.errors import ConnectorError
from orders.connections.tables import ConnectionLink
from orders.sales import moving
from orders.sales.flow import MOVES, By, Status

_BACK = {(Status.PICKING, Status.REVIEWED), (Status.REVIEWED, Status.REVIEW)}
_FORWARD = tuple(move for move, how in MOVES.items() if By.HAND in how.may and move not in _BACK)


def way(origin: str, to: str) -> tuple[str, ...] | None:
    """The shortest way forward of moves that may be asked for; None when there is none."""
    waiting: deque[tuple[str, tuple[str, ...]]] = deque([(origin, ())])
    seen = {origin}
    while waiting:
        status, steps = waiting.popleft()
        if status == to:
            return steps
        for before, after in _FORWARD:
            if before == status and after not in seen:
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
    order = await moving.held(session, link.order_id, SYSTEM)
    status = order.status
    wanted = str(claimed.body["status"])
    if wanted not in set(Status):
        raise ConnectorError(
            "unknown_status", f"{wanted} is no status of ours: mend the settings", permanent=True
        )
    steps = way(status, wanted)
    if steps is None:
        if way(wanted, status) is not None:
            return Entered(Outcome("ignored", "passed_before", order_id=link.order_id))
        raise _no_way(f"our order is {status} and cannot become {wanted}.")
    events: list[object] = []
    for left, step in enumerate(steps, 1 - len(steps)):
        if moving.lets_go_on(order, step):
            raise _no_way(
                f"our order is held for review and cannot become {wanted}: decide about it."
            )
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


def _no_way(reason: str) -> ConnectorError:
    return ConnectorError("no_way", reason, permanent=True)
