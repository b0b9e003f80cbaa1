"""Leads (线索) and opportunities (商机): entered, handed on, converted, won or lost.

Rule: a lead becomes customer and opportunity in one transaction, once; whoever has it has both.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers import service as customers
from crm_core.customers.fields import NewCustomer
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Forbidden, NotFound
from crm_core.leads import holding, leads, opportunities, timeline
from crm_core.leads.commands import (
    Convert,
    HandOver,
    LeadEdit,
    LeadQuery,
    LeadScope,
    LeadState,
    Lose,
    MoveOpportunity,
    NewLead,
    NewOpportunity,
    OpportunityEdit,
    OpportunityQuery,
    StageContent,
)
from crm_core.leads.tables import Lead
from crm_core.leads.views import (
    LeadDetail,
    LeadView,
    OpportunityHistory,
    OpportunityView,
    PipelineStage,
    StageView,
)
from crm_core.rights import SYSTEM, Actor, Right
from crm_core.timeline import Place, TimelineEntry

log = structlog.get_logger(__name__)


class LeadService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def create(self, actor: Actor, new: NewLead) -> LeadDetail:
        """Nobody has it yet; who might, and who has the same number, comes with it."""
        actor.require(Right.LEAD_WORK)
        async with self._database.begin() as session:
            lead_id = await leads.add(session, actor, new, self._clock())
        log.info("lead_created", lead=lead_id, source=new.source, by=actor.user_id)
        return await self.detail(actor, lead_id)

    async def detail(self, actor: Actor, lead_id: int) -> LeadDetail:
        """Raises NotFound."""
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await leads.detail(connection, actor, lead_id)

    async def listed(self, actor: Actor, wanted: LeadQuery) -> tuple[LeadView, ...]:
        actor.require(Right.LEAD_WORK)
        _check_scope(actor, wanted.scope)
        async with self._database.reading() as connection:
            return await leads.listed(connection, actor, wanted)

    async def edit(self, actor: Actor, lead_id: int, edit: LeadEdit) -> LeadView:
        """Raises NotFound, Conflict (edited since), LeadClosed."""
        actor.require(Right.LEAD_WORK)
        values = edit.model_dump(exclude_unset=True, exclude={"version", "contacted"})
        if edit.contacted:
            values["state"] = LeadState.CONTACTED
        async with self._database.begin() as session:
            lead = await leads.held(session, actor, lead_id, edit.version)
            await leads.write(session, actor, lead, "update", values)
            if edit.contacted:
                await holding.begun(session, actor, Lead, lead_id, self._clock())
            return await leads.read(session, actor, lead_id)

    async def hand_over(self, actor: Actor, lead_id: int, given: HandOver) -> LeadView | None:
        """To a salesperson or a dealer; None when the actor does not see it any more.

        Raises NotFound, Conflict (edited since), LeadClosed, Invalid (a person, not a dealer).
        """
        actor.require(Right.LEAD_WORK)
        async with self._database.begin() as session:
            lead = await leads.held(session, actor, lead_id, given.version)
            await leads.hand_over(session, actor, lead, given, self._clock())
            try:
                seen = await leads.read(session, actor, lead_id)
            except NotFound:
                seen = None
        log.info("lead_handed_over", lead=lead_id, to=given.owner_id, by=actor.user_id)
        return seen

    async def lose(self, actor: Actor, lead_id: int, given: Lose) -> LeadView:
        """Raises NotFound, Conflict, LeadClosed."""
        actor.require(Right.LEAD_WORK)
        now = self._clock()
        values = {"state": LeadState.LOST, "lost_reason": given.reason, "closed_at": now}
        async with self._database.begin() as session:
            lead = await leads.held(session, actor, lead_id, given.version)
            await leads.write(session, actor, lead, "lose", values)
            await holding.begun(session, actor, Lead, lead_id, now)
            return await leads.read(session, actor, lead_id)

    async def convert(self, actor: Actor, lead_id: int, given: Convert) -> OpportunityView:
        """The customer, new or known, with an opportunity; the answer comes whosever they are now.

        Raises NotFound, Conflict, LeadClosed, NumberTaken (by a customer who may not be seen),
        Forbidden (a field of a new customer).
        """
        actor.require(Right.LEAD_WORK)
        now = self._clock()
        async with self._database.begin() as session:
            lead = await leads.held(session, actor, lead_id, given.version)
            owner = lead.owner_id
            if owner is None and lead.dealer_customer_id is None:
                owner = actor.user_id
            customer_id = await _customer(session, actor, lead, given.customer_id, owner)
            values = given.model_dump(include={"title", "amount", "close_on"}) | {
                "customer_id": customer_id,
                "lead_id": lead.id,
                "owner_id": owner,
                "dealer_customer_id": lead.dealer_customer_id,
            }
            opportunity_id = await opportunities.add(session, actor, values, now)
            became = {"state": LeadState.CONVERTED, "customer_id": customer_id, "closed_at": now}
            await leads.write(session, actor, lead, "convert", became)
            await holding.begun(session, actor, Lead, lead_id, now)
            made = await opportunities.read(session, SYSTEM, opportunity_id)
        log.info("lead_converted", lead=lead_id, opportunity=opportunity_id, by=actor.user_id)
        return made

    async def stages(self, actor: Actor) -> tuple[StageView, ...]:
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await opportunities.stages(connection)

    async def put_stage(
        self, actor: Actor, code: str, content: StageContent
    ) -> tuple[StageView, ...]:
        """Raises Conflict (edited since, code taken), Invalid."""
        actor.require(Right.LEAD_MANAGE)
        async with self._database.begin() as session:
            await opportunities.put_stage(session, actor, code, content)
        return await self.stages(actor)

    async def create_opportunity(self, actor: Actor, new: NewOpportunity) -> OpportunityView:
        """One's own. Raises NotFound (customer)."""
        actor.require(Right.LEAD_WORK)
        async with self._database.begin() as session:
            seen = await must_see(session, actor, new.customer_id)
            values = new.model_dump() | {"customer_id": seen, "owner_id": actor.user_id}
            made = await opportunities.add(session, actor, values, self._clock())
            return await opportunities.read(session, actor, made)

    async def opportunity(self, actor: Actor, opportunity_id: int) -> OpportunityView:
        """Raises NotFound."""
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await opportunities.read(connection, actor, opportunity_id)

    async def opportunities(
        self, actor: Actor, wanted: OpportunityQuery
    ) -> tuple[OpportunityView, ...]:
        actor.require(Right.LEAD_WORK)
        _check_scope(actor, wanted.scope)
        async with self._database.reading() as connection:
            return await opportunities.listed(connection, actor, wanted)

    async def edit_opportunity(
        self, actor: Actor, opportunity_id: int, edit: OpportunityEdit
    ) -> OpportunityView:
        """Raises NotFound, Conflict (edited since), OpportunityClosed."""
        actor.require(Right.LEAD_WORK)
        values = edit.model_dump(exclude_unset=True, exclude={"version"})
        async with self._database.begin() as session:
            held = await opportunities.held(session, actor, opportunity_id, edit.version)
            await opportunities.write(session, actor, held, "update", values)
            return await opportunities.read(session, actor, opportunity_id)

    async def move_opportunity(
        self, actor: Actor, opportunity_id: int, given: MoveOpportunity
    ) -> OpportunityView:
        """Raises NotFound, Conflict (edited since), OpportunityClosed, Invalid."""
        actor.require(Right.LEAD_WORK)
        async with self._database.begin() as session:
            held = await opportunities.held(session, actor, opportunity_id, given.version)
            await opportunities.move(session, actor, held, given, self._clock())
            return await opportunities.read(session, actor, opportunity_id)

    async def hand_over_opportunity(
        self, actor: Actor, opportunity_id: int, given: HandOver
    ) -> OpportunityView | None:
        """To a salesperson or a dealer; None when the actor does not see it any more.

        Raises NotFound, Conflict (edited since), OpportunityClosed, Invalid (a person, not a dealer,
        one who may not see the customer).
        """
        actor.require(Right.LEAD_WORK)
        async with self._database.begin() as session:
            held = await opportunities.held(session, actor, opportunity_id, given.version)
            await opportunities.hand_over(session, actor, held, given, self._clock())
            try:
                seen = await opportunities.read(session, actor, opportunity_id)
            except NotFound:
                seen = None
        log.info("opportunity_handed_over", opportunity=opportunity_id, to=given.owner_id)
        return seen

    async def opportunity_history(self, actor: Actor, opportunity_id: int) -> OpportunityHistory:
        """Raises NotFound."""
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await opportunities.history(connection, actor, opportunity_id)

    async def pipeline(
        self, actor: Actor, owner_id: int | None = None
    ) -> tuple[PipelineStage, ...]:
        """What may come of it, by stage; everybody's with lead.manage, else the own."""
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await opportunities.pipeline(connection, actor, owner_id)

    async def entries(
        self,
        connection: AsyncConnection,
        customer_ids: Sequence[int],
        after: Place,
        limit: int,
    ) -> tuple[TimelineEntry, ...]:
        """Opportunities in the history of customers whom its reader may see, newest first."""
        return await timeline.entries(connection, customer_ids, after, limit)


async def _customer(
    session: AsyncSession,
    actor: Actor,
    lead: LeadView,
    customer_id: int | None,
    owner_id: int | None,
) -> int:
    """Who is known, or a new record with what the actor may write; whoever has the lead has it."""
    known = customer_id or await leads.known_as(session, actor, lead)
    if known is not None:
        return await must_see(session, actor, known)
    given: dict[str, object] = {"name": lead.name, "province": lead.province, "city": lead.city}
    given["phones"] = (lead.phone,) if lead.phone else None
    given = {name: value for name, value in given.items() if value}
    customers.require(actor, given.keys())
    standing: dict[str, object] = {"salesperson_id": owner_id}
    if lead.dealer_customer_id is not None:
        dealer, salesperson = await holding.standing(session, lead.dealer_customer_id)
        standing = {"parent_id": dealer, "salesperson_id": salesperson}
    card = await customers.enter(session, actor, NewCustomer.model_validate(given | standing))
    return card.id


def _check_scope(actor: Actor, scope: LeadScope) -> None:
    if scope is LeadScope.ALL and not actor.may(Right.LEAD_MANAGE):
        raise Forbidden("Everybody's are shown to those who manage leads: ask for your own.")
