"""What complaints need to know and do not own. Rule: shapes only."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

IsOrderOf = Callable[[AsyncSession, str, int], Awaitable[bool]]
"""Whether an order of this number is this customer's."""


async def any_order(_session: AsyncSession, _number: str, _customer_id: int) -> bool:
    """Where nobody keeps orders."""
    return True
