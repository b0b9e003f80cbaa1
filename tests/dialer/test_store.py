"""Call-backs, campaigns and the ledger on a real PostgreSQL."""

import asyncio
import uuid
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import insert, select, text

from acd.tables import Call
from crm_core.people.tables import Role, RoleRight, User
from crm_core.rights import Right
from crm_core.todos.tables import Todo
from dialer.errors import CallbackExists
from dialer.law import Law
from dialer.policy import CALLBACK_ATTEMPTS
from dialer.rules.hours import Hours
from dialer.rules.verdict import DialRules, Made
from dialer.store import DialerStore, NewCallback
from dialer.tables import Attempt, CampaignContact
from dialer.unreachable import SOURCE
from tests.dialer.lists import forbid

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
LAW = Law()
ANY_TIME = Law(DialRules(campaign_hours=Hours(((time(0), time(0)),))))
WORDS = "2026-2 callback 07:00-22:00 Asia/Shanghai max 4/1h 6/1d 15/7d"
DAY = timedelta(days=1)


def number() -> str:
    return f"1380{uuid.uuid4().int % 10**7:07d}"


@pytest.fixture(scope="module")
async def agent_id(database):
    async with database.begin() as session:
        await session.execute(insert(Role).values(code="agent", name_zh="座席", name_en="agent"))
        await session.execute(
            insert(RoleRight).values(role_code="agent", right_code=Right.TODO_WORK)
        )
        return await session.scalar(
            insert(User)
            .values(login="li", name="李娜", password_hash="x", role_code="agent", extension="1001")
            .returning(User.id)
        )


@pytest.fixture
def store(database):
    return DialerStore(database)


async def callback(store, **changes):
    values = {"number": number(), "queue": "retail", "source": "agent", "due_at": NOW} | changes
    values.setdefault("joined_at", values["due_at"])
    return await store.add_callback(NewCallback(**values))


async def due(store, wanted, now=NOW):
    found = await store.due_callbacks(now)
    return next((each.item for each in found if each.number == wanted.number), None)


async def test_a_number_has_at_most_one_open_callback(store):
    made = await callback(store)
    with pytest.raises(CallbackExists):
        await callback(store, number=made.number)
    await store.close_callback(made.id, NOW)
    again = await callback(store, number=made.number)
    assert again.status == "waiting"


async def test_a_callback_is_due_at_its_time_and_not_before(store):
    made = await callback(store, due_at=NOW + timedelta(hours=1))
    assert await due(store, made) is None
    assert await due(store, made, NOW + timedelta(hours=1)) is not None


async def test_two_diallers_never_take_the_same_item(store, agent_id):
    made = await callback(store)
    item = await due(store, made)
    taken = await asyncio.gather(
        *(store.begin_attempt(item, uuid.uuid4().hex, agent_id, LAW, NOW) for _ in range(20))
    )
    assert len([each for each in taken if each is not None and each.allowed]) == 1
    assert await due(store, made) is None


async def test_a_number_listed_at_the_last_moment_is_not_taken(store, agent_id):
    made = await callback(store)
    item = await due(store, made)
    await forbid(store._database, made.number)
    refused = await store.begin_attempt(item, uuid.uuid4().hex, agent_id, LAW, NOW)
    assert refused.reason == "do_not_call"
    assert (await store.callback(made.id)).status == "waiting"


async def test_the_ledger_keeps_when_and_under_which_rules_a_number_was_dialled(
    store, agent_id, database
):
    made = await callback(store)
    call_id = uuid.uuid4().hex
    await store.begin_attempt(await due(store, made), call_id, agent_id, LAW, NOW)
    await store.end_attempt(call_id, "busy", NOW + DAY, cause=17, tech="SIP 486")
    async with database.begin() as session:
        row = (
            await session.execute(select(Attempt).where(Attempt.call_id == call_id))
        ).scalar_one()
    assert (row.at, row.rules, row.result, row.cause) == (NOW, WORDS, "busy", 17)
    known = (await store.standings([made.number], LAW.wanted("callback", NOW)))[made.number]
    assert (known.listed, known.made) == (None, (Made(NOW, "busy"),))


async def test_an_attempt_ends_once_whoever_notices_first(store, agent_id):
    made = await callback(store)
    call_id = uuid.uuid4().hex
    await store.begin_attempt(await due(store, made), call_id, agent_id, LAW, NOW)
    first = await store.end_attempt(call_id, "reached", NOW, cause=None, tech=None)
    second = await store.end_attempt(call_id, "busy", NOW, cause=17, tech=None)
    assert first.status == "done"
    assert second is None
    assert (await store.callback(made.id)).last_result == "reached"


async def test_a_busy_callback_comes_again_later_until_its_attempts_are_used(store, agent_id):
    made = await callback(store)
    now = NOW
    for attempt in range(CALLBACK_ATTEMPTS):
        item = await due(store, made, now)
        assert item is not None, attempt
        call_id = uuid.uuid4().hex
        await store.begin_attempt(item, call_id, agent_id, LAW, now)
        view = await store.end_attempt(call_id, "busy", now, cause=17, tech=None)
        assert await due(store, made, now) is None
        now += DAY
    assert view.status == "closed"
    assert await due(store, made, now) is None


async def test_congestion_uses_up_no_attempt(store, agent_id):
    made = await callback(store)
    call_id = uuid.uuid4().hex
    await store.begin_attempt(await due(store, made), call_id, agent_id, LAW, NOW)
    view = await store.end_attempt(call_id, "congestion", NOW, cause=34, tech=None)
    assert (view.status, view.attempts) == ("waiting", 0)


async def test_a_customer_who_calls_again_and_is_answered_needs_no_callback(store):
    made = await callback(store)
    closed = await store.close_answered([made.number], NOW)
    assert [view.id for view in closed] == [made.id]
    assert await due(store, made) is None


async def test_a_campaign_dials_only_while_it_runs_and_each_number_once(store, agent_id, database):
    numbers = [number(), number()]
    campaign = await store.add_campaign(f"c {uuid.uuid4()}", "retail", [*numbers, numbers[0]])
    mine = lambda items: {i.number for i in items} & set(numbers)  # noqa: E731
    assert mine(await store.due_contacts(datetime.now(UTC) + DAY, limit=1000)) == set()
    async with database.begin() as session:
        linked = await session.execute(
            text(
                "SELECT count(*), count(customer_id) FROM campaign_contacts WHERE campaign_id = :id"
            ),
            {"id": campaign},
        )
        assert tuple(linked.one()) == (len(numbers), 0)
    await store.set_campaign_status(campaign, "running")
    items = [
        i
        for i in await store.due_contacts(datetime.now(UTC) + DAY, limit=1000)
        if i.number in numbers
    ]
    assert len(items) == 2
    call_id = uuid.uuid4().hex
    later = datetime.now(UTC) + DAY
    await store.begin_attempt(items[0], call_id, agent_id, ANY_TIME, later)
    await store.end_attempt(call_id, "invalid_number", later, cause=1, tech=None)
    async with database.begin() as session:
        status = await session.scalar(
            select(CampaignContact.status).where(CampaignContact.id == items[0].id)
        )
    assert status == "closed"


async def test_a_number_on_the_do_not_call_list_is_found_at_dialling(store):
    wanted = number()
    await forbid(store._database, wanted)
    await forbid(store._database, wanted)
    assert (await store.standings([wanted], LAW.wanted("callback", NOW)))[wanted].listed


async def record_of_call(database, caller, *, started, **changes):
    values = {
        "id": uuid.uuid4().hex,
        "node": "pbx1",
        "linkedid": uuid.uuid4().hex,
        "direction": "inbound",
        "caller": caller,
        "did": "4006001001",
        "menu_path": [],
        "queue": "retail",
        "started_at": started,
        "ended_at": started + timedelta(minutes=1),
        "outcome": "abandoned",
        "steps": 1,
    } | changes
    async with database.begin() as session:
        await session.execute(insert(Call).values(values))
    return values["id"]


async def test_an_abandoned_call_becomes_one_callback(store, database):
    caller = number()
    call_id = await record_of_call(database, caller, started=NOW)
    await record_of_call(database, caller, started=NOW - timedelta(minutes=5))
    made = [v for v in await store.add_abandoned(NOW - DAY, {}) if v.number == caller]
    again = [v for v in await store.add_abandoned(NOW - DAY, {}) if v.number == caller]
    assert [(v.source, v.queue, v.status) for v in made] == [("abandoned", "retail", "waiting")]
    assert again == []
    await store.close_callback(made[0].id, NOW + DAY)
    assert caller not in {v.number for v in await store.add_abandoned(NOW - DAY, {})}
    assert call_id


async def test_a_caller_who_was_spoken_to_later_needs_no_callback(store, database):
    caller = number()
    await record_of_call(database, caller, started=NOW)
    later = NOW + timedelta(minutes=10)
    await record_of_call(database, caller, started=later, outcome="answered", answered_at=later)
    assert caller not in {v.number for v in await store.add_abandoned(NOW - DAY, {})}


async def test_a_number_on_the_list_gets_no_callback_by_itself(store, database):
    caller = number()
    await forbid(store._database, caller)
    await record_of_call(database, caller, started=NOW)
    assert caller not in {v.number for v in await store.add_abandoned(NOW - DAY, {})}


@pytest.mark.parametrize(
    ("waits", "called"),
    [({}, True), ({"retail": 50}, True), ({"retail": 70}, False), ({"retail": None}, False)],
)
async def test_a_queue_says_who_is_called_back_after_giving_up(store, database, waits, called):
    caller = number()
    await record_of_call(database, caller, started=NOW, queued_at=NOW)
    made = [v for v in await store.add_abandoned(NOW - DAY, waits) if v.number == caller]
    assert bool(made) is called
    if called:
        (held,) = [each for each in await store.due_callbacks(NOW + DAY) if each.number == caller]
        assert held.joined_at == NOW


async def test_who_was_not_there_joins_anew_and_who_was_not_at_fault_keeps_the_place(
    store, agent_id
):
    for result, joined_at in (("no_answer", NOW + timedelta(hours=2)), ("abandoned", NOW)):
        made = await callback(store)
        call_id = uuid.uuid4().hex
        await store.begin_attempt(await due(store, made), call_id, agent_id, LAW, NOW)
        await store.end_attempt(call_id, result, NOW, cause=None, tech=None)
        later = await store.due_callbacks(NOW + timedelta(hours=3))
        assert [each.joined_at for each in later if each.number == made.number] == [joined_at]


async def test_a_callback_that_was_put_off_is_not_taken_before_its_time(store, agent_id):
    made = await callback(store)
    item = await due(store, made)
    await store.postpone("callback", [made.id], NOW + timedelta(hours=1), "outside_hours")
    assert await store.begin_attempt(item, uuid.uuid4().hex, agent_id, LAW, NOW) is None


async def test_a_clock_set_back_does_not_put_a_callback_off_for_ever(store):
    made = await callback(store)
    later = await callback(store, due_at=NOW + timedelta(days=40))
    await store.postpone("callback", [made.id, later.id], NOW + timedelta(days=60), "busy")
    assert await due(store, made) is not None
    asked = await callback(store, due_at=NOW + timedelta(days=40))
    assert await due(store, asked) is None


async def test_somebody_is_asked_to_see_to_a_callback_that_reached_nobody(
    store, agent_id, database
):
    made = await callback(store, agent_id=agent_id)
    call_id = uuid.uuid4().hex
    await store.begin_attempt(await due(store, made), call_id, agent_id, LAW, NOW)
    view = await store.end_attempt(call_id, "invalid_number", NOW, cause=1, tech=None)
    assert view.status == "closed"
    async with database.begin() as session:
        todo = (
            await session.execute(select(Todo).where(Todo.source_reference == str(made.id)))
        ).scalar_one()
    assert (todo.source_kind, todo.assignee_id) == (SOURCE, agent_id)
    assert made.number not in todo.title
