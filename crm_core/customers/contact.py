"""How a customer is told something."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.outbox.messages import CONTACT_COLUMNS, Contact


async def contact_of(holder: AsyncSession | AsyncConnection, customer_id: int) -> Contact:
    """The addresses, the main number, and what the customer has chosen."""
    main = (CustomerPhone.customer_id == Customer.id) & CustomerPhone.is_main
    found = await holder.execute(
        select(*Customer.__table__.c[CONTACT_COLUMNS], CustomerPhone.number)
        .outerjoin(CustomerPhone, main)
        .where(Customer.id == customer_id)
    )
    return Contact.of(found.one()._asdict())
