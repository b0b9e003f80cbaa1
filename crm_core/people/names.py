"""What people are called. Rule: also those who are not here any more."""

from collections.abc import Collection

from sqlalchemy import select

from crm_core.db import Database
from crm_core.people.tables import User


async def names_of(database: Database, user_ids: Collection[int]) -> dict[int, str]:
    """By id; whom nobody knows is not in it."""
    if not user_ids:
        return {}
    async with database.begin() as session:
        found = await session.execute(select(User.id, User.name).where(User.id.in_(user_ids)))
        return {row.id: row.name for row in found}
