"""What those who use an entry think of it, as SQL inside the caller's transaction.

Rule: a person has one present opinion of an entry, and a new one takes its place with an id of its
own, so that a review never covers words its author has not seen.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.errors import Conflict, Invalid
from crm_core.knowledge.commands import Opinion, OpinionQuery, Review, Verdict
from crm_core.knowledge.tables import KnowledgeEntry, KnowledgeOpinion
from crm_core.knowledge.views import EntryView
from crm_core.people.tables import User
from crm_core.rights import Actor

_ENTITY = "knowledge_entry"
_PRESENT = KnowledgeOpinion.reviewed_at.is_(None)
_TO_REVIEW = (_PRESENT, KnowledgeOpinion.verdict != Verdict.HELPFUL)


@dataclass(frozen=True, slots=True)
class OpinionView:
    """What waits for review; the entry may have a later version by now."""

    id: int
    entry_id: int
    entry_title: str
    entry_version: int
    current_version: int
    user_id: int
    user_name: str
    verdict: str
    note: str | None
    call_id: str | None
    at: datetime


async def give(
    session: AsyncSession, actor: Actor, entry: EntryView, given: Opinion, now: datetime
) -> None:
    """Raises Invalid (nobody)."""
    if actor.user_id is None:
        raise Invalid("Only a person has an opinion.", fields={"user_id": "missing"})
    table = KnowledgeOpinion
    await session.execute(
        delete(table).where(
            table.entry_id == entry.id, table.user_id == actor.user_id, table.reviewed_at.is_(None)
        )
    )
    words = given.model_dump() | {"entry_version": entry.version, "at": now}
    await session.execute(
        upsert(table)
        .values(words | {"entry_id": entry.id, "user_id": actor.user_id})
        .on_conflict_do_update(
            index_elements=["entry_id", "user_id"], index_where=_PRESENT, set_=words
        )
    )
    await trail.record(
        session,
        actor.user_id,
        f"{_ENTITY}.opinion",
        _ENTITY,
        entry.id,
        after=given.model_dump() | {"version": entry.version},
    )


async def to_review(connection: AsyncConnection, wanted: OpinionQuery) -> tuple[OpinionView, ...]:
    """The oldest first."""
    query = _opinions().where(*_TO_REVIEW).order_by(KnowledgeOpinion.id).limit(wanted.limit)
    if wanted.entry_id is not None:
        query = query.where(KnowledgeOpinion.entry_id == wanted.entry_id)
    if wanted.after is not None:
        query = query.where(KnowledgeOpinion.id > wanted.after)
    return tuple(OpinionView(*row) for row in await connection.execute(query))


async def review(session: AsyncSession, actor: Actor, given: Review, now: datetime) -> int:
    """How many were still to be reviewed and are not any more. Raises Conflict when none was."""
    reviewed = list(
        await session.execute(
            update(KnowledgeOpinion)
            .where(KnowledgeOpinion.id.in_(given.opinion_ids), *_TO_REVIEW)
            .values(reviewed_at=now, reviewed_by_id=actor.user_id, review_note=given.note)
            .returning(KnowledgeOpinion.id, KnowledgeOpinion.entry_id)
            .execution_options(synchronize_session=False)
        )
    )
    if not reviewed:
        raise Conflict("Somebody else has reviewed this already: look at the list again.")
    for entry_id in sorted({row.entry_id for row in reviewed}):
        mine = sorted(row.id for row in reviewed if row.entry_id == entry_id)
        await trail.record(
            session,
            actor.user_id,
            f"{_ENTITY}.review",
            _ENTITY,
            entry_id,
            after={"opinion_ids": mine, "note": given.note},
        )
    return len(reviewed)


def _opinions() -> Select[*tuple[Any, ...]]:
    """The columns of OpinionView."""
    table = KnowledgeOpinion
    return (
        select(
            table.id,
            table.entry_id,
            KnowledgeEntry.title,
            table.entry_version,
            KnowledgeEntry.version,
            table.user_id,
            User.name,
            table.verdict,
            table.note,
            table.call_id,
            table.at,
        )
        .join(KnowledgeEntry, KnowledgeEntry.id == table.entry_id)
        .join(User, User.id == table.user_id)
    )
