import asyncio
import random
import socket
import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crm_core.db import Database
from crm_core.errors import CommitUnknown, DatabaseUnavailable
from tests.proxy import Proxy
from zongji.platform.postgres import EmbeddedPostgres

SETTINGS = {"fsync": "off"}


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    """A server that these tests may stop."""
    folder = tmp_path_factory.mktemp("pg-own")
    for parent in (folder, *folder.parents):
        if parent.owner() == folder.owner() and parent.name.startswith(("pytest-", "pg")):
            parent.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = EmbeddedPostgres.prepare(folder / "server", port=port)
    server.start(settings=SETTINGS)
    yield server
    server.stop(mode="immediate")


async def ask(database: Database) -> int:
    async with database.begin() as session:
        return await session.scalar(text("SELECT 1"))


async def test_a_stopped_server_is_unavailable_and_a_started_one_available_again(own_server):
    database = Database(own_server.url())
    assert await ask(database) == 1
    own_server.stop()
    with pytest.raises(DatabaseUnavailable):
        await ask(database)
    assert not database.available
    with pytest.raises(DatabaseUnavailable):
        async with database.reading() as connection:
            await connection.execute(text("SELECT 1"))
    assert not await database.ping()
    own_server.start(settings=SETTINGS)
    assert await ask(database) == 1
    assert database.available
    await database.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_after_a_restart_nobody_sees_an_error(own_server, mode):
    database = Database(own_server.url())
    await asyncio.gather(*(ask(database) for _ in range(8)))
    await asyncio.to_thread(own_server.stop, mode=mode)
    await asyncio.to_thread(own_server.start, settings=SETTINGS)
    assert await asyncio.gather(*(ask(database) for _ in range(8))) == [1] * 8
    assert await database.ping()
    await database.close()


async def test_a_server_that_dies_while_it_saves_leaves_the_outcome_unknown(own_server):
    database = Database(own_server.url())

    async def save() -> None:
        async with database.begin() as session:
            await session.execute(text("CREATE TABLE IF NOT EXISTS unknown_fate (id int)"))
            own_server.stop(mode="immediate")

    with pytest.raises(CommitUnknown):
        await save()
    own_server.start(settings=SETTINGS)
    assert await ask(database) == 1
    await database.close()


async def test_a_server_that_is_not_there_is_unavailable_at_once():
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        await ask(database)
    await database.close()


async def test_a_frozen_server_holds_nobody_longer_than_the_deadlines(pg_server):
    async with Proxy(pg_server.port) as proxy:
        url = pg_server.url().replace(f":{pg_server.port}/", f":{proxy.port}/")
        database = Database(url, connect_timeout_s=0.3, statement_timeout_s=0.3)
        assert await ask(database) == 1
        proxy.stall()
        async with asyncio.timeout(20):
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable):
                    await ask(database)
        proxy.open()
        assert await ask(database) == 1
        await database.close()


async def test_a_refused_statement_is_not_mistaken_for_an_absent_server(database):
    with pytest.raises(DBAPIError):
        async with database.begin() as session:
            await session.execute(text("SELECT CAST(:a AS int)"), {"a": "no number"})
    with pytest.raises(DBAPIError):
        async with database.begin() as session:
            await session.execute(text("SELECT 1/0"))
    assert database.available


async def test_an_error_of_the_callers_own_work_passes_through_and_rolls_back(database):
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE own_work (id int)"))

    async def work() -> None:
        async with database.begin() as session:
            await session.execute(text("INSERT INTO own_work VALUES (1)"))
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await work()
    async with database.begin() as session:
        assert await session.scalar(text("SELECT count(*) FROM own_work")) == 0
    assert database.available


async def test_a_storm_of_cancellations_loses_no_acknowledged_commit(pg_server, database):
    storm = Database(pg_server.url(database_name(database)), pool_size=4)
    dice = random.Random(7)  # the same storm each time
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE storm (key text, half int)"))
    acknowledged: set[str] = set()

    async def write(key: str) -> None:
        async with storm.begin() as session:
            for half in (1, 2):
                await session.execute(
                    text("INSERT INTO storm VALUES (:key, :half)"), {"key": key, "half": half}
                )
        acknowledged.add(key)

    cancelled, longest_s = 0, 0.05
    for _ in range(60):
        before = len(acknowledged)
        tasks = [asyncio.create_task(write(uuid.uuid4().hex)) for _ in range(12)]
        for task in tasks:
            asyncio.get_running_loop().call_later(dice.uniform(0.002, longest_s), task.cancel)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        cancelled += sum(isinstance(outcome, asyncio.CancelledError) for outcome in ended)
        assert all(
            outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in ended
        )
        if len(acknowledged) == before:
            longest_s *= 2  # a slow machine: nothing would ever be acknowledged
    async with database.begin() as session:
        rows = await session.execute(text("SELECT key, count(*) FROM storm GROUP BY key"))
        halves = dict(tuple(row) for row in rows)
    await storm.close()
    assert cancelled
    assert acknowledged
    assert acknowledged <= set(halves)
    assert set(halves.values()) == {2}


@pytest.mark.parametrize(("way", "generic"), [("reading", True), ("searching", False)])
async def test_only_searches_are_planned_for_their_own_values(database, way, generic):
    async with getattr(database, way)() as connection:
        for number in range(10):
            await connection.execute(text("SELECT 1 WHERE CAST(:n AS int) > 0"), {"n": number})
        plans = await connection.scalar(
            text(
                "SELECT max(generic_plans) FROM pg_prepared_statements WHERE statement LIKE '%> 0'"
            )
        )
    assert (plans > 0) is generic


def database_name(database: Database) -> str:
    return str(database._engine.url.database)
