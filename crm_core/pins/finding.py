"""Which customer a caller means by digits. Rule: digits that several customers could mean name none."""

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import there
from crm_core.numbers import normalise


async def by_keys(session: AsyncSession, typed: str) -> int | None:
    """By the digits of the customer's code, or by a telephone number of theirs."""
    if not typed:
        return None
    of_code = func.regexp_replace(Customer.code, r"\D", "", "g")
    of_number = select(CustomerPhone.customer_id).where(CustomerPhone.number == normalise(typed))
    found = await session.scalars(
        select(Customer.id)
        .where(or_(of_code == typed, Customer.id.in_(of_number)), *there())
        .limit(2)
    )
    meant = found.all()
    return meant[0] if len(meant) == 1 else None
