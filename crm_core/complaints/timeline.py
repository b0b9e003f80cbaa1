"""Complaints in a customer's history. Rule: told are the changes of state, entering included; comments
and edits stay in the complaint's own log.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.complaints.tables import Complaint, ComplaintCategory, ComplaintStep
from crm_core.fields import LONGEST_PAGE
from crm_core.timeline import TimelineEntry

_TITLE_LENGTH = 100


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], before: datetime, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened before a time, newest first; at most LONGEST_PAGE."""
    step = ComplaintStep
    rows = await connection.execute(
        select(
            step.at,
            step.to_state,
            Complaint.id,
            func.left(Complaint.description, _TITLE_LENGTH).label("title"),
            Complaint.severity,
            ComplaintCategory.code,
            ComplaintCategory.name_zh,
            ComplaintCategory.name_en,
            step.actor_id,
        )
        .join(Complaint, Complaint.id == step.complaint_id)
        .join(ComplaintCategory, ComplaintCategory.code == Complaint.category_code)
        .where(
            Complaint.customer_id.in_(customer_ids),
            step.at < before,
            step.from_state.is_distinct_from(step.to_state),
        )
        .order_by(step.at.desc(), step.id.desc())
        .limit(min(limit, LONGEST_PAGE))
    )
    return tuple(
        TimelineEntry(
            at=row.at,
            kind=f"complaint.{row.to_state}",
            reference=str(row.id),
            title=row.title,
            params={
                "category": row.code,
                "category_zh": row.name_zh,
                "category_en": row.name_en,
                "severity": str(row.severity),
            },
            actor_id=row.actor_id,
        )
        for row in rows
    )
