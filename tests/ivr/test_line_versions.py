"""The line in versions: checked before it goes live, kept, compared, brought back, taken by the next call."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from acd.lineplan import LinePlan
from crm_core.db import Database
from crm_core.errors import Conflict, DatabaseUnavailable, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM, Caller
from ivr.line.checking import Checked, Fault
from ivr.line.commands import ApplyLine, LineQuery, RollBackLine
from ivr.line.live import LiveLine
from ivr.line.mark import marked, version_in
from ivr.line.picture import picture
from ivr.line.service import LineService, seed
from ivr.line_file import read_line
from ivr.menu import Menus
from ivr.recordings import Recordings
from tests.ivr.line_files import PLAN, TWO_MENUS
from tests.ivr.test_menu_checks import LINE as TIMED
from tests.ivr.test_prompts import silence

FIRST = PLAN + TWO_MENUS
SECOND = FIRST.replace("批发请按一，零售请按二。", "批发请按一，零售请按二，重听请按井号。")
BROKEN = FIRST.replace("menu: wholesale", "menu: holesale")
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


class Speaking:
    """Who speaks prompts; `refuses` with this error when there is one."""

    def __init__(self) -> None:
        self.spoken: list[Menus] = []
        self.refuses: Exception | None = None

    async def __call__(self, menus: Menus) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.spoken.append(menus)


@pytest.fixture
async def speaking() -> Speaking:
    return Speaking()


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    return Recordings(tmp_path / "prompts", lambda: NOW)


@pytest.fixture
async def line(database: Database, speaking: Speaking, recordings: Recordings) -> LineService:
    async with database.begin() as session:
        await session.execute(text("DELETE FROM line_versions"))
    await seed(database, FIRST, NOW)
    await seed(database, SECOND, NOW)  # there is one: nothing happens
    return LineService(
        database, clock=lambda: NOW, zone=UTC, prepare=speaking, recordings=recordings
    )


def following(database: Database, folder: Path, speaking: Speaking) -> LiveLine:
    shipped = folder / "shipped.yaml"
    shipped.write_text(FIRST, encoding="utf-8")
    return LiveLine(
        database, shipped=shipped, kept=folder / "line.yaml", prepare=speaking, today=NOW.date
    )


def apply(version: int, content: str = SECOND) -> ApplyLine:
    return ApplyLine(version=version, text=content, note="重听")


async def test_what_is_applied_is_the_newest_version_with_who_and_why(line: LineService) -> None:
    done = await line.apply(SYSTEM, apply(1))

    assert (done.version, done.note, done.text) == (2, "重听", SECOND)
    assert await line.live(SYSTEM) == done
    assert [each.version for each in await line.versions(SYSTEM, LineQuery())] == [2, 1]
    assert [each.version for each in await line.versions(SYSTEM, LineQuery(before=2))] == [1]


async def test_a_file_with_faults_is_refused_with_each_line(
    line: LineService, speaking: Speaking
) -> None:
    with pytest.raises(Invalid) as refused:
        await line.apply(SYSTEM, apply(1, BROKEN))

    assert refused.value.fields["line 11"] == "there is no menu “holesale”"
    assert [fault.line for fault in (await line.check(SYSTEM, BROKEN)).faults] == [11, 17, 22]
    assert await line.check(SYSTEM, FIRST) == Checked((), ())
    assert (await line.live(SYSTEM)).version == 1
    assert not speaking.spoken


async def test_of_two_who_edit_the_second_is_told(line: LineService) -> None:
    await line.apply(SYSTEM, apply(1))

    with pytest.raises(Conflict, match="Version 2 was applied meanwhile"):
        await line.apply(SYSTEM, apply(1, FIRST))
    assert (await line.live(SYSTEM)).text == SECOND


async def test_of_many_at_once_one_is_applied(line: LineService) -> None:
    ended = await asyncio.gather(
        *(line.apply(SYSTEM, apply(1, f"# {n}\n{FIRST}")) for n in range(8)), return_exceptions=True
    )

    assert sum(not isinstance(outcome, Conflict) for outcome in ended) == 1
    assert (await line.live(SYSTEM)).version == 2


async def test_what_cannot_be_spoken_does_not_go_live(
    line: LineService, speaking: Speaking
) -> None:
    speaking.refuses = Invalid("A prompt cannot be spoken.")

    with pytest.raises(Invalid, match="cannot be spoken"):
        await line.apply(SYSTEM, apply(1))
    assert (await line.live(SYSTEM)).version == 1


async def test_a_recording_that_would_not_play_keeps_the_line_that_plays_it_from_going_live(
    line: LineService, tmp_path: Path
) -> None:
    await line.apply(SYSTEM, apply(1))
    recording = tmp_path / "prompts" / "custom" / "zh" / "menu_main.wav"
    silence(recording, rate=44100)
    reason = "custom/zh/menu_main.wav must be 8000 Hz, not 44100 Hz"
    at = 1 + SECOND.splitlines().index("  main:") + 1

    assert await line.check(SYSTEM, SECOND) == Checked((Fault(at, reason),), ())
    for asked in (
        line.apply(SYSTEM, apply(2, FIRST)),
        line.roll_back(SYSTEM, RollBackLine(version=2, to=1)),
    ):
        with pytest.raises(Invalid) as refused:
            await asked
        assert refused.value.fields == {f"line {at}": reason}
    silence(recording)
    assert (await line.apply(SYSTEM, apply(2, FIRST))).version == 3


async def test_the_mark_of_an_exported_file_is_kept_with_no_version(line: LineService) -> None:
    done = await line.apply(SYSTEM, apply(1, marked(SECOND, 1)))

    assert done.text == SECOND
    assert version_in(marked(marked(SECOND, 1), 2)) == 2


async def test_an_earlier_version_comes_back_as_a_new_one(line: LineService) -> None:
    await line.apply(SYSTEM, apply(1))

    back = await line.roll_back(SYSTEM, RollBackLine(version=2, to=1))

    assert (back.version, back.same_as, back.text) == (3, 1, FIRST)
    assert await line.diff(SYSTEM, 1, 3) == ""
    changed = await line.diff(SYSTEM, 1, 2)
    assert "+    say: {zh: 批发请按一，零售请按二，重听请按井号。" in changed
    with pytest.raises(NotFound):
        await line.roll_back(SYSTEM, RollBackLine(version=3, to=9))


async def test_who_may_not_change_the_line_does_not_see_it(line: LineService) -> None:
    nobody = Caller()
    for asked in (line.live(nobody), line.get(nobody, 1), line.apply(nobody, apply(1))):
        with pytest.raises(Forbidden):
            await asked


async def test_a_new_version_is_taken_and_outlives_a_restart_without_the_database(
    line: LineService, database: Database, tmp_path: Path, speaking: Speaking
) -> None:
    live = following(database, tmp_path, speaking)
    adopted: list[LinePlan] = []
    live.on_change(adopted.append)
    assert live.now.number == 0
    await live.first()
    assert live.now.number == 1
    before = live.now

    await line.apply(SYSTEM, apply(1))
    assert await live.run_once() == 1
    assert await live.run_once() == 0

    assert live.now.number == 2
    assert before.menus["main"].say.zh != live.now.menus["main"].say.zh
    assert len(adopted) == 2
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    restarted = following(away, tmp_path, speaking)
    await restarted.first()
    assert restarted.now.menus["main"].say == live.now.menus["main"].say
    with pytest.raises(DatabaseUnavailable):
        await restarted.run_once()


@pytest.mark.parametrize("spoil", ["faults", "speech"])
async def test_what_cannot_be_taken_leaves_the_line_as_it_is(
    line: LineService, database: Database, tmp_path: Path, speaking: Speaking, spoil: str
) -> None:
    live = following(database, tmp_path, speaking)
    await live.first()
    await line.apply(SYSTEM, apply(1))
    if spoil == "faults":
        async with database.begin() as session:
            await session.execute(
                text("UPDATE line_versions SET text = :text WHERE number = 2"), {"text": BROKEN}
            )
    else:
        speaking.refuses = Invalid("nothing speaks")

    assert await live.run_once() == 0
    assert live.now.number == 1


def test_the_picture_shows_every_number_menu_and_queue() -> None:
    drawn = picture(*read_line(FIRST))

    words = {node.text for node in ET.fromstring(drawn).iter() if node.text}
    assert {"4006001001 电视广告", "main", "wholesale", "华北 north", "1", "2", "*"} <= words


def test_a_picture_of_strange_names_is_still_a_picture() -> None:
    strange = FIRST.replace("华北", "<&>").replace("电视广告", "“<TV>”")

    ET.fromstring(picture(*read_line(strange)))


def test_the_picture_shows_branches_announcements_and_extensions() -> None:
    drawing = picture(*read_line(TIMED))

    assert ET.fromstring(drawing).tag.endswith("svg")
    for shown in (
        "hours office",
        "holiday spring_festiv…",
        "feast",
        "hang up",
        "extension 8…",
        "welcome",
    ):
        assert f">{shown}</text>" in drawing, shown


async def test_a_year_whose_calendar_nobody_knows_is_told_by_the_check_and_in_the_log(
    line: LineService, database: Database, tmp_path: Path, speaking: Speaking
) -> None:
    dated = FIRST + "calendar: china\n"
    later = LineService(
        database,
        clock=lambda: NOW.replace(year=2093),
        zone=UTC,
        prepare=speaking,
        recordings=Recordings(tmp_path, lambda: NOW),
    )

    checked = await later.check(SYSTEM, dated)

    assert checked.faults == ()
    assert [told[:33] for told in checked.warnings] == ["the official calendar of 2093 is "]
    await line.apply(SYSTEM, apply(1, dated))
    kept = tmp_path / "line.yaml"
    kept.write_text(dated, encoding="utf-8")
    today = NOW.replace(year=2093).date
    live = LiveLine(database, shipped=kept, kept=kept, prepare=speaking, today=today)
    with capture_logs() as told:
        await live.run_once()
        await live.run_once()
        await live.run_once()
    assert [(each["event"], each["version"]) for each in told if "why" in each] == [
        ("line_needs_a_look", 0),
        ("line_needs_a_look", 2),
    ]
