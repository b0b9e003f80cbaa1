"""No schedule, reload or race dials a number that is listed, or one more often than the caps allow.

Which of two transactions decided first is read from PostgreSQL: both write under the lock of the number, so the number of
the transaction (`xmin`) tells their order.
"""

import asyncio
import contextlib
import csv
import importlib
import itertools
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from crm_core.db import Base
from crm_core.rights import SYSTEM
from dialer import standing
from dialer.consents.commands import NewConsent, Withdrawal
from dialer.consents.service import ConsentService
from dialer.do_not_call import refusing
from dialer.do_not_call.commands import Lift, NewRefusal
from dialer.do_not_call.files import ListFiles
from dialer.do_not_call.refusing import Refusal
from dialer.do_not_call.service import DoNotCallService
from dialer.errors import CallbackExists
from dialer.store import NewCallback
from tests.databases import database_at
from tests.dialer.conftest import ANY_TIME, Hall, furnish, number
from tests.repeated import repeated

DIALLED_AFTER_ENTRY = text("""
SELECT a.number FROM attempts a JOIN do_not_call d USING (number)
WHERE d.lifted_at IS NULL AND a.xmin::text::bigint > d.xmin::text::bigint AND a.number = ANY(:numbers)
""")
DIALLED_AFTER_IMPORT = text("""
SELECT a.number FROM attempts a JOIN do_not_call_listed l USING (number)
JOIN do_not_call_lists s ON s.id = l.list_id AND s.job_id = l.job_id
WHERE a.xmin::text::bigint > s.xmin::text::bigint AND a.number = ANY(:numbers)
""")
DIALLED_AFTER_WITHDRAWAL = text("""
SELECT a.number FROM attempts a JOIN call_consents k USING (number)
WHERE k.withdrawn_at IS NOT NULL AND a.xmin::text::bigint > k.xmin::text::bigint
    AND a.number = ANY(:numbers)
""")
WAITING = text("""
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()
""")


async def scalars(database, statement, **values) -> list:
    async with database.reading() as connection:
        return list(await connection.scalars(statement, values))


async def begin(hall: Hall, item):
    return await hall.store.begin_attempt(
        item, uuid.uuid4().hex, hall.agent.user_id, hall.law, hall.now
    )


def written(path: Path, numbers) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((("号码",), *((each,) for each in numbers)))
    return path


async def test_numbers_that_are_entered_while_they_are_dialled_are_dialled_before_or_never(hall):
    numbers = [number() for _ in range(40)]
    campaign = await hall.campaign(*numbers)
    items = [await hall.item(campaign, each) for each in numbers]
    service = DoNotCallService(hall.database, hall.bus, clock=hall.clock, law=hall.law)
    entries = [NewRefusal(number=each, reason="x") for each in numbers]
    both = zip(items, entries, strict=True)
    done = await asyncio.gather(
        *itertools.chain.from_iterable(
            (begin(hall, item), service.add(hall.boss, entry)) for item, entry in both
        )
    )
    assert all(verdict is not None for verdict in done)
    assert await scalars(hall.database, DIALLED_AFTER_ENTRY, numbers=numbers) == []


async def test_numbers_of_a_list_that_comes_into_force_are_dialled_before_or_never(hall, tmp_path):
    numbers = [number() for _ in range(40)]
    campaign = await hall.campaign(*numbers)
    items = [await hall.item(campaign, each) for each in numbers]
    files = ListFiles(hall.database, tmp_path / "exchange", clock=hall.clock)
    name = secrets.token_hex(4)
    job = await files.hand_in(SYSTEM, "a.csv", written(tmp_path / "a.csv", numbers), name=name)
    await asyncio.gather(files.run(job.id), *(begin(hall, item) for item in items))
    assert await scalars(hall.database, DIALLED_AFTER_IMPORT, numbers=numbers) == []
    again = await asyncio.gather(*(begin(hall, item) for item in items))
    assert {each.reason for each in again if each is not None} <= {"imported_do_not_call"}


async def test_who_withdraws_a_consent_while_being_dialled_is_dialled_before_or_never(hall):
    numbers = [number() for _ in range(30)]
    campaign = await hall.campaign(*numbers, needs_consent=True)
    consents = ConsentService(hall.database, clock=hall.clock)
    given = [
        await consents.give(SYSTEM, NewConsent(number=each, proof="x", given_at=hall.now))
        for each in numbers
    ]
    items = [await hall.item(campaign, each) for each in numbers]
    reason = Withdrawal(reason="x")
    await asyncio.gather(
        *(begin(hall, item) for item in items),
        *(consents.withdraw(SYSTEM, each.id, reason) for each in given),
    )
    assert await scalars(hall.database, DIALLED_AFTER_WITHDRAWAL, numbers=numbers) == []


async def test_of_two_campaigns_that_dial_a_number_at_once_the_cap_lets_one_through(hall):
    for _ in range(5):
        wanted = number()
        items = [await hall.item(await hall.campaign(wanted), wanted) for _ in range(8)]
        verdicts = await asyncio.gather(*(begin(hall, item) for item in items))
        assert [each.allowed for each in verdicts].count(True) == 1
        assert {each.reason for each in verdicts} == {"allowed", "attempts_used_up"}


async def test_whoever_wants_to_dial_waits_for_an_entry_that_is_being_made(hall):
    wanted = number()
    item = await hall.item(await hall.campaign(wanted), wanted)
    async with hall.database.begin() as session:
        await refusing.add(session, Refusal(wanted, "api", "x"), hall.now)
        dialled = asyncio.create_task(begin(hall, item))
        while await scalars(hall.database, WAITING) == [0]:
            assert not dialled.done()
        assert not dialled.done()
    assert (await dialled).reason == "do_not_call"


async def test_whoever_wants_to_dial_waits_for_a_list_that_comes_into_force(hall, tmp_path):
    wanted = number()
    item = await hall.item(await hall.campaign(wanted), wanted)
    files = ListFiles(hall.database, tmp_path / "exchange", clock=hall.clock)
    name = secrets.token_hex(4)
    job = await files.hand_in(SYSTEM, "a.csv", written(tmp_path / "a.csv", [wanted]), name=name)
    async with hall.database.begin() as session:
        known = await standing.to_dial(session, number(), hall.law.wanted("campaign", hall.now))
        assert known.listed is None
        imported = asyncio.create_task(files.run(job.id))
        while await scalars(hall.database, WAITING) == [0]:
            assert not imported.done()
        dialled = asyncio.create_task(begin(hall, item))  # behind the list, which came first
        while await scalars(hall.database, WAITING) == [1]:
            assert not dialled.done()
    assert (await dialled).reason == "imported_do_not_call"
    assert (await imported).state == "done"


# ---- every sequence -----------------------------------------------------------------------------------

GAPS = [timedelta(minutes=1), timedelta(minutes=11), timedelta(minutes=70), timedelta(days=1)]
RESULTS = ["busy", "no_answer", "abandoned", "congestion", "reached"]
which = st.integers(0, 2)


class Diallers(RuleBasedStateMachine):
    """Two diallers with lists that they loaded at some time, and people who enter, lift and import; the model knows who
    is listed.
    """

    runner: asyncio.Runner
    hall: Hall
    folder: Path
    done: dict[str, int]

    @initialize()
    def begins(self) -> None:
        hall = self.hall
        hall.now = datetime.now(UTC) + timedelta(days=1)
        self.numbers = [number() for _ in range(3)]
        self.campaigns = [
            self.runner.run(hall.campaign(*self.numbers, attempts=20)) for _ in range(2)
        ]
        self.service = DoNotCallService(hall.database, hall.bus, clock=hall.clock, law=hall.law)
        self.files = ListFiles(hall.database, self.folder / "exchange", clock=hall.clock)
        self.list = secrets.token_hex(4)
        self.entered: dict[tuple[str, int | None], int] = {}
        self.imported: set[str] = set()
        self.held: list = []
        self.out: list[str] = []
        self.load()

    def listed(self, item) -> bool:
        everywhere = (item.number, None) in self.entered or item.number in self.imported
        return everywhere or (item.number, item.campaign_id) in self.entered

    @rule(gap=st.sampled_from(GAPS))
    def time_passes(self, gap) -> None:
        self.hall.now += gap

    @rule()
    def load(self) -> None:
        """What was loaded before is still dialled from as well."""
        hall = self.hall

        async def due():
            contacts = await hall.store.due_contacts(hall.now, limit=100_000)
            callbacks = [each.item for each in await hall.store.due_callbacks(hall.now)]
            return [each for each in (*contacts, *callbacks) if each.number in self.numbers]

        self.held = [*self.held, *self.runner.run(due())][-20:]

    @rule(number=which)
    def a_callback_is_asked_for(self, number) -> None:
        new = NewCallback(self.numbers[number], "retail", "agent", self.hall.now, self.hall.now)
        with contextlib.suppress(CallbackExists):
            self.runner.run(self.hall.store.add_callback(new))

    @rule(number=which, campaign=st.sampled_from([None, 0, 1]))
    def a_number_is_entered(self, number, campaign) -> None:
        wanted = self.numbers[number]
        of = None if campaign is None else self.campaigns[campaign]
        command = NewRefusal(number=wanted, reason="x", campaign_id=of)
        made = self.runner.run(self.service.add(SYSTEM, command))
        self.entered[wanted, of] = made.id

    @rule(choice=st.integers(0, 9))
    def an_entry_is_lifted(self, choice) -> None:
        if self.entered:
            known = sorted(self.entered, key=str)[choice % len(self.entered)]
            entry = self.entered.pop(known)
            self.runner.run(self.service.lift(SYSTEM, entry, Lift(reason="x")))

    @rule(chosen=st.sets(which))
    def the_list_is_imported(self, chosen) -> None:
        numbers = {self.numbers[each] for each in chosen}
        path = written(self.folder / "a.csv", [*numbers, "13900000000"])
        job = self.runner.run(self.files.hand_in(SYSTEM, "a.csv", path, name=self.list))
        assert self.runner.run(self.files.run(job.id)).state == "done"
        self.imported = numbers

    @rule(choices=st.lists(st.integers(0, 19), min_size=1, max_size=4), enter=st.none() | which)
    def both_dial_at_once(self, choices, enter) -> None:
        """Perhaps while a number is entered."""
        if not self.held:
            return
        items = [self.held[each % len(self.held)] for each in choices]
        listed = [self.listed(item) for item in items]

        async def dial(item):
            call_id = uuid.uuid4().hex
            verdict = await self.hall.store.begin_attempt(
                item, call_id, self.hall.agent.user_id, self.hall.law, self.hall.now
            )
            if verdict is not None and verdict.allowed:
                self.out.append(call_id)
            return verdict

        async def all_at_once():
            begun = [dial(item) for item in items]
            if enter is not None:
                command = NewRefusal(number=self.numbers[enter], reason="x")
                *verdicts, made = await asyncio.gather(*begun, self.service.add(SYSTEM, command))
                self.entered[self.numbers[enter], None] = made.id
                wanted = {"numbers": [self.numbers[enter]]}
                late = DIALLED_AFTER_ENTRY.text + " AND a.result IS NULL AND a.at = :now"
                rows = await scalars(self.hall.database, text(late), **wanted, now=self.hall.now)
                assert rows == []
                return verdicts
            return await asyncio.gather(*begun)

        for was_listed, verdict in zip(listed, self.runner.run(all_at_once()), strict=True):
            if verdict is not None and verdict.allowed:
                assert not was_listed
                self.done["dialled"] += 1
            elif verdict is not None:
                self.done[verdict.reason] = self.done.get(verdict.reason, 0) + 1

    @rule(choice=st.integers(0, 9), result=st.sampled_from(RESULTS))
    def a_call_ends(self, choice, result) -> None:
        if self.out:
            call_id = self.out.pop(choice % len(self.out))
            self.runner.run(
                self.hall.store.end_attempt(call_id, result, self.hall.now, cause=None, tech=None)
            )

    @invariant()
    def no_cap_is_exceeded(self) -> None:
        ledger = text(
            "SELECT number, at, contact_id IS NOT NULL AS campaign FROM attempts"
            " WHERE number = ANY(:numbers) AND result IS DISTINCT FROM 'congestion' ORDER BY at"
        )

        async def made():
            async with self.hall.database.reading() as connection:
                return (await connection.execute(ledger, {"numbers": self.numbers})).all()

        rows = self.runner.run(made())
        for row in rows:
            caps = ANY_TIME.campaign_caps if row.campaign else ANY_TIME.callback_caps
            for cap in caps:
                inside = [
                    each
                    for each in rows
                    if each.number == row.number and row.at - cap.within < each.at <= row.at
                ]
                # of those at the same moment, who came last is not told by the ledger
                at_once = [each for each in inside if each.at == row.at and not each.campaign]
                assert len(inside) <= cap.attempts + (len(at_once) if row.campaign else 0)


@pytest.fixture(scope="module")
def hall_of_its_own(pg_server):
    """A loop and a dialler's tables for what is not asynchronous."""
    name = f"diallers_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    importlib.import_module("zongji.core")
    with asyncio.Runner() as runner:

        async def made():
            database = database_at(pg_server.url(name))
            async with database.begin() as session:
                await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
            people = await furnish(database)
            return database, Hall(database, people["supervisor"], people["agent"])

        database, hall = runner.run(made())
        yield runner, hall
        runner.run(database.close())


def test_whatever_is_done_no_listed_number_is_dialled_and_no_cap_exceeded(
    hall_of_its_own, tmp_path
):
    runner, hall = hall_of_its_own
    done = {"dialled": 0}
    parts = {"runner": runner, "hall": hall, "folder": tmp_path, "done": done}
    machine = type("Machine", (Diallers,), parts)
    run_state_machine_as_test(machine, settings=repeated(12, stateful_step_count=30))
    seen = {"dialled", "do_not_call", "attempts_used_up", "imported_do_not_call"}
    assert seen <= {what for what, times in done.items() if times > 2}, done
