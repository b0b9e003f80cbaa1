"""How often entries are used, which decides their order.

Rule: `recent` is the number of an entry's rows in `knowledge_uses`: a use adds one to both at once,
and the uses of a day that has left the window are taken from both at once, before anybody looks. A use
is not audited, because its row says who, when and in which call.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.errors import Invalid, NotFound
from crm_core.knowledge.commands import EntryState
from crm_core.knowledge.tables import KnowledgeEntry, KnowledgeUse, KnowledgeUseCount
from crm_core.knowledge.views import Used
from crm_core.rights import Actor

WINDOW_DAYS = 90
_ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(func.hashtext("zongji.knowledge.window")))


def first_day(now: datetime) -> date:
    """The first of the WINDOW_DAYS days, in UTC, of which today is the last."""
    return now.astimezone(UTC).date() - timedelta(days=WINDOW_DAYS - 1)


class UseWindow:
    """Moves with the days: whoever looks first on a day takes away what has left it."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._moved_to: date | None = None

    async def move(self) -> None:
        """Raises DatabaseUnavailable."""
        first = first_day(self._clock())
        if self._moved_to == first:
            return
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME)
            await _forget_before(session, first)
        self._moved_to = first


async def _forget_before(session: AsyncSession, first: date) -> None:
    table = KnowledgeUseCount
    gone = (
        delete(KnowledgeUse)
        .where(KnowledgeUse.day < first)
        .returning(KnowledgeUse.entry_id)
        .cte("gone")
    )
    counted = (
        select(gone.c.entry_id, func.count().label("uses")).group_by(gone.c.entry_id).subquery()
    )
    await session.execute(
        update(table)
        .where(table.entry_id == counted.c.entry_id)
        .values(recent=table.recent - counted.c.uses)
        .execution_options(synchronize_session=False)
    )


async def mark(
    session: AsyncSession, actor: Actor, entry_id: int, call_id: str | None, now: datetime
) -> Used:
    """Count it once for this person and call. Raises Invalid (nobody), NotFound (not published)."""
    if actor.user_id is None:
        raise Invalid("Only a person uses an entry.", fields={"user_id": "missing"})
    await _must_be_published(session, entry_id)
    day = now.astimezone(UTC).date()
    new = await session.scalar(
        upsert(KnowledgeUse)
        .values(
            entry_id=entry_id,
            user_id=actor.user_id,
            occasion=call_id or f"day:{day.isoformat()}",
            day=day,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(KnowledgeUse.id)
    )
    table = KnowledgeUseCount
    if new is not None:
        await session.execute(
            update(table)
            .where(table.entry_id == entry_id)
            .values(recent=table.recent + 1, ever=table.ever + 1)
            .execution_options(synchronize_session=False)
        )
    uses = await session.scalar(select(table.recent).where(table.entry_id == entry_id))
    return Used(new is not None, uses or 0)


async def _must_be_published(session: AsyncSession, entry_id: int) -> None:
    published = select(KnowledgeEntry.id).where(
        KnowledgeEntry.id == entry_id, KnowledgeEntry.state == EntryState.PUBLISHED
    )
    if await session.scalar(published) is None:
        raise NotFound(f"There is no published entry {entry_id} in the knowledge base.")
