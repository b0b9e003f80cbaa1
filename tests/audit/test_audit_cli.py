"""`zongji audit …` as people run it."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from crm_core.audit import trail
from tests.audit.audit_support import House, cover_up
from tests.zongji.command import Said, refused, zongji
from zongji.installation import Installation


@pytest.fixture
def settings(house: House) -> Path:
    """The settings of an installation in the house's folder."""
    installation = Installation(var=house.folder)
    installation.write_settings(house.url)
    return installation.settings_file


async def run(settings: Path, *arguments: str) -> Said:
    return await asyncio.to_thread(zongji, "audit", *arguments, settings=settings)


async def test_a_sound_trail_prints_its_head(house: House, settings: Path):
    await house.sealed(7)
    said = await run(settings, "verify")
    assert said.code == 0, said
    head = house.anchor.read_text().splitlines()[-1].split()
    assert f"head: seal {head[0]} {head[1]}" in said.out
    assert "7 entries, 2 seals; 0 entries not yet sealed" in said.out
    assert said.out.splitlines()[-1] == "✓ nothing was altered"


async def test_an_altered_trail_ends_with_1_and_names_each_fault(house: House, settings: Path):
    await house.sealed(7)
    await house.break_in("DELETE FROM audit_log WHERE id = 3", "UPDATE audit_log SET at = now()")
    said = await run(settings, "verify")
    assert said.code == 1
    assert "✗ row_missing  seal 1, entry 3: the entry is not there" in said.out
    assert said.out.count("✗ row_changed") == 6
    assert said.out.splitlines()[-1] == "✗ 7 faults: the audit trail was altered"


async def test_a_copy_of_the_anchor_finds_what_the_rewritten_one_hides(
    house: House, settings: Path
):
    await house.sealed(7)
    copy = house.folder / "copy"
    house.anchor.rename(copy)
    await house.break_in("DELETE FROM audit_seals", "DELETE FROM audit_log WHERE id = 7")
    await house.sealer().run_once()
    assert (await run(settings, "verify")).code == 0
    said = await run(settings, "verify", "--anchor", str(copy))
    assert said.code == 1
    assert "✗ anchor_mismatch" in said.out


async def test_entries_are_shown_from_and_to(house: House, settings: Path):
    await house.record(
        1, before={"credit": "1.00"}, after={"credit": "2.00", "bad": "\x1b[31m\x9b1m"}
    )
    async with house.database.begin() as session:
        await trail.record(session, None, "order.place", "order", 5, after={"n": [1, {"茶": 2}]})
    said = await run(settings, "show", "--entity", "customer", "--id", "5", "--since", "2026-01-01")
    assert said.code == 0, said
    lines = said.out.splitlines()
    assert lines[0].startswith("#1  20")
    assert lines[0].endswith("  Zongji  customer.update  customer 5")
    assert set(lines[1:]) == {
        "    credit: 1.00 → 2.00",
        "    bad: – → \\x1b[31m\\x9b1m",
    }
    said = await run(settings, "show", "--limit", "1")
    assert '    n: – → [1, {"茶": 2}]' in said.out
    assert said.out.splitlines()[-1] == "there may be older ones: --before 2"
    assert (await run(settings, "show", "--until", "2026-01-01")).out == ""


async def test_an_export_is_lines_of_json(house: House, settings: Path, tmp_path: Path):
    await house.record(3)
    file = tmp_path / "all.jsonl"
    said = await run(settings, "export", str(file))
    assert said.out.startswith(f"3 entries in {file}, SHA-256 ")
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == [1, 2, 3]
    assert "is there already" in refused(await run(settings, "export", str(file)))


async def test_old_entries_expire_into_a_file_that_verifies(
    house: House, settings: Path, tmp_path: Path
):
    await house.record(7)
    await house.break_in("UPDATE audit_log SET at = at - interval '4 years'", *cover_up("true"))
    await house.sealer().run_once()
    file = tmp_path / "old.jsonl"
    day = f"{house.clock.now - timedelta(days=365 * 3.5):%Y-%m-%d}"
    recent = f"{house.clock.now:%Y-%m-%d}"
    assert "three years" in refused(await run(settings, "expire", "--before", recent, str(file)))
    said = await run(settings, "expire", "--before", day, str(file))
    assert said.code == 0, said
    assert "7 entries of 2 seals" in said.out
    said = await run(settings, "verify", "--archive", str(file))
    assert said.code == 0, said
    assert "7 entries are archived" in said.out
    assert f"{file}: 2 of 2 seals are right" in said.out
    file.write_text(file.read_text().replace("第3次", "第4次"))
    said = await run(settings, "verify", "--archive", str(file))
    assert said.code == 1
    assert "seal 1: entry 4 does not fit its digest" in said.out
    again = await run(settings, "expire", "--yes-really", "--before", recent, str(tmp_path / "2"))
    assert (again.code, "Nothing is old enough" in again.out) == (0, True)
