"""Credit taken and given back by orders, inside the caller's own transaction.

Rule: one conditional statement decides, so that two orders at once cannot use the same credit.
"""

from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.statement import Statement

_RESERVE = Statement(
    "UPDATE customers SET credit_used = credit_used + :amount"
    " WHERE id = :customer AND merged_into_id IS NULL"
    " AND credit_used + :amount <= credit_limit + :beyond RETURNING id"
)
_RELEASE = Statement(
    "UPDATE customers SET credit_used = credit_used - :amount"
    " WHERE id = :customer AND credit_used >= :amount RETURNING id"
)


_MERGED = text(
    "SELECT merged_into_id IS NOT NULL FROM customers WHERE id = :customer FOR KEY SHARE"
)


async def reserve_credit(
    session: AsyncSession, customer_id: int, amount: Decimal, *, beyond: Decimal = Decimal(0)
) -> bool:
    """Take `amount` (yuan, not negative), up to the limit and `beyond`; False, and nothing changed, when
    that forbids it or the record was merged into another one.
    """
    _check(beyond)
    return await _move(session, _RESERVE, customer_id, amount, beyond=beyond)


async def merged(session: AsyncSession, customer_id: int) -> bool:
    """Whether this record became another one's; if not, it stays so until the transaction ends."""
    return bool(await session.scalar(_MERGED, {"customer": customer_id}))


async def release_credit(session: AsyncSession, customer_id: int, amount: Decimal) -> bool:
    """Give `amount` back; False, and nothing changed, when less than that was taken."""
    return await _move(session, _RELEASE, customer_id, amount)


async def _move(
    session: AsyncSession,
    statement: Statement,
    customer_id: int,
    amount: Decimal,
    **more: Decimal,
) -> bool:
    _check(amount)
    values = {"customer": customer_id, "amount": amount, **more}
    return bool(await statement.write(session, values))


def _check(amount: Decimal) -> None:
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"an amount of credit is a sum of money, not {amount}")
