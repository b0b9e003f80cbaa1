"""Stock reports written and read, as SQL inside the caller's transaction.

Rule: a report that is corrected keeps every version it had; the lines of a version are never changed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.dealers import channel, views
from crm_core.dealers.commands import (
    NewStockReport,
    StockCorrection,
    StockLine,
)
from crm_core.dealers.tables import DealerStockLine, DealerStockReport, DealerStockVersion
from crm_core.dealers.views import (
    StockLineView,
    StockReportDetail,
    StockReportView,
)
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor

_ENTITY = "dealer_stock_report"


class ReportedAlready(Conflict):
    code = "dealer_stock_reported"


async def add(
    session: AsyncSession, actor: Actor, new: NewStockReport, *, today: date, now: datetime
) -> StockReportDetail:
    """Raises NotFound, Forbidden, Invalid, ReportedAlready (naming the report)."""
    if new.report_date > today:
        raise Invalid("This day is still to come.", fields={"report_date": "future"})
    customer_id = await channel.must_look_after(session, actor, new.customer_id)
    day = {"customer_id": customer_id, "report_date": new.report_date}
    report_id = await session.scalar(
        upsert(DealerStockReport)
        .values(**day, created_at=now)
        .on_conflict_do_nothing()
        .returning(DealerStockReport.id)
    )
    if report_id is None:
        there = (
            await session.execute(
                select(DealerStockReport.id, DealerStockReport.version).filter_by(**day)
            )
        ).one()
        raise ReportedAlready(
            "This dealer has reported for this day already: correct that report.",
            fields={"id": there.id, "version": there.version},
        )
    await _write(session, actor, report_id, 1, new.lines, note=new.note, now=now)
    after = day | {"lines": _told(new.lines)}
    await trail.record(session, actor.user_id, f"{_ENTITY}.create", _ENTITY, report_id, after=after)
    return await detail(session, report_id, None)


async def correct(
    session: AsyncSession, actor: Actor, report_id: int, given: StockCorrection, now: datetime
) -> StockReportDetail:
    """Raises NotFound, Forbidden, Invalid, Conflict (corrected since)."""
    before = await detail(session, report_id, None)
    await channel.must_look_after(session, actor, before.report.customer_id)
    version = await session.scalar(
        update(DealerStockReport)
        .where(DealerStockReport.id == report_id, DealerStockReport.version == given.version)
        .values(version=given.version + 1)
        .returning(DealerStockReport.version)
    )
    if version is None:
        raise Conflict(
            "Somebody else has corrected this report since you opened it: look at it as it is now.",
            fields={"version": before.report.version},
        )
    await _write(session, actor, report_id, version, given.lines, note=given.note, now=now)
    await trail.record(
        session,
        actor.user_id,
        f"{_ENTITY}.correct",
        _ENTITY,
        report_id,
        before={"version": given.version, "lines": _told(before.lines)},
        after={"version": version, "lines": _told(given.lines)},
    )
    return await detail(session, report_id, None)


async def detail(
    holder: AsyncSession | AsyncConnection, report_id: int, of_version: int | None
) -> StockReportDetail:
    """Raises NotFound."""
    wanted = DealerStockReport.version if of_version is None else of_version
    row = (
        await holder.execute(
            views.reports().where(
                DealerStockReport.id == report_id, DealerStockVersion.version == wanted
            )
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such report, or no such version of it.")
    report = StockReportView(*row)
    line = DealerStockLine
    lines = await holder.execute(
        select(line.product_code, line.on_hand, line.sold, line.needed)
        .where(line.report_id == report_id, line.version == report.shown_version)
        .order_by(line.product_code)
    )
    return StockReportDetail(report, tuple(StockLineView(*each) for each in lines))


async def _write(
    session: AsyncSession,
    actor: Actor,
    report_id: int,
    version: int,
    lines: Sequence[StockLine],
    *,
    note: str | None,
    now: datetime,
) -> None:
    key = {"report_id": report_id, "version": version}
    entered = {"note": note, "entered_by_id": actor.user_id, "entered_at": now}
    await session.execute(insert(DealerStockVersion).values(**key, **entered))
    await session.execute(
        insert(DealerStockLine).values([key | each.model_dump() for each in lines])
    )


def _told(lines: Sequence[StockLine] | Sequence[StockLineView]) -> dict[str, list[Decimal]]:
    return {each.product_code: [each.on_hand, each.sold, each.needed] for each in lines}
