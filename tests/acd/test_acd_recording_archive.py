"""Recordings are kept as long as the policy says, held beyond it, and whoever hears one is noted once."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from acd.holds import RecordingRemoved
from acd.obstacles import held_recordings
from acd.retention import Retention
from acd.rows import RecordingRow
from crm_core.db import Database
from crm_core.errors import Forbidden, NotFound
from crm_core.rights import SYSTEM, Caller
from tests.acd.sound_shelf import NOW, POLICY, Shelf, shelf_in


@pytest.fixture
async def shelf(database: Database, tmp_path: Path) -> Shelf:
    return await shelf_in(database, tmp_path)


async def test_what_is_old_goes_with_its_file_and_says_so(shelf: Shelf):
    old, young = await shelf.put("a" * 32, days=30), await shelf.put("b" * 32, days=29)
    assert await shelf.sweeper.run_once() == 1
    assert (old.exists(), young.exists()) == (False, True)
    gone = await shelf.archive.find("a" * 32)
    assert gone is not None
    assert gone.removed_at == NOW
    with pytest.raises(NotFound):
        shelf.archive.open(gone)
    assert await shelf.entries("recording.remove") == [(None, "a" * 32)]
    assert await shelf.sweeper.run_once() == 0


async def test_a_queue_may_keep_longer_or_shorter_and_without_a_policy_all_stays(shelf: Shelf):
    long, short = (
        await shelf.put("a" * 32, days=80, queue="north"),
        await shelf.put("b" * 32, days=2, queue="short"),
    )
    shelf.policy = Retention(None, {})
    assert await shelf.sweeper.run_once() == 0
    shelf.policy = Retention(None, {"north": 90})
    assert await shelf.sweeper.run_once() == 0
    shelf.policy = POLICY
    assert await shelf.sweeper.run_once() == 1
    assert (long.exists(), short.exists()) == (True, False)
    assert [POLICY.days_of(each) for each in ("north", "other", None)] == [90, 30, 30]


async def test_what_is_held_stays_until_it_is_released(shelf: Shelf):
    path, call_id = await shelf.put("a" * 32, days=300), "a" * 32
    await shelf.archive.hold(SYSTEM, call_id, "法院调取")
    await shelf.archive.hold(SYSTEM, call_id, "法院调取")
    async with shelf.database.begin() as session:
        assert "held" in (await held_recordings(session, [5]) or "")
    assert await shelf.sweeper.run_once() == 0
    await shelf.archive.release(SYSTEM, call_id)
    async with shelf.database.begin() as session:
        assert await held_recordings(session, [5]) is None
    assert await shelf.sweeper.run_once() == 1
    assert not path.exists()
    assert [len(await shelf.entries(f"recording.{each}")) for each in ("hold", "release")] == [1, 1]
    with pytest.raises(RecordingRemoved):
        await shelf.archive.hold(SYSTEM, call_id, "too late")
    with pytest.raises(Forbidden):
        await shelf.archive.hold(Caller(), call_id, "no right")
    with pytest.raises(NotFound):
        await shelf.archive.hold(SYSTEM, "f" * 32, "no recording")


async def test_a_file_that_could_not_be_removed_is_removed_in_the_next_round(shelf: Shelf):
    path = await shelf.put("a" * 32, days=40)
    path.unlink()
    path.mkdir()  # which unlink refuses
    assert await shelf.sweeper.run_once() == 1
    assert path.exists()
    path.rmdir()
    path.write_bytes(b"sound")
    assert await shelf.sweeper.run_once() == 0
    assert not path.exists()
    assert len(await shelf.entries("recording.remove")) == 1


async def test_a_journal_that_is_read_again_brings_nothing_back(shelf: Shelf):
    await shelf.put("a" * 32, days=40)
    await shelf.sweeper.run_once()
    at = NOW - timedelta(days=40)
    await shelf.write(RecordingRow("a" * 32, f"{'a' * 32}.wav", 3.0, 5, 2, at))
    found = await shelf.archive.find("a" * 32)
    assert found is not None
    assert found.removed_at == NOW
    assert await shelf.sweeper.run_once() == 0


async def test_two_sweepers_remove_each_recording_once(shelf: Shelf):
    for number in range(8):
        await shelf.put(f"{number}" * 32, days=40)
    done = await asyncio.gather(shelf.sweeper.run_once(), shelf.another().run_once())
    assert sum(done) == 8
    assert len(await shelf.entries("recording.remove")) == 8


async def test_a_listening_is_noted_once_however_many_parts_it_has(shelf: Shelf):
    call_id = "a" * 32
    await shelf.put(call_id, days=1)
    await asyncio.gather(*(shelf.archive.note(SYSTEM, 7, call_id, "listen") for _ in range(5)))
    shelf.now += timedelta(minutes=9)
    await shelf.archive.note(SYSTEM, 7, call_id, "listen")
    shelf.now += timedelta(minutes=9)
    await shelf.archive.note(SYSTEM, 7, call_id, "listen")
    await shelf.archive.note(SYSTEM, 7, call_id, "download")
    await shelf.archive.note(SYSTEM, 8, call_id, "listen")
    shelf.now += timedelta(minutes=11)
    await shelf.archive.note(SYSTEM, 7, call_id, "listen")
    found = await shelf.archive.uses(call_id)
    assert [(each.user_id, each.kind) for each in found] == [
        (7, "listen"),
        (8, "listen"),
        (7, "download"),
        (7, "listen"),
    ]
    first = found[-1]
    assert (first.began_at, first.last_at) == (NOW, NOW + timedelta(minutes=18))
    assert len(await shelf.entries("recording.listen")) == 3
    assert len(await shelf.entries("recording.download")) == 1
