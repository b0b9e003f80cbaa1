"""Opportunities in a customer's history: each stage they came to."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.leads.tables import Opportunity, OpportunityMove
from crm_core.timeline import Place, TimelineEntry, newest_first


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened after a place, newest first."""
    place = (OpportunityMove.at, "opportunity.moved", OpportunityMove.id)
    rows = await connection.execute(
        select(
            OpportunityMove.id.label("row"),
            OpportunityMove.at,
            OpportunityMove.to_stage,
            OpportunityMove.actor_id,
            Opportunity.id,
            Opportunity.title,
        )
        .join(Opportunity, Opportunity.id == OpportunityMove.opportunity_id)
        .where(Opportunity.customer_id.in_(customer_ids), after.is_after(*place))
        .order_by(*newest_first(*place))
        .limit(limit)
    )
    return tuple(
        TimelineEntry(
            row.at,
            "opportunity.moved",
            str(row.id),
            row.title,
            {"to": row.to_stage},
            row.actor_id,
            row.row,
        )
        for row in rows
    )
