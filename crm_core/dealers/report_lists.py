"""Lists and sums of stock reports. Rule: one statement each, with a page's end; nobody sees a dealer whom
the role keeps back.
"""

from datetime import date, timedelta

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.dealer_levels import is_dealer
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import must_see, within_scope
from crm_core.dealers import channel, views
from crm_core.dealers.commands import SilentQuery, StockReportQuery, StockSummaryQuery
from crm_core.dealers.reports import detail
from crm_core.dealers.tables import DealerStockLine, DealerStockReport, DealerStockVersion
from crm_core.dealers.views import (
    ProductSummary,
    SilentDealer,
    StockReportDetail,
    StockReportView,
)
from crm_core.people.tables import User
from crm_core.rights import Actor

_MOST_VERSIONS = 200


async def seen(
    connection: AsyncConnection, actor: Actor, report_id: int, of_version: int | None
) -> StockReportDetail:
    """Raises NotFound, also for a dealer whom the actor may not see."""
    found = await detail(connection, report_id, of_version)
    await must_see(connection, actor, found.report.customer_id)
    return found


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: StockReportQuery
) -> tuple[StockReportView, ...]:
    """A dealer's reports, the latest day first. Raises NotFound."""
    report = DealerStockReport
    customer_id = await must_see(connection, actor, wanted.customer_id)
    query = views.reports().where(
        report.customer_id == customer_id, DealerStockVersion.version == report.version
    )
    if wanted.before is not None:
        last = select(report.report_date, report.id).where(report.id == wanted.before)
        end = last.correlate(None).scalar_subquery()
        query = query.where(tuple_(report.report_date, report.id) < end)
    query = query.order_by(report.report_date.desc(), report.id.desc()).limit(wanted.limit)
    return tuple(StockReportView(*row) for row in await connection.execute(query))


async def versions(connection: AsyncConnection, report_id: int) -> tuple[StockReportView, ...]:
    """The newest first; at most _MOST_VERSIONS."""
    rows = await connection.execute(
        views.reports()
        .where(DealerStockReport.id == report_id)
        .order_by(DealerStockVersion.version.desc())
        .limit(_MOST_VERSIONS)
    )
    return tuple(StockReportView(*row) for row in rows)


async def silent(
    connection: AsyncConnection, actor: Actor, wanted: SilentQuery, today: date
) -> tuple[SilentDealer, ...]:
    """Dealers this person looks after who have not reported, by id. Raises NotFound (under)."""
    reported = DealerStockReport.customer_id == Customer.id
    last = select(func.max(DealerStockReport.report_date)).where(reported).scalar_subquery()
    since = today - timedelta(days=wanted.days)
    lately = (
        select(DealerStockReport.id).where(reported, DealerStockReport.report_date > since).exists()
    )
    query = (
        select(
            Customer.id,
            Customer.name,
            Customer.level_code,
            Customer.salesperson_id,
            User.name,
            last,
        )
        .outerjoin(User, User.id == Customer.salesperson_id)
        .where(is_dealer(), within_scope(actor), channel.looked_after(actor), ~lately)
        .order_by(Customer.id)
        .limit(wanted.limit)
    )
    if wanted.under is not None:
        root = await must_see(connection, actor, wanted.under)
        query = query.where(channel.under(root))
    if wanted.after is not None:
        query = query.where(Customer.id > wanted.after)
    return tuple(SilentDealer(*row) for row in await connection.execute(query))


async def summary(
    connection: AsyncConnection, actor: Actor, wanted: StockSummaryQuery, today: date
) -> tuple[ProductSummary, ...]:
    """By product code; of each dealer the latest report counts. Raises NotFound (under)."""
    report, line = DealerStockReport, DealerStockLine
    until = wanted.until or today
    latest = (
        select(report.id, report.version)
        .join(Customer, Customer.id == report.customer_id)
        .where(
            within_scope(actor),
            Customer.merged_into_id.is_(None),
            report.report_date <= until,
            report.report_date > until - timedelta(days=wanted.days),
        )
        .ext(distinct_on(report.customer_id))
        .order_by(report.customer_id, report.report_date.desc())
    )
    if wanted.under is not None:
        root = await must_see(connection, actor, wanted.under)
        latest = latest.where(channel.under(root))
    counted = latest.subquery("latest")
    query = (
        select(
            line.product_code,
            func.sum(line.on_hand),
            func.sum(line.sold),
            func.sum(line.needed),
            func.count(),
        )
        .join(counted, (counted.c.id == line.report_id) & (counted.c.version == line.version))
        .group_by(line.product_code)
        .order_by(line.product_code)
        .limit(wanted.limit)
    )
    if wanted.after is not None:
        query = query.where(line.product_code > wanted.after)
    return tuple(ProductSummary(*row) for row in await connection.execute(query))
