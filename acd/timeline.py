"""Calls in a customer's history. Rule: told are calls that have ended."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.tables import Call, Recording
from crm_core.timeline import Place, TimelineEntry, newest_first


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> Sequence[TimelineEntry]:
    """Calls that began after a place, the newest first."""
    place = (Call.started_at, literal("call.") + Call.direction, Call.id)
    rows = await connection.execute(
        select(
            Call.id,
            Call.direction,
            Call.outcome,
            Call.queue,
            Call.medium,
            Call.agent_id,
            Call.started_at,
            Call.answered_at,
            Call.ended_at,
            Recording.seconds,
        )
        .outerjoin(Recording, and_(Recording.call_id == Call.id, Recording.removed_at.is_(None)))
        .where(
            Call.customer_id.in_(customer_ids),
            after.is_after(*place),
            Call.outcome.is_not(None),
        )
        .order_by(*newest_first(*place))
        .limit(limit)
    )
    return [
        TimelineEntry(
            at=row.started_at,
            kind=f"call.{row.direction}",
            reference=row.id,
            title=row.medium or "",
            params={
                "outcome": row.outcome,
                "queue": row.queue or "",
                "talk_s": _seconds(row.answered_at, row.ended_at),
                "recorded_s": "" if row.seconds is None else str(round(row.seconds)),
            },
            actor_id=row.agent_id,
        )
        for row in rows
    ]


def _seconds(since: datetime | None, until: datetime | None) -> str:
    if since is None or until is None:
        return "0"
    return str(round((until - since).total_seconds()))
