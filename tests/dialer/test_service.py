"""The dialler on a real PostgreSQL, with a trunk that behaves as told and agents who are free or not."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from acd.events import AgentChanged, CallAnswered, CallEnded, CallStarted
from acd.tickets import QueueEntry
from ami_bridge.events import ChannelHungUp
from crm_core.bus import Bus
from crm_core.errors import DatabaseUnavailable, Invalid
from crm_core.people.tables import Role, User
from dialer.errors import CallbackExists, DoNotCallNumber, NotDialable
from dialer.events import AttemptEnded, NumberRefused
from dialer.law import Law
from dialer.ports import Answered, FateUnknown, NotAnswered
from dialer.service import Dialer
from dialer.store import DialerStore, DueItem
from dialer.tables import Attempt
from tests.dialer.desk import Desk
from tests.dialer.lists import forbid

TEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
NIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight


RINGS = object()
"""The fate of a number that rings until it is cancelled."""


class Trunk:
    """Notes what is dialled and answers with the fate that the number, or a call of before, was given."""

    def __init__(self) -> None:
        self.fates: dict[str, object] = {}
        self.dialled: list[tuple[str, str]] = []
        self.ringing: dict[str, asyncio.Future[object]] = {}

    async def dial(self, call_id, number, *, purpose, queue):
        self.dialled.append((call_id, number))
        return await self._fate(call_id, self.fates.get(number, Answered(TEN)))

    async def follow(self, call_id):
        return await self._fate(call_id, self.fates.get(call_id, FateUnknown()))

    async def _fate(self, call_id, fate):
        if fate is not RINGS:
            return fate
        self.ringing[call_id] = asyncio.get_running_loop().create_future()
        return await self.ringing[call_id]

    async def cancel(self, call_id):
        self.ringing[call_id].set_result(NotAnswered(16, None))

    def times(self, number: str) -> int:
        return sum(each == number for _, each in self.dialled)

    def call_of(self, number: str) -> str | None:
        return next((call_id for call_id, each in self.dialled if each == number), None)


class Office:
    def __init__(self, database, agent_id: int) -> None:
        self.now = TEN
        self.bus, self.trunk = Bus(), Trunk()
        self.desk = Desk(agent_id, self.bus)
        self.store = DialerStore(database)
        self.dialer = Dialer(self.store, self.desk, self.trunk, self.bus, clock=lambda: self.now)
        self.ended: dict[str, str] = {}
        self.bus.subscribe(
            lambda event: self.ended.__setitem__(event.number, event.result), AttemptEnded
        )

    def agent_is_ready(self) -> None:
        at, queues = self.now, ("retail",)
        self.bus.publish(
            AgentChanged(
                self.desk.agent_id, "李", "1001", "ready", None, None, at, None, queues, at
            )
        )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def number() -> str:
    return f"1390{uuid.uuid4().int % 10**7:07d}"


async def item_of(office: Office, wanted: str) -> DueItem:
    due = await office.store.due_callbacks(office.now)
    return next(each.item for each in due if each.number == wanted)


@pytest.fixture(scope="module")
async def agent_id(database):
    async with database.begin() as session:
        await session.execute(insert(Role).values(code="agent", name_zh="座席", name_en="agent"))
        return await session.scalar(
            insert(User)
            .values(login="li", name="李娜", password_hash="x", role_code="agent", extension="1001")
            .returning(User.id)
        )


@pytest.fixture
async def office(database, agent_id):
    made = Office(database, agent_id)
    await made.dialer.start()
    yield made
    await made.dialer.close()
    for left in await made.store.callbacks():
        await made.store.close_callback(left.id, made.now)


async def test_a_callback_is_dialled_once_and_kept_when_an_agent_speaks_to_the_callee(office):
    wanted = number()
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: office.trunk.times(wanted))
    call_id = office.trunk.call_of(wanted)
    office.bus.publish(CallAnswered(call_id, office.desk.agent_id, 1.0, office.now))
    office.bus.publish(CallEnded(call_id, "answered", office.desk.agent_id, office.now))
    await until(lambda: wanted in office.ended)
    assert office.ended[wanted] == "reached"
    assert (await office.store.callback(view.id)).status == "done"
    assert office.trunk.times(wanted) == 1


async def test_nobody_is_dialled_while_no_agent_is_free(office):
    office.desk.free = False
    wanted = number()
    await office.dialer.request(wanted, "retail", source="agent")
    office.agent_is_ready()
    await asyncio.sleep(0.1)
    assert office.trunk.times(wanted) == 0
    office.desk.free = True
    office.agent_is_ready()
    await until(lambda: office.trunk.times(wanted) == 1)


async def test_a_number_put_on_the_list_after_the_promise_is_not_dialled(office):
    office.desk.free = False
    wanted = number()
    view = await office.dialer.request(wanted, "retail", source="agent")
    await forbid(office.store._database, wanted)
    office.desk.free = True
    office.agent_is_ready()

    async def closed() -> bool:
        return (await office.store.callback(view.id)).status == "closed"

    async with asyncio.timeout(10):
        while not await closed():
            await asyncio.sleep(0.01)
    assert office.trunk.times(wanted) == 0


async def test_a_campaign_waits_for_the_calling_hours(office, database):
    office.now = NIGHT
    wanted = number()
    campaign = await office.store.add_campaign(f"c {wanted}", "retail", [wanted])
    await office.store.set_campaign_status(campaign, "running")
    office.now = max(NIGHT, datetime.now(UTC).replace(hour=16) + timedelta(days=1))
    office.agent_is_ready()

    async def put_off() -> bool:
        due = await office.store.due_contacts(office.now, limit=1000)
        return wanted not in {item.number for item in due}

    async with asyncio.timeout(10):
        while not await put_off():
            await asyncio.sleep(0.01)
    assert office.trunk.times(wanted) == 0
    await office.store.set_campaign_status(campaign, "paused")


async def test_busy_gives_the_agent_back_and_the_number_waits(office):
    wanted = number()
    office.trunk.fates[wanted] = NotAnswered(17, "SIP 486")
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: wanted in office.ended)
    assert office.ended[wanted] == "busy"
    assert office.desk.reserved_for is None
    after = await office.store.callback(view.id)
    assert (after.status, after.next_at) == ("waiting", TEN + timedelta(minutes=10))


async def test_a_call_whose_fate_is_unknown_is_not_dialled_again_by_itself(office):
    wanted = number()
    office.trunk.fates[wanted] = FateUnknown()
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: wanted in office.ended)
    office.agent_is_ready()
    assert (await office.store.callback(view.id)).status == "unknown"
    assert office.trunk.times(wanted) == 1


async def test_attempts_left_open_by_a_dead_daemon_become_unknown(office, database, agent_id):
    wanted = number()
    office.desk.free = False
    view = await office.dialer.request(wanted, "retail", source="agent")
    item = await item_of(office, wanted)
    await office.store.begin_attempt(item, uuid.uuid4().hex, agent_id, Law(), office.now)
    await office.dialer.close()
    office.desk.free = True
    next_daemon = Office(database, agent_id)
    await next_daemon.dialer.start()
    try:
        async with asyncio.timeout(10):
            while (await office.store.callback(view.id)).status != "unknown":
                await asyncio.sleep(0.01)
        assert next_daemon.trunk.times(wanted) == 0
    finally:
        await next_daemon.dialer.close()


@pytest.mark.parametrize(
    ("fate", "became"),
    [(NotAnswered(17, "SIP 486"), ("busy", "waiting")), (FateUnknown(), ("unknown", "unknown"))],
)
async def test_who_rings_on_after_the_daemons_death_has_the_agent_held_until_the_end_of_it(
    office, database, agent_id, fate, became
):
    result, status = became
    wanted, call_id = number(), uuid.uuid4().hex
    office.desk.free = False
    view = await office.dialer.request(wanted, "retail", source="agent")
    item = await item_of(office, wanted)
    await office.store.begin_attempt(item, call_id, agent_id, Law(), office.now)
    await office.dialer.close()
    next_daemon = Office(database, agent_id)
    next_daemon.trunk.fates[call_id] = RINGS
    await next_daemon.dialer.start()
    await until(lambda: call_id in next_daemon.trunk.ringing)
    assert next_daemon.desk.reserved_for == call_id
    next_daemon.trunk.ringing[call_id].set_result(fate)
    await until(lambda: wanted in next_daemon.ended)
    assert next_daemon.ended[wanted] == result
    assert next_daemon.desk.reserved_for is None
    await status_is(next_daemon, view.id, status)
    assert next_daemon.trunk.times(wanted) == 0
    await next_daemon.dialer.close()


@pytest.mark.parametrize("recorded", [False, True])
async def test_who_answered_and_came_to_no_record_is_left_to_a_person(
    office, database, agent_id, recorded
):
    await office.dialer.close()
    office = Office(database, agent_id)
    records: dict[str, bool] = {}
    await office.dialer.start(records.get)
    wanted = number()
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: office.trunk.times(wanted))
    call_id = office.trunk.call_of(wanted)
    await until(lambda: office.dialer._attempts._out[call_id].answered)
    if recorded:
        records[call_id] = True
        office.bus.publish(CallAnswered(call_id, agent_id, 1.0, office.now))
    channel = f"zj-{call_id}"
    office.bus.publish(
        ChannelHungUp("pbx1", office.now, "PJSIP/trunk-1", channel, channel, 16, "", None)
    )
    if recorded:
        office.bus.publish(CallEnded(call_id, "answered", agent_id, office.now))
    await until(lambda: wanted in office.ended)
    assert office.ended[wanted] == ("reached" if recorded else "unknown")
    await status_is(office, view.id, "done" if recorded else "unknown")
    await office.dialer.close()
    await office.store.close_callback(view.id, office.now)


@pytest.mark.parametrize(("spoken", "status"), [(True, "done"), (False, "waiting")])
async def test_a_call_that_outlives_its_daemon_ends_as_it_ends(
    office, database, agent_id, spoken, status
):
    wanted, call_id = number(), uuid.uuid4().hex
    office.desk.free = False
    view = await office.dialer.request(wanted, "retail", source="agent")
    item = await item_of(office, wanted)
    await office.store.begin_attempt(item, call_id, agent_id, Law(), office.now)
    await office.dialer.close()
    next_daemon = Office(database, agent_id)
    next_daemon.desk.free = False
    await next_daemon.dialer.start(lambda each: spoken if each == call_id else None)
    await until(lambda: call_id in next_daemon.dialer._attempts._out)
    next_daemon.bus.publish(CallEnded(call_id, "answered", agent_id, office.now))
    await until(lambda: wanted in next_daemon.ended)
    assert next_daemon.ended[wanted] == ("reached" if spoken else "abandoned")
    assert (await office.store.callback(view.id)).status == status
    await next_daemon.dialer.close()


async def test_what_cannot_or_may_not_be_called_is_refused_with_its_reason(office):
    listed = number()
    await forbid(office.store._database, listed)
    with pytest.raises(NotDialable):
        await office.dialer.request("abc", "retail", source="agent")
    with pytest.raises(DoNotCallNumber):
        await office.dialer.request(listed, "retail", source="agent")
    office.desk.free = False
    twice = number()
    await office.dialer.request(twice, "retail", source="agent")
    with pytest.raises(CallbackExists):
        await office.dialer.request(twice, "retail", source="agent")


async def test_every_number_dialled_is_in_the_ledger(office, database):
    wanted = number()
    office.trunk.fates[wanted] = NotAnswered(1, "SIP 404")
    await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: wanted in office.ended)
    async with database.begin() as session:
        rows = await session.scalar(
            select(func.count()).select_from(Attempt).where(Attempt.number == wanted)
        )
    assert rows == office.trunk.times(wanted) == 1
    assert office.ended[wanted] == "invalid_number"


def calls_in(office: Office, caller: str) -> str:
    """Somebody calls in; the id of the call."""
    call_id = uuid.uuid4().hex
    at = office.now
    office.bus.publish(CallStarted(call_id, "1.0", "pbx1", "inbound", caller, "4006001001", at))
    return call_id


def is_over(office: Office, call_id: str) -> None:
    office.bus.publish(CallEnded(call_id, "abandoned", None, office.now))


async def status_is(office: Office, callback_id: int, status: str) -> None:
    async with asyncio.timeout(10):
        while (await office.store.callback(callback_id)).status != status:
            await asyncio.sleep(0.005)


async def test_who_waited_in_the_line_is_called_back_at_the_place_held_there(office):
    office.desk.free = False
    wanted, call_id = number(), uuid.uuid4().hex
    came = TEN - timedelta(minutes=7)
    office.desk.entries[call_id] = QueueEntry(call_id, "retail", 30, came, skills_by="wine")
    await office.dialer.request(wanted, "retail", source="caller_key", call_id=call_id)
    await until(lambda: office.desk.held)
    held = office.desk.held[-1]
    assert (held.joined_at, held.priority, held.skills_by) == (came, 30, "wine")


async def test_callbacks_are_dialled_one_for_each_agent_in_the_order_of_their_places(office):
    office.desk.free = False
    wanted = [number() for _ in range(3)]
    for nth, each in enumerate(wanted):
        call_id = uuid.uuid4().hex
        came = TEN - timedelta(minutes=nth)
        office.desk.entries[call_id] = QueueEntry(call_id, "retail", 0, came)
        await office.dialer.request(each, "retail", source="caller_key", call_id=call_id)
    await until(lambda: office.desk.places == 3)
    office.desk.free = True
    for place, each in enumerate(reversed(wanted)):
        await until(lambda each=each: office.trunk.times(each))
        assert len(office.trunk.dialled) == place + 1
        call_id = office.trunk.call_of(each)
        office.bus.publish(CallAnswered(call_id, office.desk.agent_id, 1.0, office.now))
        office.bus.publish(CallEnded(call_id, "answered", office.desk.agent_id, office.now))
        office.desk.talks(call_id)


async def test_nobody_is_dialled_who_is_calling_and_the_place_is_kept(office):
    office.desk.free = False
    wanted = number()
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: office.desk.places)
    call_id = calls_in(office, wanted)
    assert office.desk.places == 0
    office.now += timedelta(minutes=1)
    kept = await office.dialer.kept_place(wanted)
    assert kept is not None
    assert kept.joined_at == TEN
    office.desk.free = True
    await asyncio.sleep(0.05)
    assert office.trunk.times(wanted) == 0
    is_over(office, call_id)
    await until(lambda: office.trunk.times(wanted) == 1)
    assert (await office.store.callback(view.id)).status == "dialling"


@pytest.mark.parametrize(("spoken", "status"), [(True, "done"), (False, "waiting")])
async def test_who_calls_in_while_being_dialled_is_not_rung_any_more(office, spoken, status):
    wanted = number()
    office.trunk.fates[wanted] = RINGS
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: office.trunk.ringing)
    call_id = calls_in(office, wanted)
    if spoken:
        office.bus.publish(CallAnswered(call_id, office.desk.agent_id, 1.0, office.now))
    await until(lambda: wanted in office.ended)
    assert office.ended[wanted] == "called_in"
    assert office.desk.reserved_for is None
    await status_is(office, view.id, status)
    after = await office.store.callback(view.id)
    assert after.attempts == 0
    assert office.trunk.times(wanted) == 1


async def test_a_callback_for_later_enters_the_line_then(office):
    office.desk.free = False
    later = TEN + timedelta(hours=2)
    await office.dialer.request(number(), "retail", source="agent", due_at=later)
    await asyncio.sleep(0.05)
    assert office.desk.places == 0
    office.now = later
    office.dialer._wake.set()
    await until(lambda: office.desk.places == 1)
    assert office.desk.held[-1].joined_at == later


async def test_outside_the_hours_places_leave_the_line_and_come_back_as_they_were(office):
    office.desk.free = False
    view = await office.dialer.request(number(), "retail", source="agent")
    await until(lambda: office.desk.places == 1)
    office.now = NIGHT
    office.dialer._wake.set()
    await until(lambda: office.desk.places == 0)
    after = await office.store.callback(view.id)
    assert (after.status, after.last_result) == ("waiting", "outside_hours")
    office.now = after.next_at
    office.dialer._wake.set()
    await until(lambda: office.desk.places == 1)
    assert office.desk.held[-1].joined_at == TEN


async def test_the_next_daemon_holds_the_places_of_the_table(office, database, agent_id):
    office.desk.free = False
    await office.dialer.request(number(), "retail", source="agent")
    await until(lambda: office.desk.places == 1)
    await office.dialer.close()
    next_daemon = Office(database, agent_id)
    next_daemon.desk.free = False
    await next_daemon.dialer.start()
    await until(lambda: next_daemon.desk.places == 1)
    assert next_daemon.desk.held[0].joined_at == office.desk.held[0].joined_at
    await next_daemon.dialer.close()


async def test_a_callback_for_a_certain_agent_waits_for_that_agent(office):
    wanted = number()
    view = await office.dialer.request(
        wanted, "retail", source="agent", agent_id=office.desk.agent_id
    )
    await until(lambda: office.trunk.times(wanted))
    assert office.desk.held[-1].agent_id == office.desk.agent_id == view.agent_id


async def test_places_are_given_up_while_the_database_is_away(office, monkeypatch):
    office.desk.free = False
    wanted = number()
    await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: office.desk.places == 1)

    async def away(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(office.store, "begin_attempt", away)
        office.desk.free = True
        await until(lambda: office.desk.places == 0 and office.desk.reserved_for is None)
        office.desk.free = False
    assert office.trunk.times(wanted) == 0
    office.dialer._wake.set()
    await until(lambda: office.desk.places == 1)
    office.desk.free = True
    await until(lambda: office.trunk.times(wanted) == 1)


async def test_a_time_too_far_ahead_is_refused(office):
    with pytest.raises(Invalid):
        await office.dialer.request(
            number(), "retail", source="agent", due_at=TEN + timedelta(days=400)
        )


async def test_who_refuses_while_being_rung_is_not_rung_any_more(office):
    wanted = number()
    office.trunk.fates[wanted] = RINGS
    view = await office.dialer.request(wanted, "retail", source="agent")
    await until(lambda: office.trunk.ringing)
    await forbid(office.store._database, wanted)
    office.bus.publish(NumberRefused(wanted, None))
    await until(lambda: wanted in office.ended)
    assert office.desk.reserved_for is None
    after = await office.store.callback(view.id)
    office.now = after.next_at
    office.dialer._wake.set()
    await status_is(office, view.id, "closed")
    assert office.trunk.times(wanted) == 1
