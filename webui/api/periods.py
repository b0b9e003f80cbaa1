"""Accounting periods: which there are, what is still open of one, closing and reopening."""

from datetime import date, datetime

from crm_core.rights import Right
from orders.settlement.periods.commands import ClosePeriod, NewPeriod, PeriodQuery, ReopenPeriod
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedPeriod(NewPeriod, Model):
    """The next period."""


class WantedClosing(ClosePeriod, Model):
    """Which state of it is closed."""


class WantedReopening(ReopenPeriod, Model):
    """Why it is reopened."""


class PeriodSearch(PeriodQuery, Model):
    """Which periods to list."""


class PeriodItem(View):
    id: int
    begins: date
    ends: date
    state: str
    closed_by: int | None
    closed_at: datetime | None
    version: int


class PeriodList(View):
    items: tuple[PeriodItem, ...]


class PeriodAnswer(View):
    period: PeriodItem


class PeriodChecksAnswer(View):
    """Counts of what is still open; `ready` when all are nothing."""

    ready: bool
    payment_differences: int
    settlement_differences: int
    unsettled_courier_items: int
    unsettled_supplier_items: int
    negative_stock: int
    negative_receipts: int


async def search(asked: Asked[Nothing, PeriodSearch]) -> PeriodList:
    """Accounting periods, the newest first."""
    found = await asked.services.trade.periods.listed(asked.principal, asked.query)
    return PeriodList(items=tuple(map(PeriodItem.model_validate, found)))


async def add(asked: Asked[WantedPeriod, Nothing]) -> PeriodAnswer:
    """Enter the next period; it begins when the last one has ended."""
    made = await asked.services.trade.periods.add(asked.principal, asked.body)
    return PeriodAnswer(period=PeriodItem.model_validate(made))


async def checks(asked: Asked[Nothing, Nothing]) -> PeriodChecksAnswer:
    """What is still open of a period."""
    found = await asked.services.trade.periods.checks(asked.principal, int(asked.id))
    return PeriodChecksAnswer.model_validate(found)


async def close(asked: Asked[WantedClosing, Nothing]) -> PeriodAnswer:
    """Close the earliest open period: nothing is booked into it any more."""
    done = await asked.services.trade.periods.close(asked.principal, int(asked.id), asked.body)
    return PeriodAnswer(period=PeriodItem.model_validate(done))


async def reopen(asked: Asked[WantedReopening, Nothing]) -> PeriodAnswer:
    """Reopen the last closed period, with a reason."""
    done = await asked.services.trade.periods.reopen(asked.principal, int(asked.id), asked.body)
    return PeriodAnswer(period=PeriodItem.model_validate(done))


_VIEW, _CLOSE = needs(Right.SETTLEMENT_VIEW), needs(Right.PERIOD_CLOSE)
_REOPEN = needs(Right.PERIOD_REOPEN)
_PATH = "/api/accounting-periods"
_ONE = f"{_PATH}/{NUMBER}"

ROUTES = (
    Route("GET", _PATH, search, _VIEW, query=PeriodSearch, answer=PeriodList),
    Route("POST", _PATH, add, _CLOSE, WantedPeriod, answer=PeriodAnswer, status=201, once=True),
    Route("GET", f"{_ONE}/checks", checks, _VIEW, answer=PeriodChecksAnswer),
    Route("POST", f"{_ONE}/close", close, _CLOSE, WantedClosing, answer=PeriodAnswer),
    Route("POST", f"{_ONE}/reopen", reopen, _REOPEN, WantedReopening, answer=PeriodAnswer),
)
