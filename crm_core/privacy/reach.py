"""Every row in the database that is about a person, found by what the tables say of themselves.

Rule: rows are named by their keys before anything is changed, because erasing a number would hide the
rows that it leads to. A person is a customer and those merged into it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, cast, false, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.references import references
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Base
from crm_core.personal import MENTIONS, NUMBER, OF_CALL, PART, SECRET

_CALLS = "calls"
_OWN = frozenset({"audit_log", "privacy_requests"})


@dataclass(frozen=True, slots=True)
class Person:
    """The ids of a customer, the telephone numbers, and the calls."""

    customer_ids: tuple[int, ...]
    numbers: tuple[str, ...]
    call_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table that are about somebody, by their keys."""

    table: Table
    keys: tuple[tuple[Any, ...], ...]

    @property
    def condition(self) -> ColumnElement[bool]:
        return tuple_(*self.table.primary_key.columns).in_(self.keys)

    @property
    def told(self) -> tuple[ColumnElement[Any], ...]:
        """What the person is given a copy of."""
        return tuple(each for each in self.table.columns if not SECRET.items() <= each.info.items())


async def person(holder: AsyncSession | AsyncConnection, customer_id: int) -> Person:
    """Whom a customer's id means."""
    ids = (
        await holder.scalars(
            select(Customer.id).where(
                or_(Customer.id == customer_id, Customer.merged_into_id == customer_id)
            )
        )
    ).all()
    numbers = (
        await holder.scalars(select(CustomerPhone.number).where(CustomerPhone.customer_id.in_(ids)))
    ).all()
    found = Person(tuple(ids), tuple(numbers), ())
    calls = Base.metadata.tables.get(_CALLS)
    if calls is None:
        return found
    theirs = await holder.scalars(select(calls.c.id).where(_condition(calls, found)))
    return Person(found.customer_ids, found.numbers, tuple(theirs.all()))


async def rows_of(holder: AsyncSession | AsyncConnection, who: Person) -> tuple[Rows, ...]:
    """Tables in which something stands, parts before what they are parts of."""
    found: dict[str, Rows] = {}
    for table in Base.metadata.sorted_tables:
        if table.name in _OWN or not table.primary_key.columns:
            continue
        condition = or_(_condition(table, who), _parts(table, found))
        keys = await holder.execute(select(*table.primary_key.columns).where(condition))
        if named := tuple(tuple(key) for key in keys):
            found[table.name] = Rows(table, named)
    return tuple(reversed(found.values()))


def _condition(table: Table, who: Person) -> ColumnElement[bool]:
    return or_(false(), *_ways(table, who))


def _ways(table: Table, who: Person) -> Iterator[ColumnElement[bool]]:
    for each in references():
        if each.table is table:
            yield each.column.in_(who.customer_ids)
    if table.name == Customer.__tablename__:
        yield table.c.id.in_(who.customer_ids)
    for column in table.columns:
        if NUMBER.items() <= column.info.items():
            yield column.in_(who.numbers)
        if OF_CALL.items() <= column.info.items():
            yield column.in_(who.call_ids)
        if MENTIONS.items() <= column.info.items():
            text = cast(column, Text)
            yield or_(false(), *(text.contains(number) for number in who.numbers))


def _parts(table: Table, found: Mapping[str, Rows]) -> ColumnElement[bool]:
    """Parts of rows that were found in another table, which stands before this one."""
    conditions: list[ColumnElement[bool]] = []
    for column in table.columns:
        if PART.items() <= column.info.items():
            (key,) = column.foreign_keys
            whole = found.get(key.column.table.name)
            ids: Sequence[Any] = [each[0] for each in whole.keys] if whole else []
            conditions.append(column.in_(ids))
    return or_(false(), *conditions)
