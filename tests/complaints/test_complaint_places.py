"""Complaints counted by who handles them, by grade and by the customer's salesperson and place; lists by words and days."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from crm_core.complaints.commands import ComplaintQuery, NewComplaint, ReportQuery, Resolve
from crm_core.complaints.service import ComplaintService
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.customers.tables import Customer
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import Access
from tests.crm_core.crm_office import empty

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def complaints(database, office, clock):
    await empty(database, ComplaintStep, Complaint)
    async with database.begin() as session:
        for customer_id, city, seller in (
            (office.customer_id, "天津", office.li.user_id),
            (office.other_customer_id, "北京", None),
        ):
            await session.execute(
                update(Customer)
                .where(Customer.id == customer_id)
                .values(province=f"{city}市", city=city, salesperson_id=seller)
            )
    return ComplaintService(database, clock=clock)


@pytest.fixture
def enter(complaints, office, clock):
    async def make(customer_id, day=0, **more):
        clock.now = FIRST + timedelta(days=day)
        new = {"customer_id": customer_id, "category_code": "other", "description": "投诉"}
        return await complaints.create(office.wang, NewComplaint.model_validate(new | more))

    return make


def march(*by: str) -> ReportQuery:
    return ReportQuery(since=FIRST, until=FIRST + timedelta(days=31), by=by)


async def test_complaints_are_counted_by_handler_and_grade(complaints, office, enter):
    one = await enter(office.customer_id, severity=3)
    await enter(office.customer_id, severity=3)
    await enter(office.customer_id, severity=1)
    await complaints.take(office.wang, one.id)
    lines = await complaints.report(office.zhao, march("severity", "handler"))
    assert [(each.severity, each.handler_name, each.count) for each in lines] == [
        (1, None, 1),
        (3, "Wang", 1),
        (3, None, 1),
    ]
    assert {each.handler_id for each in lines} == {office.wang.user_id, None}
    (line,) = await complaints.report(office.zhao, march())
    assert (line.count, line.severity, line.handler_id, line.salesperson_id) == (
        3,
        None,
        None,
        None,
    )


async def test_complaints_are_counted_by_salesperson_and_place(complaints, office, enter):
    for customer_id in (office.customer_id, office.customer_id, office.other_customer_id):
        await enter(customer_id)
    lines = await complaints.report(office.zhao, march("salesperson"))
    assert [(each.salesperson_id, each.salesperson_name, each.count) for each in lines] == [
        (office.li.user_id, "Li", 2),
        (None, None, 1),
    ]
    lines = await complaints.report(office.zhao, march("province", "state", "month"))
    assert {(each.province, each.city, each.state, each.count) for each in lines} == {
        ("天津市", None, "open", 2),
        ("北京市", None, "open", 1),
    }
    lines = await complaints.report(office.zhao, march("city"))
    assert {(each.province, each.city, each.count) for each in lines} == {
        ("天津市", "天津", 2),
        ("北京市", "北京", 1),
    }


async def test_nothing_is_counted_twice_or_by_what_may_not_be_seen(complaints, office):
    for by in (("province", "city"), ("handler", "handler"), ("severity", "severity")):
        with pytest.raises(Invalid):
            await complaints.report(office.zhao, march(*by))
    for field, by in (
        ("salesperson", "salesperson"),
        ("province", "province"),
        ("province", "city"),
        ("city", "city"),
    ):
        narrow = replace(office.zhao, fields={f"customer.{field}": Access.HIDDEN})
        with pytest.raises(Forbidden):
            await complaints.report(narrow, march(by))
        assert await complaints.report(narrow, march("handler")) == ()


async def test_lists_are_narrowed_by_words_grade_and_days(complaints, office, enter):
    early = await enter(office.customer_id, description="箱子100%破了", severity=3)
    late = await enter(office.other_customer_id, 2, order_number="D-778")
    await complaints.take(office.wang, late.id)
    await complaints.resolve(office.wang, late.id, Resolve(version=2, resolution="换新货"))
    day = timedelta(days=1)
    for wanted, found in (
        ({"text": "破了"}, [early]),
        ({"text": "100%"}, [early]),
        ({"text": "1%"}, []),
        ({"text": "d-77"}, [late]),
        ({"text": "换新"}, [late]),
        ({"text": "北京"}, [late]),
        ({"severity": 3}, [early]),
        ({"severity": 1}, []),
        ({"since": FIRST, "until": FIRST + day}, [early]),
        ({"since": FIRST + 2 * day, "until": FIRST + 3 * day}, [late]),
        ({"until": FIRST + 2 * day}, [early]),
        ({"since": FIRST + timedelta(seconds=1)}, [late]),
    ):
        listed = await complaints.listed(office.zhao, ComplaintQuery.model_validate(wanted))
        assert [each.id for each in listed] == [each.id for each in found], wanted


async def test_words_are_not_looked_for_in_what_is_hidden(complaints, office, enter):
    made = await enter(office.customer_id, description="箱子破了", order_number="D-1")
    for field, text, there in (
        ("complaint.description", "破", 0),
        ("complaint.resolution", "破", 1),
        ("complaint.description", "D-1", 1),
    ):
        narrow = replace(office.zhao, fields={field: Access.HIDDEN})
        found = await complaints.listed(narrow, ComplaintQuery(text=text))
        assert [each.id for each in found] == [made.id] * there
