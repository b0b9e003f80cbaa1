from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.complaints import report
from crm_core.complaints.commands import NewComplaint, Reason, ReportQuery, Resolve
from crm_core.complaints.service import ComplaintService
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.errors import Invalid
from tests.crm_core.crm_office import empty

CHINA = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2026, 3, 1, tzinfo=CHINA)


@pytest.fixture
async def complaints(database, office, clock):
    await empty(database, ComplaintStep, Complaint)
    return ComplaintService(database, clock=clock)


@pytest.fixture
def enter(complaints, office, clock):
    async def make(at, category="delivery_late", *, resolved_after=None, rejected_after=None):
        """A complaint entered then, and handled after so many hours."""
        clock.now = at.astimezone(UTC)
        made = await complaints.create(
            office.wang,
            NewComplaint(
                customer_id=office.customer_id, category_code=category, description="投诉"
            ),
        )
        if resolved_after is not None:
            clock.pass_by(hours=resolved_after)
            await complaints.take(office.wang, made.id)
            done = Resolve(version=2, resolution="好")
            await complaints.resolve(office.wang, made.id, done)
        if rejected_after is not None:
            clock.pass_by(hours=rejected_after)
            await complaints.reject(office.zhao, made.id, Reason(version=1, reason="无"))

    return make


def march(*by):
    return ReportQuery(since=FIRST, until=FIRST + timedelta(days=31), by=by)


async def test_each_category_has_its_counts_hours_and_overdue_share(
    complaints, office, enter, clock
):
    await enter(FIRST, resolved_after=10)
    await enter(FIRST, resolved_after=30)  # 24 hours are allowed
    await enter(FIRST, rejected_after=1)
    await enter(FIRST)  # not handled
    await enter(FIRST, "invoice")  # not handled, and in time
    clock.now = (FIRST + timedelta(hours=48)).astimezone(UTC)
    late, invoice = await complaints.report(office.zhao, march("category"))
    assert (late.category_code, late.category_zh) == ("delivery_late", "配送延误")
    assert (late.count, late.unhandled, late.overdue, late.overdue_share) == (4, 1, 2, 0.5)
    assert late.handling_hours == pytest.approx(20)
    assert (late.state, late.period_start, late.satisfaction) == (None, None, None)
    assert (invoice.count, invoice.overdue_share, invoice.handling_hours) == (1, 0, None)


async def test_the_range_is_half_open_in_the_companys_zone(complaints, office, enter):
    await enter(FIRST - timedelta(seconds=1))
    await enter(FIRST)
    await enter(FIRST + timedelta(days=31) - timedelta(seconds=1))
    await enter(FIRST + timedelta(days=31))
    (line,) = await complaints.report(office.zhao, march("category"))
    assert line.count == 2


async def test_days_begin_at_midnight_in_the_zone_of_the_range(complaints, office, enter):
    await enter(FIRST + timedelta(hours=1))  # still February in UTC
    await enter(FIRST + timedelta(hours=23))
    await enter(FIRST + timedelta(hours=24))
    days = await complaints.report(office.zhao, march("day"))
    assert [(each.period_start, each.count) for each in days] == [
        (FIRST, 2),
        (FIRST + timedelta(days=1), 1),
    ]
    in_utc = ReportQuery(
        since=datetime(2026, 2, 1, tzinfo=UTC), until=datetime(2026, 4, 1, tzinfo=UTC), by=("day",)
    )
    days = await complaints.report(office.zhao, in_utc)
    assert [(each.period_start, each.count) for each in days] == [
        (datetime(2026, 2, 28, tzinfo=UTC), 1),
        (datetime(2026, 3, 1, tzinfo=UTC), 2),
    ]
    (month,) = await complaints.report(office.zhao, march("month"))
    assert (month.period_start, month.count) == (FIRST, 3)
    weeks = await complaints.report(office.zhao, march("week"))
    assert [each.count for each in weeks] == [2, 1]
    assert weeks[1].period_start == datetime(2026, 3, 2, tzinfo=CHINA)


async def test_groupings_are_combined_and_branches_added_to_their_root(complaints, office, enter):
    await enter(FIRST, "delivery_late")
    await enter(FIRST, "delivery_wrong", resolved_after=1)
    await enter(FIRST, "delivery", resolved_after=3)
    await enter(FIRST, "other")
    roots = await complaints.report(office.zhao, march("top_category"))
    assert [(each.category_code, each.count) for each in roots] == [("delivery", 3), ("other", 1)]
    assert roots[0].handling_hours == pytest.approx(2)
    lines = await complaints.report(office.zhao, march("state", "top_category", "month"))
    assert [(each.category_code, each.state, each.count) for each in lines] == [
        ("delivery", "open", 1),
        ("delivery", "resolved", 2),
        ("other", "open", 1),
    ]
    (all_of_them,) = await complaints.report(office.zhao, march())
    assert (all_of_them.count, all_of_them.category_code) == (4, None)


async def test_an_empty_range_has_no_lines(complaints, office):
    assert await complaints.report(office.zhao, march("category")) == ()


@pytest.mark.parametrize(
    ("until", "by"),
    [
        (FIRST, ("category",)),
        (FIRST - timedelta(days=1), ("category",)),
        (FIRST + timedelta(days=732), ("category",)),
        (FIRST + timedelta(days=1), ("category", "top_category")),
        (FIRST + timedelta(days=1), ("day", "week")),
        (FIRST + timedelta(days=1), ("state", "state")),
    ],
)
async def test_a_report_that_makes_no_sense_is_refused(complaints, office, until, by):
    with pytest.raises(Invalid):
        await complaints.report(office.zhao, ReportQuery(since=FIRST, until=until, by=by))


@given(st.timedeltas(timedelta(0), timedelta(days=800)))
def test_ranges_up_to_two_years_are_reported(length):
    wanted = ReportQuery(since=FIRST, until=FIRST + length)
    if timedelta(0) < length <= timedelta(days=731):
        report.check(wanted)
    else:
        with pytest.raises(Invalid):
            report.check(wanted)
