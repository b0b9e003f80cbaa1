"""The lists that belong to a customer's record, written inside the transaction that changes it.

Rule: a list given replaces the one that was there: entries with an `id` stay, and of each only what is
given changes; others come, and those not named go. An id of another customer's entry is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import words
from crm_core.customers.fields import (
    AddressEntry,
    ContactEntry,
    CustomerFields,
    PhoneEntry,
    TerritoryEntry,
)
from crm_core.customers.tables import (
    Customer,
    CustomerAddress,
    CustomerContact,
    CustomerPhone,
    Territory,
)
from crm_core.customers.visibility import within_scope
from crm_core.errors import Invalid, NumberTaken
from crm_core.rights import Actor


async def write(
    session: AsyncSession, actor: Actor, customer_id: int, given: CustomerFields
) -> None:
    """The lists among the fields that are given. Raises Invalid, NumberTaken."""
    names = given.model_fields_set
    if "contacts" in names:
        await _write_contacts(session, customer_id, given.contacts)
    if "phones" in names:
        await _write_phones(session, actor, customer_id, given.phones)
    if "addresses" in names:
        await _write_addresses(session, customer_id, given.addresses)
    if "territories" in names:
        await _write_territories(session, customer_id, given.territories)


async def _write_contacts(
    session: AsyncSession, customer_id: int, entries: Sequence[ContactEntry]
) -> None:
    rows = [_given(entry) for entry in entries]
    await _replace(session, CustomerContact, customer_id, "contacts", rows)
    await words.write_contacts(session, customer_id)


async def _write_addresses(
    session: AsyncSession, customer_id: int, entries: Sequence[AddressEntry]
) -> None:
    await session.execute(
        update(CustomerAddress)
        .where(CustomerAddress.customer_id == customer_id, CustomerAddress.is_main)
        .values(is_main=False)
    )
    rows = [_given(entry) | {"is_main": place == 0} for place, entry in enumerate(entries)]
    await _replace(session, CustomerAddress, customer_id, "addresses", rows)
    await words.write_addresses(session, customer_id)


def _given(entry: AddressEntry | ContactEntry) -> dict[str, Any]:
    """A masked reader cannot send back what it was not shown, so what is not given stays."""
    return {"id": None, **entry.model_dump(exclude_unset=True)}


async def _replace(
    session: AsyncSession,
    table: type[CustomerContact] | type[CustomerAddress],
    customer_id: int,
    name: str,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    kept = [row["id"] for row in rows if row["id"] is not None]
    own = table.customer_id == customer_id
    there = set(await session.scalars(select(table.id).where(own)))
    if not there.issuperset(kept) or len(set(kept)) < len(kept):
        raise Invalid("An entry of this list is not there (any more).", fields={name: "unknown"})
    await session.execute(delete(table).where(own, table.id.not_in(kept)))
    for row in rows:
        values = {key: value for key, value in row.items() if key != "id"}
        if row["id"] is None:
            await session.execute(insert(table).values(customer_id=customer_id, **values))
        else:
            await session.execute(update(table).where(table.id == row["id"]).values(**values))


async def _write_territories(
    session: AsyncSession, customer_id: int, entries: Sequence[TerritoryEntry]
) -> None:
    await session.execute(delete(Territory).where(Territory.customer_id == customer_id))
    places = dict.fromkeys((entry.province, entry.city) for entry in entries)
    if places:
        await session.execute(
            insert(Territory).values(
                [
                    {"customer_id": customer_id, "province": province, "city": city}
                    for province, city in places
                ]
            )
        )


async def _write_phones(
    session: AsyncSession, actor: Actor, customer_id: int, entries: Sequence[PhoneEntry]
) -> None:
    table = CustomerPhone
    rows = await session.execute(
        select(table.id, table.number, table.label, table.contact_id).where(
            table.customer_id == customer_id
        )
    )
    there = {row.id: row for row in rows}
    was = {row.number: {"label": row.label, "contact_id": row.contact_id} for row in there.values()}
    numbered: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        known = there.get(entry.id) if entry.id is not None else None
        number = known.number if known else entry.number
        if number is None:
            raise Invalid("A telephone of this list is not there (any more).", fields=_UNKNOWN)
        given = entry.model_dump(exclude_unset=True, exclude={"id", "number"})
        numbered.setdefault(number, {**was.get(number, _NEW_PHONE), **given})
    await _check_contacts(session, customer_id, entries)
    own = CustomerPhone.customer_id == customer_id
    await session.execute(delete(CustomerPhone).where(own, CustomerPhone.number.not_in(numbered)))
    await session.execute(update(CustomerPhone).where(own).values(is_main=False))
    if numbered:
        await _put_phones(session, actor, customer_id, numbered)


_UNKNOWN = {"phones": "unknown"}
_NEW_PHONE: Mapping[str, Any] = {"label": None, "contact_id": None}


async def _put_phones(
    session: AsyncSession,
    actor: Actor,
    customer_id: int,
    numbered: Mapping[str, Mapping[str, Any]],
) -> None:
    statement = upsert(CustomerPhone).values(
        [
            {
                "number": number,
                "customer_id": customer_id,
                "is_main": place == 0,
                **values,
            }
            for place, (number, values) in enumerate(numbered.items())
        ]
    )
    new = statement.excluded
    written = await session.scalars(
        statement.on_conflict_do_update(
            index_elements=["number"],
            set_={"is_main": new.is_main, "label": new.label, "contact_id": new.contact_id},
            where=CustomerPhone.customer_id == customer_id,
        ).returning(CustomerPhone.number)
    )
    refused = set(numbered) - set(written)
    if refused:
        raise await _number_taken(session, actor, refused)


async def _check_contacts(
    session: AsyncSession, customer_id: int, entries: Sequence[PhoneEntry]
) -> None:
    wanted = {entry.contact_id for entry in entries if entry.contact_id is not None}
    if not wanted:
        return
    known = await session.scalars(
        select(CustomerContact.id).where(
            CustomerContact.customer_id == customer_id, CustomerContact.id.in_(wanted)
        )
    )
    if wanted - set(known):
        raise Invalid(
            "There is no such contact at this customer.", fields={"contact_id": "unknown"}
        )


async def _number_taken(session: AsyncSession, actor: Actor, numbers: Iterable[str]) -> NumberTaken:
    """Whose number it is already; who may not see that customer is told the number alone."""
    owner = (
        await session.execute(
            select(
                CustomerPhone.number,
                Customer.id,
                Customer.name,
                within_scope(actor).label("seen"),
            )
            .join(Customer, Customer.id == CustomerPhone.customer_id)
            .where(CustomerPhone.number.in_(numbers))
            .limit(1)
        )
    ).one()
    if not owner.seen:
        return NumberTaken(
            f"{owner.number} belongs to a customer of somebody else already: ask a supervisor.",
            fields={"number": owner.number},
        )
    return NumberTaken(
        f"{owner.number} belongs to {owner.name} already: open that customer instead.",
        fields={"number": owner.number, "customer_id": owner.id, "customer_name": owner.name},
    )
