"""Whom the rows of a file mean: customers who are there, or new ones; and who stands above them.

Rule: a row means the customer who has its code or one of its numbers; a row that has neither, the only one of
its name. A row that would mean two of them is refused, because nobody can say which. What names a record that
was merged means the one that it became part of.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.tables import Customer, CustomerPhone, Level
from crm_core.customers.visibility import within_scope
from crm_core.exchange.records import Record, Refused
from crm_core.numbers import normalise
from crm_core.rights import Actor


@dataclass(frozen=True, slots=True)
class Known:
    """A customer whom a code, number or name of the file means; `seen`: by whoever imports.

    `merged`: what was named is a record that became part of this one; `alone`: nobody else is named so.
    """

    id: int
    name: str
    code: str | None
    seen: bool
    merged: bool = False
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Above:
    id: int
    path: tuple[int, ...]
    rank: int


def keys(record: Record) -> set[str]:
    """What names a customer: code and numbers, or else the name."""
    fields = record.fields
    found = {each.number for each in fields.phones if each.number}
    if fields.code:
        found.add(f"{_CODE}{fields.code}")
    return found or ({f"{_NAME}{fields.name}"} if fields.name else set())


def rounds(records: Iterable[Record]) -> list[list[Record]]:
    """The rows in rounds, so that a row about the same customer as an earlier one comes after it."""
    found: list[tuple[set[str], list[Record]]] = []
    for record in records:
        own = keys(record)
        clashing = [place for place, (taken, _) in enumerate(found) if taken & own]
        place = clashing[-1] + 1 if clashing else 0
        if place == len(found):
            found.append((set(), []))
        found[place][0].update(own, {f"{_NAME}{record.fields.name}"})
        found[place][1].append(record)
    return [rows for _, rows in found]


async def matches(
    session: AsyncSession, actor: Actor, records: Sequence[Record]
) -> Mapping[str, Known]:
    """The customers that the rows' keys mean, by key."""
    wanted = {key for record in records for key in keys(record)}
    codes, names = _of(wanted, _CODE), _of(wanted, _NAME)
    numbers = [key for key in wanted if not key.startswith((_CODE, _NAME))]
    own = select(Customer.id, Customer.name, Customer.code, within_scope(actor).label("seen"))
    found: dict[str, Known] = {}
    for row in await session.execute(_named(own, _named_as.code.in_(codes))):
        found[f"{_CODE}{row.as_code}"] = _known(row, merged=row.merged)
    for row in await session.execute(_named(own, _named_as.name.in_(names))):
        one, there = _known(row, merged=row.merged), found.get(f"{_NAME}{row.as_name}")
        if there is not None and there.id == one.id:
            one = replace(one, merged=one.merged and there.merged, alone=there.alone)
        elif there is not None:
            one = replace(one, alone=False)
        found[f"{_NAME}{row.as_name}"] = one
    by_number = own.add_columns(CustomerPhone.number).join(
        CustomerPhone, CustomerPhone.customer_id == Customer.id
    )
    for row in await session.execute(by_number.where(CustomerPhone.number.in_(numbers))):
        found[row.number] = _known(row)
    return found


_CODE, _NAME = "code:", "name:"
_named_as = aliased(Customer)


def _named(query: Select[*tuple[Any, ...]], named: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Those whom this names, by what names them; a record that was merged names the one it became."""
    return (
        query.add_columns(
            _named_as.code.label("as_code"),
            _named_as.name.label("as_name"),
            _named_as.merged_into_id.is_not(None).label("merged"),
        )
        .join(_named_as, Customer.id == func.coalesce(_named_as.merged_into_id, _named_as.id))
        .where(named, Customer.erased_at.is_(None))
    )


def _of(names: Iterable[str], kind: str) -> list[str]:
    return [name.removeprefix(kind) for name in names if name.startswith(kind)]


def _known(row: Any, *, merged: bool = False) -> Known:
    return Known(row.id, row.name, row.code, row.seen, merged)


def meant(record: Record, known: Mapping[str, Known]) -> Known | Refused | None:
    """The customer a row means, None for a new one, or why nobody can say."""
    named = [each for key in keys(record) if (each := known.get(key)) is not None]
    found = {each.id: each for each in named}
    if not found:
        return None
    if len(found) > 1:
        names = "、".join(sorted({_seen_name(each) for each in found.values()}))
        return _refused(record, f"this means several customers: {names}; merge them or correct it")
    (one,) = found.values()
    if not all(each.alone for each in named):
        name = record.fields.name
        return _refused(record, f"several customers are called {name}: give code or telephone")
    if not one.seen:
        return _refused(record, "a code, number or name belongs to a customer of somebody else")
    code = record.fields.code
    other = code is not None and one.code is not None and one.code != code
    if other and f"{_CODE}{code}" not in known:
        return _refused(record, f"a number belongs to {one.name} already, whose code is {one.code}")
    return replace(one, merged=any(each.merged for each in named))


async def above(session: AsyncSession, names: Iterable[str]) -> Mapping[str, Above | None]:
    """Customers by code, number or name, as files name who stands above; None when several have it."""
    wanted = set(names)
    if not wanted:
        return {}
    numbers = {number: name for name in wanted if (number := normalise(name)) is not None}
    columns = select(Customer.id, Customer.path, Level.rank).join(
        Level, Level.code == Customer.level_code
    )
    found: dict[str, Above | None] = {}
    for row in await session.execute(_named(columns, _named_as.name.in_(wanted))):
        one = _above(row)
        found[row.as_name] = one if found.get(row.as_name, one) == one else None
    by_number = columns.add_columns(CustomerPhone.number).join(
        CustomerPhone, CustomerPhone.customer_id == Customer.id
    )
    for row in await session.execute(by_number.where(CustomerPhone.number.in_(numbers))):
        found[numbers[row.number]] = _above(row)
    for row in await session.execute(_named(columns, _named_as.code.in_(wanted))):
        found[row.as_code] = _above(row)
    return found


def _seen_name(known: Known) -> str:
    return known.name if known.seen else "one of somebody else"


def _above(row: Any) -> Above:
    return Above(row.id, tuple(row.path), row.rank)


def _refused(record: Record, reason: str) -> Refused:
    return Refused(record.row, record.cells, (reason,))
