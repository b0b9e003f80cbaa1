"""Leads: entered, handed on, converted, lost.

Rule: whoever may not see numbers sees that of a lead masked, as a customer's.
"""

from datetime import datetime

from crm_core.leads.commands import (
    Convert,
    LeadEdit,
    LeadQuery,
    Lose,
    NewLead,
)
from crm_core.leads.service import LeadService
from crm_core.leads.views import LeadDetail, LeadView
from crm_core.numbers import shown
from crm_core.rights import Right
from webui.api.opportunities import (
    HandoverItem,
    OpportunityAnswer,
    WantedHandOver,
    opportunity_answer,
)
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedLead(NewLead, Model):
    """Somebody who may buy."""


class WantedLeadEdit(LeadEdit, Model):
    """Only what is given is changed."""


class WantedLeadLoss(Lose, Model):
    """Why nothing came of it."""


class WantedConversion(Convert, Model):
    """What may come of it."""


class LeadSearch(LeadQuery, Model):
    """Which leads to list."""


class LeadItem(View):
    id: int
    source: str
    name: str
    phone: str | None
    province: str | None
    city: str | None
    interest: str | None
    note: str | None
    call_id: str | None
    state: str
    lost_reason: str | None
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


class LeadAnswer(View):
    """None when it is somebody else's now."""

    lead: LeadItem | None


class LeadSuggestionItem(View):
    dealer_customer_id: int
    dealer_name: str
    salesperson_id: int | None
    salesperson_name: str | None


class LeadDetailAnswer(View):
    lead: LeadItem
    handovers: tuple[HandoverItem, ...]
    suggestions: tuple[LeadSuggestionItem, ...]
    same_number: tuple[int, ...]
    known_as: int | None


async def search(asked: Asked[Nothing, LeadSearch]) -> LeadList:
    """Leads: the own ones, those that nobody has, or all (lead.manage)."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return LeadList(items=tuple(_item(asked, each) for each in found))


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


async def convert(asked: Asked[WantedConversion, Nothing]) -> OpportunityAnswer:
    """It becomes a customer with an opportunity."""
    made = await _service(asked).convert(asked.principal, int(asked.id), asked.body)
    return opportunity_answer(made)


def _service(asked: Asked[Model, Model]) -> LeadService:
    return asked.services.crm.leads


def _item(asked: Asked[Model, Model], lead: LeadView) -> LeadItem:
    unmasked = asked.principal.may(Right.NUMBER_UNMASK)
    phone = None if lead.phone is None else shown(lead.phone, unmasked=unmasked)
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
    Route("GET", _ONE, show, _WORK, answer=LeadDetailAnswer),
    Route("PATCH", _ONE, edit, _WORK, WantedLeadEdit, answer=LeadAnswer),
    Route("POST", f"{_ONE}/hand-over", hand_over, _WORK, WantedHandOver, answer=LeadAnswer),
    Route("POST", f"{_ONE}/lose", lose, _WORK, WantedLeadLoss, answer=LeadAnswer),
    Route("POST", f"{_ONE}/convert", convert, _WORK, WantedConversion, answer=OpportunityAnswer),
)
