"""Why a customer's data are still needed for calls. Rule: while the customer speaks with us, they are."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.tables import Call


async def live_calls(session: AsyncSession, customer_ids: Sequence[int]) -> str | None:
    live = select(Call.id).where(Call.customer_id.in_(customer_ids), Call.outcome.is_(None))
    if (await session.execute(live.limit(1))).first() is None:
        return None
    return "The customer is on the line: wait for the end of the call."
