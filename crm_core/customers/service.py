"""Customers: who is calling, what the pop shows, entering and changing a record.

Rule: every change is one transaction with its audit entry; an edit names the version it was made
from, and one made from an older version is refused, never merged.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Executable, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.audit import trail
from crm_core.customers import cards, custom_values, parts, tree
from crm_core.customers.card_views import CustomerCard, recorded
from crm_core.customers.fields import (
    LISTS,
    NEEDS,
    CustomerFields,
    NewCustomer,
    PhoneEntry,
    field_code,
)
from crm_core.customers.identity import CallerIdentity, Identities
from crm_core.customers.insight_queue import touch
from crm_core.customers.tables import Customer, CustomerAddress, CustomerPhone, Level
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Conflict, DatabaseUnavailable, Invalid, NotFound
from crm_core.rights import Actor, Right
from crm_core.search_text import search_text

log = structlog.get_logger(__name__)

_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class OwnedPhone:
    number: str
    customer_id: int


class CustomerService:
    """The customers' side of the SQL core."""

    def __init__(
        self,
        database: Database,
        *,
        identify_deadline_s: float = 0.3,
        remembered: int = 20_000,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._database = database
        self._identities = Identities(database, deadline_s=identify_deadline_s, remember=remembered)
        self._retry_s = retry_s
        self._learning: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Learn as soon as PostgreSQL answers; returns at once."""
        self._learning = asyncio.create_task(self._learn_at_start(), name="customers-learn")

    async def identify(self, number: str | None) -> CallerIdentity | None:
        """Whose number it is (in `normalise`'s form); answers within the deadline, never raises."""
        return await self._identities.find(number) if number else None

    async def identity(self, customer_id: int) -> CallerIdentity | None:
        """Of a caller who has proved to be this customer. Raises DatabaseUnavailable."""
        return await self._identities.of(customer_id)

    async def learn(self) -> int:
        """Remember customers for the time PostgreSQL is away. Raises DatabaseUnavailable."""
        return await self._identities.learn()

    def forget(self) -> None:
        """Remember nobody any more: somebody was erased."""
        self._identities.forget()

    async def close(self) -> None:
        if self._learning is not None:
            self._learning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._learning
        await self._identities.close()

    async def _learn_at_start(self) -> None:
        while True:
            try:
                learned = await self.learn()
            except DatabaseUnavailable:
                await asyncio.sleep(self._retry_s)
            else:
                log.info("customers_learned", count=learned)
                return

    async def card(self, customer_id: int) -> CustomerCard | None:
        """What the pop shows, None when the customer is gone. Raises DatabaseUnavailable."""
        async with self._database.reading() as connection:
            return await cards.read_card(connection, customer_id)

    async def get(self, actor: Actor, customer_id: int) -> CustomerCard:
        """One that was merged gives the survivor's. Raises NotFound, also outside the actor's scope."""
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            return await _must_read(connection, seen)

    async def phone(self, actor: Actor, phone_id: int) -> OwnedPhone:
        """A number by its id, to dial it. Raises NotFound, also outside the actor's scope."""
        return await self._owned(actor, CustomerPhone, CustomerPhone.number, phone_id)

    async def phone_of_address(self, actor: Actor, address_id: int) -> OwnedPhone:
        """The number that stands with an address. Raises NotFound, also outside the actor's scope."""
        return await self._owned(actor, CustomerAddress, CustomerAddress.phone, address_id)

    async def _owned(
        self,
        actor: Actor,
        table: type[CustomerPhone | CustomerAddress],
        number: InstrumentedAttribute[Any],
        row_id: int,
    ) -> OwnedPhone:
        async with self._database.reading() as connection:
            row = (
                await connection.execute(
                    select(number.label("number"), table.customer_id).where(
                        table.id == row_id, number.is_not(None)
                    )
                )
            ).one_or_none()
            if row is None:
                raise NotFound("There is no such telephone (any more).")
            await must_see(connection, actor, row.customer_id)
        return OwnedPhone(row.number, row.customer_id)

    async def create(self, actor: Actor, new: NewCustomer) -> CustomerCard:
        """Raises Forbidden, NumberTaken (naming a customer whom the actor may see), Invalid, DatabaseUnavailable."""
        require(actor, new.model_fields_set, new.custom)
        async with self._database.begin() as session:
            card = await enter(session, actor, new)
        log.info("customer_created", customer=card.id, by=actor.user_id)
        return card

    async def update(
        self, actor: Actor, customer_id: int, version: int, change: CustomerFields
    ) -> CustomerCard:
        """Raises Forbidden, NotFound, Conflict (edited since), NumberTaken, Invalid."""
        async with self._database.begin() as session:
            card = await apply(session, actor, customer_id, version, change)
        log.info("customer_updated", customer=customer_id, version=card.version, by=actor.user_id)
        return card

    async def add_phone(self, actor: Actor, customer_id: int, number: str) -> CustomerCard:
        """The customer is reached there, too; nothing changes where that is known.

        Raises Forbidden, NotFound, NumberTaken.
        """
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            version = await session.scalar(
                select(Customer.version).where(Customer.id == seen).with_for_update()
            )
            card = await _must_read(session, seen)
            if version is None or number in {each.number for each in card.phones}:
                return card
            kept = [
                PhoneEntry(id=each.id, label=each.label, contact_id=each.contact_id)
                for each in card.phones
            ]
            phones = (*kept, PhoneEntry(number=number))
            card = await apply(session, actor, seen, version, CustomerFields(phones=phones))
        log.info("customer_phone_added", customer=card.id, by=actor.user_id)
        return card


async def enter(session: AsyncSession, actor: Actor, new: NewCustomer) -> CustomerCard:
    """Make a record inside the caller's transaction; the caller has asked whether the actor may. Terms that are not given
    are those of the level.

    Raises NumberTaken, Invalid.
    """
    of_level = await _of_level(session, new)
    values = new.model_dump(exclude=set(LISTS)) | {"search_text": search_text(new.name)} | of_level
    path = await tree.path_of_new(session, actor, new.parent_id, new.level_code)
    customer_id = await _write(
        session, insert(Customer).values(**values, path=path).returning(Customer.id)
    )
    await parts.write(session, actor, customer_id, new)
    await custom_values.write(session, customer_id, new.custom, is_new=True)
    await touch(session, (customer_id,))
    card = await _must_read(session, customer_id)
    given = recorded(card, new.model_fields_set | of_level.keys())
    await trail.record(
        session, actor.user_id, "customer.create", "customer", customer_id, after=given
    )
    return card


async def _of_level(session: AsyncSession, new: NewCustomer) -> dict[str, object]:
    """The terms that the level has for whoever is given none."""
    terms = (Level.price_policy_code, Level.payment_terms_code, Level.credit_limit)
    found = await session.execute(select(*terms).where(Level.code == new.level_code))
    return {
        name: value
        for row in found.mappings()
        for name, value in row.items()
        if value and name not in new.model_fields_set
    }


async def apply(
    session: AsyncSession, actor: Actor, customer_id: int, version: int, change: CustomerFields
) -> CustomerCard:
    """Change a record inside the caller's transaction. Raises as `CustomerService.update`."""
    require(actor, change.model_fields_set, change.custom)
    if change.model_fields_set & _IN_TREE:
        await tree.lock(session)
    await must_see(session, actor, customer_id)
    before = await _lock(session, customer_id, version)
    was = recorded(await _must_read(session, customer_id), change.model_fields_set)
    await _change(session, actor, before, change)
    card = await _must_read(session, customer_id)
    differs, became = trail.changes(was, recorded(card, change.model_fields_set))
    await trail.record(
        session,
        actor.user_id,
        "customer.update",
        "customer",
        customer_id,
        before=differs,
        after=became,
    )
    return card


async def _change(
    session: AsyncSession, actor: Actor, before: Customer, change: CustomerFields
) -> None:
    values = change.model_dump(exclude_unset=True, exclude=set(LISTS))
    if "name" in values:
        values["search_text"] = search_text(change.name)
    if change.model_fields_set & _IN_TREE:
        values["path"] = await tree.move(
            session,
            actor,
            before.id,
            values.get("parent_id", before.parent_id),
            values.get("level_code", before.level_code),
        )
    await parts.write(session, actor, before.id, change)
    await custom_values.write(session, before.id, change.custom, is_new=False)
    await _write(
        session,
        update(Customer)
        .where(Customer.id == before.id)
        .values(**values, version=before.version + 1, updated_at=func.now())
        .returning(Customer.id),
    )
    await touch(session, (before.id,))
    stands = {name: values.get(name, getattr(before, name)) for name in tree.STANDING}
    await tree.keep_history(session, actor.user_id, before, stands)


_IN_TREE = frozenset({"parent_id", "level_code"})


def require(actor: Actor, names: Collection[str], custom: Iterable[str] = ()) -> None:
    """The right of each field that is given, and the role's leave to write it. Raises Forbidden."""
    for right in {NEEDS.get(name, Right.CUSTOMER_EDIT) for name in names}:
        actor.require(right)
    known = {field_code(name) for name in names} | {f"custom.{code}" for code in custom}
    actor.require_write("customer", sorted(known))


async def _must_read(holder: AsyncSession | AsyncConnection, customer_id: int) -> CustomerCard:
    card = await cards.read_card(holder, customer_id)
    if card is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return card


async def _lock(session: AsyncSession, customer_id: int, version: int) -> Customer:
    """The row before the edit, locked for it; it does not follow the edit."""
    row = await session.scalar(select(Customer).where(Customer.id == customer_id).with_for_update())
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    session.expunge(row)
    if row.merged_into_id is not None:
        raise Conflict(
            "This customer was merged into another one: change that one.",
            fields={"merged_into_id": row.merged_into_id},
        )
    if row.version != version:
        raise Conflict(
            "Somebody else has changed this customer since you opened it: look at the new version "
            "and enter your change again.",
            fields={"version": row.version},
        )
    return row


async def _write(session: AsyncSession, statement: Executable) -> int:
    """Execute a statement that returns the customer's id. Raises Invalid for a dangling code."""
    try:
        customer_id: int = (await session.execute(statement)).scalar_one()
    except IntegrityError as error:
        raise _dangling(error) from error
    return customer_id


def _dangling(error: IntegrityError) -> Exception:
    for field in _CODES:
        if f"fk_customers_{field}" in str(error.orig):
            return Invalid(f"There is no such {field}.", fields={field: "unknown"})
    if "uq_customers_code" in str(error.orig):
        return Conflict("Another customer has this code.", fields={"code": "taken"})
    return error


_CODES = ("level_code", "price_policy_code", "payment_terms_code", "parent_id", "salesperson_id")
