"""What benefits need to know and do not own. Rule: shapes only."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

HasDelivery = Callable[[AsyncSession, int], Awaitable[bool]]
"""Whether an order of this customer was ever delivered."""


async def nothing_delivered(_session: AsyncSession, _customer_id: int) -> bool:
    """Where nothing is sold."""
    return False
