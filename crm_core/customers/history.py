"""A customer's whole history, from every package that knows a part of it.

Rule: each source gives its newest entries after a place, and the newest of all are shown; what belongs to
records that were merged into this one belongs to it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_core.customers.tables import Customer, CustomerMove
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.fields import LONGEST_PAGE
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.timeline import Place, TimelineEntry, newest, newest_first

Source = Callable[[AsyncConnection, Sequence[int], Place, int], Awaitable[Sequence[TimelineEntry]]]


@dataclass(frozen=True, slots=True)
class Told:
    """An entry with the name of the person who did it."""

    entry: TimelineEntry
    actor: str | None


class HistoryService:
    """Reads the sources; `rights` says which right a kind of entry needs besides `customer.view`."""

    def __init__(self, database: Database, sources: Sequence[tuple[Right | None, Source]]) -> None:
        self._database = database
        self._sources = (*sources, (None, moves))

    async def timeline(
        self, actor: Actor, customer_id: int, *, after: Place, limit: int = 50
    ) -> tuple[Told, ...]:
        """The newest first; for the next page ask after the last one's place.

        Raises Forbidden, NotFound.
        """
        actor.require(Right.CUSTOMER_VIEW)
        limit = min(limit, LONGEST_PAGE)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            merged = select(Customer.id).where(Customer.merged_into_id == seen)
            ids = [seen, *(await connection.scalars(merged))]
            found = [
                await source(connection, ids, after, limit)
                for right, source in self._sources
                if right is None or actor.may(right)
            ]
            shown = newest((entry for part in found for entry in part), limit)
            names = await _names(connection, {entry.actor_id for entry in shown})
        return tuple(Told(entry, names.get(entry.actor_id)) for entry in shown)


async def moves(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> Sequence[TimelineEntry]:
    """Changes of standing in the channel."""
    had, has = aliased(Customer), aliased(Customer)
    place = (CustomerMove.at, "customer.move", CustomerMove.id)
    rows = await connection.execute(
        select(CustomerMove, had.name.label("had"), has.name.label("has"))
        .outerjoin(had, had.id == CustomerMove.from_parent_id)
        .outerjoin(has, has.id == CustomerMove.to_parent_id)
        .where(CustomerMove.customer_id.in_(customer_ids), after.is_after(*place))
        .order_by(*newest_first(*place))
        .limit(limit)
    )
    return [
        TimelineEntry(
            at=row.at,
            kind="customer.move",
            reference=str(row.id),
            title=row.has or "",
            params={
                "from_parent": row.had or "",
                "to_parent": row.has or "",
                "from_level": row.from_level_code,
                "to_level": row.to_level_code,
            },
            actor_id=row.actor_id,
        )
        for row in rows
    ]


async def _names(connection: AsyncConnection, ids: set[int | None]) -> dict[int | None, str]:
    rows = await connection.execute(select(User.id, User.name).where(User.id.in_(ids - {None})))
    return {row.id: row.name for row in rows}
