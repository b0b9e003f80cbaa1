import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Forbidden, Invalid, NotFound
from crm_core.people.tables import Role
from crm_core.rights import SYSTEM
from crm_core.rights import Scope as Visible
from crm_core.timeline import Place
from crm_core.todos.commands import (
    Close,
    HistoryQuery,
    NewTodo,
    Reassign,
    Reopen,
    Scope,
    Snooze,
    TodoEdit,
    TodoKind,
    TodoQuery,
    TodoSource,
    TodoState,
)
from crm_core.todos.rules import NotInThisState
from crm_core.todos.service import TodoService
from crm_core.todos.tables import Todo
from tests.crm_core.crm_office import empty


@pytest.fixture
async def todos(database, office, clock):
    await empty(database, Todo)
    return TodoService(database, clock=clock)


@pytest.fixture
def new(clock):
    def make(title="回访客户", minutes=60, **more):
        return NewTodo(title=title, due_at=clock() + timedelta(minutes=minutes), **more)

    return make


def ids(found):
    return [each.id for each in found]


async def test_a_to_do_is_for_oneself_and_carries_all_that_was_said(todos, office, new, clock):
    wanted = new(
        note="问新价格",
        customer_id=office.customer_id,
        call_id="a" * 32,
        kind="follow_up",
        priority="high",
        alarm_before_min=10,
    )
    made = await todos.create(office.wang, wanted)
    assert (made.assignee_id, made.creator_id) == (office.wang.user_id, office.wang.user_id)
    assert (made.customer_name, made.call_id) == ("天津一号店", "a" * 32)
    assert (made.kind, made.priority, made.state) == ("follow_up", "high", "open")
    assert made.due_at - made.alarm_at == timedelta(minutes=10)
    assert made.escalate_at - made.due_at == timedelta(minutes=30)
    assert not made.overdue
    clock.pass_by(minutes=61)
    assert (await todos.get(office.wang, made.id)).overdue


async def test_only_a_supervisor_gives_a_to_do_to_another_person(todos, office, new):
    for_li = new(assignee_id=office.li.user_id)
    with pytest.raises(Forbidden):
        await todos.create(office.wang, for_li)
    made = await todos.create(office.zhao, for_li)
    assert made.assignee_name == "Li"
    nobody = new(assignee_id=999_999)
    gone = new(assignee_id=office.gone.user_id)
    for wrong in (nobody, gone):
        with pytest.raises(Invalid):
            await todos.create(office.zhao, wrong)
    with pytest.raises(Invalid):
        await todos.create(SYSTEM, new())


async def test_an_agent_leaves_a_note_to_a_supervisor_and_to_nobody_else(todos, office, new):
    note = TodoKind.NOTE_TO_SUPERVISOR
    made = await todos.create(office.wang, new(kind=note, assignee_id=office.zhao.user_id))
    assert made.assignee_id == office.zhao.user_id
    for other in (office.li, office.gone, office.wang):
        with pytest.raises(Invalid):
            await todos.create(office.wang, new(kind=note, assignee_id=other.user_id))
    named = {each.id for each in await todos.supervisors(office.wang)}
    assert named == {office.zhao.user_id, office.qian.user_id}


async def test_without_the_right_nothing_is_seen_or_done(todos, office, new):
    nobody = type(office.wang)(1, "x", "x", "x", frozenset(), "zh-CN", None, 1)
    made = await todos.create(office.wang, new())
    close = Close(version=made.version)
    for attempt in (
        todos.create(nobody, new()),
        todos.create_once(nobody, TodoSource(kind="rule", reference="0"), new()),
        todos.get(nobody, made.id),
        todos.listed(nobody, TodoQuery()),
        todos.counts(nobody),
        todos.supervisors(nobody),
        todos.history(nobody, made.id, HistoryQuery()),
        todos.complete(nobody, made.id, close),
        todos.cancel(nobody, made.id, close),
        todos.edit(nobody, made.id, TodoEdit(version=1, title="x")),
        todos.reassign(nobody, made.id, Reassign(version=1, assignee_id=1)),
        todos.snooze(nobody, made.id, Snooze(version=1, due_at=made.due_at)),
        todos.reopen(nobody, made.id, Reopen(version=1)),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_a_rule_makes_one_to_do_for_a_source_however_often_it_runs(todos, office, new):
    source = TodoSource(kind="dormant", reference="customer-1-2026-03")
    wanted = new(assignee_id=office.wang.user_id)
    made = await asyncio.gather(*(todos.create_once(SYSTEM, source, wanted) for _ in range(8)))
    assert len({once.todo.id for once in made}) == 1
    assert sum(once.is_new for once in made) == 1
    todo = made[0].todo
    assert (todo.source_kind, todo.source_reference) == (source.kind, source.reference)
    await todos.complete(office.wang, todo.id, Close(version=todo.version))
    again = await todos.create_once(SYSTEM, source, wanted)
    assert (again.is_new, again.todo.state) == (False, "done")
    other = TodoSource(kind="dormant", reference="customer-2-2026-03")
    assert (await todos.create_once(SYSTEM, other, wanted)).is_new


async def test_a_strangers_to_do_without_a_customer_is_not_there(todos, office, new):
    made = await todos.create(office.wang, new())
    for attempt in (
        todos.get(office.li, made.id),
        todos.history(office.li, made.id, HistoryQuery()),
        todos.complete(office.li, made.id, Close(version=1)),
        todos.get(office.wang, 987_654_321),
        todos.complete(office.wang, 987_654_321, Close(version=1)),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await todos.get(office.zhao, made.id)).id == made.id


async def test_a_customers_to_do_is_seen_but_not_changed_by_a_colleague(todos, office, new):
    made = await todos.create(office.wang, new(customer_id=office.customer_id))
    assert (await todos.get(office.li, made.id)).id == made.id
    with pytest.raises(Forbidden):
        await todos.complete(office.li, made.id, Close(version=made.version))
    with pytest.raises(NotFound):
        await todos.create(office.wang, new(customer_id=987_654))


async def test_notes_to_supervisors_stay_between_the_two(todos, office, new):
    note = await todos.create(
        office.wang,
        new(
            kind=TodoKind.NOTE_TO_SUPERVISOR,
            assignee_id=office.zhao.user_id,
            customer_id=office.customer_id,
        ),
    )
    of_customer = TodoQuery(scope=Scope.CUSTOMER, customer_id=office.customer_id)
    assert ids(await todos.listed(office.wang, of_customer)) == [note.id]
    assert ids(await todos.listed(office.qian, of_customer)) == [note.id]
    assert await todos.listed(office.li, of_customer) == ()
    assert await todos.open_of(office.customer_id) == ()
    with pytest.raises(NotFound):
        await todos.get(office.li, note.id)


async def test_who_has_to_do_it_cannot_change_it_and_who_asked_cannot_call_it_done(
    todos, office, new
):
    given = await todos.create(office.zhao, new(assignee_id=office.wang.user_id))
    version = given.version
    for attempt in (
        todos.edit(office.wang, given.id, TodoEdit(version=version, title="别的")),
        todos.cancel(office.wang, given.id, Close(version=version)),
        todos.reassign(
            office.wang, given.id, Reassign(version=version, assignee_id=office.li.user_id)
        ),
    ):
        with pytest.raises(Forbidden):
            await attempt
    note = await todos.create(
        office.wang, new(kind=TodoKind.NOTE_TO_SUPERVISOR, assignee_id=office.zhao.user_id)
    )
    for attempt in (
        todos.complete(office.wang, note.id, Close(version=1)),
        todos.snooze(
            office.wang, note.id, Snooze(version=1, due_at=note.due_at + timedelta(hours=1))
        ),
    ):
        with pytest.raises(Forbidden):
            await attempt
    passed_on = await todos.reassign(
        office.wang, note.id, Reassign(version=1, assignee_id=office.qian.user_id)
    )
    assert passed_on.assignee_id == office.qian.user_id
    with pytest.raises(Invalid):
        await todos.reassign(
            office.wang, note.id, Reassign(version=2, assignee_id=office.li.user_id)
        )
    assert (await todos.cancel(office.wang, note.id, Close(version=2))).state == "cancelled"


async def test_an_edit_changes_what_it_names_and_a_new_due_time_alarms_anew(
    todos, office, new, clock, database
):
    made = await todos.create(office.wang, new(note="留着", customer_id=office.customer_id))
    async with database.begin() as session:
        await session.execute(text("UPDATE todos SET alarmed_at = due_at, escalated_at = due_at"))
    edit = TodoEdit(version=1, title="新标题")
    changed = await todos.edit(office.wang, made.id, edit)
    assert (changed.title, changed.note, changed.version) == ("新标题", "留着", 2)
    assert changed.alarmed_at is not None
    due = clock() + timedelta(hours=5)
    changed = await todos.edit(
        office.wang, made.id, TodoEdit(version=2, due_at=due, alarm_before_min=15, customer_id=None)
    )
    assert (changed.alarm_at, changed.alarmed_at) == (due - timedelta(minutes=15), None)
    assert changed.escalated_at is None
    assert changed.customer_id is None


async def test_of_two_edits_from_the_same_version_one_is_refused(todos, office, new):
    made = await todos.create(office.wang, new())
    edits = [TodoEdit(version=1, title=f"第{n}人") for n in range(6)]
    ended = await asyncio.gather(
        *(todos.edit(office.wang, made.id, edit) for edit in edits), return_exceptions=True
    )
    kept = [each for each in ended if not isinstance(each, Exception)]
    assert len(kept) == 1
    assert sum(type(each) is Conflict for each in ended) == 5
    now = await todos.get(office.wang, made.id)
    assert (now.title, now.version) == (kept[0].title, 2)


async def test_of_an_assignee_who_completes_and_a_creator_who_cancels_one_succeeds(
    todos, office, new
):
    for _ in range(5):
        made = await todos.create(office.zhao, new(assignee_id=office.wang.user_id))
        ended = await asyncio.gather(
            todos.complete(office.wang, made.id, Close(version=1)),
            todos.cancel(office.zhao, made.id, Close(version=1)),
            return_exceptions=True,
        )
        assert sum(isinstance(each, NotInThisState) for each in ended) == 1


async def test_each_snooze_is_counted_and_leads_to_a_later_time(todos, office, new, clock):
    made = await todos.create(office.wang, new(minutes=0, alarm_before_min=30))
    with pytest.raises(Invalid) as refused:
        await todos.snooze(office.wang, made.id, Snooze(version=1, due_at=clock()))
    assert refused.value.fields == {"due_at": "past"}
    soon, late = clock() + timedelta(minutes=20), clock() + timedelta(minutes=90)
    put_off = await todos.snooze(office.wang, made.id, Snooze(version=1, due_at=soon))
    assert (put_off.snoozes, put_off.due_at) == (1, soon)
    assert put_off.alarm_at == soon, "the lead of 30 minutes would alarm at once again"
    put_off = await todos.snooze(office.wang, made.id, Snooze(version=2, due_at=late))
    assert (put_off.snoozes, put_off.alarm_at) == (2, late - timedelta(minutes=30))
    assert put_off.escalate_at == late + timedelta(minutes=30)


async def test_what_is_done_is_kept_with_its_note_and_can_be_reopened(todos, office, new, clock):
    made = await todos.create(office.wang, new())
    clock.pass_by(minutes=5)
    done = await todos.complete(office.wang, made.id, Close(version=1, note="已回复"))
    assert (done.state, done.completion_note) == ("done", "已回复")
    assert (done.closed_at, done.closed_by_id) == (clock(), office.wang.user_id)
    for attempt in (
        todos.complete(office.wang, made.id, Close(version=2)),
        todos.cancel(office.wang, made.id, Close(version=2)),
        todos.edit(office.wang, made.id, TodoEdit(version=2, title="x")),
        todos.snooze(office.wang, made.id, Snooze(version=2, due_at=clock() + timedelta(hours=1))),
        todos.reassign(office.wang, made.id, Reassign(version=2, assignee_id=office.wang.user_id)),
    ):
        with pytest.raises(NotInThisState):
            await attempt
    due = clock() + timedelta(days=1)
    again = await todos.reopen(office.wang, made.id, Reopen(version=2, due_at=due))
    assert (again.state, again.due_at, again.closed_at, again.completion_note) == (
        "open",
        due,
        None,
        None,
    )
    with pytest.raises(NotInThisState):
        await todos.reopen(office.wang, made.id, Reopen(version=3))


async def test_lists_hold_what_their_reader_asked_for_in_order_of_time(todos, office, new, clock):
    late = await todos.create(office.wang, new(minutes=30))
    soon = await todos.create(office.wang, new(minutes=10))
    of_li = await todos.create(office.zhao, new(minutes=20, assignee_id=office.li.user_id))
    assert ids(await todos.listed(office.wang, TodoQuery())) == [soon.id, late.id]
    created = TodoQuery(scope=Scope.CREATED)
    assert ids(await todos.listed(office.zhao, created)) == [of_li.id]
    everybody = TodoQuery(scope=Scope.SUPERVISED)
    assert ids(await todos.listed(office.zhao, everybody)) == [soon.id, of_li.id, late.id]
    with pytest.raises(Forbidden):
        await todos.listed(office.wang, everybody)
    clock.pass_by(minutes=15)
    overdue = TodoQuery(scope=Scope.SUPERVISED, overdue=True)
    assert ids(await todos.listed(office.zhao, overdue)) == [soon.id]
    one = TodoQuery(scope=Scope.SUPERVISED, assignee_id=office.li.user_id)
    assert ids(await todos.listed(office.zhao, one)) == [of_li.id]
    assert [each.overdue for each in await todos.listed(office.wang, TodoQuery())] == [True, False]
    counts = await todos.counts(office.wang)
    assert (counts.open, counts.overdue) == (2, 1)
    with pytest.raises(Invalid):
        await todos.listed(office.wang, TodoQuery(scope=Scope.CUSTOMER))
    with pytest.raises(NotFound):
        await todos.listed(office.wang, TodoQuery(scope=Scope.CUSTOMER, customer_id=987_654))


async def test_pages_follow_on_each_other_also_where_due_times_are_equal(todos, office, new, clock):
    made = [await todos.create(office.wang, new(minutes=n // 3)) for n in range(7)]

    async def walk(state):
        found, after = [], None
        while page := ids(
            await todos.listed(office.wang, TodoQuery(state=state, after=after, limit=2))
        ):
            found += page
            after = page[-1]
        return found

    assert await walk(TodoState.OPEN) == ids(made)
    for each in made:
        if each.id % 2:
            clock.pass_by(minutes=1)
        await todos.complete(office.wang, each.id, Close(version=1))
    assert await walk(TodoState.DONE) == ids(reversed(made))
    with pytest.raises(ValidationError):
        TodoQuery(limit=201)


async def test_the_history_tells_who_did_what_newest_first(todos, office, new, clock):
    made = await todos.create(office.zhao, new("旧", assignee_id=office.wang.user_id))
    await todos.edit(office.zhao, made.id, TodoEdit(version=1, title="新"))
    await todos.snooze(office.wang, made.id, Snooze(version=2, due_at=clock() + timedelta(hours=9)))
    await todos.complete(office.wang, made.id, Close(version=3, note="好"))
    told = await todos.history(office.wang, made.id, HistoryQuery())
    assert [each.action for each in told] == [
        "todo.complete",
        "todo.snooze",
        "todo.edit",
        "todo.create",
    ]
    assert [each.actor_name for each in told] == ["Wang", "Wang", "Zhao", "Zhao"]
    assert (told[2].before, told[2].after) == ({"title": "旧"}, {"title": "新"})
    assert told[1].after["snoozes"] == 1
    rest = await todos.history(office.wang, made.id, HistoryQuery(before=told[1].id, limit=1))
    assert [each.action for each in rest] == ["todo.edit"]


async def test_the_card_shows_the_five_most_urgent_of_the_customer(todos, office, new):
    customer = office.customer_id
    made = [
        await todos.create(office.wang, new(minutes=60 - n, customer_id=customer)) for n in range(7)
    ]
    await todos.create(office.wang, new(minutes=1, customer_id=office.other_customer_id))
    await todos.complete(office.wang, made[-1].id, Close(version=1))
    briefs = await todos.open_of(customer)
    assert ids(briefs) == ids(reversed(made[1:6]))
    assert (briefs[0].title, briefs[0].assignee_name, briefs[0].overdue) == (
        "回访客户",
        "Wang",
        False,
    )


async def test_the_customers_history_tells_of_making_and_closing(
    todos, office, new, clock, database
):
    customers = (office.customer_id, office.other_customer_id)
    first = await todos.create(office.wang, new("一", customer_id=customers[0]))
    clock.pass_by(minutes=1)
    second = await todos.create(office.li, new("二", customer_id=customers[1]))
    await todos.create(
        office.li,
        new("悄悄", customer_id=customers[1], kind="note_to_supervisor").model_copy(
            update={"assignee_id": office.zhao.user_id}
        ),
    )
    clock.pass_by(minutes=1)
    await todos.complete(office.zhao, first.id, Close(version=1))
    clock.pass_by(minutes=1)
    async with database.reading() as connection:
        told = await todos.entries(connection, customers, Place(clock()), 10)
        assert [(each.kind, each.reference, each.actor_id) for each in told] == [
            ("todo.done", str(first.id), office.zhao.user_id),
            ("todo.created", str(second.id), office.li.user_id),
            ("todo.created", str(first.id), office.wang.user_id),
        ]
        assert told[0].title == "一"
        older = await todos.entries(connection, customers, told[1].place, 10)
        assert [each.kind for each in older] == ["todo.created"]
        assert await todos.entries(connection, customers, Place(clock()), 1) == told[:1]
        assert await todos.entries(connection, (), Place(clock()), 10) == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 201},
        {"title": "a\x00b"},
        {"note": "x" * 2001},
        {"kind": "war"},
        {"priority": "highest"},
        {"alarm_before_min": -1},
        {"alarm_before_min": 10_081},
        {"escalate_after_min": 0},
        {"customer_id": 0},
        {"assignee_id": 2**40},
        {"call_id": "z" * 32},
        {"due_at": "2026-03-02T10:00:00"},
        {"due_at": "0001-01-01T00:00:00+00:00"},
        {"due_at": "9999-12-31T23:59:59+00:00"},
        {"source_kind": "rule"},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(wrong):
    with pytest.raises(ValidationError) as refused:
        NewTodo.model_validate({"title": "好", "due_at": "2026-03-02T10:00:00+08:00"} | wrong)
    assert [each["loc"][0] for each in refused.value.errors()] == list(wrong)


@pytest.mark.parametrize(
    "broken",
    [
        "state = 'lost'",
        "state = 'done'",
        "closed_at = now()",
        "source_kind = 'rule'",
        "alarm_at = due_at + interval '1 s'",
        "escalate_at = due_at - interval '1 s'",
        "snoozes = -1",
        "kind = 'war'",
        "priority = 'highest'",
    ],
)
async def test_postgresql_keeps_what_the_rules_say(todos, office, new, database, broken):
    await todos.create(office.wang, new())
    with pytest.raises(IntegrityError):
        async with database.begin() as session:
            await session.execute(text(f"UPDATE todos SET {broken}"))


async def _narrow(database, office, salesperson):
    """Agents see their own customers only, and the first customer is this person's."""
    async with database.begin() as session:
        await session.execute(update(Role).where(Role.code == "agent").values(scope="own"))
        await session.execute(
            update(Customer)
            .where(Customer.id == office.customer_id)
            .values(salesperson_id=salesperson.user_id)
        )
    return [replace(each, scope=Visible.OWN) for each in (office.wang, office.li)]


@pytest.fixture
async def wide_again(database):
    yield
    async with database.begin() as session:
        await session.execute(update(Role).values(scope="all"))
        await session.execute(update(Customer).values(salesperson_id=None))


async def test_nobody_is_given_a_to_do_of_a_customer_he_may_not_see(
    todos, office, new, database, wide_again
):
    await _narrow(database, office, office.wang)
    wanted = new(customer_id=office.customer_id, assignee_id=office.li.user_id)
    with pytest.raises(Invalid) as refused:
        await todos.create(office.zhao, wanted)
    assert refused.value.fields == {"assignee_id": "customer out of scope"}
    made = await todos.create(office.zhao, new(assignee_id=office.li.user_id))
    with pytest.raises(Invalid):
        await todos.edit(office.zhao, made.id, TodoEdit(version=1, customer_id=office.customer_id))
    his = await todos.create(
        office.zhao, new(customer_id=office.customer_id, assignee_id=office.wang.user_id)
    )
    given = Reassign(version=1, assignee_id=office.li.user_id)
    with pytest.raises(Invalid):
        await todos.reassign(office.zhao, his.id, given)


async def test_who_is_to_do_it_does_it_though_the_customer_became_another_ones(
    todos, office, new, database, wide_again
):
    wang, _ = await _narrow(database, office, office.wang)
    made = await todos.create(wang, new(customer_id=office.customer_id))
    _, li = await _narrow(database, office, office.li)
    assert ids(await todos.listed(wang, TodoQuery())) == [made.id]
    assert (await todos.counts(wang)).open == 1
    assert ids(
        await todos.listed(li, TodoQuery(scope=Scope.CUSTOMER, customer_id=office.customer_id))
    ) == [made.id]
    done = await todos.complete(wang, made.id, Close(version=1))
    assert done.state == "done"
