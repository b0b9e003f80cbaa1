"""Payments of orders: at the gateway, by hand, back; what does not fit; and the gateway's call-backs."""

import json
from datetime import datetime
from decimal import Decimal

from aiohttp import web

from crm_core.errors import DomainError
from crm_core.rights import Right
from orders.payments.commands import (
    DifferenceQuery,
    EnteredMoney,
    PaymentQuery,
    Resolution,
    StartPayment,
    StartRefund,
)
from orders.payments.errors import NoGateway, NoticeRefused
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import NUMBER, SIGNED, Route, needs
from webui.views import View

_UNAUTHORIZED, _CONFLICT = 401, 409


class WantedPayment(StartPayment, Model):
    """What a customer is to pay."""


class WantedRefund(StartRefund, Model):
    """What goes back, and the words for it."""


class WantedEntry(EnteredMoney, Model):
    """Money that a person saw come in or gave back."""


class WantedResolution(Resolution, Model):
    """How a difference came right."""


class PaymentSearch(PaymentQuery, Model):
    """Which attempts to list."""


class DifferenceSearch(DifferenceQuery, Model):
    """Which differences to list."""


class PaymentItem(View):
    id: int
    order_id: int
    order_number: str
    gateway: str
    amount: Decimal
    received: Decimal | None
    state: str
    pay_url: str | None
    reference: str | None
    reason: str | None
    expires_at: datetime
    created_by: int | None
    created_at: datetime
    paid_at: datetime | None


class RefundItem(View):
    id: int
    payment_id: int
    order_id: int
    amount: Decimal
    state: str
    words: str
    reference: str | None
    reason: str | None
    created_by: int | None
    created_at: datetime


class EntryItem(View):
    id: int
    kind: str
    amount: Decimal
    method: str
    source: str
    reference: str
    paid_at: datetime
    booked_at: datetime
    actor_id: int | None


class OrderMoneyAnswer(View):
    order_id: int
    order_number: str
    customer_id: int
    method: str | None
    total: Decimal
    owed: Decimal
    paid: Decimal
    refundable: Decimal
    entries: tuple[EntryItem, ...]
    payments: tuple[PaymentItem, ...]
    refunds: tuple[RefundItem, ...]


class DifferenceItem(View):
    id: int
    kind: str
    source: str
    reference: str | None
    order_id: int | None
    order_number: str | None
    payment_id: int | None
    expected: Decimal | None
    found: Decimal | None
    currency: str
    money_at: datetime | None
    state: str
    found_at: datetime
    entry_id: int | None
    resolved_by: int | None
    resolved_at: datetime | None
    reason: str | None


class PaymentAnswer(View):
    payment: PaymentItem


class RefundAnswer(View):
    refund: RefundItem


class DifferenceAnswer(View):
    difference: DifferenceItem


class PaymentList(View):
    items: tuple[PaymentItem, ...]


class DifferenceList(View):
    items: tuple[DifferenceItem, ...]


async def of_order(asked: Asked[Nothing, Nothing]) -> OrderMoneyAnswer:
    """What is owed and paid of an order, and how."""
    found = await asked.services.trade.payments.of_order(asked.principal, int(asked.id))
    return OrderMoneyAnswer.model_validate(found)


async def start(asked: Asked[WantedPayment, Nothing]) -> PaymentAnswer:
    """A place where the customer pays (`pay_url`); the same key gives the same payment."""
    gateway, key = asked.services.trade.gateway, key_of(asked.request)
    made = await gateway.start(asked.principal, int(asked.id), asked.body, key)
    return PaymentAnswer(payment=PaymentItem.model_validate(made))


async def refund(asked: Asked[WantedRefund, Nothing]) -> RefundAnswer:
    """Send back through the gateway what is not owed; the same key gives the same refund."""
    gateway, key = asked.services.trade.gateway, key_of(asked.request)
    made = await gateway.refund(asked.principal, int(asked.id), asked.body, key)
    return RefundAnswer(refund=RefundItem.model_validate(made))


async def enter(asked: Asked[WantedEntry, Nothing]) -> OrderMoneyAnswer:
    """Money came in by transfer or in cash; a slip's number counts once."""
    payments = asked.services.trade.payments
    return OrderMoneyAnswer.model_validate(
        await payments.enter(asked.principal, int(asked.id), asked.body)
    )


async def pay_back(asked: Asked[WantedEntry, Nothing]) -> OrderMoneyAnswer:
    """Money was given back by transfer or in cash; only what is not owed."""
    payments = asked.services.trade.payments
    return OrderMoneyAnswer.model_validate(
        await payments.pay_back(asked.principal, int(asked.id), asked.body)
    )


async def search(asked: Asked[Nothing, PaymentSearch]) -> PaymentList:
    """Attempts at the gateway, the newest first."""
    found = await asked.services.trade.payments.listed(asked.principal, asked.query)
    return PaymentList(items=tuple(map(PaymentItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> PaymentAnswer:
    """One attempt."""
    found = await asked.services.trade.payments.get(asked.principal, int(asked.id))
    return PaymentAnswer(payment=PaymentItem.model_validate(found))


async def check(asked: Asked[Nothing, Nothing]) -> PaymentAnswer:
    """Ask the gateway what became of an attempt."""
    found = await asked.services.trade.gateway.check(asked.principal, int(asked.id))
    return PaymentAnswer(payment=PaymentItem.model_validate(found))


async def differences(asked: Asked[Nothing, DifferenceSearch]) -> DifferenceList:
    """What does not fit between the outside's word and the ledger, the newest first."""
    found = await asked.services.trade.payments.differences(asked.principal, asked.query)
    return DifferenceList(items=tuple(map(DifferenceItem.model_validate, found)))


async def resolve(asked: Asked[WantedResolution, Nothing]) -> DifferenceAnswer:
    """Say how a difference came right; with `book` its money goes into the ledger."""
    payments = asked.services.trade.payments
    made = await payments.resolve(asked.principal, int(asked.id), asked.body)
    return DifferenceAnswer(difference=DifferenceItem.model_validate(made))


async def hear(asked: Asked[Nothing, Nothing]) -> web.Response:
    """A sealed call-back of the payment gateway (WeChat Pay, API v3)."""
    request = asked.request
    try:
        await asked.services.trade.gateway.hear(request.headers, await request.read())
    except NoticeRefused as error:
        return _failed(error, _UNAUTHORIZED)
    except NoGateway as error:
        return _failed(error, _CONFLICT)
    return web.Response(status=204)


def _failed(error: DomainError, status: int) -> web.Response:
    """As the gateway wants it, with what our other refusals have."""
    told = {"code": error.code, "message": error.message}
    body = {"code": "FAIL", "message": error.message, "error": told}
    return web.Response(text=json.dumps(body), status=status, content_type="application/json")


_VIEW, _MANAGE = needs(Right.PAYMENT_VIEW), needs(Right.PAYMENT_MANAGE)
_ORDER = f"/api/orders/{NUMBER}"
NOTICES = "/api/gateway/wechat"

ROUTES = (
    Route("GET", f"{_ORDER}/money", of_order, _VIEW, answer=OrderMoneyAnswer),
    Route(
        "POST",
        f"{_ORDER}/payments",
        start,
        _VIEW,
        WantedPayment,
        answer=PaymentAnswer,
        headers=(KEY,),
    ),
    Route(
        "POST", f"{_ORDER}/refunds", refund, _MANAGE, WantedRefund, answer=RefundAnswer,
        headers=(KEY,),
    ),
    Route("POST", f"{_ORDER}/receipts", enter, _MANAGE, WantedEntry, answer=OrderMoneyAnswer, once=True),
    Route("POST", f"{_ORDER}/pay-back", pay_back, _MANAGE, WantedEntry, answer=OrderMoneyAnswer, once=True),
    Route("GET", "/api/payments", search, _VIEW, query=PaymentSearch, answer=PaymentList),
    Route("GET", f"/api/payments/{NUMBER}", show, _VIEW, answer=PaymentAnswer),
    Route("POST", f"/api/payments/{NUMBER}/check", check, _VIEW, answer=PaymentAnswer),
    Route(
        "GET", "/api/payment-differences", differences, _VIEW, query=DifferenceSearch,
        answer=DifferenceList,
    ),
    Route(
        "POST", f"/api/payment-differences/{NUMBER}/resolve", resolve, _MANAGE, WantedResolution,
        answer=DifferenceAnswer,
    ),
    Route("POST", NOTICES, hear, SIGNED, status=204, raw=True),
)  # fmt: skip
