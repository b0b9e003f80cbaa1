"""Opportunities in a customer's history: each stage they came to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.leads.tables import Opportunity, OpportunityMove
from crm_core.timeline import TimelineEntry


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], before: datetime, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened before a time, newest first."""
    rows = await connection.execute(
        select(
            OpportunityMove.at,
            OpportunityMove.to_stage,
            OpportunityMove.actor_id,
            Opportunity.id,
            Opportunity.title,
        )
        .join(Opportunity, Opportunity.id == OpportunityMove.opportunity_id)
        .where(Opportunity.customer_id.in_(customer_ids), OpportunityMove.at < before)
        .order_by(OpportunityMove.at.desc(), OpportunityMove.id.desc())
        .limit(limit)
    )
    return tuple(
        TimelineEntry(
            row.at, "opportunity.moved", str(row.id), row.title, {"to": row.to_stage}, row.actor_id
        )
        for row in rows
    )
