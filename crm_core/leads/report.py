"""What became of the leads that were entered in a period, by source or by who has them now."""

from collections.abc import Mapping
from datetime import tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.leads import finding
from crm_core.leads.commands import LeadReport, LeadReportBy, LeadState
from crm_core.leads.holding import seen_by, with_me
from crm_core.leads.tables import Lead, Opportunity, OpportunityStage
from crm_core.leads.views import LeadReportLine
from crm_core.people.tables import User
from crm_core.rights import Actor, Right

_TENTH = Decimal("0.1")
_COLUMNS: Mapping[LeadReportBy, tuple[Any, ...]] = {
    LeadReportBy.SOURCE: (Lead.source, literal(None), literal(None)),
    LeadReportBy.OWNER: (literal(None), Lead.owner_id, User.name),
}
_GROUPED: Mapping[LeadReportBy, tuple[Any, ...]] = {
    LeadReportBy.SOURCE: (Lead.source,),
    LeadReportBy.OWNER: (Lead.owner_id, User.name),
}


async def lines(
    connection: AsyncConnection, actor: Actor, wanted: LeadReport, zone: tzinfo
) -> tuple[LeadReportLine, ...]:
    """The largest first; everybody's for those who manage leads, else the own."""
    whose = seen_by if actor.may(Right.LEAD_MANAGE) else with_me
    in_all = func.count()
    rows = await connection.execute(
        select(
            *_COLUMNS[wanted.by],
            in_all,
            _many(Lead.state == LeadState.CONVERTED),
            _many(OpportunityStage.outcome == "won"),
            _many(Lead.state == LeadState.LOST),
        )
        .select_from(Lead)
        .outerjoin(User, User.id == Lead.owner_id)
        .outerjoin(Opportunity, Opportunity.lead_id == Lead.id)
        .outerjoin(OpportunityStage, OpportunityStage.code == Opportunity.stage_code)
        .where(whose(Lead, actor), *finding.entered(wanted.since, wanted.until, zone))
        .group_by(*_GROUPED[wanted.by])
        .order_by(in_all.desc(), *_GROUPED[wanted.by])
    )
    return tuple(_line(row) for row in rows)


def _many(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(which)


def _line(row: Any) -> LeadReportLine:
    source, owner_id, owner_name, leads, converted, won, lost = row
    percent = (Decimal(100 * converted) / leads).quantize(_TENTH, ROUND_HALF_UP)
    return LeadReportLine(source, owner_id, owner_name, leads, converted, won, lost, percent)
