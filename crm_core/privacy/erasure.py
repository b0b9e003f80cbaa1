"""Erasing what is about a person, in the caller's transaction.

Rule: rows that others refer to stay, with what is personal in them emptied; the audit trail keeps that
something was done, by whom and when, but not with what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit.redaction import redact
from crm_core.customers.tables import Customer
from crm_core.personal import FILE, REMOVED, is_emptied, value_of
from crm_core.privacy.reach import Person, Rows
from crm_core.rights import Actor

REASON = "erased at the person's own request"


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each table; `files` as (table, relative path)."""

    rows: dict[str, int]
    files: tuple[tuple[str, str], ...]


async def erase(
    session: AsyncSession, actor: Actor, who: Person, rows: Sequence[Rows], now: datetime
) -> Erased:
    """Raises Forbidden."""
    files: list[tuple[str, str]] = []
    counted: dict[str, int] = {}
    for each in rows:
        files += await _files(session, each)
        await _redact(session, actor, each)
        if await _empty(session, each):
            counted[each.table.name] = len(each.keys)
    await session.execute(
        update(Customer).where(Customer.id.in_(who.customer_ids)).values(erased_at=now)
    )
    return Erased(counted, tuple(files))


async def _empty(session: AsyncSession, rows: Rows) -> bool:
    """Whether there was something to do."""
    table = rows.table
    if REMOVED.items() <= table.info.items():
        await session.execute(delete(table).where(rows.condition))
        return True
    values = {
        column.name: value_of(column.info, table)
        for column in table.columns
        if is_emptied(column.info)
    }
    if values:
        await session.execute(update(table).where(rows.condition).values(values))
    return bool(values)


async def _files(session: AsyncSession, rows: Rows) -> list[tuple[str, str]]:
    paths: list[tuple[str, str]] = []
    for column in rows.table.columns:
        if FILE.items() <= column.info.items():
            found = await session.scalars(select(column).where(rows.condition))
            paths += [(rows.table.name, path) for path in found]
    return paths


async def _redact(session: AsyncSession, actor: Actor, rows: Rows) -> None:
    entity = rows.table.info.get("entity")
    if entity is not None:
        await redact(session, actor, entity, [key[0] for key in rows.keys], REASON)
