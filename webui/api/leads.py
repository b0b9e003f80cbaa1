"""Leads: entered, handed on, converted, lost.

Rule: whoever may not see numbers sees that of a lead masked, as a customer's; once it is a customer's it is one.
"""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from crm_core.errors import NotFound
from crm_core.fields import CallId
from crm_core.leads.commands import (
    Convert,
    LeadEdit,
    LeadQuery,
    LeadReport,
    Lose,
    NewLead,
    Reopen,
)
from crm_core.leads.service import LeadService
from crm_core.leads.views import LeadDetail, LeadView
from crm_core.rights import Right
from webui.api.opportunities import (
    HandoverItem,
    OpportunityAnswer,
    WantedHandOver,
    opportunity_answer,
)
from webui.asked import Asked, Model, Nothing
from webui.present import number_of
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedLead(NewLead, Model):
    """Somebody who may buy."""


class WantedLeadEdit(LeadEdit, Model):
    """Only what is given is changed."""


class WantedLeadLoss(Lose, Model):
    """Why nothing came of it."""


class WantedLeadReopening(Reopen, Model):
    """Why there is hope again."""


class WantedConversion(Convert, Model):
    """What may come of it."""


class LeadSearch(LeadQuery, Model):
    """Which leads to list."""


class CallerSearch(Model):
    """A call on one's own screen."""

    call_id: CallId


class LeadReportSearch(LeadReport, Model):
    """Of which days, by what."""


class LeadItem(View):
    ENTITY = "lead"

    id: int
    source: str
    name: str
    phone: str | None = None
    province: str | None = None
    city: str | None = None
    interest: str | None = None
    note: str | None = None
    call_id: str | None
    state: str
    lost_reason: str | None = None
    owner_id: int | None
    owner_name: str | None
    dealer_customer_id: int | None
    dealer_name: str | None
    customer_id: int | None
    created_by: int | None
    created_at: datetime
    closed_at: datetime | None
    version: int


class LeadList(View):
    items: tuple[LeadItem, ...]


class CallersLeadItem(View):
    ENTITY = "lead"

    id: int
    name: str
    source: str
    state: str
    interest: str | None = None
    owner_name: str | None
    dealer_name: str | None


class CallersLeadList(View):
    items: tuple[CallersLeadItem, ...]


class LeadReportItem(View):
    source: str | None
    owner_id: int | None
    owner_name: str | None
    leads: int
    converted: int
    won: int
    lost: int
    conversion: Decimal


class LeadReportAnswer(View):
    """`conversion` in per cent."""

    items: tuple[LeadReportItem, ...]


class LeadAnswer(View):
    """None when it is somebody else's now."""

    lead: LeadItem | None


class LeadSuggestionItem(View):
    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"salesperson_id": "salesperson", "salesperson_name": "salesperson"}

    dealer_customer_id: int
    dealer_name: str
    salesperson_id: int | None = None
    salesperson_name: str | None = None


class LeadDetailAnswer(View):
    """`known_as` is the customer who has the lead's number."""

    ENTITY = "lead"
    SAME_FIELD: ClassVar = {"same_number": "phone"}

    lead: LeadItem
    handovers: tuple[HandoverItem, ...]
    suggestions: tuple[LeadSuggestionItem, ...] = ()
    same_number: tuple[int, ...] = ()
    known_as: int | None = None


async def search(asked: Asked[Nothing, LeadSearch]) -> LeadList:
    """Leads: the own ones, those that nobody has, or all (lead.manage); by name, number, place, who has them, days."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return LeadList(items=tuple(_item(asked, each) for each in found))


async def of_caller(asked: Asked[Nothing, CallerSearch]) -> CallersLeadList:
    """The open leads with the number of a caller who is on one's own screen, whoever has them."""
    who = asked.principal
    call = asked.door.live.on_screen(who.user_id, asked.query.call_id)
    if call is None:
        raise NotFound("This call is not on your screen (any more).")
    found = () if call.caller is None else await _service(asked).of_caller(who, call.caller)
    return CallersLeadList(items=tuple(map(CallersLeadItem.model_validate, found)))


async def report(asked: Asked[Nothing, LeadReportSearch]) -> LeadReportAnswer:
    """What became of the leads of a period, by source or by who has them; the own ones, or all (lead.manage)."""
    found = await _service(asked).report(asked.principal, asked.query)
    return LeadReportAnswer(items=tuple(map(LeadReportItem.model_validate, found)))


async def create(asked: Asked[WantedLead, Nothing]) -> LeadDetailAnswer:
    """Enter a lead; the answer says who might have it and who has the same number."""
    return _detail(asked, await _service(asked).create(asked.principal, asked.body))


async def show(asked: Asked[Nothing, Nothing]) -> LeadDetailAnswer:
    """One lead, with whom it was, and who might have it."""
    return _detail(asked, await _service(asked).detail(asked.principal, int(asked.id)))


async def edit(asked: Asked[WantedLeadEdit, Nothing]) -> LeadAnswer:
    """Change what is asked for."""
    lead = await _service(asked).edit(asked.principal, int(asked.id), asked.body)
    return LeadAnswer(lead=_item(asked, lead))


async def hand_over(asked: Asked[WantedHandOver, Nothing]) -> LeadAnswer:
    """Give it to a salesperson or a dealer."""
    lead = await _service(asked).hand_over(asked.principal, int(asked.id), asked.body)
    return LeadAnswer(lead=lead and _item(asked, lead))


async def lose(asked: Asked[WantedLeadLoss, Nothing]) -> LeadAnswer:
    """Nothing comes of it."""
    lead = await _service(asked).lose(asked.principal, int(asked.id), asked.body)
    return LeadAnswer(lead=_item(asked, lead))


async def reopen(asked: Asked[WantedLeadReopening, Nothing]) -> LeadAnswer:
    """A lost one goes on with whoever had it."""
    lead = await _service(asked).reopen(asked.principal, int(asked.id), asked.body)
    return LeadAnswer(lead=_item(asked, lead))


async def convert(asked: Asked[WantedConversion, Nothing]) -> OpportunityAnswer:
    """It becomes a customer with an opportunity."""
    made = await _service(asked).convert(asked.principal, int(asked.id), asked.body)
    return opportunity_answer(made)


def _service(asked: Asked[Model, Model]) -> LeadService:
    return asked.services.crm.leads


def _item(asked: Asked[Model, Model], lead: LeadView) -> LeadItem:
    phone = number_of(lead.customer_id, lead.phone, asked.principal)
    return LeadItem.model_validate(lead).model_copy(update={"phone": phone})


def _detail(asked: Asked[Model, Model], found: LeadDetail) -> LeadDetailAnswer:
    answer = LeadDetailAnswer.model_validate(found)
    return answer.model_copy(update={"lead": _item(asked, found.lead)})


_WORK = needs(Right.LEAD_WORK)
_ONE = f"/api/leads/{NUMBER}"

ROUTES = (
    Route("GET", "/api/leads", search, _WORK, query=LeadSearch, answer=LeadList),
    Route(
        "POST",
        "/api/leads",
        create,
        _WORK,
        WantedLead,
        answer=LeadDetailAnswer,
        status=201,
        once=True,
    ),
    Route(
        "GET",
        "/api/leads/of-caller",
        of_caller,
        _WORK,
        query=CallerSearch,
        answer=CallersLeadList,
    ),
    Route(
        "GET",
        "/api/leads/report",
        report,
        _WORK,
        query=LeadReportSearch,
        answer=LeadReportAnswer,
    ),
    Route("GET", _ONE, show, _WORK, answer=LeadDetailAnswer),
    Route("PATCH", _ONE, edit, _WORK, WantedLeadEdit, answer=LeadAnswer),
    Route("POST", f"{_ONE}/hand-over", hand_over, _WORK, WantedHandOver, answer=LeadAnswer),
    Route("POST", f"{_ONE}/lose", lose, _WORK, WantedLeadLoss, answer=LeadAnswer),
    Route("POST", f"{_ONE}/reopen", reopen, _WORK, WantedLeadReopening, answer=LeadAnswer),
    Route("POST", f"{_ONE}/convert", convert, _WORK, WantedConversion, answer=OpportunityAnswer),
)
