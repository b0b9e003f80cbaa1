"""Quotes: prices offered until a day, and the orders that come of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from aiohttp import web

from crm_core.rights import Right
from orders.offers.service import OfferService, SendQuote
from orders.sales.quote_commands import (
    AcceptQuote,
    NewQuote,
    QuoteContent,
    QuoteQuery,
    RejectQuote,
)
from orders.sales.quote_reading import QuoteView
from orders.sales.quotes import QuoteService
from webui.api.delivery_waybills import PDF, pdf
from webui.api.orders import OrderAnswer, detail
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedSalesQuote(NewQuote, Model):
    """What is offered."""


class WantedRevision(QuoteContent, Model):
    """What is offered instead."""


class WantedRejection(RejectQuote, Model):
    """Why the customer does not want it."""


class WantedAcceptance(AcceptQuote, Model):
    """What the order needs besides."""


class WantedQuoteSending(SendQuote, Model):
    """By which channels the customer is sent it."""


class SalesQuoteSearch(QuoteQuery, Model):
    """Which quotes to list."""


class SalesQuoteItem(View):
    ENTITY = "quote"

    id: int
    number: str
    customer_id: int
    customer_name: str
    opportunity_id: int | None
    state: str
    valid_until: date
    note: str | None = None
    total: Decimal
    replaces_id: int | None
    order_id: int | None
    order_number: str | None
    rejected_reason: str | None = None
    created_by: int | None
    created_at: datetime
    sent_at: datetime | None
    sent_by: int | None


class SalesQuoteLineItem(View):
    """The customer's own price tells the discount."""

    ENTITY = "quote"
    SAME_FIELD: ClassVar = {"own_price": "discount_percent"}

    sku: str
    name_zh: str
    name_en: str
    specification: str | None
    unit: str
    tax_rate: Decimal
    quantity: int
    own_price: Decimal | None = None
    discount_percent: Decimal | None = None
    unit_price: Decimal
    line_total: Decimal


class SalesQuoteList(View):
    items: tuple[SalesQuoteItem, ...]


class SalesQuoteAnswer(View):
    quote: SalesQuoteItem
    lines: tuple[SalesQuoteLineItem, ...]


async def search(asked: Asked[Nothing, SalesQuoteSearch]) -> SalesQuoteList:
    """Quotes, the newest first; of a customer or an opportunity."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return SalesQuoteList(items=tuple(map(SalesQuoteItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> SalesQuoteAnswer:
    """One quote with its lines."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id)))


async def create(asked: Asked[WantedSalesQuote, Nothing]) -> SalesQuoteAnswer:
    """Offer products at the customer's own prices, less a discount."""
    return _answer(await _service(asked).create(asked.principal, asked.body))


async def revise(asked: Asked[WantedRevision, Nothing]) -> SalesQuoteAnswer:
    """Offer something else in its place."""
    return _answer(await _service(asked).revise(asked.principal, int(asked.id), asked.body))


async def reject(asked: Asked[WantedRejection, Nothing]) -> SalesQuoteAnswer:
    """The customer does not want it."""
    return _answer(await _service(asked).reject(asked.principal, int(asked.id), asked.body))


async def accept(asked: Asked[WantedAcceptance, Nothing]) -> OrderAnswer:
    """It becomes an order at its prices; accepted twice, it is the same order."""
    order_id = await _service(asked).accept(asked.principal, int(asked.id), asked.body)
    order = await asked.services.trade.orders.get(asked.principal, order_id)
    return OrderAnswer(order=detail(asked, order))


async def send(asked: Asked[WantedQuoteSending, Nothing]) -> SalesQuoteAnswer:
    """The customer is sent it, once by each channel; who did it first and when is noted."""
    found = await _offers(asked).send(asked.principal, int(asked.id), asked.body)
    return _answer(found)


async def paper(asked: Asked[Nothing, Nothing]) -> web.Response:
    """The quote on paper (PDF)."""
    return pdf(await _offers(asked).paper(asked.principal, int(asked.id)), "quote.pdf")


def _offers(asked: Asked[Model, Model]) -> OfferService:
    return asked.services.trade.offers


def _service(asked: Asked[Model, Model]) -> QuoteService:
    return asked.services.trade.quotes


def _answer(found: QuoteView) -> SalesQuoteAnswer:
    return SalesQuoteAnswer.model_validate(found)


_SEE = needs(Right.ORDER_VIEW)
_PLACE = needs(Right.ORDER_PLACE)
_ONE = f"/api/quotes/{NUMBER}"

ROUTES = (
    Route("GET", "/api/quotes", search, _SEE, query=SalesQuoteSearch, answer=SalesQuoteList),
    Route(
        "POST",
        "/api/quotes",
        create,
        _PLACE,
        WantedSalesQuote,
        answer=SalesQuoteAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _SEE, answer=SalesQuoteAnswer),
    Route(
        "POST", f"{_ONE}/revise", revise, _PLACE, WantedRevision, answer=SalesQuoteAnswer, once=True
    ),
    Route("GET", f"{_ONE}/paper", paper, _SEE, files=(PDF,)),
    Route("POST", f"{_ONE}/send", send, _PLACE, WantedQuoteSending, answer=SalesQuoteAnswer),
    Route("POST", f"{_ONE}/reject", reject, _PLACE, WantedRejection, answer=SalesQuoteAnswer),
    Route("POST", f"{_ONE}/accept", accept, _PLACE, WantedAcceptance, answer=OrderAnswer),
)
