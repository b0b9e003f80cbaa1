"""Recordings that stand for texts of the line: whether they play, and whether they say what the line says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.line.checking import Checked, Fault, checked
from ivr.line_file import read_line
from ivr.menu import Menus
from ivr.recordings import RecordingNotes, Recordings
from tests.ivr.line_files import PLAN, TWO_MENUS
from tests.ivr.test_menu_checks import LINE as TIMED
from tests.ivr.test_prompts import silence

FIRST = PLAN + TWO_MENUS
SECOND = FIRST.replace("批发请按一，零售请按二。", "零售请按二，批发请按一。")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


class Desk:
    """A folder of prompts, and a clock that is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOON
        self.recordings = Recordings(folder, lambda: self.now)

    def record(self, key: str, *, rate: int = 8000, seconds: int = 1) -> None:
        silence(self.folder / "custom" / f"{key}.wav", rate=rate, frames=seconds * rate)

    def live(self, text: str, *, days: int = 0) -> None:
        """The daemon takes this line, and goes on with it."""
        self.recordings.note(read_line(text)[1])
        self.now += timedelta(days=days)
        self.recordings.note(read_line(text)[1])

    def warned(self, text: str) -> list[str]:
        return list(checked(text, self.recordings, self.now.date()).warnings)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_recording_that_would_not_play_is_a_fault_in_the_line_of_its_text(desk: Desk) -> None:
    for key in ("zh/menu_wholesale", "en/announcement_feast", "zh/thank_you"):
        desk.record(key, rate=44100)

    first = checked(FIRST, desk.recordings, NOON.date())
    timed = checked(TIMED, desk.recordings, NOON.date())

    why = "must be 8000 Hz, not 44100 Hz"
    at = 1 + FIRST.splitlines().index("    say: {zh: 华北请按一。, en: Press one.}")
    assert first == Checked((Fault(at, f"custom/zh/menu_wholesale.wav {why}"),), ())
    at = 1 + TIMED.splitlines().index("  feast: {zh: 春节好, en: Happy new year}")
    assert timed.faults == (Fault(at, f"custom/en/announcement_feast.wav {why}"),)


def test_what_cannot_be_read_is_a_fault_too(desk: Desk) -> None:
    (desk.folder / "custom" / "zh" / "menu_main.wav").mkdir(parents=True)

    [fault] = checked(FIRST, desk.recordings, NOON.date()).faults

    assert fault.reason.startswith("custom/zh/menu_main.wav cannot be read")


def test_a_recording_of_another_text_than_the_menu_s_is_named(desk: Desk) -> None:
    desk.record("zh/menu_main")
    desk.record("en/menu_main")
    desk.live(FIRST, days=3)

    [warning] = desk.warned(SECOND)

    at = 1 + SECOND.splitlines().index(
        "    say: {zh: 零售请按二，批发请按一。, en: Press one or two.}"
    )
    assert warning == (
        f"line {at}: custom/zh/menu_main.wav was put there for “批发请按一，零售请按二。” and is played all the same: record it"
        " anew, or take it away"
    )
    assert desk.warned(FIRST) == []
    desk.live(SECOND, days=3)
    assert desk.warned(SECOND) == [warning]


@pytest.mark.parametrize("mend", ["anew", "away", "text"])
def test_it_is_named_until_it_is_mended(desk: Desk, mend: str) -> None:
    desk.record("zh/menu_main")
    desk.live(FIRST, days=3)
    desk.live(SECOND, days=3)
    assert desk.warned(SECOND)

    if mend == "anew":
        desk.record("zh/menu_main", seconds=2)
    elif mend == "away":
        (desk.folder / "custom" / "zh" / "menu_main.wav").unlink()

    assert desk.warned(FIRST if mend == "text" else SECOND) == []


def test_what_is_recorded_for_the_next_version_says_what_goes_live_within_a_day(
    desk: Desk,
) -> None:
    desk.live(FIRST)
    desk.record("zh/menu_main")
    desk.live(FIRST)
    assert desk.warned(SECOND) == []
    desk.live(SECOND, days=9)

    assert desk.warned(SECOND) == []
    assert len(desk.warned(FIRST)) == 1


def test_music_that_there_is_not_is_named_where_anybody_knows_what_there_is(desk: Desk) -> None:
    text = FIRST.replace("label_en: North}", "label_en: North, music: guzheng}")

    def warnings(*music: str) -> tuple[str, ...]:
        return checked(text, desk.recordings, NOON.date(), music=music).warnings

    assert warnings() == warnings("default", "guzheng") == ()
    assert warnings("default") == (
        "line 2: musiconhold.conf has no class “guzheng”, so that callers hear its default; there are: default",
    )


def test_a_note_that_cannot_be_read_is_begun_anew(desk: Desk) -> None:
    (desk.folder / "recordings.json").write_text("{")
    desk.record("zh/menu_main")

    desk.live(FIRST, days=3)

    assert len(desk.warned(SECOND)) == 1


async def test_the_daemon_notes_what_the_line_of_now_says(desk: Desk) -> None:
    live: list[Menus] = [read_line(FIRST)[1]]
    notes = RecordingNotes(desk.recordings, lambda: live[0])
    desk.record("zh/menu_main")
    await notes.run_once()
    desk.now += timedelta(days=3)
    live[0] = read_line(SECOND)[1]

    await notes.run_once()

    assert len(desk.warned(SECOND)) == 1
    desk.recordings = Recordings(desk.folder, lambda: desk.now)
    assert len(desk.warned(SECOND)) == 1
