"""Where pauses lie in a recording, and how it looks."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from acd.recording_levels import levels
from acd.recording_marks import pauses
from acd.recordings import RATE, finalise
from acd.rows import StepRow
from crm_core.sealed_files import FileKeys, FileReader
from tests.acd.test_acd_recordings import raw_file

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
KEYS = FileKeys([b"a key of thirty-two bytes, or so"], "test")


def step(second: float, kind: str, **detail: object) -> StepRow:
    return StepRow("c", 0, START + timedelta(seconds=second), kind, detail)


def test_a_pause_lies_where_so_much_had_been_said():
    (mark,) = pauses(
        [
            step(0, "started"),
            step(20, "answered"),
            step(30, "recording_paused", by=7, cause="payment"),
            step(45, "recording_resumed", by=None, cause="limit"),
            step(60, "dial_ended"),
        ],
        40,
    )
    assert (mark.start_s, mark.end_s) == (10, 25)
    assert (mark.by, mark.why, mark.ended_by, mark.ended_why) == (7, "payment", None, "limit")


def test_what_lies_between_two_talks_is_not_on_the_tape():
    (mark,) = pauses(
        [
            step(0, "answered"),
            step(10, "dial_ended"),
            step(50, "answered"),
            step(53, "recording_paused", by=7, cause="asked"),
            step(54, "ended"),
        ],
        14,
    )
    assert (mark.start_s, mark.end_s, mark.ended_why) == (13, 14, None)


KINDS = st.sampled_from(
    ("answered", "dial_ended", "recording_paused", "recording_resumed", "ended", "key")
)


@given(
    st.lists(st.tuples(st.floats(0, 100), KINDS), max_size=20),
    st.floats(0, 200),
)
def test_pauses_lie_within_the_recording_in_order_and_apart(
    events: list[tuple[float, str]], seconds: float
):
    found = pauses([step(*each) for each in sorted(events)], seconds)
    edges = [edge for mark in found for edge in (mark.start_s, mark.end_s)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= seconds for edge in edges)


def test_an_encrypted_recording_looks_and_sounds_like_a_plain_one(tmp_path: Path):
    raw = raw_file(tmp_path, seconds=1)
    raw.write_bytes(struct.pack("<hh", 0, 0) * RATE + struct.pack("<hh", 16384, -32768) * RATE)
    plain = finalise(tmp_path, raw)
    whole = (tmp_path / plain.path).read_bytes()
    sealed = finalise(tmp_path, raw, KEYS)
    assert not (tmp_path / plain.path).exists()
    assert sealed.path.endswith(".wav.sealed")
    assert b"RIFF" not in (tmp_path / sealed.path).read_bytes()
    with FileReader(tmp_path / sealed.path, KEYS) as file:
        assert file.read(0, file.size) == whole
        assert levels(file, 4) == ((0, 0, 0.5, 0.5), (0, 0, 1, 1))
