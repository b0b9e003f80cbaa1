"""Leads (线索) and opportunities (商机): entered, handed on, converted, won or lost.

Rule: a lead becomes customer and opportunity in one transaction, once; whoever has it has both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers import service as customers
from crm_core.customers.card_views import CustomerCard
from crm_core.customers.fields import NewCustomer
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Forbidden, NotFound
from crm_core.leads import holding, leads, opportunities, report, timeline
from crm_core.leads.commands import (
    Convert,
    HandOver,
    LeadEdit,
    LeadQuery,
    LeadReport,
    LeadScope,
    LeadState,
    Lose,
    MoveOpportunity,
    NewLead,
    NewOpportunity,
    OpportunityEdit,
    OpportunityQuery,
    Reopen,
    StageContent,
)
from crm_core.leads.tables import Lead
from crm_core.leads.views import (
    CallersLead,
    LeadDetail,
    LeadReportLine,
    LeadView,
    OpportunityHistory,
    OpportunityView,
    PipelineStage,
    StageView,
)
from crm_core.rights import SYSTEM, Access, Actor, Right, access_to
from crm_core.timeline import Place, TimelineEntry

log = structlog.get_logger(__name__)

_TITLE = 100
_FORESEEN = frozenset({"amount", "close_on"})


class LeadService:
    """`channels` are the ways of telling dealers for which there is a connector. Every method may raise Forbidden
    and DatabaseUnavailable.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: ZoneInfo | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._channels = channels
        self._zone = zone or ZoneInfo("Asia/Shanghai")

    async def create(self, actor: Actor, new: NewLead) -> LeadDetail:
        """Nobody has it yet; who might, and who has the same number, comes with it."""
        actor.require(Right.LEAD_WORK)
        actor.require_write(leads.ENTITY, sorted(new.model_fields_set))
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
        """Raises Invalid (too little to look for)."""
        actor.require(Right.LEAD_WORK)
        _check_scope(actor, wanted.scope)
        async with self._database.searching() as connection:
            return await leads.listed(connection, actor, wanted, self._zone)

    async def of_caller(self, actor: Actor, number: str) -> tuple[CallersLead, ...]:
        """For whoever has this number on the telephone: the open leads with it, whoever has them."""
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await leads.of_caller(connection, number)

    async def report(self, actor: Actor, wanted: LeadReport) -> tuple[LeadReportLine, ...]:
        """What became of the leads of a period; everybody's with lead.manage, else the own."""
        actor.require(Right.LEAD_WORK)
        async with self._database.reading() as connection:
            return await report.lines(connection, actor, wanted, self._zone)

    async def edit(self, actor: Actor, lead_id: int, edit: LeadEdit) -> LeadView:
        """Raises NotFound, Conflict (edited since), LeadClosed."""
        actor.require(Right.LEAD_WORK)
        values = edit.model_dump(exclude_unset=True, exclude={"version", "contacted"})
        actor.require_write(leads.ENTITY, sorted(values))
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
            await leads.hand_over(
                session, actor, lead, given, channels=self._channels, now=self._clock()
            )
            try:
                seen = await leads.read(session, actor, lead_id)
            except NotFound:
                seen = None
        log.info("lead_handed_over", lead=lead_id, to=given.owner_id, by=actor.user_id)
        return seen

    async def lose(self, actor: Actor, lead_id: int, given: Lose) -> LeadView:
        """Raises NotFound, Conflict, LeadClosed."""
        actor.require(Right.LEAD_WORK)
        actor.require_write(leads.ENTITY, ["lost_reason"])
        now = self._clock()
        values = {"state": LeadState.LOST, "lost_reason": given.reason, "closed_at": now}
        async with self._database.begin() as session:
            lead = await leads.held(session, actor, lead_id, given.version)
            await leads.write(session, actor, lead, "lose", values)
            await holding.begun(session, actor, Lead, lead_id, now)
            return await leads.read(session, actor, lead_id)

    async def reopen(self, actor: Actor, lead_id: int, given: Reopen) -> LeadView:
        """A lost one. Raises NotFound, Conflict, LeadNotLost."""
        actor.require(Right.LEAD_WORK)
        async with self._database.begin() as session:
            lead = await leads.held_lost(session, actor, lead_id, given.version)
            now = self._clock()
            await leads.reopen(session, actor, lead, given.reason, channels=self._channels, now=now)
            return await leads.read(session, actor, lead_id)

    async def convert(self, actor: Actor, lead_id: int, given: Convert) -> OpportunityView:
        """The customer, new or known, with an opportunity; the answer comes whosever they are now.

        Raises NotFound, Conflict, LeadClosed, NumberTaken (by a customer who may not be seen),
        Forbidden (a field of a new customer), Invalid (one that the business added).
        """
        actor.require(Right.LEAD_WORK)
        actor.require_write(opportunities.ENTITY, sorted(given.model_fields_set & _FORESEEN))
        now = self._clock()
        async with self._database.begin() as session:
            lead = await leads.held(session, actor, lead_id, given.version)
            customer_id = await _customer(session, actor, lead, given)
            wanted = given.model_dump(include={"title", *_FORESEEN})
            opportunity_id = await _convert(session, actor, lead, customer_id, wanted, now=now)
            made = await opportunities.read(session, SYSTEM, opportunity_id)
        log.info("lead_converted", lead=lead_id, opportunity=opportunity_id, by=actor.user_id)
        return made

    async def become(
        self, actor: Actor, lead_id: int, new: NewCustomer, *, caller: str
    ) -> CustomerCard:
        """The caller, whose number it is, is this lead: the customer is entered and the lead converted, in one.

        Raises NotFound, LeadClosed, and as `CustomerService.create`.
        """
        actor.require(Right.LEAD_WORK)
        customers.require(actor, new.model_fields_set, new.custom)
        async with self._database.begin() as session:
            lead = await leads.held_of_caller(session, lead_id, caller)
            given = _place(actor, lead) | await _standing(session, actor, lead)
            given |= new.model_dump(exclude_unset=True)
            card = await customers.enter(session, actor, NewCustomer.model_validate(given))
            wanted = {"title": _title(actor, lead)}
            made = await _convert(session, actor, lead, card.id, wanted, now=self._clock())
        log.info("lead_converted", lead=lead_id, opportunity=made, by=actor.user_id)
        return card

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
        actor.require_write(opportunities.ENTITY, sorted(new.model_fields_set))
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
        actor.require_write(opportunities.ENTITY, sorted(values))
        async with self._database.begin() as session:
            held = await opportunities.held(session, actor, opportunity_id, edit.version)
            await opportunities.write(session, actor, held, "update", values)
            return await opportunities.read(session, actor, opportunity_id)

    async def move_opportunity(
        self, actor: Actor, opportunity_id: int, given: MoveOpportunity
    ) -> OpportunityView:
        """Raises NotFound, Conflict (edited since), OpportunityClosed, Invalid."""
        actor.require(Right.LEAD_WORK)
        if given.lost_reason is not None:
            actor.require_write(opportunities.ENTITY, ["lost_reason"])
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
            await opportunities.hand_over(
                session, actor, held, given, channels=self._channels, now=self._clock()
            )
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
    wanted: Convert,
) -> int:
    """Who is known, or a new record with what the actor may write; whoever has the lead has it."""
    known = wanted.customer_id or await leads.known_as(session, actor, lead)
    if known is not None:
        return await must_see(session, actor, known)
    given: dict[str, object] = {"name": lead.name, "province": lead.province, "city": lead.city}
    given["phones"] = (lead.phone,) if lead.phone else None
    given["custom"] = wanted.custom
    given = {name: value for name, value in given.items() if value}
    customers.require(actor, given.keys(), wanted.custom)
    given |= await _standing(session, actor, lead)
    card = await customers.enter(session, actor, NewCustomer.model_validate(given))
    return card.id


async def _standing(session: AsyncSession, actor: Actor, lead: LeadView) -> dict[str, object]:
    """Under whom the customer comes whom the lead becomes."""
    if lead.dealer_customer_id is None:
        return {"salesperson_id": _owner(actor, lead)}
    dealer, salesperson = await holding.standing(session, lead.dealer_customer_id)
    return {"parent_id": dealer, "salesperson_id": salesperson}


def _title(actor: Actor, lead: LeadView) -> str:
    """What the lead wants, or its name when that is not known or not this actor's to see."""
    wants = lead.interest if actor.may_read(leads.ENTITY, "interest") else None
    return (wants or lead.name)[:_TITLE]


def _place(actor: Actor, lead: LeadView) -> dict[str, object]:
    """Where the customer is, as far as the actor may write it."""
    known = {"province": lead.province, "city": lead.city}
    return {
        field: value
        for field, value in known.items()
        if value and access_to(actor.fields, f"customer.{field}") is Access.WRITE
    }


def _owner(actor: Actor, lead: LeadView) -> int | None:
    """Who has it, or who converts it when nobody has."""
    if lead.owner_id is None and lead.dealer_customer_id is None:
        return actor.user_id
    return lead.owner_id


async def _convert(
    session: AsyncSession,
    actor: Actor,
    lead: LeadView,
    customer_id: int,
    wanted: Mapping[str, object],
    *,
    now: datetime,
) -> int:
    """The lead is held; the id of the opportunity that it becomes."""
    owner = _owner(actor, lead)
    values = {
        **wanted,
        "customer_id": customer_id,
        "lead_id": lead.id,
        "owner_id": owner,
        "dealer_customer_id": lead.dealer_customer_id,
    }
    made = await opportunities.add(session, actor, values, now)
    became = {
        "state": LeadState.CONVERTED,
        "customer_id": customer_id,
        "owner_id": owner,
        "closed_at": now,
    }
    await leads.write(session, actor, lead, "convert", became)
    await holding.begun(session, actor, Lead, lead.id, now)
    return made


def _check_scope(actor: Actor, scope: LeadScope) -> None:
    if scope is LeadScope.ALL and not actor.may(Right.LEAD_MANAGE):
        raise Forbidden("Everybody's are shown to those who manage leads: ask for your own.")
