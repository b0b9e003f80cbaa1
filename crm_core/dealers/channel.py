"""Who looks after a dealer. Rule: without channel.manage one works with the dealers whose salesperson one is."""

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.dealer_levels import dealer_levels, is_dealer
from crm_core.customers.tables import Customer, Level
from crm_core.customers.visibility import must_see
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import Actor, Right


def under(customer_id: int) -> ColumnElement[bool]:
    """The customer itself and everybody below it."""
    return or_(Customer.id == customer_id, Customer.path.contains([customer_id]))


def looked_after(actor: Actor) -> ColumnElement[bool]:
    """The condition on `customers` under which this person works with a dealer."""
    if actor.may(Right.CHANNEL_MANAGE):
        return true()
    return Customer.salesperson_id == actor.user_id


async def must_look_after(session: AsyncSession, actor: Actor, customer_id: int) -> int:
    """The dealer's id. Raises NotFound, Forbidden, Invalid (not a dealer)."""
    seen = await must_see(session, actor, customer_id)
    row = (
        await session.execute(
            select(Customer.salesperson_id, is_dealer()).where(Customer.id == seen)
        )
    ).one()
    if not actor.may(Right.CHANNEL_MANAGE):
        actor.require(Right.CUSTOMER_EDIT)
        if row[0] is None or row[0] != actor.user_id:
            raise Forbidden(
                "Only the dealer's own salesperson, or who manages the channel, enters its stock.",
                fields={"customer_id": "forbidden"},
            )
    if not row[1]:
        raise Invalid(
            "This customer buys for itself: only dealers report their stock.",
            fields={"customer_id": "not a dealer"},
        )
    return seen


async def check_dealer_level(holder: AsyncSession | AsyncConnection, level_code: str) -> None:
    """Raises Invalid."""
    known = await holder.scalar(select(Level.code).where(Level.code == level_code, dealer_levels()))
    if known is None:
        raise Invalid(
            "No dealers stand at this level: choose another one.",
            fields={"level_code": "unknown"},
        )
