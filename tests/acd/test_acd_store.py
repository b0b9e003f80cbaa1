"""From the journal into a real PostgreSQL: in batches, repeatable, and later when it is away."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from acd.contact_source import CallContacts
from acd.journal import Journal
from acd.rows import AgentStateRow, CallRow, StepRow
from acd.store import AcdStore, QueueCounts
from acd.writer import JournalWriter
from crm_core.customers.tables import Customer
from crm_core.db import Base, Database
from crm_core.errors import DatabaseUnavailable
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from tests.ports import free_port
from zongji.platform.postgres import EmbeddedPostgres

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def call(call_id: str, **values: object) -> CallRow:
    base = {
        "id": call_id,
        "node": "pbx1",
        "linkedid": "1.1",
        "direction": "inbound",
        "caller": "13800138000",
        "did": "4006001001",
        "started_at": AT,
    }
    return CallRow(**(base | values))  # type: ignore[arg-type]


def agent(seq: int, state: str) -> AgentStateRow:
    return AgentStateRow(7, seq, "王小明", "8001", ("north",), state, None, None, None, AT, None)


def journal_in(folder: Path) -> Journal:
    journal = Journal(folder)
    journal.recover()
    journal.open(tuple)
    return journal


@pytest.fixture
async def store(database: Database) -> AcdStore:
    async with database.begin() as session:
        await session.execute(text("TRUNCATE calls, call_steps, agent_states, recordings"))
    return AcdStore(database)


async def found(database: Database) -> set[str]:
    async with database.begin() as session:
        return set(await session.scalars(text("SELECT id FROM calls")))


async def test_a_call_and_its_steps_arrive_as_they_were_written(store: AcdStore, tmp_path: Path):
    journal = journal_in(tmp_path)
    row = call("a", queue="north", menu_path=("1", "1-1"), priority=5, steps=2)
    steps = [StepRow("a", n, AT, "key", {"digit": str(n), "why": "请按一"}) for n in range(2)]
    for each in (*steps, row):
        journal.append(each)
    assert await JournalWriter(journal, store).flush() == 3
    assert await store.call(SYSTEM, "a") == row
    assert await store.steps("a") == steps
    assert await store.open_calls() == [row]


async def test_writing_again_changes_nothing_and_an_older_version_never_wins(
    store: AcdStore, tmp_path: Path
):
    ended = call("a", steps=3, ended_at=AT, outcome="answered")
    for number, rows in enumerate(([call("a", steps=1), ended], [call("a", steps=1)])):
        journal = journal_in(tmp_path / str(number))
        for row in rows:
            journal.append(row)
        await JournalWriter(journal, store).flush()
    assert await store.call(SYSTEM, "a") == ended


async def test_a_row_that_cannot_be_stored_is_set_aside_and_holds_up_nothing(
    store: AcdStore, database: Database, tmp_path: Path
):
    journal = journal_in(tmp_path)
    for row in (call("a"), call("x" * 40), call("b"), call("c", direction="sideways")):
        journal.append(row)
    await JournalWriter(journal, store).flush()
    assert await found(database) == {"a", "b"}
    assert len((tmp_path / "rejected").read_text().splitlines()) == 2


async def test_an_ended_conversation_marks_its_customer_in_the_same_transaction(
    store: AcdStore, database: Database, tmp_path: Path
):
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        ids = [
            Customer(name=name, level_code="city", price_policy_code="list") for name in "甲乙丙丁"
        ]
        session.add_all(ids)
        await session.flush()
        spoken, missed, open_, again = (each.id for each in ids)
        await session.execute(text("DELETE FROM insight_queue"))
    over = {"ended_at": AT, "outcome": "answered", "answered_at": AT, "steps": 5}
    rows = (
        call("a", customer_id=spoken, **over),
        call("b", customer_id=missed, ended_at=AT, outcome="abandoned"),
        call("c", customer_id=open_, answered_at=AT),
        call("d", customer_id=again, **over),
        call("e", customer_id=9_000_000_000, **over),
        call("f", **over),
    )
    journal = journal_in(tmp_path)
    for row in (*rows, call("g", customer_id=spoken, **over)):
        journal.append(row)
    assert await JournalWriter(journal, store).flush() == 7
    assert len(await found(database)) == 7
    async with database.begin() as session:
        marked = await session.scalars(text("SELECT customer_id FROM insight_queue ORDER BY 1"))
        assert list(marked) == [spoken, again]
        latest = await CallContacts().latest(session, [spoken, missed, open_, again, 12345])
    assert latest == {spoken: AT, again: AT}


async def test_the_latest_conversation_is_that_of_the_call_begun_last(
    store: AcdStore, database: Database, tmp_path: Path
):
    journal = journal_in(tmp_path)
    for day in (1, 3, 2):
        then = AT + timedelta(days=day)
        spoken = {"answered_at": then, "ended_at": then, "outcome": "answered"}
        journal.append(call(f"d{day}", customer_id=5, started_at=then, **spoken))
    missed = AT + timedelta(days=9)
    journal.append(
        call("m", customer_id=5, started_at=missed, ended_at=missed, outcome="abandoned")
    )
    await JournalWriter(journal, store).flush()
    async with database.reading() as connection:
        latest = await CallContacts().latest(connection, [5])
    assert latest == {5: AT + timedelta(days=3)}


async def test_texts_postgresql_does_not_take_are_made_fit(store: AcdStore, tmp_path: Path):
    journal = journal_in(tmp_path)
    journal.append(call("a", caller="1\x002"))
    journal.append(StepRow("a", 0, AT, "key", {"text": "a\x00b\\u0000\ud800", "n": [1, None]}))
    await JournalWriter(journal, store).flush()
    found = await store.call(SYSTEM, "a")
    assert found is not None
    assert found.caller == "12"
    assert (await store.steps("a"))[0].detail == {"text": "ab\\u0000?", "n": [1, None]}


async def test_the_latest_state_of_each_agent_is_found(store: AcdStore, tmp_path: Path):
    journal = journal_in(tmp_path)
    for row in (agent(1, "ready"), agent(3, "break"), agent(2, "talking")):
        journal.append(row)
    await JournalWriter(journal, store).flush()
    assert [row.state for row in await store.agent_states()] == ["break"]


async def test_the_figures_of_a_day_are_counted_by_queue(store: AcdStore, tmp_path: Path):
    journal = journal_in(tmp_path)
    queued = {"queue": "north", "queued_at": AT}
    for row in (
        call("a", **queued, answered_at=AT, within_target=True),
        call("b", **queued, answered_at=AT, within_target=False),
        call("c", **queued, left_reason="abandoned", ended_at=AT, outcome="abandoned"),
        call("d", **queued),
        call("old", queue="north", queued_at=AT - timedelta(days=1)),
        call("menu only"),
    ):
        journal.append(row)
    await JournalWriter(journal, store).flush()
    found = await store.counts(AT - timedelta(hours=1), AT + timedelta(hours=1))
    assert found == [QueueCounts("north", calls=4, answered=2, abandoned=1, within_target=1)]


async def test_while_postgresql_is_away_everything_waits_and_arrives_later_in_order(
    tmp_path: Path, pg_server: EmbeddedPostgres
):
    folder = pg_server.folder.parent / f"{pg_server.folder.name}-outage"
    server = EmbeddedPostgres.prepare(folder, port=free_port())
    server.start(settings={"fsync": "off"})
    database = Database(server.url())
    try:
        async with database.begin() as session:
            await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
        store, journal = AcdStore(database), journal_in(tmp_path)
        writer = JournalWriter(journal, store)
        journal.append(call("a", steps=1))
        await writer.flush()
        server.stop(mode="immediate")
        journal.append(call("a", steps=2, queue="north"))
        with pytest.raises(DatabaseUnavailable):
            await writer.flush()
        journal.append(call("a", steps=3, outcome="answered", ended_at=AT))
        for seq in range(5_000):
            journal.append(StepRow("a", seq, AT, "key", {}))
        server.start(settings={"fsync": "off"})
        assert await writer.flush() == 5_002
        found = await store.call(SYSTEM, "a")
        assert found is not None
        assert found.outcome == "answered"
        assert [step.seq for step in await store.steps("a")] == list(range(5_000))
    finally:
        await database.close()
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


async def test_while_postgresql_takes_no_changes_everything_waits_and_nothing_is_set_aside(
    tmp_path: Path, pg_server: EmbeddedPostgres, store: AcdStore, database: Database
):
    async with database.begin() as session:
        name = await session.scalar(text("SELECT current_database()"))
    journal = journal_in(tmp_path)
    journal.append(call("a", steps=1))
    writer = JournalWriter(journal, store)
    others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    pg_server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on", "postgres")
    try:
        pg_server.execute(others, "postgres")
        with pytest.raises(DatabaseUnavailable):
            await writer.flush()
        with pytest.raises(DatabaseUnavailable, match="nothing was changed"):
            await writer.flush()
        assert not database.available
        assert await store.open_calls() == []
    finally:
        pg_server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only", "postgres")
    assert await writer.flush() == 1
    assert not (tmp_path / "rejected").exists()
    assert database.available
    assert [row.id for row in await store.open_calls()] == ["a"]
