"""What dealers report of their stock: entered on the telephone, corrected, summed up.

Rule: a dealer has one report for a day; every version of it can still be read.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from crm_core.dealers.commands import (
    NewStockReport,
    SilentQuery,
    StockCorrection,
    StockReportQuery,
    StockSummaryQuery,
    StockVersionQuery,
)
from crm_core.dealers.service import DealerService
from crm_core.dealers.views import StockReportDetail
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedStockReport(NewStockReport, Model):
    """A report to enter."""


class WantedStockCorrection(StockCorrection, Model):
    """All lines anew."""


class StockReportSearch(StockReportQuery, Model):
    """Whose reports to list."""


class StockVersionSearch(StockVersionQuery, Model):
    """Which version to show."""


class SilentSearch(SilentQuery, Model):
    """Which dealers to list."""


class StockSummarySearch(StockSummaryQuery, Model):
    """What to sum up."""


class StockLineItem(View):
    product_code: str
    on_hand: Decimal
    sold: Decimal
    needed: Decimal


class StockReportItem(View):
    id: int
    customer_id: int
    customer_name: str
    report_date: date
    version: int
    shown_version: int
    note: str | None
    entered_by_id: int | None
    entered_by_name: str | None
    entered_at: datetime


class StockReportList(View):
    items: tuple[StockReportItem, ...]


class StockReportAnswer(View):
    report: StockReportItem
    lines: tuple[StockLineItem, ...]


class SilentDealerItem(View):
    """`last_report_date` None: never reported."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "level_code": "level",
        "salesperson_id": "salesperson",
        "salesperson_name": "salesperson",
    }

    customer_id: int
    customer_name: str
    last_report_date: date | None
    level_code: str | None = None
    salesperson_id: int | None = None
    salesperson_name: str | None = None


class SilentDealerList(View):
    items: tuple[SilentDealerItem, ...]


class ProductSummaryItem(View):
    product_code: str
    on_hand: Decimal
    sold: Decimal
    needed: Decimal
    dealers: int


class StockSummary(View):
    items: tuple[ProductSummaryItem, ...]


async def search(asked: Asked[Nothing, StockReportSearch]) -> StockReportList:
    """A dealer's reports, the latest day first."""
    found = await _service(asked).reports(asked.principal, asked.query)
    return StockReportList(items=tuple(map(StockReportItem.model_validate, found)))


async def create(asked: Asked[WantedStockReport, Nothing]) -> StockReportAnswer:
    """Enter a report; of the own dealers, or of all with channel.manage."""
    return _answer(await _service(asked).report(asked.principal, asked.body))


async def show(asked: Asked[Nothing, StockVersionSearch]) -> StockReportAnswer:
    """One report with its lines."""
    return _answer(await _service(asked).get(asked.principal, int(asked.id), asked.query))


async def correct(asked: Asked[WantedStockCorrection, Nothing]) -> StockReportAnswer:
    """Correct a report; the version before can still be read."""
    return _answer(await _service(asked).correct(asked.principal, int(asked.id), asked.body))


async def versions(asked: Asked[Nothing, Nothing]) -> StockReportList:
    """Who entered which version of a report, the newest first."""
    found = await _service(asked).versions(asked.principal, int(asked.id))
    return StockReportList(items=tuple(map(StockReportItem.model_validate, found)))


async def silent(asked: Asked[Nothing, SilentSearch]) -> SilentDealerList:
    """Dealers that have not reported; the own ones, or all with channel.manage."""
    found = await _service(asked).silent(asked.principal, asked.query)
    return SilentDealerList(items=tuple(map(SilentDealerItem.model_validate, found)))


async def summary(asked: Asked[Nothing, StockSummarySearch]) -> StockSummary:
    """Stock, sales and need of each product, over a part of the channel."""
    found = await _service(asked).summary(asked.principal, asked.query)
    return StockSummary(items=tuple(map(ProductSummaryItem.model_validate, found)))


def _service(asked: Asked[Model, Model]) -> DealerService:
    return asked.services.crm.dealers


def _answer(found: StockReportDetail) -> StockReportAnswer:
    return StockReportAnswer.model_validate(found)


_VIEW, _MANAGE = needs(Right.CUSTOMER_VIEW), needs(Right.CHANNEL_MANAGE)
_ENTER = needs(Right.CHANNEL_MANAGE, Right.CUSTOMER_EDIT)
_ALL = "/api/dealer-stock/reports"
_ONE = f"{_ALL}/{NUMBER}"

ROUTES = (
    Route("GET", _ALL, search, _VIEW, query=StockReportSearch, answer=StockReportList),
    Route(
        "POST",
        _ALL,
        create,
        _ENTER,
        WantedStockReport,
        answer=StockReportAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _VIEW, query=StockVersionSearch, answer=StockReportAnswer),
    Route("PATCH", _ONE, correct, _ENTER, WantedStockCorrection, answer=StockReportAnswer),
    Route("GET", f"{_ONE}/versions", versions, _VIEW, answer=StockReportList),
    Route(
        "GET",
        "/api/dealer-stock/silent",
        silent,
        _VIEW,
        query=SilentSearch,
        answer=SilentDealerList,
    ),
    Route(
        "GET",
        "/api/dealer-stock/summary",
        summary,
        _MANAGE,
        query=StockSummarySearch,
        answer=StockSummary,
    ),
)
