"""Whoever changes the trail behind its back is found out, and what was changed is named."""

import pytest

from tests.audit.audit_support import House, cover_up


async def test_an_untouched_trail_is_sound(house: House):
    await house.sealed(12)
    await house.record(3)
    report = await house.verify()
    assert report.sound, report.faults
    assert (report.seals, report.rows, report.unsealed, report.unanchored) == (3, 15, 3, 0)
    assert report.head is not None
    assert house.anchor.read_text().splitlines()[-1].split()[:2] == ["3", report.head.hash]


async def test_an_empty_trail_is_sound_and_needs_no_file(house: House):
    report = await house.verify()
    assert report.sound
    assert (report.head, report.rows) == (None, 0)


@pytest.mark.parametrize(
    "change",
    [
        'after = \'{"note": "别的"}\'',
        "after = NULL",
        "before = after, after = before",
        "actor_id = 1",
        "action = 'customer.creat'",
        "entity_id = '6'",
        "entity = 'customes'",
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "salt = NULL",
        "payload_digest = sha256('x')",
        "digest = sha256('x')",
        "after = 'null'",
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
async def test_a_changed_entry_is_named(house: House, change: str, sealed: bool):
    rows = await (house.sealed(7) if sealed else house.record(7))
    await house.break_in(
        "INSERT INTO users (login, name, password_hash, role_code) VALUES ('x', 'x', 'x', 'agent')",
        f"UPDATE audit_log SET {change} WHERE id = {rows[2]}",
    )
    assert await house.faults() == {("row_changed", 1 if sealed else None, rows[2])}


async def test_a_changed_entry_is_named_though_its_digests_were_made_to_fit(house: House):
    rows = await house.sealed(12)
    await house.break_in(
        f"UPDATE audit_log SET after = '{{}}' WHERE id = {rows[6]}", *cover_up(f"id = {rows[6]}")
    )
    assert await house.faults() == {("row_changed", 2, rows[6])}


async def test_swapped_payloads_are_two_changed_entries(house: House):
    rows = await house.sealed(7)
    await house.break_in(
        "UPDATE audit_log AS a SET before = b.before, after = b.after, salt = b.salt,"
        " payload_digest = b.payload_digest FROM audit_log AS b"
        f" WHERE (a.id, b.id) IN (({rows[1]}, {rows[3]}), ({rows[3]}, {rows[1]}))"
    )
    assert await house.faults() == {("row_changed", 1, rows[1]), ("row_changed", 1, rows[3])}


async def test_entries_that_changed_places_are_named(house: House):
    rows = await house.sealed(7)
    await house.break_in(
        f"UPDATE audit_log SET id = -1 WHERE id = {rows[1]}",
        f"UPDATE audit_log SET id = {rows[1]} WHERE id = {rows[3]}",
        f"UPDATE audit_log SET id = {rows[3]} WHERE id = -1",
    )
    assert await house.faults() == {("row_changed", 1, rows[1]), ("row_changed", 1, rows[3])}


async def test_an_entry_moved_to_another_time_is_missing_there_and_too_much_here(house: House):
    rows = await house.sealed(12)
    await house.break_in(
        f"UPDATE audit_log SET xid = (SELECT xid FROM audit_log WHERE id = {rows[7]})"
        f" WHERE id = {rows[1]}",
        *cover_up(f"id = {rows[1]}"),
    )
    assert await house.faults() == {("row_missing", 1, rows[1]), ("row_inserted", 2, rows[1])}


async def test_deleted_entries_are_named(house: House):
    rows = await house.sealed(12)
    gone = (rows[0], rows[6], rows[11])
    await house.break_in(f"DELETE FROM audit_log WHERE id IN {gone}")
    assert await house.faults() == {
        ("row_missing", 1, rows[0]),
        ("row_missing", 2, rows[6]),
        ("row_missing", 3, rows[11]),
    }


async def test_an_entry_inserted_into_the_past_is_named(house: House):
    rows = await house.sealed(12)
    await house.break_in(
        "INSERT INTO audit_log (id, at, action, entity, entity_id, xid, salt, payload_digest, digest)"
        " SELECT 900, at, action, entity, entity_id, xid, salt, payload_digest, digest"
        f" FROM audit_log WHERE id = {rows[6]}",
        *cover_up("id = 900"),
    )
    assert await house.faults() == {("row_inserted", 2, 900)}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("row_ids = '1-5'", {("seal_changed", 2, None)}),
        ("row_ids = 'nonsense'", {("seal_changed", 2, None)}),
        ("row_ids = '1-99999999999999'", {("seal_changed", 2, None)}),
        ("sealed_at = sealed_at - interval '1 day'", {("seal_changed", 2, None)}),
        ("sealed_at = 'infinity'", {("seal_changed", 2, None)}),
        ("rows_digest = sha256('x')", {("seal_changed", 2, None)}),
        ("marks = '\\x00'", {("seal_changed", 2, None)}),
        ("row_count = 2147483647", {("seal_changed", 2, None)}),
        ("previous = sha256('x')", {("seal_changed", 2, None), ("chain_broken", 2, None)}),
        (
            "hash = sha256('x')",
            {("seal_changed", 2, None), ("chain_broken", 3, None), ("anchor_mismatch", 2, None)},
        ),
    ],
)
async def test_a_changed_seal_is_named(house: House, change: str, found: set[object]):
    await house.sealed(12)
    await house.break_in(f"UPDATE audit_seals SET {change} WHERE id = 2")
    assert await house.faults() == found


@pytest.mark.parametrize("column", ["last_xid", "last_row_id", "after_xid", "era_row_id"])
@pytest.mark.parametrize("value", [-1, 1, 9223372036854775807])
async def test_no_number_in_a_seal_can_end_the_check(house: House, column: str, value: int):
    await house.sealed(12)
    await house.break_in(f"UPDATE audit_seals SET {column} = {value} WHERE id = 2")
    assert await house.faults()


async def test_a_missing_seal_is_named_once_for_all_its_entries(house: House):
    await house.sealed(17)
    await house.break_in("DELETE FROM audit_seals WHERE id IN (2, 3)")
    faults = await house.faults()
    assert ("seal_missing", 2, None) in faults
    assert not {kind for kind, _, _ in faults} - {"seal_missing", "anchor_mismatch"}


async def test_seals_cut_off_at_the_end_are_missed_by_the_anchor(house: House):
    await house.sealed(12)
    await house.break_in(
        "DELETE FROM audit_seals WHERE id = 3", "DELETE FROM audit_log WHERE id > 10"
    )
    assert await house.faults() == {("anchor_mismatch", 3, None)}


async def test_a_chain_rewritten_as_a_whole_agrees_with_itself_but_not_with_the_anchor(
    house: House,
):
    await house.sealed(12)
    await house.break_in(
        'UPDATE audit_log SET after = \'{"note": "别的"}\' WHERE id = 2',
        *cover_up("id = 2"),
        "DELETE FROM audit_seals",
    )
    theirs = house.folder / "theirs.log"
    assert await house.sealer(anchor=theirs).run_once() == 3
    assert (await house.verify(theirs)).sound
    assert await house.faults() == {("anchor_mismatch", seal, None) for seal in (1, 2, 3)}


async def test_of_a_trail_in_ruins_the_faults_are_counted_and_only_the_first_are_kept(house: House):
    await house.record_many(3000)
    await house.sealer(rows=2000).run_once()
    await house.break_in("UPDATE audit_log SET after = NULL")
    report = await house.verify()
    assert (report.fault_count, len(report.faults)) == (3000, 1000)


async def test_a_lost_anchor_is_a_fault_and_a_torn_line_is_not(house: House):
    await house.sealed(12)
    kept = house.anchor.read_bytes()
    house.anchor.unlink()
    assert await house.faults() == {("anchor_missing", None, None)}
    house.anchor.write_bytes(kept[:-30])
    report = await house.verify()
    assert (report.sound, report.unanchored) == (True, 1)
    await house.sealer().run_once()
    assert (await house.verify()).unanchored == 0
    lines = kept.splitlines(keepends=True)
    house.anchor.write_bytes(b"".join([lines[0], lines[2]]))
    assert await house.faults() == {("anchor_missing", 2, None)}


async def test_progress_goes_from_the_first_entry_to_the_last(house: House):
    await house.sealed(12)
    told: list[tuple[int, int]] = []
    await house.trail.verify(house.anchor, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(1, 13))
    assert told[-1] == (12, 12)
