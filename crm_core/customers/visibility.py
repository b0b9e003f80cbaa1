"""Which customers a person may see.

Rule: one who may not is told the same as when there is none; a customer without a salesperson is
everybody's, because anybody may have to answer the call; and whose call stands on somebody's screen is
seen there until the work on the call is done.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, any_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from crm_core.customers.tables import Customer
from crm_core.errors import NotFound
from crm_core.people.tables import Role, Unit, User
from crm_core.rights import Actor, Scope


def there() -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a row of `customers` is a customer: neither merged nor erased."""
    return Customer.merged_into_id.is_(None), Customer.erased_at.is_(None)


class Onlooker(Protocol):
    """Who looks, with the scope of the role."""

    @property
    def user_id(self) -> int | None: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def at_hand(self) -> frozenset[int]: ...


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is not asking himself."""

    user_id: int | None
    scope: Scope
    at_hand: frozenset[int] = frozenset()


def within_scope(actor: Onlooker) -> ColumnElement[bool]:
    """The condition on `customers` under which this person may see a row."""
    if actor.scope is Scope.ALL:
        return true()
    own = Customer.salesperson_id == actor.user_id
    if actor.scope is Scope.UNIT:
        own = Customer.salesperson_id.in_(_colleagues(actor))
    at_hand = (Customer.id.in_(sorted(actor.at_hand)),) if actor.at_hand else ()
    return or_(Customer.salesperson_id.is_(None), own, *at_hand)


def concerns_seen(column: InstrumentedAttribute[Any], actor: Onlooker) -> ColumnElement[bool]:
    """The condition on another table that its record concerns nobody, or somebody this person may see."""
    if actor.scope is Scope.ALL:
        return true()
    return or_(column.is_(None), column.in_(select(Customer.id).where(within_scope(actor))))


def _colleagues(actor: Onlooker) -> Select[int]:
    """Everybody of the person's unit and of the units below it."""
    mine = select(User.unit_id).where(User.id == actor.user_id).scalar_subquery()
    units = select(Unit.id).where(or_(Unit.id == mine, mine == any_(Unit.path)))
    return select(User.id).where(User.unit_id.in_(units))


async def is_seen_by(
    holder: AsyncSession | AsyncConnection, user_id: int, customer_id: int
) -> bool:
    """Whether another person may see the customer."""
    scope = await holder.scalar(
        select(Role.scope).join(User, User.role_code == Role.code).where(User.id == user_id)
    )
    if scope is None:
        return False
    seen = within_scope(Person(user_id, Scope(scope)))
    found = select(Customer.id).where(Customer.id == customer_id, seen)
    return await holder.scalar(found) is not None


async def beyond_scope(
    holder: AsyncSession | AsyncConnection, people: Collection[int], customer_ids: Collection[int]
) -> Mapping[int, frozenset[int]]:
    """Which of these customers each of these people may not see; who sees every customer is left out."""
    scopes = await holder.execute(
        select(User.id, Role.scope)
        .join(Role, Role.code == User.role_code)
        .where(User.id.in_(people), Role.scope != Scope.ALL)
    )
    beyond: dict[int, frozenset[int]] = {}
    for user_id, scope in scopes.all():
        person = within_scope(Person(user_id, Scope(scope)))
        seen = await holder.scalars(
            select(Customer.id).where(Customer.id.in_(customer_ids), person)
        )
        beyond[user_id] = frozenset(customer_ids) - frozenset(seen)
    return beyond


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
