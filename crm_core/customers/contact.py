"""How a customer is told something."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.outbox.messages import CONTACT_COLUMNS, Contact


async def contact_of(holder: AsyncSession | AsyncConnection, customer_id: int) -> Contact:
    """The addresses, the main number, and what the customer has chosen."""
    return (await contacts_of(holder, (customer_id,)))[customer_id]


async def contacts_of(
    holder: AsyncSession | AsyncConnection, customer_ids: Collection[int]
) -> Mapping[int, Contact]:
    """The same of many, by customer."""
    main = (CustomerPhone.customer_id == Customer.id) & CustomerPhone.is_main
    found = await holder.execute(
        select(Customer.id, *Customer.__table__.c[CONTACT_COLUMNS], CustomerPhone.number)
        .outerjoin(CustomerPhone, main)
        .where(Customer.id.in_(customer_ids))
    )
    return {row.id: Contact.of(row._asdict()) for row in found}
