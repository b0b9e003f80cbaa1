"""Whom the rows of a file mean: customers who are there, or new ones; and who stands above them.

Rule: a row means the customer who has its code or one of its numbers. A row that would mean two of them is
refused, because nobody can say which.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer, CustomerPhone, Level
from crm_core.customers.visibility import within_scope
from crm_core.exchange.records import Record, Refused
from crm_core.numbers import normalise
from crm_core.rights import Actor


@dataclass(frozen=True, slots=True)
class Known:
    """A customer whom a code or number of the file means; `seen`: by whoever imports."""

    id: int
    name: str
    code: str | None
    seen: bool


@dataclass(frozen=True, slots=True)
class Above:
    id: int
    path: tuple[int, ...]
    rank: int


def keys(record: Record) -> set[str]:
    """What names a customer; no two rows of one round share any."""
    code = record.fields.code
    return {each.number for each in record.fields.phones if each.number} | (
        {f"code:{code}"} if code else set()
    )


def rounds(records: Iterable[Record]) -> list[list[Record]]:
    """The rows in rounds, so that a row about the same customer as an earlier one comes after it."""
    found: list[tuple[set[str], list[Record]]] = []
    for record in records:
        own = keys(record)
        clashing = [place for place, (taken, _) in enumerate(found) if taken & own]
        place = clashing[-1] + 1 if clashing else 0
        if place == len(found):
            found.append((set(), []))
        found[place][0].update(own)
        found[place][1].append(record)
    return [rows for _, rows in found]


async def matches(
    session: AsyncSession, actor: Actor, records: Sequence[Record]
) -> Mapping[str, Known]:
    """The customers that the rows' keys mean, by key."""
    names = {key for record in records for key in keys(record)}
    codes = [key.removeprefix("code:") for key in names if key.startswith("code:")]
    numbers = [key for key in names if not key.startswith("code:")]
    seen = within_scope(actor).label("seen")
    own = select(Customer.id, Customer.name, Customer.code, seen)
    found: dict[str, Known] = {}
    for row in await session.execute(own.where(Customer.code.in_(codes))):
        found[f"code:{row.code}"] = Known(row.id, row.name, row.code, row.seen)
    by_number = own.add_columns(CustomerPhone.number).join(
        CustomerPhone, CustomerPhone.customer_id == Customer.id
    )
    for row in await session.execute(by_number.where(CustomerPhone.number.in_(numbers))):
        found[row.number] = Known(row.id, row.name, row.code, row.seen)
    return found


def meant(record: Record, known: Mapping[str, Known]) -> Known | Refused | None:
    """The customer a row means, None for a new one, or why nobody can say."""
    found = {each.id: each for key in keys(record) if (each := known.get(key)) is not None}
    if not found:
        return None
    if len(found) > 1:
        names = "、".join(sorted(each.name for each in found.values()))
        return _refused(record, f"this means several customers: {names}; merge them or correct it")
    (one,) = found.values()
    code = record.fields.code
    if code is not None and one.code is not None and one.code != code:
        return _refused(record, f"a number belongs to {one.name} already, whose code is {one.code}")
    if not one.seen:
        return _refused(record, "a code or number belongs to a customer of somebody else")
    return one


async def above(session: AsyncSession, names: Iterable[str]) -> Mapping[str, Above | None]:
    """Customers by code, number or name, as files name who stands above; None when several have it."""
    wanted = set(names)
    if not wanted:
        return {}
    numbers = {number: name for name in wanted if (number := normalise(name)) is not None}
    columns = select(Customer.id, Customer.path, Level.rank, Customer.name, Customer.code).join(
        Level, Level.code == Customer.level_code
    )
    alive = Customer.merged_into_id.is_(None)
    found: dict[str, Above | None] = {}
    for row in await session.execute(columns.where(Customer.name.in_(wanted), alive)):
        one = Above(row.id, tuple(row.path), row.rank)
        found[row.name] = None if row.name in found else one
    by_number = columns.add_columns(CustomerPhone.number).join(
        CustomerPhone, CustomerPhone.customer_id == Customer.id
    )
    for row in await session.execute(by_number.where(CustomerPhone.number.in_(numbers))):
        found[numbers[row.number]] = Above(row.id, tuple(row.path), row.rank)
    for row in await session.execute(columns.where(Customer.code.in_(wanted), alive)):
        found[row.code] = Above(row.id, tuple(row.path), row.rank)
    return found


def _refused(record: Record, reason: str) -> Refused:
    return Refused(record.row, record.cells, (reason,))
