"""Complaints in a customer's history. Rule: told are the changes of state, entering included; comments
and edits stay in the complaint's own log.
"""

from collections.abc import Sequence

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.complaints.tables import Complaint, ComplaintCategory, ComplaintStep
from crm_core.fields import LONGEST_PAGE
from crm_core.timeline import Place, TimelineEntry, newest_first

_TITLE_LENGTH = 100


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened after a place, newest first; at most LONGEST_PAGE."""
    step = ComplaintStep
    place = (step.at, literal("complaint.") + step.to_state, step.id)
    rows = await connection.execute(
        select(
            step.id.label("row"),
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
            after.is_after(*place),
            step.from_state.is_distinct_from(step.to_state),
        )
        .order_by(*newest_first(*place))
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
            row=row.row,
        )
        for row in rows
    )
