"""Customers: who is calling, what the pop shows, entering and changing a record.

Rule: every change is one transaction with its audit entry; an edit names the version it was made
from, and one made from an older version is refused, never merged.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Executable, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers import cards
from crm_core.customers.cards import CustomerCard, CustomerHit
from crm_core.customers.identity import CallerIdentity, Identities
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.errors import Conflict, DatabaseUnavailable, Invalid, NotFound, NumberTaken
from crm_core.numbers import normalise
from crm_core.rights import Actor, Right
from crm_core.text import is_control, printable

log = structlog.get_logger(__name__)

_MOST_FOUND = 100
_RETRY_S = 5.0
_LOCK_TREE = text("SELECT pg_advisory_xact_lock(hashtext('zongji.customer.tree'))")


def _dialable(value: str) -> str:
    number = normalise(value)
    if number is None:
        raise ValueError(f"“{value}” is not a telephone number: check its digits")
    return number


_Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(printable)]
_Number = Annotated[str, AfterValidator(_dialable)]
_Name = Annotated[_Text, Field(min_length=1, max_length=100)]
_Email = Annotated[_Text, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
_Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]


class CustomerFields(BaseModel):
    """What a person may write in a record; only the fields that are given are kept or changed.

    `phones`: the first is the main number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _Name = ""
    phones: Annotated[tuple[_Number, ...], Field(max_length=20)] = ()
    level_code: str = "consumer"
    parent_id: int | None = None
    area_code: Annotated[str, Field(pattern=r"^0\d{2,3}$")] | None = None
    province: Annotated[_Text, Field(max_length=20)] | None = None
    city: Annotated[_Text, Field(max_length=20)] | None = None
    price_policy_code: str = "list"
    credit_limit: _Money = Decimal(0)
    credit_overdue: _Money = Decimal(0)
    salesperson_id: int | None = None
    email: _Email | None = None
    address: Annotated[_Text, Field(max_length=300)] | None = None
    language: Annotated[str, Field(max_length=10)] | None = None
    note: Annotated[_Text, Field(max_length=2000)] | None = None


class NewCustomer(CustomerFields):
    name: _Name


_TERMS = frozenset(
    {"level_code", "price_policy_code", "credit_limit", "credit_overdue", "salesperson_id"}
)


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

    async def learn(self) -> int:
        """Remember customers for the time PostgreSQL is away. Raises DatabaseUnavailable."""
        return await self._identities.learn()

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

    async def get(self, customer_id: int) -> CustomerCard:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            return await _must_read(connection, customer_id)

    async def search(self, text: str, limit: int = 20) -> tuple[CustomerHit, ...]:
        """By a part of the name or of a number; nothing for an empty text."""
        wanted = "".join(c for c in text if not is_control(c)).strip()
        if not wanted:
            return ()
        async with self._database.reading() as connection:
            found = await cards.search(connection, wanted, min(limit, _MOST_FOUND))
        return tuple(found)

    async def create(self, actor: Actor, new: NewCustomer) -> CustomerCard:
        """Raises Forbidden, NumberTaken (naming the customer), Invalid, DatabaseUnavailable."""
        _require(actor, new)
        values = new.model_dump(exclude={"phones"})
        async with self._database.begin() as session:
            customer_id = await _write(
                session, insert(Customer).values(values).returning(Customer.id)
            )
            await _write_phones(session, customer_id, new.phones)
            given = new.model_dump(exclude_unset=True)
            await trail.record(
                session, actor.user_id, "customer.create", "customer", customer_id, after=given
            )
            card = await _must_read(session, customer_id)
        log.info("customer_created", customer=customer_id, by=actor.user_id)
        return card

    async def update(
        self, actor: Actor, customer_id: int, version: int, change: CustomerFields
    ) -> CustomerCard:
        """Raises Forbidden, NotFound, Conflict (edited since), NumberTaken, Invalid."""
        _require(actor, change)
        values = change.model_dump(exclude_unset=True, exclude={"phones"})
        async with self._database.begin() as session:
            if values.get("parent_id") is not None:
                await _check_tree(session, customer_id, values["parent_id"])
            before = await _lock(session, customer_id, version)
            if "phones" in change.model_fields_set:
                await _write_phones(session, customer_id, change.phones)
            await _write(
                session,
                update(Customer)
                .where(Customer.id == customer_id)
                .values(**values, version=version + 1, updated_at=func.now())
                .returning(Customer.id),
            )
            was, became = trail.changes(before, change.model_dump(exclude_unset=True))
            await trail.record(
                session,
                actor.user_id,
                "customer.update",
                "customer",
                customer_id,
                before=was,
                after=became,
            )
            card = await _must_read(session, customer_id)
        log.info("customer_updated", customer=customer_id, version=card.version, by=actor.user_id)
        return card


def _require(actor: Actor, fields: CustomerFields) -> None:
    actor.require(Right.CUSTOMER_EDIT)
    if fields.model_fields_set & _TERMS:
        actor.require(Right.CUSTOMER_TERMS)


async def _must_read(holder: AsyncSession | AsyncConnection, customer_id: int) -> CustomerCard:
    card = await cards.read_card(holder, customer_id)
    if card is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return card


async def _lock(session: AsyncSession, customer_id: int, version: int) -> Mapping[str, object]:
    """The values before the edit, with the row locked for it."""
    row = (
        await session.execute(
            select(Customer.__table__).where(Customer.id == customer_id).with_for_update()
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    if row.version != version:
        raise Conflict(
            "Somebody else has changed this customer since you opened it: look at the new version "
            "and enter your change again.",
            fields={"version": row.version},
        )
    phones = await session.scalars(
        select(CustomerPhone.number)
        .where(CustomerPhone.customer_id == customer_id)
        .order_by(CustomerPhone.is_main.desc(), CustomerPhone.number)
    )
    return {**row._mapping, "phones": tuple(phones)}  # noqa: SLF001


async def _check_tree(session: AsyncSession, customer_id: int, parent_id: int) -> None:
    """Refuse a parent that stands below the customer; one change of the tree at a time."""
    await session.execute(_LOCK_TREE)
    above = (
        select(Customer.id, Customer.parent_id)
        .where(Customer.id == parent_id)
        .cte("above", recursive=True)
    )
    step = select(Customer.id, Customer.parent_id).join(above, Customer.id == above.c.parent_id)
    above = above.union(step)
    circle = await session.scalar(select(above.c.id).where(above.c.id == customer_id))
    if circle is not None:
        raise Invalid(
            "The customer above would then stand below this one: choose another one above.",
            fields={"parent_id": "circle"},
        )


async def _write_phones(session: AsyncSession, customer_id: int, phones: tuple[str, ...]) -> None:
    await session.execute(delete(CustomerPhone).where(CustomerPhone.customer_id == customer_id))
    numbers = tuple(dict.fromkeys(phones))
    if not numbers:
        return
    written = await session.scalars(
        upsert(CustomerPhone)
        .values(
            [
                {"number": number, "customer_id": customer_id, "is_main": place == 0}
                for place, number in enumerate(numbers)
            ]
        )
        .on_conflict_do_nothing(index_elements=["number"])
        .returning(CustomerPhone.number)
    )
    refused = set(numbers) - set(written)
    if refused:
        raise await _number_taken(session, refused)


async def _number_taken(session: AsyncSession, numbers: Iterable[str]) -> NumberTaken:
    owner = (
        await session.execute(
            select(CustomerPhone.number, Customer.id, Customer.name)
            .join(Customer, Customer.id == CustomerPhone.customer_id)
            .where(CustomerPhone.number.in_(numbers))
            .limit(1)
        )
    ).one()
    return NumberTaken(
        f"{owner.number} belongs to {owner.name} already: open that customer instead.",
        fields={"number": owner.number, "customer_id": owner.id, "customer_name": owner.name},
    )


async def _write(session: AsyncSession, statement: Executable) -> int:
    """Execute a statement that returns the customer's id. Raises Invalid for a dangling code."""
    try:
        customer_id: int = (await session.execute(statement)).scalar_one()
    except IntegrityError as error:
        for field in ("level_code", "price_policy_code", "parent_id", "salesperson_id"):
            if f"fk_customers_{field}" in str(error.orig):
                raise Invalid(f"There is no such {field}.", fields={field: "unknown"}) from error
        raise
    return customer_id
