"""Faxes, in and out: how each went, and the sheets of those that came in.

Rule: a fax of a customer is shown to who sees the customer; that its sheets were opened is noted.
"""

import asyncio
from datetime import datetime
from typing import Literal

from aiohttp import web

from crm_core.errors import NotFound
from crm_core.faxes.commands import FaxQuery
from crm_core.faxes.sheets import as_pdf
from crm_core.faxes.views import FaxView
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.present import number_of
from webui.routing import NUMBER, Route, needs
from webui.views import View


class FaxSearch(FaxQuery, Model):
    """Which faxes to list."""


class FaxForm(Model):
    """As a PDF to look at, or the TIFF that came."""

    form: Literal["pdf", "tiff"] = "pdf"


class FaxTodoItem(View):
    """What somebody is to do about a fax that came in."""

    id: int
    state: str
    version: int
    assignee_name: str


class FaxMessageItem(View):
    """The message that was faxed, as it stands now."""

    id: int
    state: str


class FaxItem(View):
    """`mode` is T38 or audio, `rate` in bits a second, `station` what the other machine calls itself. `todo` is told to
    who does to-dos, `message` to who may send it again.
    """

    id: int
    direction: str
    call_id: str
    number: str | None
    did: str | None
    customer_id: int | None
    customer_name: str | None
    status: str
    mode: str | None
    pages: int
    rate: int | None
    station: str | None
    error: str | None
    has_sheets: bool
    size_bytes: int
    at: datetime
    todo: FaxTodoItem | None
    message: FaxMessageItem | None


class FaxList(View):
    items: tuple[FaxItem, ...]


class FaxAnswer(View):
    fax: FaxItem


async def latest(asked: Asked[Nothing, FaxSearch]) -> FaxList:
    """The newest first."""
    found = await asked.services.crm.faxes.listed(asked.principal, asked.query)
    return FaxList(items=tuple(_item(each, asked) for each in found))


async def show(asked: Asked[Nothing, Nothing]) -> FaxAnswer:
    """One fax."""
    found = await asked.services.crm.faxes.get(asked.principal, int(asked.id))
    return FaxAnswer(fax=_item(found, asked))


async def document(asked: Asked[Nothing, FaxForm]) -> web.Response:
    """The sheets of a fax that came in; that they were opened is noted."""
    fax = await asked.services.crm.faxes.opened(asked.principal, int(asked.id))
    path = asked.services.faxes / (fax.path or "")
    try:
        if asked.query.form == "pdf":
            body, kind = await asyncio.to_thread(as_pdf, path), "application/pdf"
        else:
            body, kind = await asyncio.to_thread(path.read_bytes), "image/tiff"
    except (OSError, ValueError) as error:
        raise NotFound("The sheets of this fax are not here (any more).") from error
    return web.Response(
        body=body,
        content_type=kind,
        headers={
            "Content-Disposition": f'inline; filename="fax-{fax.id}{_ENDINGS[kind]}"',
            "Cache-Control": "private, no-store",
        },
    )


_ENDINGS = {"application/pdf": ".pdf", "image/tiff": ".tif"}


def _item(fax: FaxView, asked: Asked[Nothing, Model]) -> FaxItem:
    who = asked.principal
    shown = number_of(fax.customer_id, fax.number, who)
    values = {name: getattr(fax, name) for name in FaxItem.model_fields if name != "has_sheets"}
    told = {
        "number": shown,
        "has_sheets": fax.path is not None,
        "todo": fax.todo if who.may(Right.TODO_WORK) else None,
        "message": fax.message if who.may(Right.MESSAGE_MANAGE) else None,
    }
    return FaxItem.model_validate(values | told, from_attributes=True)


_SEE = needs(Right.FAX_VIEW)
_ONE = f"/api/faxes/{NUMBER}"

ROUTES = (
    Route("GET", "/api/faxes", latest, _SEE, query=FaxSearch, answer=FaxList),
    Route("GET", _ONE, show, _SEE, answer=FaxAnswer),
    Route(
        "GET", f"{_ONE}/document", document, _SEE, query=FaxForm,
        files=("application/pdf", "image/tiff"),
    ),
)  # fmt: skip
