"""Whatever table names a customer, two who both stand in it can be merged and parted again.

The rows are made from the tables themselves, as alike as their constraints let them be, so that a table
that is added is tried too.
"""

import importlib
import itertools
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit.tables import AuditEntry
from crm_core.customers.fields import NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.references import Reference, movable
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.rights import SYSTEM
from tests.conftest import PACKAGES

for package in PACKAGES:
    importlib.import_module(f"{package}.tables")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SPECIAL: dict[str, dict[str, object]] = {
    "call_consents": {"proof": "说过"},
    "connection_codes": {"kind": "customer"},
    "coupons": {"valid_until": NOW + timedelta(days=1)},
    "custom_values": {"string": "值"},
    "dealer_applications": {"state": "approved", "decided_at": NOW},
    "leads": {"state": "converted"},
    "price_rules": {"kind": "percent_off", "value": 1},
}
"""What the constraints of a table ask for beyond one column."""
ALSO_NEEDED = {"orders.key", "quotas.sku"}
"""One of several columns that must be there."""
ALONE = {"customers.parent_id", "customers.merged_into_id"}
_marks = itertools.count(1)


def _value(column: Column[Any], mark: int) -> object:
    for check in column.table.constraints:
        known = isinstance(check, CheckConstraint) and re.match(
            rf"{column.name} IN \('(\w+)'", str(check.sqltext)
        )
        if known:
            return known[1]
    if isinstance(column.type, JSONB | ARRAY):
        return []
    python = column.type.python_type
    if python is str:
        length = getattr(column.type, "length", None) or 20
        return f"{column.name}{mark}"[-length:]
    return {datetime: NOW, date: NOW.date(), bool: False}.get(python, 1)


def _needed(table: Table) -> list[Column[Any]]:
    return [
        each
        for each in table.columns
        if f"{table.name}.{each.name}" in ALSO_NEEDED
        or (not each.nullable and each.server_default is None and each.identity is None)
    ]


def _told_apart(table: Table, but: str) -> set[str]:
    """The columns of unique constraints in which the customer does not stand."""
    unique = [
        {column.name for column in each.columns}
        for each in (*table.constraints, *(index for index in table.indexes if index.unique))
        if isinstance(each, UniqueConstraint) or not hasattr(each, "sqltext")
    ]
    return {name for names in unique if but not in names for name in names}


async def _parent(session: AsyncSession, column: Column[Any]) -> object:
    (key,) = column.foreign_keys
    found = await session.scalar(select(key.column).limit(1))
    if found is None:
        await _add(session, key.column.table, {}, apart=False)
        found = await session.scalar(select(key.column).limit(1))
    return found


async def _add(
    session: AsyncSession, table: Table, given: dict[str, object], *, apart: bool
) -> None:
    values: dict[str, object] = {}
    mark = next(_marks)
    distinct = _told_apart(table, next(iter(given), "")) if apart else set()
    for column in _needed(table):
        if column.foreign_keys and column.name not in given:
            values[column.name] = await _parent(session, column)
        else:
            values[column.name] = _value(column, mark if column.name in distinct else 0)
    await session.execute(insert(table).values(values | SPECIAL.get(table.name, {}) | given))


async def _others(session: AsyncSession, each: Reference, stranger: int) -> dict[str, object]:
    """The other columns of the row that name a customer name somebody else."""
    return {
        other.column.name: stranger
        for other in movable()
        if other.table is each.table and other.column is not each.column
    }


async def _counts(database: Database, *ids: int) -> dict[str, list[int]]:
    async with database.reading() as connection:
        return {
            each.name: [
                len((await connection.execute(select(each.column).where(each.column == one))).all())
                for one in ids
            ]
            for each in movable()
        }


@pytest.fixture
async def people(seeded: Database) -> list[int]:
    customers = CustomerService(seeded)
    return [(await customers.create(SYSTEM, NewCustomer(name=f"户{n}"))).id for n in range(4)]


async def _merge_and_part(database: Database, kept: int, dropped: int) -> None:
    before = await _counts(database, kept, dropped)
    merging = MergeService(database)
    merge = await merging.merge(SYSTEM, (kept, 1), (dropped, 1))
    async with database.reading() as connection:
        entry = select(AuditEntry.after).where(
            AuditEntry.action == "customer.merge", AuditEntry.entity_id == str(kept)
        )
        after = await connection.scalar(entry)
    left = {
        name: many
        for name, (_, many) in (await _counts(database, kept, dropped)).items()
        if many and name not in ALONE
    }
    assert after["left"] == left
    await merging.undo(SYSTEM, merge.id)
    assert await _counts(database, kept, dropped) == before


@pytest.mark.parametrize("name", [each.name for each in movable() if each.name not in ALONE])
async def test_two_who_both_stand_in_a_table_become_one_and_two_again(
    seeded: Database, people: list[int], name: str
):
    kept, dropped, *strangers = people
    (each,) = (one for one in movable() if one.name == name)
    async with seeded.begin() as session:
        for customer_id, stranger in zip((kept, dropped), strangers, strict=True):
            given = {each.column.name: customer_id} | await _others(session, each, stranger)
            await _add(session, each.table, given, apart=True)
    await _merge_and_part(seeded, kept, dropped)


@pytest.mark.parametrize(
    "name", sorted({each.table.name for each in movable() if each.other is not None})
)
@pytest.mark.parametrize("way", [(0, 1), (1, 0)])
async def test_two_who_name_each_other_become_one_and_two_again(
    seeded: Database, people: list[int], name: str, way: tuple[int, int]
):
    kept, dropped, *_ = people
    each = next(one for one in movable() if one.table.name == name)
    assert each.other is not None
    given = {each.column.name: people[way[0]], each.other.name: people[way[1]]}
    async with seeded.begin() as session:
        await _add(session, each.table, given, apart=True)
    await _merge_and_part(seeded, kept, dropped)
