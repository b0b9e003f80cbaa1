"""Personal data: requests of persons to see what is kept of them, or to have it erased."""

import json
from datetime import datetime

from aiohttp import web

from crm_core.privacy.commands import NewRequest, Refusal, RequestQuery
from crm_core.privacy.service import PrivacyService
from crm_core.privacy.views import RequestView
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedPrivacyRequest(NewRequest, Model):
    """What a person asks for."""


class WantedRefusal(Refusal, Model):
    """Why it is refused."""


class PrivacySearch(RequestQuery, Model):
    """Which requests to list."""


class PrivacyRequestItem(View):
    id: int
    customer_id: int
    kind: str
    state: str
    identified_by: str
    requested_at: datetime
    due_at: datetime
    overdue: bool
    entered_by: int | None
    decided_at: datetime | None
    decided_by: int | None
    reason: str | None
    done: dict[str, int]
    files: int


class PrivacyRequestAnswer(View):
    request: PrivacyRequestItem


class PrivacyRequestList(View):
    items: tuple[PrivacyRequestItem, ...]


async def enter(asked: Asked[WantedPrivacyRequest, Nothing]) -> PrivacyRequestAnswer:
    """Note what a person asks for; it is to be answered within fifteen days."""
    return _answer(await _service(asked).enter(asked.principal, asked.body))


async def listed(asked: Asked[Nothing, PrivacySearch]) -> PrivacyRequestList:
    """Requests, the oldest first."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return PrivacyRequestList(items=tuple(map(PrivacyRequestItem.model_validate, found)))


async def data(asked: Asked[Nothing, Nothing]) -> web.Response:
    """All that is kept of the person, as a JSON file; the first time answers the request."""
    found = await _service(asked).data(asked.principal, int(asked.id))
    whole = {
        "customer_id": found.customer_id,
        "made_at": found.made_at,
        "tables": found.tables,
        "history": found.history,
    }
    text = json.dumps(whole, default=str, ensure_ascii=False, indent=1)
    name = f"personal-data-{found.customer_id}.json"
    return web.Response(
        text=text,
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


async def erase(asked: Asked[Nothing, Nothing]) -> PrivacyRequestAnswer:
    """Erase all that points to the person; what must be kept stays without it."""
    request = await _service(asked).erase(asked.principal, int(asked.id))
    return _answer(request)


async def refuse(asked: Asked[WantedRefusal, Nothing]) -> PrivacyRequestAnswer:
    """Refuse a request, with the reason."""
    return _answer(await _service(asked).refuse(asked.principal, int(asked.id), asked.body))


def _service(asked: Asked[Model, Model]) -> PrivacyService:
    return asked.services.crm.privacy


def _answer(request: RequestView) -> PrivacyRequestAnswer:
    return PrivacyRequestAnswer(request=PrivacyRequestItem.model_validate(request))


_MANAGE = needs(Right.PRIVACY_MANAGE)
_ALL = "/api/privacy-requests"
_ONE = f"{_ALL}/{NUMBER}"

ROUTES = (
    Route("GET", _ALL, listed, _MANAGE, query=PrivacySearch, answer=PrivacyRequestList),
    Route(
        "POST",
        _ALL,
        enter,
        needs(Right.CUSTOMER_EDIT),
        WantedPrivacyRequest,
        answer=PrivacyRequestAnswer,
        status=201,
        once=True,
    ),
    Route("POST", f"{_ONE}/data", data, _MANAGE, files=("application/json",)),
    Route("POST", f"{_ONE}/erase", erase, _MANAGE, answer=PrivacyRequestAnswer),
    Route("POST", f"{_ONE}/refuse", refuse, _MANAGE, WantedRefusal, answer=PrivacyRequestAnswer),
)
