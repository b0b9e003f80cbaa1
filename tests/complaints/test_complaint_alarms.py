"""An overdue complaint is its handler's to-do, then the supervisor's."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from crm_core.bus import Bus
from crm_core.complaints.alarms import ComplaintAlarms
from crm_core.complaints.commands import Assign, Comment, NewComplaint, Resolve
from crm_core.complaints.service import ComplaintService
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.customers.tables import Customer
from crm_core.errors import Invalid
from crm_core.people.tables import User
from crm_core.todos.alarms import TodoAlarms
from crm_core.todos.commands import Close, TodoQuery, TodoState
from crm_core.todos.events import TodoAlarm, TodoEscalated
from crm_core.todos.service import TodoService
from crm_core.todos.tables import Todo
from tests.crm_core.crm_office import empty
from tests.todos.refused_todos import refusing


class Desk:
    def __init__(self, database, office, clock):
        self.office, self.clock = office, clock
        self.complaints = ComplaintService(database, clock=clock)
        self.todos = TodoService(database, clock=clock)
        self.worker = ComplaintAlarms(database, clock=clock)

    async def entered(self):
        new = NewComplaint(
            customer_id=self.office.customer_id, category_code="delivery_late", description="没到"
        )
        return await self.complaints.create(self.office.wang, new)

    async def of(self, who, **more):
        return await self.todos.listed(who, TodoQuery(**more))


@pytest.fixture
async def desk(database, office, clock):
    await empty(database, ComplaintStep, Complaint, Todo)
    return Desk(database, office, clock)


async def test_an_overdue_complaint_alarms_its_handler_and_then_the_supervisor(
    desk, office, clock, database
):
    made = await desk.entered()
    taken = await desk.complaints.take(office.li, made.id)
    clock.pass_by(hours=24)
    assert await desk.worker.run_once() == 1
    assert await desk.worker.run_once() == 0
    (todo,) = await desk.of(office.li)
    assert f"#{made.id}" in todo.title
    bus, heard = Bus(), []
    bus.subscribe(heard.append, TodoAlarm, TodoEscalated)
    alarms = TodoAlarms(database, bus, clock=clock)
    await alarms.run_once()
    clock.pass_by(minutes=30)
    await alarms.run_once()
    assert [type(each) for each in heard] == [TodoAlarm, TodoEscalated]
    assert heard[0].assignee_id == office.li.user_id
    given = Resolve(version=taken.version, resolution="补发")
    await desk.complaints.resolve(office.li, made.id, given)
    assert await desk.of(office.li) == ()
    assert await desk.worker.run_once() == 0


async def test_one_that_nobody_handles_is_the_supervisors(desk, office, clock):
    made = await desk.entered()
    clock.pass_by(hours=25)
    assert await desk.worker.run_once() == 1
    (todo,) = await desk.of(office.zhao)
    await desk.complaints.take(office.li, made.id)
    assert await desk.of(office.zhao) == ()
    assert await desk.worker.run_once() == 1
    assert [each.id for each in await desk.of(office.li)] != [todo.id]


async def test_a_complaint_that_is_handed_over_is_the_new_handlers(desk, office, clock):
    made = await desk.entered()
    taken = await desk.complaints.take(office.li, made.id)
    clock.pass_by(hours=25)
    await desk.worker.run_once()
    given = Assign(version=taken.version, handler_id=office.wang.user_id)
    await desk.complaints.assign(office.zhao, made.id, given)
    assert await desk.of(office.li) == ()
    await desk.worker.run_once()
    assert len(await desk.of(office.wang)) == 1


async def test_who_calls_it_done_without_handling_it_is_not_asked_at_once_again(
    desk, office, clock
):
    made = await desk.entered()
    await desk.complaints.take(office.li, made.id)
    clock.pass_by(hours=25)
    await desk.worker.run_once()
    (todo,) = await desk.of(office.li)
    await desk.todos.complete(office.li, todo.id, Close(version=1))
    assert await desk.worker.run_once() == 0
    await desk.complaints.comment(office.li, made.id, Comment(text="问过仓库"))
    assert await desk.worker.run_once() == 0
    assert len(await desk.of(office.li, state=TodoState.DONE)) == 1


async def test_without_anybody_at_work_it_waits_for_somebody(desk, office, clock, database):
    await desk.entered()
    clock.pass_by(hours=25)
    bosses = (office.zhao.user_id, office.qian.user_id)
    async with database.begin() as session:
        await session.execute(update(User).where(User.id.in_(bosses)).values(active=False))
    assert await desk.worker.run_once() == 0
    async with database.begin() as session:
        await session.execute(update(User).where(User.id.in_(bosses)).values(active=True))
    assert await desk.worker.run_once() == 1


async def test_one_whose_customer_was_erased_asks_nobody_and_stops_no_other(
    desk, office, clock, database
):
    made, erased = await desk.entered(), await desk.entered()
    async with database.begin() as session:
        forgotten = Customer(
            name="已删除", level_code="city", price_policy_code="list", erased_at=clock()
        )
        session.add(forgotten)
        await session.flush()
        moved = update(Complaint).where(Complaint.id == erased.id)
        await session.execute(
            moved.values(customer_id=forgotten.id, due_at=made.due_at - timedelta(hours=1))
        )
    clock.pass_by(hours=25)
    assert await desk.worker.run_once() == 1
    assert [each.source_reference for each in await desk.of(office.zhao)] == [f"{made.id}:1"]


async def test_one_that_cannot_be_asked_for_stops_no_other(desk, office, clock, database):
    made = [await desk.entered() for _ in range(3)]
    clock.pass_by(hours=25)
    worker = ComplaintAlarms(database, clock=clock, batch=1)
    async with refusing(database, f"% #{made[0].id} %"):
        assert await worker.run_once() == 2
        assert await worker.run_once() == 0
    assert await worker.run_once() == 1


async def test_the_card_shows_what_waits_and_what_was_handled_lately(desk, office, clock):
    old, waiting = await desk.entered(), await desk.entered()
    taken = await desk.complaints.take(office.li, old.id)
    given = Resolve(version=taken.version, resolution="补发")
    await desk.complaints.resolve(office.li, old.id, given)
    briefs = await desk.complaints.on_card(office.customer_id)
    assert [(each.id, each.state, each.handler_name) for each in briefs] == [
        (waiting.id, "open", None),
        (old.id, "resolved", "Li"),
    ]
    clock.pass_by(days=91)
    assert [each.id for each in await desk.complaints.on_card(office.customer_id)] == [waiting.id]


async def test_the_order_of_a_complaint_is_the_customers(database, office, clock):
    async def is_order_of(_session, number, customer_id):
        return (number, customer_id) == ("D1", office.customer_id)

    complaints = ComplaintService(database, clock=clock, is_order_of=is_order_of)
    new = {"customer_id": office.customer_id, "category_code": "quality", "description": "坏了"}
    with pytest.raises(Invalid) as refused:
        await complaints.create(office.wang, NewComplaint(**new, order_number="D2"))
    assert refused.value.fields == {"order_number": "unknown"}
    made = await complaints.create(office.wang, NewComplaint(**new, order_number="D1"))
    assert made.order_number == "D1"
