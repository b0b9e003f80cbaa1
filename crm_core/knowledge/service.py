"""The knowledge base (知识库): what agents say to callers, found while the caller waits.

Rule: every change is one transaction with its audit entry; an edit names the version it was made
from. Who may only read sees published entries and nothing else.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.knowledge import entries, opinions, search, use
from crm_core.knowledge.categories import KnowledgeCategories
from crm_core.knowledge.commands import (
    EntryEdit,
    EntryQuery,
    EntryState,
    NewEntry,
    Opinion,
    OpinionQuery,
    Restore,
    Review,
    Use,
    VersionQuery,
)
from crm_core.knowledge.opinions import OpinionView
from crm_core.knowledge.questions import KnowledgeQuestions
from crm_core.knowledge.use import UseWindow
from crm_core.knowledge.views import (
    EntryHit,
    EntryView,
    Used,
    VersionBrief,
    VersionView,
)
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)


class KnowledgeService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, bus: Bus, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._window = UseWindow(database, clock)
        self.categories = KnowledgeCategories(database)
        self.questions = KnowledgeQuestions(database, bus, clock=clock)

    async def search(self, actor: Actor, wanted: EntryQuery) -> tuple[EntryHit, ...]:
        """The best first, by use; drafts and retired ones only for those who edit."""
        actor.require(Right.KNOWLEDGE_VIEW)
        if wanted.state is not EntryState.PUBLISHED:
            actor.require(Right.KNOWLEDGE_EDIT)
        await self._window.move()
        async with self._database.reading() as connection:
            return await search.found(connection, wanted)

    async def get(self, actor: Actor, entry_id: int) -> EntryView:
        """Raises NotFound."""
        actor.require(Right.KNOWLEDGE_VIEW)
        await self._window.move()
        async with self._database.reading() as connection:
            return await entries.must_read(connection, actor, entry_id)

    async def create(self, actor: Actor, new: NewEntry) -> EntryView:
        """Raises Invalid (category)."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.begin() as session:
            made = await entries.add(session, actor, new, self._clock())
        return _logged(made, "created", actor)

    async def edit(self, actor: Actor, entry_id: int, edit: EntryEdit) -> EntryView:
        """Raises NotFound, Conflict (edited since), Invalid (category)."""
        actor.require(Right.KNOWLEDGE_EDIT)
        values = edit.model_dump(exclude_unset=True, exclude={"version"})
        async with self._database.begin() as session:
            entry = await entries.held(session, entry_id, edit.version)
            entry = await entries.change(session, actor, entry, values, self._clock())
        return _logged(entry, "edited", actor)

    async def restore(self, actor: Actor, entry_id: int, given: Restore) -> EntryView:
        """An earlier text becomes the newest version. Raises NotFound, Conflict (edited since)."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.begin() as session:
            entry = await entries.held(session, entry_id, given.version)
            earlier = await entries.version_of(session, entry_id, given.from_version)
            values = {key: getattr(earlier, key) for key in entries.TEXT}
            entry = await entries.change(
                session, actor, entry, values, self._clock(), restored_from=earlier.version
            )
        return _logged(entry, "restored", actor)

    async def history(
        self, actor: Actor, entry_id: int, wanted: VersionQuery
    ) -> tuple[VersionBrief, ...]:
        """Its versions, newest first. Raises NotFound."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.reading() as connection:
            await entries.read(connection, entry_id)
            return await entries.history(connection, entry_id, wanted)

    async def version(self, actor: Actor, entry_id: int, version: int) -> VersionView:
        """Raises NotFound."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.reading() as connection:
            return await entries.version_of(connection, entry_id, version)

    async def mark_used(self, actor: Actor, entry_id: int, given: Use) -> Used:
        """Once for each person and call. Raises NotFound (also when it is not published), Invalid."""
        actor.require(Right.KNOWLEDGE_VIEW)
        await self._window.move()
        async with self._database.begin() as session:
            return await use.mark(session, actor, entry_id, given.call_id, self._clock())

    async def give_opinion(self, actor: Actor, entry_id: int, given: Opinion) -> None:
        """Raises NotFound, Invalid (nobody)."""
        actor.require(Right.KNOWLEDGE_VIEW)
        async with self._database.begin() as session:
            entry = await entries.must_read(session, actor, entry_id)
            await opinions.give(session, actor, entry, given, self._clock())
        log.info("knowledge_opinion", entry=entry_id, verdict=given.verdict, by=actor.user_id)

    async def to_review(self, actor: Actor, wanted: OpinionQuery) -> tuple[OpinionView, ...]:
        """Entries that somebody found unhelpful or outdated, the oldest opinion first."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.reading() as connection:
            return await opinions.to_review(connection, wanted)

    async def review(self, actor: Actor, given: Review) -> int:
        """How many opinions are settled by this. Raises Conflict when others had settled all."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.begin() as session:
            reviewed = await opinions.review(session, actor, given, self._clock())
        log.info("knowledge_reviewed", opinions=reviewed, by=actor.user_id)
        return reviewed


def _logged(entry: EntryView, what: str, actor: Actor) -> EntryView:
    log.info(
        f"knowledge_entry_{what}",
        entry=entry.id,
        version=entry.version,
        state=entry.state,
        by=actor.user_id,
    )
    return entry
