"""Returns and exchanges: entered, approved, received, closed; and how long goods may be returned."""

from datetime import datetime
from decimal import Decimal

from crm_core.rights import Principal, Right
from orders.aftersales.returns import flow
from orders.aftersales.returns.commands import (
    Approval,
    Closing,
    Ending,
    NewReturn,
    Receipt,
    ReturnQuery,
    TermContent,
)
from orders.aftersales.returns.service import ReturnService
from orders.aftersales.returns.views import ReturnSummary, ReturnView, TermView
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import View


class WantedReturn(NewReturn, Model):
    """What comes back, and why."""


class WantedReturnApproval(Approval, Model):
    """The goods may come."""


class WantedReturnReceipt(Receipt, Model):
    """What came."""


class WantedReturnEnding(Ending, Model):
    """Why."""


class WantedReturnClosing(Closing, Model):
    """Nothing is left to be done."""


class WantedReturnTerm(TermContent, Model):
    """Within how many days."""


class ReturnSearch(ReturnQuery, Model):
    """Which returns to list."""


class ReturnItem(View):
    id: int
    number: str
    order_id: int
    order_number: str
    customer_id: int
    customer_name: str
    kind: str
    way: str
    reason_code: str
    reason: str | None
    late_reason: str | None
    state: str
    value: Decimal
    asked_back: Decimal
    waybill_id: int | None
    waybill_number: str | None
    replacement_id: int | None
    replacement_number: str | None
    version: int
    requested_at: datetime
    changed_at: datetime
    allowed: tuple[str, ...] = ()


class ReturnList(View):
    items: tuple[ReturnItem, ...]


class ReturnLineItem(View):
    line_no: int
    sku: str
    name_zh: str
    name_en: str
    unit: str
    quantity: int
    good: int | None
    damaged: int | None
    missing: int | None
    value: Decimal


class ReturnStepItem(View):
    state: str
    actor_id: int | None
    actor_name: str | None
    at: datetime
    text: str | None


class ReturnAnswer(View):
    order_return: ReturnItem
    lines: tuple[ReturnLineItem, ...]
    steps: tuple[ReturnStepItem, ...]


class ReturnTermItem(View):
    code: str
    days: int | None
    version: int


class ReturnTermList(View):
    items: tuple[ReturnTermItem, ...]


async def enter(asked: Asked[WantedReturn, Nothing]) -> ReturnAnswer:
    """Goods of an order are to come back; without lines all of them. The same key gives the same return."""
    key = key_of(asked.request)
    return _changed(
        asked, await _service(asked).enter(asked.principal, int(asked.id), asked.body, key)
    )


async def search(asked: Asked[Nothing, ReturnSearch]) -> ReturnList:
    """Returns, the newest first."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return ReturnList(items=tuple(_item(asked.principal, each) for each in found))


async def show(asked: Asked[Nothing, Nothing]) -> ReturnAnswer:
    """One return with its lines and what was done to it."""
    return _answer(asked, await _service(asked).get(asked.principal, int(asked.id)))


async def approve(asked: Asked[WantedReturnApproval, Nothing]) -> ReturnAnswer:
    """The goods may come; the customer is told."""
    made = await _service(asked).approve(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def receive(asked: Asked[WantedReturnReceipt, Nothing]) -> ReturnAnswer:
    """The goods came and were counted: stock, money, invoices and the order follow."""
    made = await _service(asked).receive(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def close(asked: Asked[WantedReturnClosing, Nothing]) -> ReturnAnswer:
    """Nothing is left to be done, and no money to be given back."""
    made = await _service(asked).close(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def reject(asked: Asked[WantedReturnEnding, Nothing]) -> ReturnAnswer:
    """The goods are not taken back; the customer is told why."""
    made = await _service(asked).reject(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def cancel(asked: Asked[WantedReturnEnding, Nothing]) -> ReturnAnswer:
    """The customer keeps the goods."""
    made = await _service(asked).cancel(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def terms(asked: Asked[Nothing, Nothing]) -> ReturnTermList:
    """Within how many days after the delivery goods are taken back, by category and in general."""
    return _terms(await _service(asked).terms(asked.principal))


async def put_term(asked: Asked[WantedReturnTerm, Nothing]) -> ReturnTermList:
    """Set the days of a category, or of all others (general); none: at any time."""
    return _terms(await _service(asked).put_term(asked.principal, asked.id, asked.body))


def _service(asked: Asked[Model, Model]) -> ReturnService:
    return asked.services.trade.returns


def _item(who: Principal, found: ReturnSummary) -> ReturnItem:
    allowed = flow.allowed(who, found.state)
    return ReturnItem.model_validate(found).model_copy(update={"allowed": allowed})


def _answer(asked: Asked[Model, Model], found: ReturnView) -> ReturnAnswer:
    return ReturnAnswer(
        order_return=_item(asked.principal, found.summary),
        lines=tuple(map(ReturnLineItem.model_validate, found.lines)),
        steps=tuple(map(ReturnStepItem.model_validate, found.steps)),
    )


def _changed(asked: Asked[Model, Model], found: ReturnView) -> ReturnAnswer:
    """The pops of its customer show it, too."""
    asked.door.live.customer_changed(found.summary.customer_id)
    return _answer(asked, found)


def _terms(found: tuple[TermView, ...]) -> ReturnTermList:
    return ReturnTermList(items=tuple(map(ReturnTermItem.model_validate, found)))


_SEE, _REQUEST = needs(Right.ORDER_VIEW), needs(Right.RETURN_REQUEST)
_MANAGE, _RULES = needs(Right.RETURN_MANAGE), needs(Right.RULES_MANAGE)
_ONE = f"/api/order-returns/{NUMBER}"

ROUTES = (
    Route(
        "POST", f"/api/orders/{NUMBER}/returns", enter, _REQUEST, WantedReturn,
        answer=ReturnAnswer, status=201, headers=(KEY,),
    ),
    Route("GET", "/api/order-returns", search, _SEE, query=ReturnSearch, answer=ReturnList),
    Route("GET", _ONE, show, _SEE, answer=ReturnAnswer),
    Route("POST", f"{_ONE}/approve", approve, _MANAGE, WantedReturnApproval, answer=ReturnAnswer),
    Route("POST", f"{_ONE}/receive", receive, _MANAGE, WantedReturnReceipt, answer=ReturnAnswer),
    Route("POST", f"{_ONE}/close", close, _MANAGE, WantedReturnClosing, answer=ReturnAnswer),
    Route("POST", f"{_ONE}/reject", reject, _MANAGE, WantedReturnEnding, answer=ReturnAnswer),
    Route("POST", f"{_ONE}/cancel", cancel, _REQUEST, WantedReturnEnding, answer=ReturnAnswer),
    Route("GET", "/api/return-terms", terms, _SEE, answer=ReturnTermList),
    Route(
        "PUT", f"/api/return-terms/{CODE}", put_term, _RULES, WantedReturnTerm,
        answer=ReturnTermList,
    ),
)  # fmt: skip
