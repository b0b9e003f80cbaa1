"""The customer's page of an order, by a link and without a log-in; and the links themselves."""

from datetime import date, datetime
from decimal import Decimal

import segno
from pydantic import Field

from crm_core.rights import Right
from orders.progress.commands import CustomerChange
from orders.progress.views import ProgressView
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import ANYONE, NUMBER, Route, needs
from webui.views import View

LINK = r"{id:[A-Za-z0-9_-]{1,64}}"


class WantedChange(CustomerChange, Model):
    """What the customer wants otherwise."""


class ProgressStepItem(View):
    status: str
    place: str = Field(description="done, now or ahead")
    at: datetime | None


class ProgressLineItem(View):
    name_zh: str
    name_en: str
    unit: str
    quantity: int
    unit_price: Decimal | None
    line_total: Decimal | None


class ParcelEventItem(View):
    code: str
    at: datetime
    place: str | None


class ParcelItem(View):
    courier_zh: str
    courier_en: str
    number: str
    state: str
    due_at: datetime | None
    events: tuple[ParcelEventItem, ...]


class ProgressPartItem(View):
    number: str
    status: str
    lines: tuple[ProgressLineItem, ...]
    parcels: tuple[ParcelItem, ...]


class MaskedConsigneeItem(View):
    recipient: str
    phone: str | None
    address: str
    version: int


class DuesItem(View):
    state: str = Field(description="paid, owed or nothing")
    left: Decimal | None
    payable: bool
    pay_url: str | None
    qr: str | None = Field(default=None, description="pay_url as an SVG image in a data address")


class ProgressAnswer(View):
    company: str
    number: str
    status: str
    language: str
    placed_at: datetime
    steps: tuple[ProgressStepItem, ...]
    lines: tuple[ProgressLineItem, ...]
    total: Decimal | None
    parts: tuple[ProgressPartItem, ...]
    parcels: tuple[ParcelItem, ...]
    wanted_on: date | None
    first_day: date
    last_day: date
    consignee: MaskedConsigneeItem | None
    dues: DuesItem
    editable: bool
    version: int
    expires_at: datetime


class LinkAnswer(View):
    link: str
    expires_at: datetime


async def show(asked: Asked[Nothing, Nothing]) -> ProgressAnswer:
    """The order that a link is of."""
    return _answer(await asked.services.trade.progress.show(asked.id, _from(asked.request.remote)))


async def change(asked: Asked[WantedChange, Nothing]) -> ProgressAnswer:
    """Another wished day, delivery address, or a note, before the goods are packed."""
    remote = _from(asked.request.remote)
    return _answer(await asked.services.trade.progress.change(asked.id, remote, asked.body))


async def pay(asked: Asked[Nothing, Nothing]) -> ProgressAnswer:
    """A place to pay what is owed (`dues.pay_url`); one that was begun is gone on with."""
    remote, key = _from(asked.request.remote), key_of(asked.request)
    return _answer(await asked.services.trade.progress.pay(asked.id, remote, key))


async def issue(asked: Asked[Nothing, Nothing]) -> LinkAnswer:
    """A link to give to the customer: whoever has it sees the order."""
    made = await asked.services.trade.progress.issue(asked.principal, int(asked.id))
    return LinkAnswer.model_validate(made)


async def revoke(asked: Asked[Nothing, Nothing]) -> None:
    """Every link of the order that there is shows nothing any more."""
    await asked.services.trade.progress.revoke(asked.principal, int(asked.id))


def _from(remote: str | None) -> str:
    return remote or ""


def _answer(found: ProgressView) -> ProgressAnswer:
    answer = ProgressAnswer.model_validate(found)
    if found.dues.pay_url is None:
        return answer
    qr = segno.make(found.dues.pay_url, error="m").svg_data_uri(scale=4, border=2)
    return answer.model_copy(update={"dues": answer.dues.model_copy(update={"qr": qr})})


_PAGE, _OF_ORDER = f"/api/progress/{LINK}", f"/api/orders/{NUMBER}/link"

ROUTES = (
    Route("GET", _PAGE, show, ANYONE, answer=ProgressAnswer),
    Route("POST", f"{_PAGE}/changes", change, ANYONE, WantedChange, answer=ProgressAnswer),
    Route("POST", f"{_PAGE}/payments", pay, ANYONE, answer=ProgressAnswer, headers=(KEY,)),
    Route("POST", _OF_ORDER, issue, needs(Right.ORDER_PLACE), answer=LinkAnswer),
    Route("DELETE", _OF_ORDER, revoke, needs(Right.ORDER_PLACE), status=204),
)
