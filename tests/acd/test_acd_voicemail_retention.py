"""Messages are kept as long as their own policy says, and held beyond it; one file in the way of the sweep holds up no other."""

from datetime import timedelta
from pathlib import Path

import pytest

from acd.holds import RecordingRemoved
from acd.obstacles import held_recordings
from acd.retention import Retention
from acd.rows import VoicemailRow
from crm_core.db import Database
from crm_core.errors import Forbidden, NotFound
from crm_core.rights import SYSTEM, Caller
from tests.acd.sound_shelf import NOW, Shelf, shelf_in

FIRST, SECOND = "a" * 32, "b" * 32


@pytest.fixture
async def shelf(database: Database, tmp_path: Path) -> Shelf:
    return await shelf_in(database, tmp_path)


async def test_messages_go_by_their_own_days_and_are_heard_no_more(shelf: Shelf) -> None:
    old, young = await shelf.put_message(FIRST, days=60), await shelf.put_message(SECOND, days=59)
    assert await shelf.sweeper.run_once() == 1
    assert (old.exists(), young.exists()) == (False, True)
    assert (await shelf.voicemails.find(SYSTEM, FIRST)).removed_at == NOW
    with pytest.raises(NotFound):
        await shelf.voicemails.listen(SYSTEM, FIRST, NOW)
    assert await shelf.entries("voicemail.listen") == []
    assert await shelf.entries("voicemail.remove") == [(None, FIRST)]
    assert await shelf.sweeper.run_once() == 0


async def test_without_a_policy_of_their_own_messages_stay_while_recordings_go(
    shelf: Shelf,
) -> None:
    recording, message = await shelf.put(FIRST, days=400), await shelf.put_message(FIRST, days=400)
    shelf.of_messages = Retention(None, {})
    assert await shelf.sweeper.run_once() == 1
    assert (recording.exists(), message.exists()) == (False, True)


async def test_a_message_that_is_held_stays_until_it_is_released(shelf: Shelf) -> None:
    path = await shelf.put_message(FIRST, days=300)
    for _ in range(2):
        await shelf.voicemails.hold(SYSTEM, FIRST, "法院调取", NOW)
    async with shelf.database.begin() as session:
        assert "held" in (await held_recordings(session, [5]) or "")
    assert await shelf.sweeper.run_once() == 0
    assert (await shelf.voicemails.find(SYSTEM, FIRST)).hold_reason == "法院调取"
    await shelf.voicemails.release(SYSTEM, FIRST)
    async with shelf.database.begin() as session:
        assert await held_recordings(session, [5]) is None
    assert await shelf.sweeper.run_once() == 1
    assert not path.exists()
    assert [len(await shelf.entries(f"voicemail.{each}")) for each in ("hold", "release")] == [1, 1]
    with pytest.raises(RecordingRemoved):
        await shelf.voicemails.hold(SYSTEM, FIRST, "too late", NOW)


async def test_only_who_has_the_right_holds_a_message_that_is_there(shelf: Shelf) -> None:
    await shelf.put_message(FIRST, days=1)
    with pytest.raises((Forbidden, NotFound)):
        await shelf.voicemails.hold(Caller(), FIRST, "no right", NOW)
    with pytest.raises(NotFound):
        await shelf.voicemails.hold(SYSTEM, SECOND, "no message", NOW)
    assert (await shelf.voicemails.find(SYSTEM, FIRST)).held_at is None


async def test_files_that_are_gone_or_cannot_be_removed_hold_up_no_other(shelf: Shelf) -> None:
    stuck, missing, plain = [
        await shelf.put_message(each * 32, days=number)
        for number, each in ((92, "a"), (91, "b"), (90, "c"))
    ]
    recording = await shelf.put("d" * 32, days=90)
    stuck.unlink()
    stuck.mkdir()  # which unlink refuses
    missing.unlink()
    assert await shelf.sweeper.run_once() == 4
    assert (stuck.exists(), plain.exists(), recording.exists()) == (True, False, False)
    stuck.rmdir()
    stuck.write_bytes(b"sound")
    missing.write_bytes(b"of somebody else, by now")
    assert await shelf.sweeper.run_once() == 0
    assert (stuck.exists(), missing.exists()) == (False, True)
    assert len(await shelf.entries("voicemail.remove")) == 3


async def test_a_journal_that_is_read_again_brings_no_message_back(shelf: Shelf) -> None:
    path = await shelf.put_message(FIRST, days=70)
    await shelf.sweeper.run_once()
    at = NOW - timedelta(days=70)
    await shelf.write(VoicemailRow(FIRST, "north", path.name, 3.0, 5, at))
    assert (await shelf.voicemails.find(SYSTEM, FIRST)).removed_at == NOW
    assert await shelf.sweeper.run_once() == 0
