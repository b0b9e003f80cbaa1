"""Old entries move to a file; what was sealed can still be proved, from the file and from the chain."""

import asyncio
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from crm_core.audit.archive import ArchiveFault
from crm_core.audit.expiry import AuditExpiry
from crm_core.audit.redaction import redact
from crm_core.audit.retention import KEPT_BY_LAW, Expired
from crm_core.audit.service import ArchiveReport
from crm_core.errors import Conflict, Forbidden, Invalid
from crm_core.rights import ROLES, SYSTEM, Principal
from tests.audit.audit_support import House, cover_up

AGENT = Principal(1, "a", "a", "agent", ROLES["agent"].rights, "zh-CN", None, 1)


async def grown_old(house: House) -> None:
    """Twelve entries of four years ago in three seals, five of today in one."""
    await house.record(12)
    await house.break_in("UPDATE audit_log SET at = at - interval '4 years'", *cover_up("true"))
    await house.sealer().run_once()
    await house.sealed(5)


async def expire(house: House, file: Path, years: float = 3.1) -> Expired:
    before = house.clock.now - timedelta(days=365 * years)
    return await house.trail.expire(SYSTEM, before, file)


async def archive_faults(house: House, file: Path) -> list[ArchiveFault]:
    return list((await house.trail.check_archive(SYSTEM, file)).faults)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "old.jsonl"


async def test_old_entries_go_and_the_chain_still_verifies(house: House, file: Path):
    await grown_old(house)
    expired = await expire(house, file)
    assert (expired.rows, expired.seals, expired.last_seal) == (12, 3, 3)
    assert expired.sha256 == sha256(file.read_bytes()).hexdigest()
    assert await house.value("SELECT min(id) FROM audit_log") == 13
    await house.sealer().run_once()
    report = await house.verify()
    assert (report.sound, report.archived, report.rows, report.seals) == (True, 12, 6, 5)
    (archive,) = report.archives
    assert (archive.last_seal, archive.rows, archive.file) == (3, 12, str(file))
    assert archive.sha256 == expired.sha256


async def test_the_file_has_seals_and_entries_and_can_be_checked(house: House, file: Path):
    await grown_old(house)
    await expire(house, file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["kind"] for each in lines].count("seal") == 3
    assert [each["after"] for each in lines[1:4]] == [{"note": f"第{n}次"} for n in range(3)]
    assert await house.trail.check_archive(SYSTEM, file) == ArchiveReport(3, ())
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("old", "new", "seal"),
    [
        ("第6次", "别的", 2),
        ("customer.update", "customer.delete", 1),
        ('"xid": ', '"xid": 1', 1),
    ],
)
async def test_an_altered_archive_is_found_out(
    house: House, file: Path, old: str, new: str, seal: int
):
    await grown_old(house)
    await expire(house, file)
    file.write_text(file.read_text().replace(old, new, 1))
    (fault,) = await archive_faults(house, file)
    assert fault.seal_id == seal


async def test_an_archive_with_a_line_too_few_or_that_is_none_is_found_out(
    house: House, file: Path
):
    await grown_old(house)
    await expire(house, file)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:3] + lines[4:]))
    assert [fault.seal_id for fault in await archive_faults(house, file)] == [1]
    file.write_text("".join([*lines[:2], "{\n"]))
    with pytest.raises(Invalid, match="damaged"):
        await archive_faults(house, file)
    file.write_text("nonsense\n")
    with pytest.raises(Invalid, match="no archive"):
        await archive_faults(house, file)
    with pytest.raises(Invalid, match="cannot be read"):
        await archive_faults(house, file.with_name("nowhere"))


async def test_only_whole_seals_go_and_none_that_is_young(house: House, file: Path):
    await house.record(7)
    await house.break_in(
        "UPDATE audit_log SET at = at - interval '4 years' WHERE id <= 6", *cover_up("true")
    )
    await house.sealer().run_once()
    expired = await expire(house, file)
    assert (expired.rows, expired.last_seal) == (5, 1)
    again = await expire(house, file.with_name("again"))
    assert (again.rows, again.seals) == (0, 0)
    assert not file.with_name("again").exists()


async def test_entries_that_are_not_sealed_stay(house: House, file: Path):
    await house.record(3)
    await house.break_in("UPDATE audit_log SET at = at - interval '4 years'", *cover_up("true"))
    assert (await expire(house, file)).rows == 0


async def test_what_the_law_wants_kept_needs_an_explicit_word(house: House, file: Path):
    await grown_old(house)
    with pytest.raises(Invalid, match="three years"):
        await expire(house, file, years=2.9)
    assert not file.exists()
    before = house.clock.now - timedelta(days=365)
    expired = await house.trail.expire(SYSTEM, before, file, really=True)
    assert expired.rows == 12


async def test_a_file_that_is_there_is_never_overwritten(house: House, file: Path):
    await grown_old(house)
    file.write_text("precious")
    with pytest.raises(Conflict, match="is there already"):
        await expire(house, file)
    with pytest.raises(Invalid, match="cannot be written"):
        await expire(house, file / "below")
    assert file.read_text() == "precious"
    assert await house.value("SELECT count(*) FROM audit_log") == 17


@pytest.mark.parametrize("change", ["UPDATE audit_log SET after = NULL WHERE id = 7",
    "DELETE FROM audit_log WHERE id = 7", "DELETE FROM audit_seals WHERE id = 2"])  # fmt: skip
async def test_what_does_not_verify_is_not_deleted(house: House, file: Path, change: str):
    await grown_old(house)
    await house.break_in(change)
    count = await house.value("SELECT count(*) FROM audit_log")
    with pytest.raises(Conflict, match="audit verify"):
        await expire(house, file)
    assert await house.value("SELECT count(*) FROM audit_log") == count
    assert not file.exists()
    assert not list(file.parent.glob("*.part"))


async def test_of_two_expiries_at_once_one_moves_the_entries(house: House, file: Path):
    await grown_old(house)
    files = [file.with_name(f"{n}.jsonl") for n in range(3)]
    ended = await asyncio.gather(*(expire(house, each) for each in files), return_exceptions=True)
    moved = [each.rows for each in ended if isinstance(each, Expired)]
    assert sum(moved) == 12
    assert all(isinstance(each, Expired | Conflict) for each in ended)
    assert len([each for each in files if each.exists()]) == 1
    assert (await house.verify()).sound


async def test_an_entry_that_vanished_is_not_taken_for_archived(house: House, file: Path):
    await grown_old(house)
    await expire(house, file)
    await house.sealer().run_once()
    await house.break_in("DELETE FROM audit_log WHERE id = 14")
    assert await house.faults() == {("row_missing", 4, 14)}


async def test_expiry_goes_on_from_expiry_and_takes_redacted_entries_along(
    house: House, file: Path
):
    await grown_old(house)
    await expire(house, file)
    async with house.database.begin() as session:
        await redact(session, SYSTEM, "customer", [5], "request")
    await house.sealer().run_once()
    later = file.with_name("later.jsonl")
    tomorrow = house.clock.now + timedelta(days=1)
    expired = await house.trail.expire(SYSTEM, tomorrow, later, really=True)
    assert (expired.rows, expired.last_seal) == (7, 5)
    await house.sealed(3)
    report = await house.verify()
    assert (report.faults, report.archived, report.rows, len(report.archives)) == ((), 19, 4, 1)
    assert await archive_faults(house, later) == []
    assert "第0次" not in later.read_text()


async def test_expiry_needs_a_right(house: House, file: Path):
    with pytest.raises(Forbidden):
        await house.trail.expire(AGENT, house.clock.now - timedelta(days=2000), file)


async def test_an_export_has_every_entry_and_is_noted(house: House, file: Path):
    await house.record_many(1200)
    exported = await house.trail.export(SYSTEM, file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["after"]["n"] for each in lines] == list(range(1200))
    assert (exported.rows, exported.sha256) == (1200, sha256(file.read_bytes()).hexdigest())
    assert (
        await house.value("SELECT after ->> 'rows' FROM audit_log WHERE action = 'audit.export'")
        == "1200"
    )
    with pytest.raises(Conflict):
        await house.trail.export(SYSTEM, file)
    with pytest.raises(Forbidden):
        await house.trail.export(AGENT, file.with_name("other"))


async def test_the_worker_moves_what_is_old_enough_and_never_twice(house: House, tmp_path: Path):
    await grown_old(house)
    folder = tmp_path / "archives"
    worker = AuditExpiry(house.trail, folder, KEPT_BY_LAW, clock=house.clock)
    assert await worker.run_once() == 12
    (file,) = folder.iterdir()
    assert await archive_faults(house, file) == []
    assert await worker.run_once() == 0
    house.clock.now += timedelta(days=1)
    assert await worker.run_once() == 0
    assert list(folder.iterdir()) == [file]
    await house.sealer().run_once()
    report = await house.verify()
    assert (report.sound, report.archived) == (True, 12)


def test_the_worker_keeps_what_the_law_asks_for(house: House, tmp_path: Path):
    with pytest.raises(ValueError, match="1098"):
        AuditExpiry(house.trail, tmp_path, timedelta(days=1000), clock=house.clock)
