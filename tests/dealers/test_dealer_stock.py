import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from crm_core.audit.tables import AuditEntry
from crm_core.customers.fields import NewCustomer
from crm_core.customers.merging import MergeService
from crm_core.customers.service import CustomerService
from crm_core.customers.tables import Customer
from crm_core.dealers.commands import (
    NewStockReport,
    SilentQuery,
    StockCorrection,
    StockLine,
    StockReportQuery,
    StockSummaryQuery,
    StockVersionQuery,
)
from crm_core.dealers.reports import ReportedAlready
from crm_core.dealers.service import DealerService
from crm_core.dealers.tables import (
    DealerApplication,
    DealerStockLine,
    DealerStockReport,
    DealerStockVersion,
)
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM, Right, Scope
from tests.crm_core.crm_office import empty

TODAY = date(2026, 3, 2)


@pytest.fixture
async def dealers(database, office, clock):
    await empty(database, DealerStockLine, DealerStockVersion, DealerStockReport, DealerApplication)
    async with database.begin() as session:
        await session.execute(
            update(Customer).values(merged_into_id=None, salesperson_id=None, level_code="consumer")
        )
        known = (office.customer_id, office.other_customer_id)
        await session.execute(
            update(Customer).where(Customer.id.in_(known)).values(level_code="city")
        )
    return DealerService(database, clock=clock)


async def new_customer(database, name, level, parent_id=None, salesperson_id=None):
    card = await CustomerService(database).create(
        SYSTEM,
        NewCustomer(
            name=name, level_code=level, parent_id=parent_id, salesperson_id=salesperson_id
        ),
    )
    return card.id


async def give(database, customer_id, user_id):
    async with database.begin() as session:
        await session.execute(
            update(Customer).where(Customer.id == customer_id).values(salesperson_id=user_id)
        )


def line(code="A1", on_hand="10", sold="0", needed="0"):
    return StockLine(product_code=code, on_hand=on_hand, sold=sold, needed=needed)


def report(customer_id, *lines, day=TODAY, **more):
    return NewStockReport(
        customer_id=customer_id, report_date=day, lines=lines or (line(),), **more
    )


async def test_a_dealer_s_stock_is_reported_and_read_again(dealers, office, clock):
    made = await dealers.report(
        office.sun, report(office.customer_id, line("B2", "1.5", "2", "3"), line(), note="电话")
    )
    assert (made.report.customer_name, made.report.version) == ("天津一号店", 1)
    assert (made.report.entered_by_id, made.report.note) == (office.sun.user_id, "电话")
    assert [each.product_code for each in made.lines] == ["A1", "B2"]
    assert (made.lines[1].on_hand, made.lines[1].sold) == (Decimal("1.500"), Decimal(2))
    assert await dealers.get(office.wang, made.report.id, StockVersionQuery()) == made
    assert await dealers.reports(office.wang, StockReportQuery(customer_id=office.customer_id)) == (
        made.report,
    )


async def test_a_correction_is_a_new_version_and_the_old_one_can_still_be_read(
    dealers, office, database, clock
):
    made = await dealers.report(office.sun, report(office.customer_id))
    clock.pass_by(hours=1)
    given = StockCorrection(version=1, lines=(line("C3", "7"),), note="更正")
    corrected = await dealers.correct(office.zhao, made.report.id, given)
    assert (corrected.report.version, corrected.report.entered_by_name) == (2, "Zhao")
    assert [each.product_code for each in corrected.lines] == ["C3"]
    old = await dealers.get(office.sun, made.report.id, StockVersionQuery(of_version=1))
    assert (old.lines, old.report.shown_version, old.report.version) == (made.lines, 1, 2)
    versions = await dealers.versions(office.sun, made.report.id)
    assert [(each.shown_version, each.note) for each in versions] == [(2, "更正"), (1, None)]
    with pytest.raises(NotFound):
        await dealers.get(office.sun, made.report.id, StockVersionQuery(of_version=3))
    async with database.reading_entities() as session:
        entry = await session.scalar(
            select(AuditEntry)
            .where(AuditEntry.action == "dealer_stock_report.correct")
            .order_by(AuditEntry.id.desc())
        )
    assert (list(entry.before["lines"]), list(entry.after["lines"])) == (["A1"], ["C3"])


async def test_there_is_one_report_for_a_dealer_and_day_whoever_enters_it(
    dealers, office, database
):
    ended = await asyncio.gather(
        *(dealers.report(who, report(office.customer_id)) for who in (office.sun, office.zhao) * 3),
        return_exceptions=True,
    )
    refused = [each for each in ended if isinstance(each, ReportedAlready)]
    assert len(refused) == 5
    async with database.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(DealerStockReport)) == 1
    made = next(each for each in ended if not isinstance(each, Exception))
    assert refused[0].fields == {"id": made.report.id, "version": 1}


async def test_of_many_corrections_at_once_one_is_kept(dealers, office):
    made = await dealers.report(office.sun, report(office.customer_id))
    given = [StockCorrection(version=1, lines=(line("A1", str(each)),)) for each in range(5)]
    ended = await asyncio.gather(
        *(dealers.correct(office.sun, made.report.id, each) for each in given),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 4
    assert (await dealers.get(office.sun, made.report.id, StockVersionQuery())).report.version == 2


async def test_only_the_salesperson_or_who_manages_the_channel_enters_stock(
    dealers, office, database
):
    with pytest.raises(Forbidden):
        await dealers.report(office.wang, report(office.customer_id))
    await give(database, office.customer_id, office.wang.user_id)
    made = await dealers.report(office.wang, report(office.customer_id))
    given = StockCorrection(version=1, lines=(line(),))
    with pytest.raises(Forbidden):
        await dealers.correct(office.li, made.report.id, given)
    no_edit = replace(office.wang, rights=office.wang.rights - {Right.CUSTOMER_EDIT})
    with pytest.raises(Forbidden):
        await dealers.correct(no_edit, made.report.id, given)
    assert (await dealers.correct(office.wang, made.report.id, given)).report.version == 2


async def test_whose_customer_it_is_not_sees_nothing(dealers, office, database):
    await give(database, office.customer_id, office.wang.user_id)
    made = await dealers.report(office.wang, report(office.customer_id))
    stranger = replace(office.li, scope=Scope.OWN)
    for asked in (
        dealers.report(stranger, report(office.customer_id)),
        dealers.correct(stranger, made.report.id, StockCorrection(version=1, lines=(line(),))),
        dealers.get(stranger, made.report.id, StockVersionQuery()),
        dealers.versions(stranger, made.report.id),
        dealers.reports(stranger, StockReportQuery(customer_id=office.customer_id)),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_who_buys_for_himself_reports_no_stock(dealers, office, database):
    consumer = await new_customer(database, "张先生", "consumer")
    with pytest.raises(Invalid) as refused:
        await dealers.report(office.sun, report(consumer))
    assert refused.value.fields == {"customer_id": "not a dealer"}


async def test_a_day_that_is_still_to_come_in_the_company_s_zone_is_refused(dealers, office, clock):
    clock.now = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)
    tomorrow = report(office.customer_id, day=TODAY + timedelta(days=1))
    with pytest.raises(Invalid):
        await dealers.report(office.sun, tomorrow)
    clock.pass_by(minutes=1)
    assert (await dealers.report(office.sun, tomorrow)).report.report_date == date(2026, 3, 3)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ({"product_code": "A1", "on_hand": -1},),
        ({"product_code": "A1", "on_hand": "1.2345"},),
        ({"product_code": "A1", "on_hand": "1e9"},),
        ({"product_code": "A1", "on_hand": "NaN"},),
        ({"product_code": "A" * 31, "on_hand": 1},),
        ({"product_code": " ", "on_hand": 1},),
        ({"product_code": "A\x00", "on_hand": 1},),
        ({"product_code": "A1", "on_hand": 1}, {"product_code": " A1", "on_hand": 2}),
    ],
)
def test_lines_that_cannot_be_are_refused(lines):
    with pytest.raises(ValidationError):
        NewStockReport(customer_id=1, report_date=TODAY, lines=lines)


async def test_reports_are_paged_by_day(dealers, office):
    days = [TODAY - timedelta(days=each) for each in (3, 0, 2, 1)]
    for day in days:
        await dealers.report(office.sun, report(office.customer_id, day=day))
    paged, before = [], None
    wanted = StockReportQuery(customer_id=office.customer_id, limit=3)
    while page := await dealers.reports(office.sun, wanted.model_copy(update={"before": before})):
        paged += [each.report_date for each in page]
        before = page[-1].id
    assert paged == sorted(days, reverse=True)


async def test_dealers_without_a_report_are_listed(dealers, office, database):
    agent = await new_customer(database, "河北总代", "provincial")
    below = await new_customer(database, "唐山代理", "city", agent, office.wang.user_id)
    await new_customer(database, "李女士", "consumer", below)
    await dealers.report(office.sun, report(office.customer_id, day=TODAY - timedelta(days=6)))
    await dealers.report(office.sun, report(agent, day=TODAY - timedelta(days=7)))
    ours = {office.customer_id, office.other_customer_id, agent, below}

    async def silent(who=office.sun, **more):
        found = await dealers.silent(who, SilentQuery(**{"days": 7} | more))
        return {
            each.customer_id: each.last_report_date for each in found if each.customer_id in ours
        }

    day = TODAY - timedelta(days=7)
    assert await silent() == {office.other_customer_id: None, agent: day, below: None}
    assert await silent(days=8) == {office.other_customer_id: None, below: None}
    assert await silent(under=agent) == {agent: day, below: None}
    assert await silent(under=agent, after=agent) == {below: None}
    assert await silent(under=agent, limit=1) == {agent: day}
    assert await silent(office.wang) == {below: None}
    assert await silent(office.li) == {}
    with pytest.raises(NotFound):
        await silent(under=999_999)
    async with database.begin() as session:
        gone = update(Customer).where(Customer.id == below)
        await session.execute(gone.values(erased_at=func.now()))
    assert await silent(under=agent) == {agent: day}


async def test_the_stock_of_a_subtree_is_the_sum_of_the_latest_reports(dealers, office, database):
    agent = await new_customer(database, "山东总代", "provincial")
    below = await new_customer(database, "济南代理", "city", agent)
    shop = await new_customer(database, "济南一店", "retailer", below)
    for customer_id, days, *lines in (
        (agent, 9, line("A1", "1000")),
        (agent, 1, line("A1", "5", "1", "2"), line("B2", "1.25")),
        (shop, 2, line("A1", "3", "4", "5")),
        (shop, 40, line("Z9", "99")),
        (office.customer_id, 0, line("A1", "70")),
    ):
        day = TODAY - timedelta(days=days)
        await dealers.report(office.sun, report(customer_id, *lines, day=day))

    async def summary(**more):
        found = await dealers.summary(office.sun, StockSummaryQuery(**more))
        return [(each.product_code, each.on_hand, each.dealers) for each in found]

    assert await summary(under=agent) == [("A1", 8, 2), ("B2", Decimal("1.25"), 1)]
    assert await summary(under=below) == [("A1", 3, 1)]
    assert (await summary())[0] == ("A1", 78, 3)
    assert await summary(under=agent, until=TODAY - timedelta(days=5)) == [("A1", 1000, 1)]
    assert await summary(under=shop, until=TODAY - timedelta(days=39)) == [("Z9", 99, 1)]
    assert await summary(under=agent, limit=1) == [("A1", 8, 2)]
    assert await summary(under=agent, after="A1") == [("B2", Decimal("1.25"), 1)]
    first = (await dealers.summary(office.sun, StockSummaryQuery(under=agent)))[0]
    assert (first.sold, first.needed) == (5, 7)
    with pytest.raises(Forbidden):
        await dealers.summary(office.wang, StockSummaryQuery())


async def test_a_correction_counts_in_the_summary_and_the_old_version_does_not(dealers, office):
    made = await dealers.report(office.sun, report(office.customer_id, line("A1", "5")))
    given = StockCorrection(version=1, lines=(line("A1", "6"),))
    await dealers.correct(office.sun, made.report.id, given)
    (found,) = await dealers.summary(office.sun, StockSummaryQuery(under=office.customer_id))
    assert found.on_hand == 6


async def test_of_two_reports_for_a_day_the_kept_customer_s_stays_when_both_are_merged(
    dealers, office, database
):
    kept = await new_customer(database, "甲店", "city")
    dropped = await new_customer(database, "甲店（重）", "city")
    own = await dealers.report(office.sun, report(kept))
    for day in (TODAY, TODAY - timedelta(days=1)):
        await dealers.report(office.sun, report(dropped, day=day))
    merging = MergeService(database)
    merge = await merging.merge(SYSTEM, (kept, 1), (dropped, 1))
    found = await dealers.reports(office.sun, StockReportQuery(customer_id=kept))
    assert [each.report_date for each in found] == [TODAY, TODAY - timedelta(days=1)]
    assert found[0] == own.report
    await merging.undo(SYSTEM, merge.id)
    found = await dealers.reports(office.sun, StockReportQuery(customer_id=dropped))
    assert len(found) == 2


async def test_the_tables_themselves_refuse_less_than_nothing(dealers, office, database):
    made = await dealers.report(office.sun, report(office.customer_id))
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await session.execute(
                text("UPDATE dealer_stock_lines SET sold = -1 WHERE report_id = :id"),
                {"id": made.report.id},
            )
