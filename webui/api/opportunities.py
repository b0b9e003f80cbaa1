"""Opportunities: what may become an order, by stage."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from crm_core.fields import Id
from crm_core.leads.commands import (
    HandOver,
    MoveOpportunity,
    NewOpportunity,
    OpportunityEdit,
    OpportunityQuery,
    StageContent,
)
from crm_core.leads.service import LeadService
from crm_core.leads.views import OpportunityView
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import View


class WantedOpportunity(NewOpportunity, Model):
    """What a customer may buy."""


class WantedOpportunityEdit(OpportunityEdit, Model):
    """Only what is given is changed."""


class WantedMove(MoveOpportunity, Model):
    """To which stage."""


class WantedStage(StageContent, Model):
    """Version 0 makes a new stage."""


class WantedHandOver(HandOver, Model):
    """Who has it from now on."""


class OpportunitySearch(OpportunityQuery, Model):
    """Which opportunities to list."""


class PipelineSearch(Model):
    owner_id: Id | None = None


class OpportunityItem(View):
    ENTITY = "opportunity"

    id: int
    customer_id: int
    customer_name: str
    lead_id: int | None
    title: str
    note: str | None = None
    stage_code: str
    percent: int
    outcome: str | None
    amount: Decimal | None = None
    close_on: date | None = None
    lost_reason: str | None = None
    owner_id: int | None
    owner_name: str | None
    dealer_customer_id: int | None
    dealer_name: str | None
    created_at: datetime
    closed_at: datetime | None
    version: int


class OpportunityAnswer(View):
    opportunity: OpportunityItem


class HandedOpportunity(View):
    """None when it is somebody else's now."""

    opportunity: OpportunityItem | None


class HandoverItem(View):
    owner_id: int | None
    dealer_customer_id: int | None
    note: str | None
    actor_id: int | None
    at: datetime


class OpportunityMoveItem(View):
    from_stage: str | None
    to_stage: str
    actor_id: int | None
    at: datetime


class OpportunityHistoryAnswer(View):
    opportunity: OpportunityItem
    moves: tuple[OpportunityMoveItem, ...]
    handovers: tuple[HandoverItem, ...]


class OpportunityList(View):
    items: tuple[OpportunityItem, ...]


class StageItem(View):
    code: str
    name_zh: str
    name_en: str
    percent: int
    place: int
    outcome: str | None
    active: bool
    version: int


class StageList(View):
    items: tuple[StageItem, ...]


class PipelineItem(View):
    ENTITY = "opportunity"
    SAME_FIELD: ClassVar = {"weighted": "amount"}

    stage_code: str
    opportunities: int
    amount: Decimal | None = None
    weighted: Decimal | None = None


class PipelineAnswer(View):
    items: tuple[PipelineItem, ...]


async def search(asked: Asked[Nothing, OpportunitySearch]) -> OpportunityList:
    """Opportunities: the own ones, those that nobody has, or all (lead.manage)."""
    found = await _service(asked).opportunities(asked.principal, asked.query)
    return OpportunityList(items=tuple(map(OpportunityItem.model_validate, found)))


async def create(asked: Asked[WantedOpportunity, Nothing]) -> OpportunityAnswer:
    """Enter one of one's own."""
    return opportunity_answer(await _service(asked).create_opportunity(asked.principal, asked.body))


async def show(asked: Asked[Nothing, Nothing]) -> OpportunityAnswer:
    """One opportunity."""
    return opportunity_answer(await _service(asked).opportunity(asked.principal, int(asked.id)))


async def edit(asked: Asked[WantedOpportunityEdit, Nothing]) -> OpportunityAnswer:
    """Change what is asked for."""
    return opportunity_answer(
        await _service(asked).edit_opportunity(asked.principal, int(asked.id), asked.body)
    )


async def move(asked: Asked[WantedMove, Nothing]) -> OpportunityAnswer:
    """It comes to another stage, or to its end."""
    return opportunity_answer(
        await _service(asked).move_opportunity(asked.principal, int(asked.id), asked.body)
    )


async def hand_over(asked: Asked[WantedHandOver, Nothing]) -> HandedOpportunity:
    """Give it to a salesperson or a dealer."""
    service, who = _service(asked), asked.principal
    found = await service.hand_over_opportunity(who, int(asked.id), asked.body)
    return HandedOpportunity(opportunity=found and OpportunityItem.model_validate(found))


async def history(asked: Asked[Nothing, Nothing]) -> OpportunityHistoryAnswer:
    """The stages it came to, and with whom it was."""
    found = await _service(asked).opportunity_history(asked.principal, int(asked.id))
    return OpportunityHistoryAnswer.model_validate(found)


async def pipeline(asked: Asked[Nothing, PipelineSearch]) -> PipelineAnswer:
    """What may come of the open ones, by stage."""
    found = await _service(asked).pipeline(asked.principal, asked.query.owner_id)
    return PipelineAnswer(items=tuple(map(PipelineItem.model_validate, found)))


async def stages(asked: Asked[Nothing, Nothing]) -> StageList:
    """The stages, in their order."""
    found = await _service(asked).stages(asked.principal)
    return StageList(items=tuple(map(StageItem.model_validate, found)))


async def put_stage(asked: Asked[WantedStage, Nothing]) -> StageList:
    """Make a stage, or change it."""
    found = await _service(asked).put_stage(asked.principal, asked.id, asked.body)
    return StageList(items=tuple(map(StageItem.model_validate, found)))


def opportunity_answer(opportunity: OpportunityView) -> OpportunityAnswer:
    return OpportunityAnswer(opportunity=OpportunityItem.model_validate(opportunity))


def _service(asked: Asked[Model, Model]) -> LeadService:
    return asked.services.crm.leads


_WORK = needs(Right.LEAD_WORK)
_ALL = "/api/opportunities"
_ONE = f"{_ALL}/{NUMBER}"
_STAGES = "/api/opportunity-stages"

ROUTES = (
    Route("GET", _ALL, search, _WORK, query=OpportunitySearch, answer=OpportunityList),
    Route(
        "POST",
        _ALL,
        create,
        _WORK,
        WantedOpportunity,
        answer=OpportunityAnswer,
        status=201,
        once=True,
    ),
    Route("GET", f"{_ALL}/pipeline", pipeline, _WORK, query=PipelineSearch, answer=PipelineAnswer),
    Route("GET", _ONE, show, _WORK, answer=OpportunityAnswer),
    Route("PATCH", _ONE, edit, _WORK, WantedOpportunityEdit, answer=OpportunityAnswer),
    Route("GET", f"{_ONE}/history", history, _WORK, answer=OpportunityHistoryAnswer),
    Route("POST", f"{_ONE}/hand-over", hand_over, _WORK, WantedHandOver, answer=HandedOpportunity),
    Route("POST", f"{_ONE}/move", move, _WORK, WantedMove, answer=OpportunityAnswer),
    Route("GET", _STAGES, stages, _WORK, answer=StageList),
    Route(
        "PUT",
        f"{_STAGES}/{CODE}",
        put_stage,
        needs(Right.LEAD_MANAGE),
        WantedStage,
        answer=StageList,
    ),
)
