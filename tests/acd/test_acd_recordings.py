"""Recordings: from Asterisk's raw file to a WAV file and a row; nothing is lost on the way."""

import os
import struct
import time
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acd.events import RecordingStored
from acd.journal import Journal
from acd.recordings import RATE, Recordings, finalise, leftovers, path_for
from acd.rows import RecordingRow
from crm_core.bus import Bus

CALL = "0123456789abcdef0123456789abcdef"
DAY = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def raw_file(folder: Path, *, seconds: float = 1.0, extra: bytes = b"", call: str = CALL) -> Path:
    raw = path_for(folder, call, DAY)
    raw.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(struct.pack("<hh", 100, -200) * int(RATE * seconds) + extra)
    os.utime(raw, (1_000, 1_000))
    return raw


def recordings(tmp_path: Path, heard: list[object], *, open_calls: set[str] = frozenset()):
    bus, journal = Bus(), Journal(tmp_path / "journal")
    journal.recover()
    journal.open(tuple)
    bus.subscribe(heard.append, RecordingStored)
    found = Recordings(
        tmp_path / "sound",
        bus=bus,
        journal=journal,
        clock=lambda: DAY,
        is_open=lambda call_id: call_id in open_calls,
    )
    return found, journal


def test_the_raw_file_is_named_for_its_day_and_call(tmp_path: Path):
    assert path_for(tmp_path, CALL, DAY) == tmp_path / "incoming" / f"2026-03-01-{CALL}.raw"


def test_a_sweep_looks_at_nothing_but_what_comes_in(tmp_path: Path):
    elsewhere = tmp_path / "2026/03/01" / f"2026-03-01-{CALL}.raw"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.touch()
    mine = raw_file(tmp_path)
    (mine.parent / "notes.raw").touch()
    assert list(leftovers(tmp_path, time.time() + 10)) == [mine]


@pytest.mark.parametrize("bad", ["../../etc/passwd", "", CALL + "x", CALL.upper()])
def test_a_call_id_cannot_lead_out_of_the_folder(tmp_path: Path, bad: str):
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        path_for(tmp_path, bad, DAY)


def test_caller_and_agent_are_on_two_channels(tmp_path: Path):
    stored = finalise(tmp_path, raw_file(tmp_path, seconds=1.5, extra=b"\x01"))
    with wave.open(str(tmp_path / stored.path)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, RATE)
        assert struct.unpack("<hh", sound.readframes(1)) == (100, -200)
        assert sound.getnframes() == RATE * 1.5
    assert stored.seconds == 1.5


def test_doing_it_again_after_an_interruption_gives_the_same(tmp_path: Path):
    raw = raw_file(tmp_path)
    raw.with_suffix(".wav.part").write_bytes(b"half of it")
    assert finalise(tmp_path, raw) == finalise(tmp_path, raw)


async def test_the_sweep_stores_what_a_killed_daemon_left(tmp_path: Path):
    heard: list[object] = []
    swept, journal = recordings(tmp_path, heard)
    raw = raw_file(tmp_path / "sound")
    assert await swept.sweep() == 1
    assert heard == [RecordingStored(CALL, 1.0, DAY)]
    assert not raw.exists()
    journal.close()
    rows = Journal(tmp_path / "journal").recover().rows
    assert [row.path for row in rows if isinstance(row, RecordingRow)] == [f"2026/03/01/{CALL}.wav"]


async def test_calls_that_live_and_files_still_written_are_left_alone(tmp_path: Path):
    swept, _ = recordings(tmp_path, [], open_calls={CALL})
    raw_file(tmp_path / "sound")
    fresh = raw_file(tmp_path / "sound", call="f" * 32)
    os.utime(fresh)
    assert await swept.sweep() == 0
    assert fresh.exists()
