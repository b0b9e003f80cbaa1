"""The dialler on a real PostgreSQL, with a trunk that behaves as told and agents who are free or not."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from acd.events import AgentChanged, CallAnswered, CallEnded
from crm_core.bus import Bus
from crm_core.people.tables import Role, User
from dialer.errors import CallbackExists, DoNotCallNumber, NotDialable
from dialer.events import AttemptEnded
from dialer.ports import Answered, FateUnknown, NotAnswered
from dialer.service import Dialer
from dialer.store import DialerStore
from dialer.tables import Attempt

TEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
NIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight


class Trunk:
    """Notes what is dialled and answers with the fate it was given."""

    def __init__(self) -> None:
        self.fates: dict[str, object] = {}
        self.dialled: list[tuple[str, str]] = []

    async def dial(self, call_id, number, *, purpose, queue):
        self.dialled.append((call_id, number))
        return self.fates.get(number, Answered(TEN))

    def times(self, number: str) -> int:
        return sum(each == number for _, each in self.dialled)

    def call_of(self, number: str) -> str | None:
        return next((call_id for call_id, each in self.dialled if each == number), None)


class Desk:
    """One agent, who can be reserved once at a time."""

    def __init__(self, agent_id: int) -> None:
        self.agent_id = agent_id
        self.free = True
        self.reserved_for: str | None = None

    def reserve(self, call_id, *, queue, agent_id):
        if not self.free or self.reserved_for or agent_id not in (None, self.agent_id):
            return None
        self.reserved_for = call_id
        return self.agent_id

    def release(self, call_id):
        if self.reserved_for == call_id:
            self.reserved_for = None


class Office:
    def __init__(self, database, agent_id: int) -> None:
        self.now = TEN
        self.bus, self.trunk, self.desk = Bus(), Trunk(), Desk(agent_id)
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
    await office.store.forbid(wanted, "asked", None)
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
        due = await office.store.due(office.now, limit=1000)
        return wanted not in {item.number for item in due}

    async with asyncio.timeout(10):
        while not await put_off():
            await asyncio.sleep(0.01)
    assert office.trunk.times(wanted) == 0


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
    item = next(i for i in await office.store.due(office.now, limit=1000) if i.number == wanted)
    await office.store.begin_attempt(item, uuid.uuid4().hex, agent_id, "r", office.now)
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


@pytest.mark.parametrize(("spoken", "status"), [(True, "done"), (False, "waiting")])
async def test_a_call_that_outlives_its_daemon_ends_as_it_ends(
    office, database, agent_id, spoken, status
):
    wanted, call_id = number(), uuid.uuid4().hex
    office.desk.free = False
    view = await office.dialer.request(wanted, "retail", source="agent")
    item = next(i for i in await office.store.due(office.now, limit=1000) if i.number == wanted)
    await office.store.begin_attempt(item, call_id, agent_id, "r", office.now)
    await office.dialer.close()
    next_daemon = Office(database, agent_id)
    next_daemon.desk.free = False
    await next_daemon.dialer.start(lambda each: spoken if each == call_id else None)
    await until(lambda: call_id in next_daemon.dialer._out)
    next_daemon.bus.publish(CallEnded(call_id, "answered", agent_id, office.now))
    await until(lambda: wanted in next_daemon.ended)
    assert next_daemon.ended[wanted] == ("reached" if spoken else "abandoned")
    assert (await office.store.callback(view.id)).status == status
    await next_daemon.dialer.close()


async def test_what_cannot_or_may_not_be_called_is_refused_with_its_reason(office):
    listed = number()
    await office.store.forbid(listed, "asked", None)
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
