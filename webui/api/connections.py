"""Connections to ERP and shops, their codes, and the papers that come and go."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from aiohttp import web
from pydantic import ConfigDict

from crm_core.audit.masking import masked_value
from crm_core.rights import Right
from orders.connections.connection_views import (
    ChangedConnection,
    CodeQuery,
    CountQuery,
    NewCode,
    NewConnection,
    OldCode,
    PaperQuery,
)
from orders.connections.connections import ConnectionService
from orders.connections.connectors import CONNECTORS
from orders.connections.documents import PaperService
from orders.connections.ports import Signed
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, SIGNED, Route, needs
from webui.views import View


class WantedConnection(NewConnection, Model):
    """`settings` and `secrets` as the kind's schemas say (`/api/connection-kinds`)."""


class WantedConnectionChange(ChangedConnection, Model):
    """The whole connection anew, made from `version`."""


class WantedConnectionCode(NewCode, Model):
    """A product of ours (with a unit or without), or a customer."""


class UnwantedConnectionCode(OldCode, Model):
    """A code to forget."""


class ConnectionCodeSearch(CodeQuery, Model):
    """Which codes to list; `after` is the last of the page before."""


class PaperSearch(PaperQuery, Model):
    """Which papers to list; `q` is a number of theirs or ours."""


class OutsideStockSearch(CountQuery, Model):
    """`after` is the last sku of the page before."""


class AnyQuery(Nothing):
    """Whatever the other side's protocol puts there."""

    model_config = ConfigDict(frozen=True, extra="allow")


class ConnectionKindItem(View):
    """A kind of connection, with the JSON schemas of what it asks for."""

    kind: str
    about: str
    receives: bool
    sends: bool
    counts: bool
    settings: dict[str, Any]
    secrets: dict[str, Any]


class ConnectionKindList(View):
    items: tuple[ConnectionKindItem, ...]


class ConnectionItem(View):
    id: int
    code: str
    kind: str
    name: str
    settings: dict[str, Any]
    send_on: tuple[str, ...]
    active: bool
    asked_at: datetime | None
    waiting: int
    refused: int
    version: int
    created_at: datetime


class ConnectionList(View):
    items: tuple[ConnectionItem, ...]


class ConnectionAnswer(View):
    connection: ConnectionItem


class ConnectionCodeItem(View):
    kind: str
    theirs: str
    sku: str | None
    unit: str | None
    customer_id: int | None


class ConnectionCodeList(View):
    items: tuple[ConnectionCodeItem, ...]


class ConnectionCodeAnswer(View):
    code: ConnectionCodeItem


class PaperItem(View):
    id: int
    connection_id: int
    direction: str
    kind: str
    outside_key: str
    version: int
    state: str
    code: str | None
    reason: str | None
    flags: tuple[dict[str, Any], ...]
    attempts: int
    next_at: datetime
    received_at: datetime
    finished_at: datetime | None
    order_id: int | None


class PaperList(View):
    items: tuple[PaperItem, ...]


class PaperAnswer(View):
    paper: PaperItem


class WholePaperAnswer(PaperAnswer):
    """`body` is None for whom something is hidden that stands in it; numbers in it are masked as elsewhere."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"body": ("addresses", "city", "code", "phones", "province")}

    body: dict[str, Any] | None = None


class OutsideStockItem(View):
    """`difference` is theirs less ours."""

    sku: str
    ours: int
    theirs: Decimal
    difference: Decimal
    at: datetime


class OutsideStockList(View):
    items: tuple[OutsideStockItem, ...]


async def kinds(_asked: Asked[Nothing, Nothing]) -> ConnectionKindList:
    """The kinds of connection there are."""
    return ConnectionKindList(
        items=tuple(
            ConnectionKindItem(
                kind=kind,
                about=each.about,
                receives=each.receives,
                sends=each.sends,
                counts=each.counts,
                settings=each.settings.model_json_schema(),
                secrets=each.secrets.model_json_schema(),
            )
            for kind, each in sorted(CONNECTORS.items())
        )
    )


async def all_connections(asked: Asked[Nothing, Nothing]) -> ConnectionList:
    """Every connection, with how many papers wait and how many were refused."""
    found = await _service(asked).all(asked.principal)
    return ConnectionList(items=tuple(map(ConnectionItem.model_validate, found)))


async def create(asked: Asked[WantedConnection, Nothing]) -> ConnectionAnswer:
    """A new connection."""
    made = await _service(asked).add(asked.principal, asked.body)
    return ConnectionAnswer(connection=ConnectionItem.model_validate(made))


async def change(asked: Asked[WantedConnectionChange, Nothing]) -> ConnectionAnswer:
    """Change or end a connection."""
    made = await _service(asked).change(asked.principal, int(asked.id), asked.body)
    return ConnectionAnswer(connection=ConnectionItem.model_validate(made))


async def codes(asked: Asked[Nothing, ConnectionCodeSearch]) -> ConnectionCodeList:
    """What things of ours are called there."""
    found = await _service(asked).codes(asked.principal, int(asked.id), asked.query)
    return ConnectionCodeList(items=tuple(map(ConnectionCodeItem.model_validate, found)))


async def set_code(asked: Asked[WantedConnectionCode, Nothing]) -> ConnectionCodeAnswer:
    """Say what a code of theirs means."""
    made = await _service(asked).set_code(asked.principal, int(asked.id), asked.body)
    return ConnectionCodeAnswer(code=ConnectionCodeItem.model_validate(made))


async def remove_code(asked: Asked[UnwantedConnectionCode, Nothing]) -> None:
    """Forget a code."""
    await _service(asked).remove_code(asked.principal, int(asked.id), asked.body)


async def stock(asked: Asked[Nothing, OutsideStockSearch]) -> OutsideStockList:
    """Their stock beside ours, as last heard."""
    found = await _service(asked).counts(asked.principal, int(asked.id), asked.query)
    return OutsideStockList(items=tuple(map(OutsideStockItem.model_validate, found)))


async def papers(asked: Asked[Nothing, PaperSearch]) -> PaperList:
    """Papers that came or went, the newest first."""
    found = await _papers(asked).search(asked.principal, asked.query)
    return PaperList(items=tuple(map(PaperItem.model_validate, found)))


async def paper(asked: Asked[Nothing, Nothing]) -> WholePaperAnswer:
    """One paper with what stands in it."""
    found = await _papers(asked).get(asked.principal, int(asked.id))
    answer = WholePaperAnswer.model_validate(found)
    if asked.principal.may(Right.NUMBER_UNMASK):
        return answer
    return answer.model_copy(update={"body": masked_value("body", answer.body)})


async def retry(asked: Asked[Nothing, Nothing]) -> PaperAnswer:
    """Take up a refused paper again, when what was wrong is mended."""
    found = await _papers(asked).retry(asked.principal, int(asked.id))
    return PaperAnswer(paper=PaperItem.model_validate(found))


async def drop(asked: Asked[Nothing, Nothing]) -> PaperAnswer:
    """Let a refused paper have no effect."""
    found = await _papers(asked).drop(asked.principal, int(asked.id))
    return PaperAnswer(paper=PaperItem.model_validate(found))


async def receive(asked: Asked[Nothing, AnyQuery]) -> web.Response:
    """A paper of a shop, signed by the rules of the connection's kind; answered in its own form."""
    signed = Signed(dict(asked.request.query), await asked.request.read())
    reply = await asked.services.trade.connections.receiver.receive(asked.id, signed)
    return web.Response(body=reply.body, status=reply.status, content_type=reply.content_type)


def _service(asked: Asked[Model, Model]) -> ConnectionService:
    return asked.services.trade.connections.connections


def _papers(asked: Asked[Model, Model]) -> PaperService:
    return asked.services.trade.connections.papers


_MANAGE = needs(Right.CONNECTION_MANAGE)
_PATH = "/api/connections"
_ONE = f"{_PATH}/{NUMBER}"
_PAPERS = "/api/connection-papers"
_PAPER = f"{_PAPERS}/{NUMBER}"

ROUTES = (
    Route("GET", "/api/connection-kinds", kinds, _MANAGE, answer=ConnectionKindList),
    Route("GET", _PATH, all_connections, _MANAGE, answer=ConnectionList),
    Route("POST", _PATH, create, _MANAGE, WantedConnection, answer=ConnectionAnswer, status=201),
    Route("PUT", _ONE, change, _MANAGE, WantedConnectionChange, answer=ConnectionAnswer),
    Route(
        "GET",
        f"{_ONE}/codes",
        codes,
        _MANAGE,
        query=ConnectionCodeSearch,
        answer=ConnectionCodeList,
    ),
    Route(
        "PUT",
        f"{_ONE}/codes",
        set_code,
        _MANAGE,
        WantedConnectionCode,
        answer=ConnectionCodeAnswer,
    ),
    Route("DELETE", f"{_ONE}/codes", remove_code, _MANAGE, UnwantedConnectionCode, status=204),
    Route(
        "GET",
        f"{_ONE}/stock",
        stock,
        _MANAGE,
        query=OutsideStockSearch,
        answer=OutsideStockList,
    ),
    Route("GET", _PAPERS, papers, _MANAGE, query=PaperSearch, answer=PaperList),
    Route("GET", _PAPER, paper, _MANAGE, answer=WholePaperAnswer),
    Route("POST", f"{_PAPER}/retry", retry, _MANAGE, answer=PaperAnswer),
    Route("POST", f"{_PAPER}/drop", drop, _MANAGE, answer=PaperAnswer),
    Route(
        "POST",
        f"/api/inbound/{CODE}",
        receive,
        SIGNED,
        query=AnyQuery,
        raw=True,
        files=("text/xml",),
    ),
)
