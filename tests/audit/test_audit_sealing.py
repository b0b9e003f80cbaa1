"""Seals: nothing that commits late is passed over, two sealers never fork the chain."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from crm_core.audit import seals, trail
from crm_core.audit.sealing import AuditSealer
from tests.audit.audit_support import House


@given(st.lists(st.integers(1, 60), unique=True, min_size=1))
def test_ids_come_back_from_their_spans(ids: list[int]):
    written = seals.spans(ids)
    assert seals._ids(written) == tuple(ids)
    assert seals.spans(sorted(ids)).count(",") <= len(ids)


@pytest.mark.parametrize(
    "text", ["", "x", "5-4", "1-", "-3", "1,,2", "1-200000", "1-99999,1-99999"]
)
def test_what_is_no_list_of_ids_is_refused(text: str):
    with pytest.raises(ValueError, match=r"ids|literal"):
        seals._ids(text)


async def test_the_head_is_logged_and_written_to_the_file(house: House):
    await house.record(7)
    with capture_logs() as logged:
        assert await house.sealer().run_once() == 2
    told = [
        (each["seal"], each["hash"], each["rows"])
        for each in logged
        if each["event"] == "audit_sealed"
    ]
    assert [(seal, rows) for seal, _, rows in told] == [(1, 5), (2, 2)]
    lines = [line.split() for line in house.anchor.read_text().splitlines()]
    assert [(int(line[0]), line[1], int(line[3])) for line in lines] == told
    assert house.anchor.stat().st_mode & 0o077 == 0


async def test_without_new_entries_there_is_no_new_seal(house: House):
    assert await house.sealer().run_once() == 0
    await house.sealed(1)
    assert await house.sealer().run_once() == 0
    assert len(house.anchor.read_text().splitlines()) == 1


async def test_an_entry_that_commits_late_is_sealed_in_its_turn(house: House):
    await house.record(2)
    sealer = house.sealer()
    assert await sealer.run_once() == 1
    async with house.database.begin() as session:
        late = await trail.record(session, None, "late.one", "x", 1)
        await house.record(3)
        assert await AuditSealer.run_once(sealer) == 0
        assert await house.value("SELECT sum(row_count) FROM audit_seals") == 2
        assert (await house.verify()).unsealed == 3
    await house.sealer().run_once()
    report = await house.verify()
    assert (report.sound, report.unsealed, report.rows) == (True, 0, 6)
    assert await house.value("SELECT first_row_id FROM audit_seals WHERE id = 2") == late


async def test_entries_stand_in_the_order_of_transactions(house: House):
    async with house.database.begin() as session:
        await trail.record(session, None, "a.b", "x", 1)
        await house.record(2)
        await trail.record(session, None, "a.b", "x", 2)
    await house.sealer().run_once()
    assert await house.value("SELECT row_ids FROM audit_seals") == "1,4,2-3"
    assert (await house.verify()).sound


async def test_a_great_transaction_is_cut_into_seals(house: House):
    await house.record_many(23)
    assert await house.sealer(rows=10).run_once() == 3
    assert (await house.verify()).sound


async def test_sealers_that_work_at_once_make_one_chain(house: House):
    sealers = [house.sealer(rows=3, anchor=house.folder / f"anchor{n}") for n in range(4)]

    async def write() -> None:
        for _ in range(10):
            await house.record(2)

    async def seal(number: int) -> None:
        for _ in range(10):
            await sealers[number].run_once()

    await asyncio.gather(write(), write(), *(seal(number) for number in range(4)))
    for number, sealer in enumerate(sealers):
        await sealer.run_once()
        report = await house.verify(house.folder / f"anchor{number}")
        assert (report.sound, report.unanchored) == (True, 0), report.faults
    assert await house.value("SELECT sum(row_count) FROM audit_seals") == 40


async def test_what_a_dead_daemon_did_not_write_to_the_file_the_next_one_does(house: House):
    await house.sealed(12)
    first = house.anchor.read_text().splitlines(keepends=True)[0]
    house.anchor.write_text(first)
    assert (await house.verify()).unanchored == 2
    await house.sealer().run_once()
    report = await house.verify()
    assert (report.sound, report.unanchored) == (True, 0)


async def test_a_file_that_cannot_be_written_is_told_and_written_later(house: House):
    folder = house.folder / "away"
    folder.write_text("in the way")
    anchor = folder / "seals.log"
    sealer = house.sealer(anchor=anchor)
    await house.record(3)
    with capture_logs() as logged:
        assert await sealer.run_once() == 1
    assert "audit_anchor_failed" in [each["event"] for each in logged]
    folder.unlink()
    assert await sealer.run_once() == 0
    assert (await house.verify(anchor)).unanchored == 0


async def test_a_file_that_contradicts_the_chain_is_told_and_left(house: House):
    await house.sealed(3)
    house.anchor.write_text(f"1 {'ab' * 32} 1.000000 3\n")
    kept = house.anchor.read_text()
    with capture_logs() as logged:
        await house.record(1)
        await house.sealer().run_once()
    assert "audit_anchor_differs" in [each["event"] for each in logged]
    assert house.anchor.read_text().startswith(kept)
    assert await house.faults() == {("anchor_mismatch", 1, None)}


async def test_the_worker_begins_at_once_and_ends_when_told(house: House):
    await house.record(3)
    sealer = house.sealer()
    sealer.start()
    async with asyncio.timeout(10):
        while not house.anchor.exists():
            await asyncio.sleep(0.01)
    await sealer.close()
    assert (await house.verify()).sound
