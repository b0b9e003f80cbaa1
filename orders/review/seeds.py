"""The review limits that an installation begins with. Rule: as in `crm_core.seeds`, what is missing is added and
nothing that is there is changed; a role that people make has none until somebody decides.
"""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.people.tables import Role
from crm_core.rights import ROLES, Right
from orders.review.tables import OrderReviewLimit


async def seed_limits(session: AsyncSession) -> None:
    """The first roles that review orders approve any total within the customer's credit."""
    codes = [code for code, seed in ROLES.items() if Right.ORDER_REVIEW in seed.rights]
    there = select(Role.code).where(Role.code.in_(codes))
    new = insert(OrderReviewLimit).from_select(["role_code"], there)
    await session.execute(new.on_conflict_do_nothing())
