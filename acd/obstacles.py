"""Why a customer's data are still needed for calls. Rule: while the customer
speaks with us, and while a recording or message is held, they are.
"""

from collections.abc import Sequence

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from acd.tables import Call, Recording, Voicemail


async def live_calls(session: AsyncSession, customer_ids: Sequence[int]) -> str | None:
    live = select(Call.id).where(Call.customer_id.in_(customer_ids), Call.outcome.is_(None))
    if (await session.execute(live.limit(1))).first() is None:
        return None
    return "The customer is on the line: wait for the end of the call."


async def held_recordings(session: AsyncSession, customer_ids: Sequence[int]) -> str | None:
    """Messages that callers left are recordings, too."""
    held = union_all(
        *(
            select(table.call_id)
            .join(Call, Call.id == table.call_id)
            .where(Call.customer_id.in_(customer_ids), table.held_at.is_not(None))
            for table in (Recording, Voicemail)
        )
    )
    if (await session.execute(held.limit(1))).first() is None:
        return None
    return "A recording of a call is held: release it first, when what it is held for is over."
