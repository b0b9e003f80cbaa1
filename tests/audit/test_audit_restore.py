"""A database that was restored from a dump on another server, which counts transactions anew."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crm_core.audit.service import AuditTrail
from crm_core.rights import SYSTEM
from tests.audit.audit_support import House, cover_up
from tests.databases import database_at
from tests.ports import free_port
from zongji.platform.postgres import EmbeddedPostgres

BURN = "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory, pg_server: EmbeddedPostgres):
    folder = pg_server.folder.parent / f"{pg_server.folder.name}-other"
    server = EmbeddedPostgres.prepare(folder, port=free_port())
    server.start(settings={"fsync": "off"})
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def restored(
    house: House, pg_server: EmbeddedPostgres, other_server: EmbeddedPostgres
) -> AsyncIterator[House]:
    """Seven sealed entries and two that are not."""
    name = house.url.rpartition("/")[2]
    pg_server.execute(BURN, name)
    await house.sealed(7)
    await house.record(2)
    where = ("-h", "127.0.0.1", "-U", "postgres", "-d", name)
    dump = pg_server._run("pg_dump", *where, "-p", str(pg_server.port))
    other_server.execute(f"CREATE DATABASE {name}", "postgres")
    file = other_server.folder / f"{name}.sql"
    file.write_text(dump)
    other_server._run(
        "psql", "-Xqf", str(file), "-v", "ON_ERROR_STOP=1", *where, "-p", str(other_server.port)
    )
    database = database_at(other_server.url(name))
    yield replace(
        house,
        database=database,
        trail=AuditTrail(database, clock=house.clock),
        url=other_server.url(name),
    )
    await database.close()


async def test_a_restored_trail_is_sound_goes_on_and_is_sealed_on(restored: House):
    assert ((await restored.verify()).unsealed, await restored.faults()) == (2, set())
    await restored.record(3)
    assert ((await restored.verify()).unsealed, await restored.faults()) == (5, set())
    assert await restored.sealer().run_once() == 2
    assert ((await restored.verify()).unsealed, await restored.faults()) == (0, set())
    await restored.sealed(6)
    report = await restored.verify()
    assert (report.sound, report.rows, report.seals) == (True, 18, 6)
    assert [each[0] for each in await restored.rows("SELECT row_count FROM audit_seals")] == [
        5,
        2,
        2,
        3,
        5,
        1,
    ]


async def test_what_is_forged_in_either_era_is_found(restored: House):
    await restored.sealed(6)
    assert await restored.faults() == set()
    await restored.break_in(
        "INSERT INTO audit_log (id, at, action, entity, entity_id, xid, salt, payload_digest, digest)"
        " SELECT -id, at, action, entity, entity_id, xid + 500, salt, payload_digest, digest"
        " FROM audit_log WHERE id = 9",
        "UPDATE audit_log SET id = 900 WHERE id = -9",
        "UPDATE audit_log SET after = NULL WHERE id IN (2, 12)",
        *cover_up("id = 900"),
    )
    faults = await restored.faults()
    assert {("row_changed", 1, 2), ("row_changed", 4, 12)} <= faults


async def test_an_entry_behind_the_end_of_an_old_era_is_found(restored: House):
    await restored.sealed(6)
    await restored.break_in(
        "UPDATE audit_log SET xid = xid + 500 WHERE id = 9", *cover_up("id = 9")
    )
    assert await restored.faults() == {("row_missing", 3, 9), ("row_inserted", 3, 9)}


async def test_the_old_entries_can_expire(restored: House, tmp_path: Path):
    await restored.sealed(6)
    expired = await restored.trail.expire(
        SYSTEM, restored.clock.now + timedelta(days=1), tmp_path / "a.jsonl", really=True
    )
    assert (expired.rows, expired.seals) == (15, 5)
    report = await restored.verify()
    assert (report.faults, report.archived, report.rows) == ((), 15, 1)
