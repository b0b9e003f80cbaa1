"""Load lists of own drivers: planned, loaded, out, settled with the cash and the goods that came back."""

from datetime import date, datetime
from decimal import Decimal

from aiohttp import web

from crm_core.rights import Right
from orders.delivery.run_commands import MoveRun, NewRun, RunOrders, RunQuery, SettleRun
from orders.delivery.run_service import RunService
from webui.api.delivery_waybills import PDF, pdf
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedRun(NewRun, Model):
    """Its orders are taken as far as they fit."""


class WantedRunOrders(RunOrders, Model):
    """Which orders."""


class WantedRunMove(MoveRun, Model):
    """From which version."""


class WantedSettlement(SettleRun, Model):
    """How every stop ended."""


class RunSearch(RunQuery, Model):
    """Which load lists to list."""


class RunItem(View):
    id: int
    number: str
    day: date
    courier_code: str
    route_code: str | None
    vehicle_code: str
    plate: str
    driver_code: str
    driver_name: str
    state: str
    created_at: datetime
    out_at: datetime | None
    settled_at: datetime | None
    version: int
    stops: int
    weight_g: int
    volume_ml: int
    cash_due: Decimal
    cash_collected: Decimal


class ReturnedItem(View):
    sku: str
    quantity: int


class StopItem(View):
    order_id: int
    order_number: str
    waybill_id: int
    number: str
    state: str
    place: int
    customer_name: str
    weight_g: int
    volume_ml: int
    cash_due: Decimal
    result: str | None
    cash_collected: Decimal
    note: str | None
    returned: tuple[ReturnedItem, ...]


class LeftItem(View):
    """An order that was not taken, and why."""

    order_id: int
    code: str
    message: str


class RunList(View):
    items: tuple[RunItem, ...]


class RunAnswer(View):
    run: RunItem
    capacity_g: int
    capacity_ml: int
    stops: tuple[StopItem, ...]
    left: tuple[LeftItem, ...]


async def search(asked: Asked[Nothing, RunSearch]) -> RunList:
    """Load lists, the newest first."""
    found = await _service(asked).list(asked.principal, asked.query)
    return RunList(items=tuple(map(RunItem.model_validate, found)))


async def create(asked: Asked[WantedRun, Nothing]) -> RunAnswer:
    """Plan a load list; orders that do not fit or cannot go are named with the reason."""
    return RunAnswer.model_validate(await _service(asked).create(asked.principal, asked.body))


async def show(asked: Asked[Nothing, Nothing]) -> RunAnswer:
    """One load list with its stops in the order of visits."""
    return RunAnswer.model_validate(await _service(asked).get(asked.principal, int(asked.id)))


async def add(asked: Asked[WantedRunOrders, Nothing]) -> RunAnswer:
    """Put more orders on it, as far as they fit."""
    done = await _service(asked).add(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def remove(asked: Asked[WantedRunOrders, Nothing]) -> RunAnswer:
    """Take orders off it; they keep their waybills."""
    done = await _service(asked).remove(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def load(asked: Asked[WantedRunMove, Nothing]) -> RunAnswer:
    """The goods are on the vehicle."""
    done = await _service(asked).load(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def unload(asked: Asked[WantedRunMove, Nothing]) -> RunAnswer:
    """Back to planning."""
    done = await _service(asked).unload(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def depart(asked: Asked[WantedRunMove, Nothing]) -> RunAnswer:
    """The driver leaves: the orders are shipped, in transit, and the customers told."""
    done = await _service(asked).depart(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def settle(asked: Asked[WantedSettlement, Nothing]) -> RunAnswer:
    """The driver is back: how each stop ended, cash, and goods that came back."""
    done = await _service(asked).settle(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def cancel(asked: Asked[WantedRunMove, Nothing]) -> RunAnswer:
    """Give a load list up before it is out."""
    done = await _service(asked).cancel(asked.principal, int(asked.id), asked.body)
    return RunAnswer.model_validate(done)


async def paper(asked: Asked[Nothing, Nothing]) -> web.Response:
    """The load list as a PDF file."""
    made = await asked.services.trade.papers.load_list(asked.principal, int(asked.id))
    return pdf(made, "load-list.pdf")


def _service(asked: Asked[Model, Model]) -> RunService:
    return asked.services.trade.runs


_VIEW, _MANAGE = needs(Right.DELIVERY_VIEW), needs(Right.DELIVERY_MANAGE)
_RUNS = "/api/delivery/runs"
_ONE = f"{_RUNS}/{NUMBER}"

ROUTES = (
    Route("GET", _RUNS, search, _VIEW, query=RunSearch, answer=RunList),
    Route("POST", _RUNS, create, _MANAGE, WantedRun, answer=RunAnswer, status=201, once=True),
    Route("GET", _ONE, show, _VIEW, answer=RunAnswer),
    Route("GET", f"{_ONE}/paper", paper, _MANAGE, files=(PDF,)),
    Route("POST", f"{_ONE}/orders", add, _MANAGE, WantedRunOrders, answer=RunAnswer),
    Route("POST", f"{_ONE}/remove", remove, _MANAGE, WantedRunOrders, answer=RunAnswer),
    Route("POST", f"{_ONE}/load", load, _MANAGE, WantedRunMove, answer=RunAnswer),
    Route("POST", f"{_ONE}/unload", unload, _MANAGE, WantedRunMove, answer=RunAnswer),
    Route("POST", f"{_ONE}/depart", depart, _MANAGE, WantedRunMove, answer=RunAnswer),
    Route("POST", f"{_ONE}/settle", settle, _MANAGE, WantedSettlement, answer=RunAnswer),
    Route("POST", f"{_ONE}/cancel", cancel, _MANAGE, WantedRunMove, answer=RunAnswer),
)
