"""Room for recordings: warned of early, no recording begun where there is none, taken up again by itself."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.recording_space import Limits, RecordingSpace, Space, free_bytes, judge
from acd.recordings import Recordings
from tests.acd.test_acd_recordings import raw_file, recordings

LIMITS = Limits(warn_below=1000, stop_below=100)
SPACES = st.sampled_from(("enough", "low", "full"))


@pytest.mark.parametrize(
    ("before", "free", "after"),
    [
        ("enough", 1000, "enough"),
        ("enough", 999, "low"),
        ("low", 1050, "low"),
        ("low", 1100, "enough"),
        ("low", 99, "full"),
        ("full", 105, "full"),
        ("full", 110, "low"),
        ("full", 5000, "enough"),
    ],
)
def test_more_must_be_free_again_than_was_missing(before: Space, free: int, after: Space):
    assert judge(before, free, LIMITS) == after


@given(before=SPACES, free=st.integers(0, 3000), more=st.integers(0, 3000))
def test_more_room_never_means_less(before: Space, free: int, more: int):
    order = ("full", "low", "enough")
    assert order.index(judge(before, free, LIMITS)) <= order.index(
        judge(before, free + more, LIMITS)
    )


async def test_a_folder_that_cannot_be_looked_at_has_no_room(tmp_path: Path):
    room = RecordingSpace(tmp_path / "not mounted", LIMITS)
    await room.run_once()
    assert (room.space, room.free) == ("full", None)
    (tmp_path / "not mounted").mkdir()
    await room.run_once()
    assert room.space == "enough"
    assert room.free == pytest.approx(free_bytes(tmp_path), rel=0.5)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As a full disk would, the system refuses to write more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_does_not_fit_stays_as_it_came_until_it_does(tmp_path: Path):
    swept: Recordings = recordings(tmp_path, [])[0]
    raw = raw_file(tmp_path / "sound", seconds=2)
    with no_file_larger_than(40_000):
        assert await swept.sweep() == 0
    assert list(raw.parent.iterdir()) == [raw]
    assert await swept.sweep() == 1
    assert not raw.exists()
