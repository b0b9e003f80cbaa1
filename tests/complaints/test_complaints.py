import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from crm_core.audit.tables import AuditEntry
from crm_core.complaints.commands import (
    Assign,
    CategoryEdit,
    Close,
    Comment,
    ComplaintEdit,
    ComplaintQuery,
    NewCategory,
    NewComplaint,
    OverdueQuery,
    Reason,
    ReportQuery,
    Resolve,
    StepQuery,
)
from crm_core.complaints.flow import MoveNotAllowed
from crm_core.complaints.service import ComplaintService
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM, Right, Scope
from crm_core.timeline import Place
from tests.crm_core.crm_office import empty


@pytest.fixture
async def complaints(database, office, clock):
    await empty(database, ComplaintStep, Complaint)
    return ComplaintService(database, clock=clock)


@pytest.fixture
def new(office):
    def make(category="delivery_late", **more):
        given = {"customer_id": office.customer_id, "description": "三天还没到"} | more
        return NewComplaint(category_code=category, **given)

    return make


def ids(found):
    return [each.id for each in found]


async def resolved(complaints, office, new, **more):
    made = await complaints.create(office.wang, new(**more))
    taken = await complaints.take(office.wang, made.id)
    return await complaints.resolve(
        office.wang, made.id, Resolve(version=taken.version, resolution="补发")
    )


async def test_a_complaint_is_due_after_the_hours_of_its_category(complaints, office, new, clock):
    made = await complaints.create(
        office.wang, new(severity=3, call_id="b" * 32, order_number="D20260302-1", channel="online")
    )
    assert (made.state, made.severity, made.channel) == ("open", 3, "online")
    assert (made.customer_name, made.category_zh) == ("天津一号店", "配送延误")
    assert (made.entered_by_name, made.handler_id) == ("Wang", None)
    assert made.due_at == clock() + timedelta(hours=24)
    assert not made.overdue
    clock.pass_by(hours=24, seconds=1)
    assert (await complaints.get(office.li, made.id)).overdue


async def test_it_needs_a_customer_and_an_active_category(complaints, office, new):
    with pytest.raises(NotFound):
        await complaints.create(office.wang, new(customer_id=987_654))
    with pytest.raises(Invalid) as refused:
        await complaints.create(office.wang, new("no_such"))
    assert refused.value.fields == {"category_code": "unknown"}
    made = await complaints.categories.add(
        office.zhao,
        NewCategory(code="old_one", name_zh="旧", name_en="Old", handling_hours=1, active=False),
    )
    with pytest.raises(Invalid):
        await complaints.create(office.wang, new(made.code))


async def test_a_complaint_goes_from_entering_to_closing(complaints, office, new, clock):
    made = await complaints.create(office.wang, new())
    clock.pass_by(hours=1)
    taken = await complaints.take(office.li, made.id)
    assert (taken.state, taken.handler_name) == ("in_progress", "Li")
    await complaints.comment(office.wang, made.id, Comment(text="客户又来电"))
    clock.pass_by(hours=2)
    settled = await complaints.resolve(
        office.li,
        made.id,
        Resolve(version=taken.version, resolution="补发一箱", compensation="优惠券20元"),
    )
    assert (settled.state, settled.resolution, settled.handled_at) == (
        "resolved",
        "补发一箱",
        clock(),
    )
    clock.pass_by(hours=1)
    closed = await complaints.close(
        office.wang, made.id, Close(version=settled.version, satisfaction=4)
    )
    assert (closed.state, closed.satisfaction, closed.closed_at) == ("closed", 4, clock())
    log = await complaints.steps(office.wang, made.id, StepQuery())
    assert [(each.kind, each.from_state, each.to_state, each.actor_name) for each in log] == [
        ("state", None, "open", "Wang"),
        ("state", "open", "in_progress", "Li"),
        ("comment", None, None, "Wang"),
        ("state", "in_progress", "resolved", "Li"),
        ("state", "resolved", "closed", "Wang"),
    ]
    assert log[2].text == "客户又来电"
    assert log[3].text == "补发一箱"
    page = await complaints.steps(office.wang, made.id, StepQuery(after=log[1].id, limit=2))
    assert ids(page) == ids(log[2:4])


async def test_of_several_who_take_a_complaint_at_once_one_does(complaints, office, new):
    for _ in range(4):
        made = await complaints.create(office.wang, new())
        people = (office.wang, office.li, office.zhao, office.qian)
        ended = await asyncio.gather(
            *(complaints.take(each, made.id) for each in people), return_exceptions=True
        )
        taken = [each for each in ended if not isinstance(each, Exception)]
        assert len(taken) == 1
        assert sum(isinstance(each, MoveNotAllowed) for each in ended) == 3
        now = await complaints.get(office.wang, made.id)
        assert now.handler_id == taken[0].handler_id
        log = await complaints.steps(office.wang, made.id, StepQuery())
        assert [each.to_user_id for each in log] == [None, now.handler_id]


async def test_of_several_edits_from_one_version_one_is_kept(complaints, office, new):
    made = await complaints.create(office.wang, new())
    edits = [ComplaintEdit(version=1, description=f"第{n}人") for n in range(6)]
    ended = await asyncio.gather(
        *(complaints.edit(office.li, made.id, each) for each in edits), return_exceptions=True
    )
    kept = [each for each in ended if not isinstance(each, Exception)]
    assert len(kept) == 1
    assert sum(type(each) is Conflict for each in ended) == 5
    now = await complaints.get(office.wang, made.id)
    assert (now.description, now.version) == (kept[0].description, 2)


async def test_resolving_and_rejecting_at_once_leaves_one_of_them(complaints, office, new):
    made = await complaints.create(office.wang, new())
    taken = await complaints.take(office.wang, made.id)
    ended = await asyncio.gather(
        complaints.resolve(office.wang, made.id, Resolve(version=taken.version, resolution="好")),
        complaints.reject(office.zhao, made.id, Reason(version=taken.version, reason="无理")),
        return_exceptions=True,
    )
    assert sum(isinstance(each, MoveNotAllowed) for each in ended) == 1


async def test_another_category_brings_its_own_due_time(complaints, office, new, clock):
    made = await complaints.create(office.wang, new("delivery_late"))
    clock.pass_by(hours=5)
    moved = await complaints.edit(
        office.wang, made.id, ComplaintEdit(version=1, category_code="invoice")
    )
    assert moved.due_at == made.created_at + timedelta(hours=72)
    same = await complaints.edit(office.wang, made.id, ComplaintEdit(version=2, severity=1))
    assert (same.due_at, same.severity, same.category_code) == (moved.due_at, 1, "invoice")
    with pytest.raises(Invalid):
        await complaints.edit(
            office.wang, made.id, ComplaintEdit(version=3, category_code="no_such")
        )


async def test_only_the_handler_or_a_manager_resolves_it(complaints, office, new):
    made = await complaints.create(office.wang, new())
    taken = await complaints.take(office.wang, made.id)
    done = Resolve(version=taken.version, resolution="好")
    with pytest.raises(Forbidden):
        await complaints.resolve(office.li, made.id, done)
    assert (await complaints.resolve(office.zhao, made.id, done)).state == "resolved"


async def test_a_manager_hands_it_over_to_people_who_handle_complaints(complaints, office, new):
    made = await complaints.create(office.wang, new())
    to_li = Assign(version=1, handler_id=office.li.user_id, comment="你熟悉")
    with pytest.raises(Forbidden):
        await complaints.assign(office.wang, made.id, to_li)
    given = await complaints.assign(office.zhao, made.id, to_li)
    assert (given.state, given.handler_id) == ("in_progress", office.li.user_id)
    given = await complaints.assign(
        office.zhao, made.id, Assign(version=2, handler_id=office.wang.user_id)
    )
    assert (given.state, given.handler_id) == ("in_progress", office.wang.user_id)
    for nobody in (office.sun.user_id, office.gone.user_id, 999_999):
        with pytest.raises(Invalid):
            await complaints.assign(office.zhao, made.id, Assign(version=3, handler_id=nobody))
    log = await complaints.steps(office.zhao, made.id, StepQuery())
    assert [(each.kind, each.to_user_name, each.text) for each in log[1:]] == [
        ("handover", "Li", "你熟悉"),
        ("handover", "Wang", None),
    ]


async def test_a_reopened_complaint_is_due_anew_and_loses_its_mark(complaints, office, new, clock):
    settled = await resolved(complaints, office, new)
    closed = await complaints.close(
        office.wang, settled.id, Close(version=settled.version, satisfaction=1)
    )
    clock.pass_by(days=3)
    again = await complaints.reopen(
        office.li, closed.id, Reason(version=closed.version, reason="又没到")
    )
    assert (again.state, again.reopened, again.satisfaction) == ("reopened", 1, None)
    assert (again.handled_at, again.closed_at) == (None, None)
    assert again.due_at == clock() + timedelta(hours=24)
    moved = await complaints.edit(
        office.li, again.id, ComplaintEdit(version=again.version, category_code="invoice")
    )
    assert moved.due_at == clock() + timedelta(hours=72)
    assert (await complaints.take(office.li, again.id)).handler_id == office.li.user_id


async def test_a_rejected_complaint_is_reopened_by_managers_only(complaints, office, new):
    made = await complaints.create(office.wang, new())
    reason = Reason(version=1, reason="不是我们的订单")
    with pytest.raises(Forbidden):
        await complaints.reject(office.wang, made.id, reason)
    rejected = await complaints.reject(office.zhao, made.id, reason)
    assert (rejected.state, rejected.resolution) == ("rejected", "不是我们的订单")
    with pytest.raises(Forbidden):
        await complaints.reopen(office.wang, made.id, Reason(version=2, reason="是"))
    again = await complaints.reopen(office.zhao, made.id, Reason(version=2, reason="是"))
    assert again.state == "reopened"


async def test_what_is_handled_is_not_changed_any_more(complaints, office, new):
    settled = await resolved(complaints, office, new)
    version = settled.version
    for attempt in (
        complaints.take(office.li, settled.id),
        complaints.edit(office.li, settled.id, ComplaintEdit(version=version, severity=1)),
        complaints.reject(office.zhao, settled.id, Reason(version=version, reason="x")),
        complaints.resolve(office.wang, settled.id, Resolve(version=version, resolution="x")),
    ):
        with pytest.raises(MoveNotAllowed) as refused:
            await attempt
        assert refused.value.fields == {"state": "resolved"}
    await complaints.comment(office.li, settled.id, Comment(text="客户满意"))
    with pytest.raises(Conflict):
        await complaints.close(office.wang, settled.id, Close(version=version - 1))
    with pytest.raises(Invalid):
        await complaints.take(SYSTEM, settled.id)


async def test_without_the_right_nothing_is_seen_or_done(complaints, office, new):
    made = await complaints.create(office.wang, new())
    someone = office.sun
    assert Right.COMPLAINT_WORK not in someone.rights
    for attempt in (
        complaints.create(someone, new()),
        complaints.get(someone, made.id),
        complaints.listed(someone, ComplaintQuery()),
        complaints.overdue(someone, OverdueQuery()),
        complaints.steps(someone, made.id, StepQuery()),
        complaints.comment(someone, made.id, Comment(text="x")),
        complaints.take(someone, made.id),
        complaints.edit(someone, made.id, ComplaintEdit(version=1)),
        complaints.reopen(someone, made.id, Reason(version=1, reason="x")),
        complaints.close(someone, made.id, Close(version=1)),
        complaints.categories.all(someone),
    ):
        with pytest.raises(Forbidden):
            await attempt
    category = NewCategory(code="x", name_zh="x", name_en="x", handling_hours=1)
    range_ = ReportQuery(since=made.created_at, until=made.created_at + timedelta(days=1))
    for attempt in (
        complaints.report(office.wang, range_),
        complaints.categories.add(office.wang, category),
        complaints.categories.edit(office.wang, CategoryEdit(version=1, code="other")),
    ):
        with pytest.raises(Forbidden):
            await attempt
    for attempt in (
        complaints.get(office.wang, 987_654),
        complaints.take(office.wang, 987_654),
        complaints.comment(office.wang, 987_654, Comment(text="x")),
        complaints.steps(office.wang, 987_654, StepQuery()),
        complaints.listed(office.wang, ComplaintQuery(customer_id=987_654)),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_lists_are_narrowed_paged_and_count_what_stands_below_a_category(
    complaints, office, new
):
    late = await complaints.create(office.wang, new("delivery_late"))
    wrong = await complaints.create(
        office.wang, new("delivery_wrong", customer_id=office.other_customer_id)
    )
    invoice = await complaints.create(office.wang, new("invoice"))
    settled = await resolved(complaints, office, new, category="price")
    every = (settled, invoice, wrong, late)
    assert ids(await complaints.listed(office.li, ComplaintQuery())) == ids(every)
    for query, found in (
        (ComplaintQuery(category_code="delivery"), (wrong, late)),
        (ComplaintQuery(category_code="delivery_wrong"), (wrong,)),
        (ComplaintQuery(customer_id=office.other_customer_id), (wrong,)),
        (ComplaintQuery(state="resolved"), (settled,)),
        (ComplaintQuery(open=True), (invoice, wrong, late)),
        (ComplaintQuery(handler_id=office.wang.user_id), (settled,)),
        (ComplaintQuery(category_code="no_such"), ()),
        (ComplaintQuery(limit=2), (settled, invoice)),
        (ComplaintQuery(limit=2, before=invoice.id), (wrong, late)),
    ):
        assert ids(await complaints.listed(office.li, query)) == ids(found), query


async def test_the_overdue_ones_come_longest_overdue_first_in_pages(complaints, office, new, clock):
    slow = await complaints.create(office.wang, new("invoice"))
    first = await complaints.create(office.wang, new())
    second = await complaints.create(office.wang, new())
    await complaints.create(office.wang, new("returns"))
    settled = await resolved(complaints, office, new)
    clock.pass_by(hours=60)
    assert ids(await complaints.overdue(office.li, OverdueQuery())) == ids((first, second))
    clock.pass_by(hours=13)
    page = await complaints.overdue(office.li, OverdueQuery(limit=2))
    assert ids(page) == ids((first, second))
    rest = await complaints.overdue(office.li, OverdueQuery(after=second.id))
    assert ids(rest)[0] == slow.id
    assert settled.id not in ids(rest)
    await complaints.take(office.li, second.id)
    of_li = OverdueQuery(handler_id=office.li.user_id)
    assert ids(await complaints.overdue(office.li, of_li)) == [second.id]


async def test_the_card_shows_the_five_gravest_open_ones(complaints, office, new):
    made = [await complaints.create(office.wang, new(severity=n % 3 + 1)) for n in range(6)]
    await resolved(complaints, office, new, severity=3)
    await complaints.create(office.wang, new(customer_id=office.other_customer_id, severity=3))
    briefs = [
        each for each in await complaints.on_card(office.customer_id) if each.handled_at is None
    ]
    assert ids(briefs) == [made[n].id for n in (2, 5, 1, 4, 0)]
    assert (briefs[0].category_zh, briefs[0].severity, briefs[0].state) == ("配送延误", 3, "open")


async def test_the_customers_history_tells_of_every_change_of_state(
    complaints, office, new, clock, database
):
    made = await complaints.create(office.wang, new(description="长" * 300, severity=3))
    clock.pass_by(minutes=1)
    await complaints.comment(office.li, made.id, Comment(text="不算"))
    await complaints.edit(office.li, made.id, ComplaintEdit(version=1, severity=2))
    await complaints.assign(office.zhao, made.id, Assign(version=2, handler_id=office.li.user_id))
    await complaints.assign(office.zhao, made.id, Assign(version=3, handler_id=office.wang.user_id))
    clock.pass_by(minutes=1)
    await complaints.resolve(office.wang, made.id, Resolve(version=4, resolution="好"))
    clock.pass_by(minutes=1)
    customers = (office.customer_id, office.other_customer_id)
    async with database.reading() as connection:
        told = await complaints.entries(connection, customers, Place(clock()), 10)
        assert [(each.kind, each.actor_id) for each in told] == [
            ("complaint.resolved", office.wang.user_id),
            ("complaint.in_progress", office.zhao.user_id),
            ("complaint.open", office.wang.user_id),
        ]
        assert told[0].title == "长" * 100
        assert told[0].reference == str(made.id)
        assert told[0].params["category_zh"] == "配送延误"
        older = await complaints.entries(connection, customers, Place(told[0].at), 1)
        assert [each.kind for each in older] == ["complaint.in_progress"]
        assert await complaints.entries(connection, (), Place(clock()), 10) == ()


async def test_every_change_leaves_its_audit_entry(complaints, office, new, database):
    settled = await resolved(complaints, office, new)
    await complaints.comment(office.li, settled.id, Comment(text="x"))
    async with database.reading() as connection:
        rows = (
            await connection.execute(
                select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.before, AuditEntry.after)
                .where(AuditEntry.entity == "complaint", AuditEntry.entity_id == str(settled.id))
                .order_by(AuditEntry.id)
            )
        ).all()
    assert [row.action for row in rows] == [
        "complaint.create",
        "complaint.take",
        "complaint.resolve",
        "complaint.comment",
    ]
    assert rows[1].before == {"state": "open", "handler_id": None}
    assert rows[1].after == {"state": "in_progress", "handler_id": office.wang.user_id}
    assert rows[3].actor_id == office.li.user_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"customer_id": 0},
        {"category_code": "A'; DROP TABLE complaints; --"},
        {"severity": 0},
        {"severity": 4},
        {"channel": "smoke"},
        {"description": " "},
        {"description": "x" * 4001},
        {"description": "a\x00b"},
        {"call_id": "1"},
        {"order_number": "x" * 31},
        {"state": "closed"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(wrong):
    right = {"customer_id": 1, "category_code": "other", "description": "好"}
    with pytest.raises(ValidationError) as refused:
        NewComplaint.model_validate(right | wrong)
    assert [each["loc"][0] for each in refused.value.errors()] == list(wrong)


@pytest.mark.parametrize(
    "broken",
    [
        "state = 'lost'",
        "state = 'resolved'",
        "state = 'in_progress'",
        "handled_at = now()",
        "closed_at = now()",
        "satisfaction = 3",
        "severity = 4",
        "channel = 'smoke'",
    ],
)
async def test_postgresql_keeps_what_the_rules_say(complaints, office, new, database, broken):
    await complaints.create(office.wang, new())
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await session.execute(text(f"UPDATE complaints SET {broken}"))


async def test_whoever_sees_only_own_customers_sees_only_their_complaints(
    complaints, office, new, database, clock
):
    mine = await complaints.create(office.wang, new())
    other = await complaints.create(office.wang, new(customer_id=office.other_customer_id))
    async with database.begin() as session:
        await session.execute(
            update(Customer)
            .where(Customer.id == office.other_customer_id)
            .values(salesperson_id=office.li.user_id)
        )
    narrow = replace(office.zhao, scope=Scope.OWN)
    assert ids(await complaints.listed(narrow, ComplaintQuery())) == [mine.id]
    with pytest.raises(NotFound):
        await complaints.get(narrow, other.id)
    clock.pass_by(days=30)
    assert ids(await complaints.overdue(narrow, OverdueQuery())) == [mine.id]
    period = ReportQuery(since=clock() - timedelta(days=60), until=clock())
    assert [line.count for line in await complaints.report(narrow, period)] == [1]
    assert [line.count for line in await complaints.report(office.zhao, period)] == [2]
    async with database.begin() as session:
        await session.execute(update(Customer).values(salesperson_id=None))
