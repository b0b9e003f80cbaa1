"""Credit taken and given back by orders, inside the caller's own transaction.

Rule: one conditional statement decides, so that two orders at once cannot use the same credit.
"""

from decimal import Decimal

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.tables import Customer


async def reserve_credit(session: AsyncSession, customer_id: int, amount: Decimal) -> bool:
    """Take `amount` (yuan, not negative); False, and nothing changed, when the limit forbids it."""
    _check(amount)
    taken = await session.execute(
        update(Customer)
        .where(
            Customer.id == customer_id,
            Customer.credit_used + amount <= Customer.credit_limit,
        )
        .values(credit_used=Customer.credit_used + amount)
        .returning(Customer.id)
        .execution_options(synchronize_session=False)
    )
    return taken.one_or_none() is not None


async def release_credit(session: AsyncSession, customer_id: int, amount: Decimal) -> bool:
    """Give `amount` back; False, and nothing changed, when less than that was taken."""
    _check(amount)
    given = await session.execute(
        update(Customer)
        .where(Customer.id == customer_id, Customer.credit_used >= amount)
        .values(credit_used=Customer.credit_used - amount)
        .returning(Customer.id)
        .execution_options(synchronize_session=False)
    )
    return given.one_or_none() is not None


def _check(amount: Decimal) -> None:
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"an amount of credit is a sum of money, not {amount}")
