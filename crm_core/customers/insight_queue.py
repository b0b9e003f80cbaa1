"""Whose insight is to be worked out again. Rule: said in the transaction of the change that gives the
reason, so that it is never forgotten and never early; it locks nothing that others wait for.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_TOUCH = text(
    "INSERT INTO insight_queue (customer_id) SELECT unnest(CAST(:customer_ids AS integer[]))"
)


async def touch(session: AsyncSession, customer_ids: Iterable[int]) -> None:
    """Note that something about these customers has changed; each must exist."""
    if wanted := sorted(set(customer_ids)):
        await session.execute(_TOUCH, {"customer_ids": wanted})
