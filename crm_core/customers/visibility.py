"""Which customers a person may see.

Rule: one who may not is told the same as when there is none; a customer without a salesperson is
everybody's, because anybody may have to answer the call.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, any_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from crm_core.customers.tables import Customer
from crm_core.errors import NotFound
from crm_core.people.tables import Unit, User
from crm_core.rights import Actor, Scope


def there() -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a row of `customers` is a customer: neither merged nor erased."""
    return Customer.merged_into_id.is_(None), Customer.erased_at.is_(None)


def within_scope(actor: Actor) -> ColumnElement[bool]:
    """The condition on `customers` under which this person may see a row."""
    if actor.scope is Scope.ALL:
        return true()
    own = Customer.salesperson_id == actor.user_id
    if actor.scope is Scope.UNIT:
        own = Customer.salesperson_id.in_(_colleagues(actor))
    return or_(Customer.salesperson_id.is_(None), own)


def concerns_seen(column: InstrumentedAttribute[Any], actor: Actor) -> ColumnElement[bool]:
    """The condition on another table that its record concerns nobody, or somebody this person may see."""
    if actor.scope is Scope.ALL:
        return true()
    return or_(column.is_(None), column.in_(select(Customer.id).where(within_scope(actor))))


def _colleagues(actor: Actor) -> Select[int]:
    """Everybody of the person's unit and of the units below it."""
    mine = select(User.unit_id).where(User.id == actor.user_id).scalar_subquery()
    units = select(Unit.id).where(or_(Unit.id == mine, mine == any_(Unit.path)))
    return select(User.id).where(User.unit_id.in_(units))


async def must_see(holder: AsyncSession | AsyncConnection, actor: Actor, customer_id: int) -> int:
    """The customer's id, which is another one when it was merged into that one. Raises NotFound."""
    asked = aliased(Customer)
    found = await holder.execute(
        select(Customer.id)
        .join(
            asked,
            or_(
                asked.merged_into_id == Customer.id,
                asked.merged_into_id.is_(None) & (asked.id == Customer.id),
            ),
        )
        .where(asked.id == customer_id, Customer.erased_at.is_(None), within_scope(actor))
    )
    seen = found.scalar_one_or_none()
    if seen is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return seen
