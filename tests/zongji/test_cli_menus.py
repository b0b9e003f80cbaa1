"""`zongji menu …` on a database of its own: a caller is tried there, and the line is kept in versions."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from acd.rows import CallRow, encode, split
from acd.store import AcdStore
from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.users import NewUser
from crm_core.rights import SYSTEM
from ivr.line.service import newest, seed
from ivr.line_file import read_line
from ivr.recordings import Recordings
from tests.crm_core.crm_core_support import quick_passwords
from tests.databases import database_at
from tests.ivr.line_files import PLAN, TWO_MENUS
from tests.ivr.test_prompts import silence
from tests.zongji.command import Said, refused, zongji

FIRST = PLAN + TWO_MENUS
RULES = PLAN.replace(
    "  - {name: default",
    """\
  - {name: again, last_agent: true, within_days: 9}
  - {name: beijing, when: {province: 北京}, queue: west}
  - {name: default""",
).replace("dids:", "  west: {label_zh: 西, label_en: West}\ndids:")
DID = "4006001001"
KNOWN = "13800138000"


@pytest.fixture
async def database(settings: Path) -> AsyncIterator[Database]:
    """With a first version of the line."""
    opened = database_at(tomllib.loads(settings.read_text())["database_url"])
    await seed(opened, FIRST, datetime.now(UTC))
    yield opened
    await opened.close()


async def menu(settings: Path, *arguments: str) -> Said:
    return await asyncio.to_thread(zongji, "menu", *arguments, settings=settings)


async def test_a_caller_is_recognised_and_the_route_told_with_its_reasons(
    settings: Path, database: Database, tmp_path: Path
) -> None:
    wang = NewUser(login="wang", name="王芳", role="agent")
    accounts = AccountService(database, passwords=quick_passwords())
    agent = (await accounts.create_user(SYSTEM, wang, "correct horse 47")).id
    spoken = datetime.now(UTC) - timedelta(days=2)
    row = CallRow(
        id="a" * 32,
        node="a",
        linkedid="a",
        direction="inbound",
        caller=KNOWN,
        did=DID,
        started_at=spoken,
        answered_at=spoken,
        agent_id=agent,
    )
    await AcdStore(database).write([split(encode(row))])
    file = tmp_path / "line.yaml"
    file.write_text(RULES + TWO_MENUS, encoding="utf-8")
    wanted = ("try", DID, "--file", str(file), "--keys", "2", "--caller", "+86 138-0013-8000")

    said = await menu(settings, *wanted)

    assert (said.code, said.err) == (0, "")
    assert [line.strip() for line in said.out.splitlines()] == [
        "批发请按一，零售请按二。",
        "→ queue west, priority 0",
        "identified as 海河酒行 (1)",
        "level consumer",
        "at home in 北京 010 (the table of segments)",
        "pressed 2",
        "rule again held — spoke with 王芳 2 days ago",
        "rule beijing held and decided the queue — at home in 北京",
        "rule default held, but came too late — beijing had decided",
        "then who spoke with them last: 王芳",
        "to queue west, priority 0, decided by beijing — spoke with 王芳 2 days ago; at home in 北京",
    ]
    live = await menu(settings, "try", DID, "--keys", "2", "--caller", "02223456789")
    assert "nobody is known by 02223456789" in live.out
    assert "→ queue north, priority 0" in live.out


async def test_a_caller_needs_the_database_and_a_number(tmp_path: Path) -> None:
    file = tmp_path / "line.yaml"
    file.write_text(FIRST, encoding="utf-8")
    away = tmp_path / "zongji.toml"
    away.write_text(
        f'database_url = "postgresql://nobody@127.0.0.1:1/none"\nvar = "{tmp_path}"\n'
        '[[asterisk]]\nsecret = "none"\n'
    )
    asked = ("try", DID, "--file", str(file), "--keys", "2")

    assert "→ queue north" in (await menu(away, *asked)).out
    assert "cannot be reached" in refused(await menu(away, *asked, "--caller", KNOWN))
    assert "not a telephone number" in refused(await menu(away, *asked, "--caller", "abc"))


async def exported(settings: Path, file: Path) -> str:
    said = await menu(settings, "export")
    assert (said.code, said.err) == (0, "")
    file.write_text(said.out, encoding="utf-8")
    return said.out


async def apply(settings: Path, tmp_path: Path, file: Path, *more: str) -> Said:
    """What the recordings say instead of the speech programs, which are not here."""
    for language in ("zh", "en"):
        for name in ("menu_main", "menu_wholesale"):
            silence(tmp_path / "prompts" / "custom" / language / f"{name}.wav")
    return await menu(settings, "apply", str(file), *more)


async def live(database: Database) -> tuple[int, str]:
    async with database.reading() as connection:
        found = await newest(connection)
    assert found is not None
    return found


async def test_a_line_is_exported_checked_applied_compared_drawn_and_brought_back(
    settings: Path, database: Database, tmp_path: Path
) -> None:
    file, drawing = tmp_path / "edited.yaml", tmp_path / "menus.svg"
    text = await exported(settings, file)
    assert text.splitlines()[0].startswith("# line version 1 ")
    file.write_text(f"# 我的\n{text.replace('华北,', '华北区,')}", encoding="utf-8")
    checked = await menu(settings, "check", "--file", str(file))
    assert "2 menus, 1 queues, 1 numbers, 1 routes: all in order" in checked.out

    said = await apply(settings, tmp_path, file, "--note", "改名")

    assert said.out.splitlines()[0] == "version 2 is live within seconds"
    assert await live(database) == (2, f"# 我的\n{FIRST.replace('华北,', '华北区,')}")
    assert file.read_text(encoding="utf-8").startswith("# line version 2 ")
    compared = (await menu(settings, "diff", "1", "2")).out.splitlines()
    assert "-  north: {label_zh: 华北, label_en: North}" in compared
    assert "+  north: {label_zh: 华北区, label_en: North}" in compared
    assert f"{drawing} is written" in (await menu(settings, "picture", str(drawing))).out
    words = {node.text for node in ET.fromstring(drawing.read_text(encoding="utf-8")).iter()}
    assert {"4006001001 电视广告", "main", "wholesale", "华北区 north"} <= words
    back = await menu(settings, "roll-back", "1", "--base", "2", "--note", "改回")
    assert back.out == "version 3 is live within seconds\n"
    assert await live(database) == (3, FIRST)
    listed = [line.split() for line in (await menu(settings, "versions")).out.splitlines()]
    assert [(each[0], each[3], each[4:]) for each in listed] == [
        ("3", "Zongji", ["改回", "(version", "1", "again)"]),
        ("2", "Zongji", ["改名"]),
        ("1", "Zongji", []),
    ]
    assert (await menu(settings, "diff", "1", "3")).out == "nothing changed\n"


async def test_of_two_who_edit_the_same_version_the_second_is_told_how_to_mend_it(
    settings: Path, database: Database, tmp_path: Path
) -> None:
    mine, yours = tmp_path / "mine.yaml", tmp_path / "yours.yaml"
    mine.write_text((await exported(settings, mine)).replace("华北,", "华北一,"), "utf-8")
    yours.write_text((await exported(settings, yours)).replace("North}", "Far north}"), "utf-8")
    assert (await apply(settings, tmp_path, yours)).code == 0

    told = refused(await apply(settings, tmp_path, mine))

    assert told.startswith("Version 2 was applied meanwhile by Zongji")
    assert "".join(f"`zongji menu diff 1 2` shows what is not in {mine}".split()) in "".join(
        told.split()
    )
    assert "Far north" in (await live(database))[1]
    both = mine.read_text("utf-8").replace("North}", "Far north}")
    mine.write_text(both, "utf-8")
    assert (await apply(settings, tmp_path, mine, "--base", "2")).code == 0
    assert "label_zh: 华北一, label_en: Far north" in (await live(database))[1]
    again = mine.read_text("utf-8").replace("华北一,", "华北二,")
    mine.write_text(again, "utf-8")
    assert (await apply(settings, tmp_path, mine)).code == 0  # the file names what was applied


async def test_a_file_that_names_no_version_is_applied_only_by_whoever_says_so(
    settings: Path, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "line.yaml"
    changed = FIRST.replace("华北,", "华北区,")
    file.write_text(changed, encoding="utf-8")

    told = " ".join(refused(await apply(settings, tmp_path, file)).split())

    assert "does not say which version it was made from" in told
    assert "Live is version 1, by Zongji; --force puts the file over that" in told
    assert (await live(database))[0] == 1
    assert (await apply(settings, tmp_path, file, "--force")).code == 0
    assert await live(database) == (2, changed)
    assert file.read_text(encoding="utf-8") == changed
    twice = f"# line version 1\n# line version 2\n{FIRST}"
    file.write_text(twice, encoding="utf-8")
    assert "does not say" in refused(await apply(settings, tmp_path, file))


async def test_a_version_is_brought_back_only_instead_of_the_one_that_was_meant(
    settings: Path, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "line.yaml"
    for name in ("华北区", "华北部"):
        file.write_text((await exported(settings, file)).replace("华北,", f"{name},"), "utf-8")
        file.write_text(file.read_text("utf-8").replace("华北区,", f"{name},"), "utf-8")
        assert (await apply(settings, tmp_path, file)).code == 0

    asked = refused(await menu(settings, "roll-back", "1"))
    late = refused(await menu(settings, "roll-back", "1", "--base", "2"))

    assert "`zongji menu roll-back 1 --base 3`" in asked
    assert late == (
        "Version 3 is live by now: `zongji menu diff 2 3` shows what would go with it; --base 3 takes it back all the"
        " same."
    )
    assert (await live(database))[0] == 3
    assert (await menu(settings, "roll-back", "1", "--force")).code == 0
    assert await live(database) == (4, FIRST)


async def test_recordings_are_looked_at_before_a_file_goes_live(
    settings: Path, database: Database, tmp_path: Path
) -> None:
    file, recording = tmp_path / "line.yaml", tmp_path / "prompts/custom/zh/menu_wholesale.wav"
    await exported(settings, file)
    assert (await apply(settings, tmp_path, file)).code == 0
    long_ago = datetime.now(UTC) - timedelta(days=3)
    Recordings(tmp_path / "prompts", lambda: long_ago).note(read_line(FIRST)[1])
    file.write_text(file.read_text("utf-8").replace("华北请按一。", "请按一。"), "utf-8")
    at = 1 + file.read_text("utf-8").splitlines().index("    say: {zh: 请按一。, en: Press one.}")
    outdated = f"! line {at}: custom/zh/menu_wholesale.wav was put there for “华北请按一。”"

    checked = await menu(settings, "check", "--file", str(file))
    applied = await apply(settings, tmp_path, file)

    assert checked.out.splitlines()[1].startswith(outdated)
    assert applied.out.startswith(outdated)
    assert (await live(database))[0] == 3
    silence(recording, rate=44100)
    wrong = "custom/zh/menu_wholesale.wav must be 8000 Hz, not 44100 Hz"
    assert refused(await menu(settings, "check", "--file", str(file))) == f"line.yaml:{at}: {wrong}"
    assert wrong in refused(await menu(settings, "apply", str(file)))
    assert (await live(database))[0] == 3
