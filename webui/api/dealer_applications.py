"""Applications to become a dealer: entered, approved, refused.

Rule: an approved application has made a customer of the channel, once.
"""

from datetime import datetime

from crm_core.dealers.commands import (
    DealerApplicationEdit,
    DealerApplicationQuery,
    DealerApproval,
    DealerRefusal,
    NewDealerApplication,
)
from crm_core.dealers.service import DealerService
from crm_core.dealers.views import DealerApplicationView
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.present import masked_text
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedDealerApplication(NewDealerApplication, Model):
    """An application to enter."""


class WantedDealerApplicationEdit(DealerApplicationEdit, Model):
    """Only what is given is changed."""


class WantedDealerApproval(DealerApproval, Model):
    """Where the new dealer stands in the channel."""


class WantedDealerRefusal(DealerRefusal, Model):
    """Why not."""


class DealerApplicationSearch(DealerApplicationQuery, Model):
    """Which applications to list."""


class DealerApplicationItem(View):
    """`phone` is masked for those who may not see numbers."""

    ENTITY = "dealer_application"

    id: int
    name: str
    phone: str = ""
    province: str | None = None
    city: str | None = None
    level_code: str = ""
    note: str | None = None
    state: str
    reason: str | None = None
    customer_id: int | None
    created_by_id: int | None
    created_at: datetime
    decided_by_id: int | None
    decided_at: datetime | None
    version: int


class DealerApplicationList(View):
    items: tuple[DealerApplicationItem, ...]


class DealerApplicationAnswer(View):
    application: DealerApplicationItem


async def search(asked: Asked[Nothing, DealerApplicationSearch]) -> DealerApplicationList:
    """Applications, the newest first."""
    found = await _service(asked).applications(asked.principal, asked.query)
    return DealerApplicationList(items=tuple(_item(asked, each) for each in found))


async def create(asked: Asked[WantedDealerApplication, Nothing]) -> DealerApplicationAnswer:
    """Enter an application."""
    return _answer(asked, await _service(asked).apply(asked.principal, asked.body))


async def show(asked: Asked[Nothing, Nothing]) -> DealerApplicationAnswer:
    """One application."""
    return _answer(asked, await _service(asked).application(asked.principal, int(asked.id)))


async def edit(asked: Asked[WantedDealerApplicationEdit, Nothing]) -> DealerApplicationAnswer:
    """Change one that is still to be decided."""
    service, who = _service(asked), asked.principal
    return _answer(asked, await service.edit_application(who, int(asked.id), asked.body))


async def approve(asked: Asked[WantedDealerApproval, Nothing]) -> DealerApplicationAnswer:
    """Make a customer of it, at the level wanted or another one."""
    return _answer(asked, await _service(asked).approve(asked.principal, int(asked.id), asked.body))


async def refuse(asked: Asked[WantedDealerRefusal, Nothing]) -> DealerApplicationAnswer:
    """Say no, and why."""
    return _answer(asked, await _service(asked).refuse(asked.principal, int(asked.id), asked.body))


def _service(asked: Asked[Model, Model]) -> DealerService:
    return asked.services.crm.dealers


def _item(asked: Asked[Model, Model], found: DealerApplicationView) -> DealerApplicationItem:
    phone = masked_text(found.phone, asked.principal.rights)
    return DealerApplicationItem.model_validate(found).model_copy(update={"phone": phone})


def _answer(asked: Asked[Model, Model], found: DealerApplicationView) -> DealerApplicationAnswer:
    return DealerApplicationAnswer(application=_item(asked, found))


_MANAGE = needs(Right.CHANNEL_MANAGE)
_ALL = "/api/dealer-applications"
_ONE = f"{_ALL}/{NUMBER}"
_Answer = DealerApplicationAnswer

ROUTES = (
    Route(
        "GET", _ALL, search, _MANAGE, query=DealerApplicationSearch, answer=DealerApplicationList
    ),
    Route(
        "POST",
        _ALL,
        create,
        _MANAGE,
        WantedDealerApplication,
        answer=_Answer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _MANAGE, answer=_Answer),
    Route("PATCH", _ONE, edit, _MANAGE, WantedDealerApplicationEdit, answer=_Answer),
    Route("POST", f"{_ONE}/approve", approve, _MANAGE, WantedDealerApproval, answer=_Answer),
    Route("POST", f"{_ONE}/refuse", refuse, _MANAGE, WantedDealerRefusal, answer=_Answer),
)
