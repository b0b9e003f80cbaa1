import asyncio
import itertools
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, text, update

from crm_core.bus import Bus
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.people.tables import Role, Unit, User
from crm_core.todos.alarms import TodoAlarms
from crm_core.todos.commands import (
    Close,
    HistoryQuery,
    NewTodo,
    Reassign,
    Reopen,
    Snooze,
    TodoEdit,
)
from crm_core.todos.events import TodoAlarm, TodoEscalated
from crm_core.todos.service import TodoService
from crm_core.todos.tables import Todo
from tests.crm_core.crm_office import empty


class Daemon:
    """A worker with its own bus, and what was heard on it."""

    def __init__(self, database, clock, **more):
        self.database = database
        bus = Bus()
        self.heard = []
        bus.subscribe(self.heard.append, TodoAlarm, TodoEscalated)
        self.alarms = TodoAlarms(database, bus, clock=clock, **more)

    async def round(self):
        """What this one round told."""
        before = len(self.heard)
        count = await self.alarms.run_once()
        assert count == len(self.heard) - before
        return self.heard[before:]


@pytest.fixture
async def todos(database, office, clock):
    await empty(database, Todo)
    return TodoService(database, clock=clock)


@pytest.fixture
def daemon(request, database, clock):
    """With `batch` as its parameter."""
    return Daemon(database, clock, batch=getattr(request, "param", 200))


@pytest.fixture
def new(clock):
    def make(title="回访", minutes=60, **more):
        return NewTodo(title=title, due_at=clock() + timedelta(minutes=minutes), **more)

    return make


def told(events):
    return [(type(event).__name__, event.title) for event in events]


async def test_the_assignee_is_alarmed_once_when_it_is_due(todos, office, new, clock, daemon):
    made = await todos.create(office.wang, new(customer_id=office.customer_id))
    clock.pass_by(minutes=59, seconds=59)
    assert await daemon.round() == []
    clock.pass_by(seconds=1)
    assert await daemon.round() == [
        TodoAlarm(
            made.id,
            "回访",
            office.customer_id,
            "天津一号店",
            office.wang.user_id,
            made.due_at,
            clock(),
        )
    ]
    now = await todos.get(office.wang, made.id)
    assert (now.alarmed_at, now.escalated_at, now.version) == (clock(), None, made.version)
    clock.pass_by(minutes=5)
    assert await daemon.round() == []


async def test_a_lead_alarms_before_the_due_time(todos, office, new, clock, daemon):
    made = await todos.create(office.wang, new(alarm_before_min=15))
    clock.pass_by(minutes=44)
    assert await daemon.round() == []
    clock.pass_by(minutes=1)
    (alarm,) = await daemon.round()
    assert (alarm.due_at, alarm.at) == (made.due_at, clock())


async def test_what_stays_undone_goes_once_to_all_supervisors_at_work(
    todos, office, new, clock, daemon
):
    made = await todos.create(office.wang, new(minutes=0, escalate_after_min=45))
    assert told(await daemon.round()) == [("TodoAlarm", "回访")]
    clock.pass_by(minutes=44)
    assert await daemon.round() == []
    clock.pass_by(minutes=1)
    (escalated,) = await daemon.round()
    assert isinstance(escalated, TodoEscalated)
    assert set(escalated.supervisors) == {office.zhao.user_id, office.qian.user_id}
    assert (escalated.todo_id, escalated.assignee_id) == (made.id, office.wang.user_id)
    assert (await todos.get(office.wang, made.id)).escalated_at == clock()
    clock.pass_by(days=1)
    assert await daemon.round() == []


async def test_a_supervisors_own_to_do_is_escalated_to_nobody(todos, office, new, clock, daemon):
    made = await todos.create(office.zhao, new(minutes=0))
    later = await todos.create(office.wang, new("别人的", minutes=0))
    await daemon.round()
    clock.pass_by(minutes=30)
    assert told(await daemon.round()) == [("TodoEscalated", "别人的")]
    assert (await todos.get(office.zhao, made.id)).escalated_at == clock()
    assert (await todos.get(office.zhao, later.id)).escalated_at == clock()


async def test_without_supervisors_an_escalation_is_noted_and_told_to_nobody(
    todos, office, new, clock, daemon
):
    database = daemon.database
    made = await todos.create(office.wang, new(minutes=0))
    await daemon.round()
    clock.pass_by(minutes=30)
    supervisors = (office.zhao.user_id, office.qian.user_id)
    async with database.begin() as session:
        await session.execute(update(User).where(User.id.in_(supervisors)).values(active=False))
    assert await daemon.round() == []
    async with database.begin() as session:
        await session.execute(update(User).where(User.id.in_(supervisors)).values(active=True))
    assert (await todos.get(office.wang, made.id)).escalated_at == clock()


async def test_what_is_done_or_cancelled_in_time_alarms_nobody(todos, office, new, clock, daemon):
    done = await todos.create(office.wang, new())
    cancelled = await todos.create(office.wang, new())
    alarmed = await todos.create(office.wang, new("响过", minutes=0))
    await todos.complete(office.wang, done.id, Close(version=1))
    await todos.cancel(office.wang, cancelled.id, Close(version=1))
    assert told(await daemon.round()) == [("TodoAlarm", "响过")]
    await todos.complete(office.wang, alarmed.id, Close(version=1))
    clock.pass_by(days=2)
    assert await daemon.round() == []


async def test_after_a_snooze_alarm_and_escalation_come_anew(todos, office, new, clock, daemon):
    made = await todos.create(office.wang, new(minutes=0))
    clock.pass_by(minutes=30)
    assert told(await daemon.round()) == [("TodoAlarm", "回访"), ("TodoEscalated", "回访")]
    due = clock() + timedelta(minutes=10)
    await todos.snooze(office.wang, made.id, Snooze(version=1, due_at=due))
    assert await daemon.round() == []
    clock.pass_by(minutes=10)
    assert told(await daemon.round()) == [("TodoAlarm", "回访")]
    clock.pass_by(minutes=30)
    assert told(await daemon.round()) == [("TodoEscalated", "回访")]


async def test_a_snooze_shorter_than_the_lead_does_not_alarm_at_once(
    todos, office, new, clock, daemon
):
    made = await todos.create(office.wang, new(minutes=30, alarm_before_min=30))
    assert len(await daemon.round()) == 1
    due = clock() + timedelta(minutes=5)
    await todos.snooze(office.wang, made.id, Snooze(version=1, due_at=due))
    assert await daemon.round() == []
    clock.pass_by(minutes=5)
    assert len(await daemon.round()) == 1


async def test_an_edited_due_time_a_new_assignee_and_reopening_alarm_anew(
    todos, office, new, clock, daemon
):
    made = await todos.create(office.zhao, new(minutes=0, assignee_id=office.wang.user_id))
    assert [each.assignee_id for each in await daemon.round()] == [office.wang.user_id]
    await todos.reassign(office.zhao, made.id, Reassign(version=1, assignee_id=office.li.user_id))
    assert [each.assignee_id for each in await daemon.round()] == [office.li.user_id]
    await todos.edit(office.zhao, made.id, TodoEdit(version=2, title="改个名"))
    assert await daemon.round() == []
    due = clock() + timedelta(hours=1)
    await todos.edit(office.zhao, made.id, TodoEdit(version=3, due_at=due))
    clock.pass_by(hours=1)
    assert told(await daemon.round()) == [("TodoAlarm", "改个名")]
    await todos.complete(office.li, made.id, Close(version=4))
    await todos.reopen(office.li, made.id, Reopen(version=5))
    assert told(await daemon.round()) == [("TodoAlarm", "改个名")]


async def test_of_many_daemons_one_tells_each_moment(todos, office, new, clock, database):
    for n in range(40):
        await todos.create(office.wang, new(str(n), minutes=n % 5))
    clock.pass_by(hours=2)
    daemons = [Daemon(database, clock, batch=7) for _ in range(6)]
    for _ in range(3):  # what one holds, the others leave for their next round
        await asyncio.gather(*(each.round() for each in daemons))
    heard = [event for each in daemons for event in each.heard]
    alarms = [each.todo_id for each in heard if isinstance(each, TodoAlarm)]
    escalations = [each.todo_id for each in heard if isinstance(each, TodoEscalated)]
    assert len(alarms) == len(set(alarms)) == 40
    assert len(escalations) == len(set(escalations)) == 40


@pytest.mark.parametrize("daemon", [1, 3, 200], indirect=True)
async def test_a_missed_night_is_caught_up_in_the_order_of_its_moments(
    todos, office, new, clock, daemon
):
    begun = clock()
    for title, minutes, lead, after in (
        ("a", 60, 0, 30),
        ("b", 80, 0, 60),
        ("c", 100, 15, 1),
        ("d", 85, 0, 600),
        ("e", 85, 0, 20),
    ):
        wanted = new(title, minutes, alarm_before_min=lead, escalate_after_min=after)
        await todos.create(office.wang, wanted)
    clock.pass_by(hours=4)
    assert told(await daemon.round()) == [
        ("TodoAlarm", "a"),  # 60
        ("TodoAlarm", "b"),  # 80
        ("TodoAlarm", "c"),  # 85 = 100 - 15
        ("TodoAlarm", "d"),  # 85
        ("TodoAlarm", "e"),  # 85
        ("TodoEscalated", "a"),  # 90
        ("TodoEscalated", "c"),  # 101
        ("TodoEscalated", "e"),  # 105
        ("TodoEscalated", "b"),  # 140
    ]
    assert {event.at for event in daemon.heard} == {begun + timedelta(hours=4)}


async def test_a_to_do_that_somebody_is_editing_waits_for_the_next_round(
    todos, office, new, database, daemon
):
    made = await todos.create(office.wang, new("被改着", minutes=0))
    await todos.create(office.wang, new("闲着", minutes=0))
    async with database.begin() as session:
        await session.execute(
            text("SELECT 1 FROM todos WHERE id = :id FOR UPDATE"), {"id": made.id}
        )
        assert told(await daemon.round()) == [("TodoAlarm", "闲着")]
    assert told(await daemon.round()) == [("TodoAlarm", "被改着")]


async def test_the_history_keeps_alarms_that_a_snooze_took_back(todos, office, new, clock, daemon):
    made = await todos.create(office.wang, new(minutes=0))
    clock.pass_by(minutes=30)
    await daemon.round()
    later = Snooze(version=1, due_at=clock() + timedelta(hours=1))
    await todos.snooze(office.wang, made.id, later)
    told_of = await todos.history(office.wang, made.id, HistoryQuery())
    assert [(each.action, each.actor_id) for each in told_of[1:3]] == [
        ("todo.escalate", None),
        ("todo.alarm", None),
    ]
    assert set(told_of[1].after["supervisors"]) == {office.zhao.user_id, office.qian.user_id}


async def test_a_worker_outlives_a_database_that_is_away_and_ends_when_it_is_closed(clock):
    nowhere = Database("postgresql://x@127.0.0.1:1/x", connect_timeout_s=0.2)
    third = asyncio.Event()
    rounds = itertools.count(1)

    def counting():
        if next(rounds) == 3:
            third.set()
        return clock()

    alarms = TodoAlarms(nowhere, Bus(), clock=counting, every_s=0.001)
    with pytest.raises(DatabaseUnavailable):
        await alarms.run_once()
    alarms.start()
    await asyncio.wait_for(third.wait(), 10)
    await alarms.close()
    assert "todo-alarms" not in {task.get_name() for task in asyncio.all_tasks()}
    await nowhere.close()


async def test_a_started_worker_alarms_by_itself(todos, office, new, database, clock):
    await todos.create(office.wang, new(minutes=0))
    bus, heard = Bus(), asyncio.Event()
    bus.subscribe(lambda _: heard.set(), TodoAlarm)
    alarms = TodoAlarms(database, bus, clock=clock)
    alarms.start()
    await asyncio.wait_for(heard.wait(), 10)
    await alarms.close()


async def placed(database, *people):
    """Each person in a unit below that of the one before."""
    path = []
    async with database.begin() as session:
        for each in people:
            values = {"name": f"部门{each.user_id}", "parent_id": path[-1] if path else None}
            unit = await session.scalar(
                insert(Unit).values(**values, path=list(path)).returning(Unit.id)
            )
            await session.execute(update(User).where(User.id == each.user_id).values(unit_id=unit))
            path.append(unit)


@pytest.fixture
async def no_units(database):
    yield
    async with database.begin() as session:
        await session.execute(update(User).values(unit_id=None))
        await session.execute(delete(Unit))
        await session.execute(update(Role).values(scope="all"))
        await session.execute(update(Customer).values(salesperson_id=None))


@pytest.mark.usefixtures("no_units")
async def test_an_escalation_goes_to_the_nearest_supervisor_above(
    todos, office, new, clock, daemon
):
    await placed(daemon.database, office.qian, office.zhao, office.wang)
    await todos.create(office.wang, new(minutes=0))
    await daemon.round()
    clock.pass_by(minutes=30)
    (escalated,) = await daemon.round()
    assert escalated.supervisors == (office.zhao.user_id,)
    (raised,) = await todos.raised(9)
    assert tuple(raised.supervisors) == (office.zhao.user_id,)


@pytest.mark.usefixtures("no_units")
async def test_no_supervisor_hears_of_a_customer_beyond_the_scope(
    todos, office, new, clock, daemon
):
    await placed(daemon.database, office.qian, office.zhao, office.wang)
    async with daemon.database.begin() as session:
        await session.execute(update(Role).where(Role.code == "supervisor").values(scope="own"))
        await session.execute(
            update(Customer)
            .where(Customer.id == office.customer_id)
            .values(salesperson_id=office.qian.user_id)
        )
    await todos.create(office.wang, new(minutes=0, customer_id=office.customer_id))
    await daemon.round()
    clock.pass_by(minutes=30)
    (escalated,) = await daemon.round()
    assert escalated.supervisors == (office.qian.user_id,)
    async with daemon.database.begin() as session:
        await session.execute(
            update(Customer)
            .where(Customer.id == office.customer_id)
            .values(salesperson_id=office.li.user_id)
        )
    (raised,) = await todos.raised(9)
    assert (raised.escalated, tuple(raised.supervisors)) == (True, ())


async def test_one_who_is_buried_in_alarms_hides_nobody_elses(todos, office, new, clock, daemon):
    for n in range(5):
        await todos.create(office.wang, new(f"旧{n}", minutes=n))
    clock.pass_by(minutes=10)
    own = await todos.create(office.li, new("自己的", minutes=0))
    await daemon.round()
    raised = await todos.raised(2)
    assert [each.title for each in raised] == ["旧3", "旧4", "自己的"]
    clock.pass_by(minutes=31)
    await daemon.round()
    await todos.complete(office.li, own.id, Close(version=1))
    assert {each.title for each in await todos.raised(2)} == {"旧3", "旧4"}
