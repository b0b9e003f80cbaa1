"""Putting a number on the do-not-call list, inside the caller's transaction.

Rule: under the number's lock, so that from the commit on nobody dials it; a second time changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.numbers import mask
from dialer import standing
from dialer.do_not_call.commands import Source
from dialer.do_not_call.tables import DoNotCall

ENTITY = "do_not_call"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who does not want to be called, from where that is known, and what was said."""

    number: str
    source: Source
    reason: str
    campaign_id: int | None = None
    call_id: str | None = None
    added_by: int | None = None


async def add(session: AsyncSession, refusal: Refusal, now: datetime) -> int:
    """The id of the entry, which may have been there before."""
    await standing.lock_number(session, refusal.number)
    entry = DoNotCall
    values = {name: getattr(refusal, name) for name in refusal.__slots__} | {"added_at": now}
    made: int | None = await session.scalar(
        insert(entry).values(values).on_conflict_do_nothing().returning(entry.id)
    )
    if made is None:
        there = select(entry.id).where(
            entry.number == refusal.number,
            entry.campaign_id.is_not_distinct_from(refusal.campaign_id),
            entry.lifted_at.is_(None),
        )
        kept: int = (await session.execute(there)).scalar_one()
        return kept
    told = {
        "number": mask(refusal.number),
        "source": refusal.source,
        "campaign_id": refusal.campaign_id,
        "call_id": refusal.call_id,
    }
    await trail.record(session, refusal.added_by, "do_not_call.add", ENTITY, made, after=told)
    return made
