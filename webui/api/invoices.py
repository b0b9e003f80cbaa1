"""Invoices: the buyer's titles, requests by order, numbers, red letters."""

from datetime import datetime
from decimal import Decimal

from crm_core.rights import Right
from orders.invoices.commands import (
    InvoiceQuery,
    Issued,
    NewInvoice,
    NewTitle,
    RedLetter,
    Voided,
)
from orders.invoices.service import InvoiceService
from orders.invoices.views import InvoiceView, TitleView
from webui.api.buyers import BuyerItem, masked
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedTitle(NewTitle, Model):
    """What stands on a customer's invoices."""


class WantedInvoice(NewInvoice, Model):
    """All of an order that is not invoiced."""


class WantedRedLetter(RedLetter, Model):
    """What is taken back."""


class WantedNumber(Issued, Model):
    """What the tax system gave."""


class WantedInvoiceVoid(Voided, Model):
    """Why the request is not wanted any more."""


class InvoiceSearch(InvoiceQuery, Model):
    """Which invoices to list."""


class TitleItem(BuyerItem):
    id: int
    customer_id: int
    is_main: bool
    changed_at: datetime


class InvoiceLineItem(View):
    order_line: int
    sku: str
    name: str
    unit: str
    tax_rate: Decimal
    gross: Decimal
    net: Decimal
    tax: Decimal


class InvoiceItem(BuyerItem):
    id: int
    order_id: int
    order_number: str
    kind: str
    electronic: bool
    red_of: int | None
    state: str
    gross: Decimal
    net: Decimal
    tax: Decimal
    code: str | None
    number: str | None
    issued_at: datetime | None
    reason: str | None
    requested_by: int | None
    requested_at: datetime


class TitleList(View):
    items: tuple[TitleItem, ...]


class InvoiceList(View):
    items: tuple[InvoiceItem, ...]


class InvoiceAnswer(View):
    invoice: InvoiceItem
    lines: tuple[InvoiceLineItem, ...]


async def titles(asked: Asked[Nothing, Nothing]) -> TitleList:
    """A customer's titles (抬头), the main one first."""
    found = await _service(asked).titles(asked.principal, int(asked.id))
    return _titles(asked, found)


async def set_title(asked: Asked[WantedTitle, Nothing]) -> TitleList:
    """Enter a title, or bring the one of this name up to date."""
    found = await _service(asked).set_title(asked.principal, int(asked.id), asked.body)
    return _titles(asked, found)


async def remove_title(asked: Asked[Nothing, Nothing]) -> None:
    """Forget a title; invoices keep what they have of it."""
    await _service(asked).remove_title(asked.principal, int(asked.id))


async def request(asked: Asked[WantedInvoice, Nothing]) -> InvoiceAnswer:
    """Ask for an invoice of all of an order that is not invoiced; the same key gives the same one."""
    made = await _service(asked).request(
        asked.principal, int(asked.id), asked.body, key_of(asked.request)
    )
    return _answer(asked, made)


async def search(asked: Asked[Nothing, InvoiceSearch]) -> InvoiceList:
    """Invoices, the newest first."""
    found = await _service(asked).listed(asked.principal, asked.query)
    items = tuple(masked(asked, InvoiceItem.model_validate(each)) for each in found)
    return InvoiceList(items=items)


async def show(asked: Asked[Nothing, Nothing]) -> InvoiceAnswer:
    """One invoice with its lines."""
    found = await _service(asked).get(asked.principal, int(asked.id))
    return _answer(asked, found)


async def issued(asked: Asked[WantedNumber, Nothing]) -> InvoiceAnswer:
    """The tax system has issued it: its number and time; from a person or the issuing program."""
    made = await _service(asked).issued(asked.principal, int(asked.id), asked.body)
    return _answer(asked, made)


async def void(asked: Asked[WantedInvoiceVoid, Nothing]) -> InvoiceAnswer:
    """Drop a request that was not issued."""
    made = await _service(asked).void(asked.principal, int(asked.id), asked.body)
    return _answer(asked, made)


async def take_back(asked: Asked[WantedRedLetter, Nothing]) -> InvoiceAnswer:
    """Ask for a red letter (红冲) that takes an issued invoice back, in part or whole."""
    made = await _service(asked).take_back(
        asked.principal, int(asked.id), asked.body, key_of(asked.request)
    )
    return _answer(asked, made)


def _titles(asked: Asked[Model, Model], found: tuple[TitleView, ...]) -> TitleList:
    items = tuple(masked(asked, TitleItem.model_validate(each)) for each in found)
    return TitleList(items=items)


def _answer(asked: Asked[Model, Model], found: InvoiceView) -> InvoiceAnswer:
    answer = InvoiceAnswer.model_validate(found)
    return answer.model_copy(update={"invoice": masked(asked, answer.invoice)})


def _service(asked: Asked[Model, Model]) -> InvoiceService:
    return asked.services.trade.invoices


_VIEW, _MANAGE = needs(Right.PAYMENT_VIEW), needs(Right.PAYMENT_MANAGE)
_TITLES = f"/api/customers/{NUMBER}/invoice-titles"
_ONE = f"/api/invoices/{NUMBER}"

ROUTES = (
    Route("GET", _TITLES, titles, _VIEW, answer=TitleList),
    Route("PUT", _TITLES, set_title, _VIEW, WantedTitle, answer=TitleList),
    Route("DELETE", f"/api/invoice-titles/{NUMBER}", remove_title, _VIEW, status=204),
    Route(
        "POST", f"/api/orders/{NUMBER}/invoices", request, _VIEW, WantedInvoice,
        answer=InvoiceAnswer, headers=(KEY,),
    ),
    Route("GET", "/api/invoices", search, _VIEW, query=InvoiceSearch, answer=InvoiceList),
    Route("GET", _ONE, show, _VIEW, answer=InvoiceAnswer),
    Route("POST", f"{_ONE}/issued", issued, _MANAGE, WantedNumber, answer=InvoiceAnswer),
    Route("POST", f"{_ONE}/void", void, _MANAGE, WantedInvoiceVoid, answer=InvoiceAnswer),
    Route(
        "POST", f"{_ONE}/red-letters", take_back, _MANAGE, WantedRedLetter,
        answer=InvoiceAnswer, headers=(KEY,),
    ),
)  # fmt: skip
