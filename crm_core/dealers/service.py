"""Dealers (经销商): what they report of their stock, and who becomes one.

Rule: every change is one transaction with its audit entry and names the version it was made from. Reports
are entered by who manages the channel or is the dealer's own salesperson; applications belong to who
manages the channel.
"""

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import structlog

from crm_core.db import Database
from crm_core.dealers import applications, report_lists, reports
from crm_core.dealers.commands import (
    DealerApplicationEdit,
    DealerApplicationQuery,
    DealerApproval,
    DealerRefusal,
    NewDealerApplication,
    NewStockReport,
    SilentQuery,
    StockCorrection,
    StockReportQuery,
    StockSummaryQuery,
    StockVersionQuery,
)
from crm_core.dealers.views import (
    DealerApplicationView,
    ProductSummary,
    SilentDealer,
    StockReportDetail,
    StockReportView,
)
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)


class DealerService:
    """Every method may raise Forbidden, NotFound and DatabaseUnavailable."""

    def __init__(
        self, database: Database, *, clock: Callable[[], datetime], zone: ZoneInfo | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone or ZoneInfo("Asia/Shanghai")

    async def report(self, actor: Actor, new: NewStockReport) -> StockReportDetail:
        """Raises Invalid, ReportedAlready."""
        async with self._database.begin() as session:
            made = await reports.add(session, actor, new, today=self._today(), now=self._clock())
        return _logged("dealer_stock_reported", made, actor)

    async def correct(
        self, actor: Actor, report_id: int, given: StockCorrection
    ) -> StockReportDetail:
        """Raises Invalid, Conflict (corrected since)."""
        async with self._database.begin() as session:
            made = await reports.correct(session, actor, report_id, given, self._clock())
        return _logged("dealer_stock_corrected", made, actor)

    async def get(
        self, actor: Actor, report_id: int, wanted: StockVersionQuery
    ) -> StockReportDetail:
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await report_lists.seen(connection, actor, report_id, wanted.of_version)

    async def versions(self, actor: Actor, report_id: int) -> tuple[StockReportView, ...]:
        """The newest first."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            await report_lists.seen(connection, actor, report_id, None)
            return await report_lists.versions(connection, report_id)

    async def reports(self, actor: Actor, wanted: StockReportQuery) -> tuple[StockReportView, ...]:
        """A dealer's, the latest day first."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await report_lists.listed(connection, actor, wanted)

    async def silent(self, actor: Actor, wanted: SilentQuery) -> tuple[SilentDealer, ...]:
        """Dealers that have not reported; without channel.manage the own ones."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            return await report_lists.silent(connection, actor, wanted, self._today())

    async def summary(self, actor: Actor, wanted: StockSummaryQuery) -> tuple[ProductSummary, ...]:
        actor.require(Right.CHANNEL_MANAGE)
        async with self._database.reading() as connection:
            return await report_lists.summary(connection, actor, wanted, self._today())

    async def apply(self, actor: Actor, new: NewDealerApplication) -> DealerApplicationView:
        """Raises Invalid (level), AppliedAlready."""
        actor.require(Right.CHANNEL_MANAGE)
        actor.require_write(applications.ENTITY, sorted(new.model_fields_set))
        async with self._database.begin() as session:
            made = await applications.add(session, actor, new, self._clock())
        return _decided("dealer_applied", made, actor)

    async def edit_application(
        self, actor: Actor, application_id: int, edit: DealerApplicationEdit
    ) -> DealerApplicationView:
        """Raises Decided, Conflict (edited since), Invalid (level), AppliedAlready."""
        actor.require(Right.CHANNEL_MANAGE)
        actor.require_write(applications.ENTITY, sorted(edit.model_fields_set - {"version"}))
        async with self._database.begin() as session:
            made = await applications.change(session, actor, application_id, edit)
        return _decided("dealer_application_edited", made, actor)

    async def approve(
        self, actor: Actor, application_id: int, given: DealerApproval
    ) -> DealerApplicationView:
        """Makes the customer. Raises Decided, Conflict, NumberTaken, Invalid."""
        actor.require(Right.CHANNEL_MANAGE)
        async with self._database.begin() as session:
            made = await applications.approve(session, actor, application_id, given, self._clock())
        return _decided("dealer_approved", made, actor)

    async def refuse(
        self, actor: Actor, application_id: int, given: DealerRefusal
    ) -> DealerApplicationView:
        """Raises Decided, Conflict (edited since)."""
        actor.require(Right.CHANNEL_MANAGE)
        actor.require_write(applications.ENTITY, ["reason"])
        async with self._database.begin() as session:
            made = await applications.refuse(session, actor, application_id, given, self._clock())
        return _decided("dealer_refused", made, actor)

    async def application(self, actor: Actor, application_id: int) -> DealerApplicationView:
        actor.require(Right.CHANNEL_MANAGE)
        async with self._database.reading() as connection:
            return await applications.read(connection, actor, application_id)

    async def applications(
        self, actor: Actor, wanted: DealerApplicationQuery
    ) -> tuple[DealerApplicationView, ...]:
        """The newest first."""
        actor.require(Right.CHANNEL_MANAGE)
        async with self._database.reading() as connection:
            return await applications.listed(connection, actor, wanted)

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()


def _logged(event: str, made: StockReportDetail, actor: Actor) -> StockReportDetail:
    report = made.report
    log.info(
        event, report=report.id, dealer=report.customer_id, version=report.version, by=actor.user_id
    )
    return made


def _decided(event: str, made: DealerApplicationView, actor: Actor) -> DealerApplicationView:
    log.info(event, application=made.id, customer=made.customer_id, by=actor.user_id)
    return made
