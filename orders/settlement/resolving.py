"""A person says how a difference came right. Rule: our amount never follows the party's word by itself; where theirs
is accepted, an item of its own says by how much, and where the item is postponed, it waits for the next
settlement. The caller holds the settlement's row.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.settlement.codes import DIFFERENCE, SIGN, ItemKind, Resolution
from orders.settlement.commands import ResolveDifference
from orders.settlement.tables import SettlementDifference, SettlementItem

_NOTHING = Decimal(0)


async def resolve(
    session: AsyncSession,
    difference: SettlementDifference,
    command: ResolveDifference,
    actor_id: int | None,
    now: datetime,
) -> None:
    """The difference is open."""
    difference.resolution = command.resolution
    difference.reason = command.reason
    difference.resolved_by, difference.resolved_at = actor_id, now
    if command.resolution is Resolution.THEIRS:
        await _adjust(session, difference, now)
    elif command.resolution is Resolution.POSTPONED:
        item = SettlementItem
        await session.execute(
            delete(item).where(
                item.settlement_id == difference.settlement_id,
                item.kind == difference.kind,
                item.reference == difference.reference,
                item.subject != DIFFERENCE,
            )
        )
    await session.flush()


async def _adjust(session: AsyncSession, difference: SettlementDifference, now: datetime) -> None:
    more = (difference.theirs or _NOTHING) - (difference.ours or _NOTHING)
    await session.execute(
        insert(SettlementItem).values(
            settlement_id=difference.settlement_id,
            kind=difference.kind,
            subject=DIFFERENCE,
            subject_id=difference.id,
            reference=difference.reference,
            at=now,
            amount=SIGN[ItemKind(difference.kind)] * more,
        )
    )


async def open_up_to(
    session: AsyncSession, settlement_id: int, most: Decimal
) -> list[SettlementDifference]:
    """The open differences of at most so much."""
    table = SettlementDifference
    found = await session.scalars(
        select(table)
        .where(table.settlement_id == settlement_id, table.resolution.is_(None))
        .order_by(table.id)
    )
    return [
        each for each in found if abs((each.ours or _NOTHING) - (each.theirs or _NOTHING)) <= most
    ]
