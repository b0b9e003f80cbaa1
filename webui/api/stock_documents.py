"""Stock documents: receipts, transfers, counts, gains and losses, write-offs, holds, costs and prices.

Each is made once for each Idempotency-Key; posted it is never changed, only reversed.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from aiohttp import web

from crm_core.fields import Command
from crm_core.rights import Principal, Right
from orders.stock.documents.commands import (
    DocumentQuery,
    LineQuantities,
    NewAdjustment,
    NewCostChange,
    NewCount,
    NewHold,
    NewPriceChange,
    NewReceipt,
    NewTransfer,
    NewWriteOff,
)
from orders.stock.documents.reading import DocumentView
from orders.stock.documents.service import DocumentService, MadeDocument
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import NUMBER, Handler, Route, json_answer, needs
from webui.views import View


class WantedReceipt(NewReceipt, Model):
    """Goods that came from a supplier."""


class WantedTransfer(NewTransfer, Model):
    """Goods to send to another warehouse."""


class WantedCount(NewCount, Model):
    """What is to be counted: these products, those of a category, or all that are there."""


class WantedAdjustment(NewAdjustment, Model):
    """Goods found and lost."""


class WantedWriteOff(NewWriteOff, Model):
    """Goods to throw away."""


class WantedHold(NewHold, Model):
    """Goods without batches to block or to free."""


class WantedCostChange(NewCostChange, Model):
    """What goods are worth from now on."""


class WantedPriceChange(NewPriceChange, Model):
    """New list prices."""


class WantedQuantities(LineQuantities, Model):
    """What was counted, or has arrived, by line."""


class DocumentSearch(DocumentQuery, Model):
    """Which documents to list; `before` is the last id of the page before."""


class DocumentItem(View):
    id: int
    number: str
    kind: str
    state: str
    warehouse: str
    to_warehouse: str | None
    supplier: str | None
    reason: str | None
    note: str | None
    reverses_id: int | None
    reversed_by: int | None
    created_by: int | None
    created_at: datetime
    posted_by: int | None
    posted_at: datetime | None


class DocumentLineItem(View):
    line_no: int
    sku: str
    name_zh: str
    name_en: str
    batch_no: str | None
    quantity: int | None
    expected: int | None
    difference: int | None
    unit_cost: Decimal | None
    price: Decimal | None
    price_before: Decimal | None
    value: Decimal | None


class DocumentList(View):
    items: tuple[DocumentItem, ...]


class DocumentAnswer(View):
    document: DocumentItem
    lines: tuple[DocumentLineItem, ...]


CommandT = TypeVar("CommandT", bound=Command)


async def search(asked: Asked[Nothing, DocumentSearch]) -> DocumentList:
    """Documents, the newest first."""
    found = await _service(asked).search(asked.principal, asked.query)
    return DocumentList(items=tuple(map(DocumentItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> DocumentAnswer:
    """One document with its lines."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def arrive(asked: Asked[WantedQuantities, Nothing]) -> DocumentAnswer:
    """The goods of a transfer have arrived; lines that are not given, whole."""
    done = await _service(asked).arrive(asked.principal, int(asked.id), asked.body)
    return _answer(done.view)


async def call_back(asked: Asked[Nothing, Nothing]) -> DocumentAnswer:
    """The goods of a transfer have come back."""
    return _answer((await _service(asked).call_back(asked.principal, int(asked.id))).view)


async def enter(asked: Asked[WantedQuantities, Nothing]) -> DocumentAnswer:
    """What was counted just now, held against the books of this moment; again, to correct it."""
    done = await _service(asked).enter_count(asked.principal, int(asked.id), asked.body)
    return _answer(done.view)


async def finish(asked: Asked[Nothing, Nothing]) -> DocumentAnswer:
    """Post the differences of a count, once."""
    return _answer((await _service(asked).finish_count(asked.principal, int(asked.id))).view)


async def give_up(asked: Asked[Nothing, Nothing]) -> DocumentAnswer:
    """End a count without posting anything."""
    return _answer((await _service(asked).give_up_count(asked.principal, int(asked.id))).view)


async def reverse(asked: Asked[Nothing, Nothing]) -> web.Response:
    """Post the opposite of a document."""
    key = key_of(asked.request)
    return _made(asked, await _service(asked).reverse(asked.principal, key, int(asked.id)))


def _makes(
    method: Callable[[DocumentService, Principal, str, CommandT], Awaitable[MadeDocument]],
    says: str,
) -> Handler:
    """A handler that makes a document: 201, or 200 with the same one when the same key came before."""

    async def handle(asked: Asked[Any, Nothing]) -> web.Response:
        key = key_of(asked.request)
        return _made(asked, await method(_service(asked), asked.principal, key, asked.body))

    handle.__doc__ = f"{says}: 201, or 200 with the same document when the same key came before."
    handle.__name__ = method.__name__
    return handle


def _made(asked: Asked[Model, Model], done: MadeDocument) -> web.Response:
    return json_answer(_answer(done.view), 201 if done.created else 200, hidden=asked.hidden)


def _answer(view: DocumentView) -> DocumentAnswer:
    return DocumentAnswer.model_validate(view)


def _service(asked: Asked[Model, Model]) -> DocumentService:
    return asked.services.trade.stock_documents


_VIEW, _MANAGE = needs(Right.STOCK_VIEW), needs(Right.STOCK_MANAGE)
_PATH = "/api/stock/documents"
_ONE = f"{_PATH}/{NUMBER}"


def _making(path: str, handler: Handler, body: type[Model]) -> Route:
    return Route(
        "POST", path, handler, _MANAGE, body, answer=DocumentAnswer, status=201, headers=(KEY,)
    )


ROUTES = (
    Route("GET", _PATH, search, _VIEW, query=DocumentSearch, answer=DocumentList),
    Route("GET", _ONE, show, _VIEW, answer=DocumentAnswer),
    _making(
        "/api/stock/receipts",
        _makes(DocumentService.receive, "Receive goods from a supplier"),
        WantedReceipt,
    ),
    _making(
        "/api/stock/transfers",
        _makes(DocumentService.send, "Send goods to another warehouse"),
        WantedTransfer,
    ),
    _making(
        "/api/stock/counts",
        _makes(DocumentService.begin_count, "Begin to count; selling goes on"),
        WantedCount,
    ),
    _making(
        "/api/stock/adjustments",
        _makes(DocumentService.adjust, "Post goods found and lost"),
        WantedAdjustment,
    ),
    _making(
        "/api/stock/write-offs",
        _makes(DocumentService.write_off, "Throw goods away"),
        WantedWriteOff,
    ),
    _making(
        "/api/stock/holds",
        _makes(DocumentService.hold, "Block or free goods without batches"),
        WantedHold,
    ),
    _making(
        "/api/stock/cost-changes",
        _makes(DocumentService.change_cost, "Value goods anew"),
        WantedCostChange,
    ),
    _making(
        "/api/stock/price-changes",
        _makes(DocumentService.change_prices, "Change list prices (needs price.manage too)"),
        WantedPriceChange,
    ),
    Route("POST", f"{_ONE}/arrival", arrive, _MANAGE, WantedQuantities, answer=DocumentAnswer),
    Route("POST", f"{_ONE}/return", call_back, _MANAGE, answer=DocumentAnswer),
    Route("PUT", f"{_ONE}/counted", enter, _MANAGE, WantedQuantities, answer=DocumentAnswer),
    Route("POST", f"{_ONE}/posting", finish, _MANAGE, answer=DocumentAnswer),
    Route("POST", f"{_ONE}/cancellation", give_up, _MANAGE, answer=DocumentAnswer),
    _making(f"{_ONE}/reversal", reverse, Nothing),
)
