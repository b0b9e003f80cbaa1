"""A person's data can be deleted from the trail; that it was, by whom and where stays."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from crm_core.audit import trail
from crm_core.audit.redaction import redact
from crm_core.errors import Forbidden, Invalid
from crm_core.rights import ROLES, SYSTEM, Principal
from tests.audit.audit_support import House

AGENT = Principal(1, "a", "a", "agent", ROLES["agent"].rights, "zh-CN", None, 1)
REASON = "deletion request 2026-17"


async def emptied(house: House, *entity_ids: int | str, reason: str = REASON) -> int:
    async with house.database.begin() as session:
        return await redact(session, SYSTEM, "customer", entity_ids, reason)


async def test_the_values_of_a_person_go_and_the_chain_still_verifies(house: House):
    await house.record(3, entity_id=5)
    await house.record(3, entity_id=6)
    await house.sealer().run_once()
    await house.record(1, entity_id=5)
    assert await emptied(house, 5) == 4
    await house.sealer().run_once()
    report = await house.verify()
    assert (report.sound, report.redacted, report.rows) == (True, 4, 8), report.faults
    rows = await house.rows(
        "SELECT entity_id, before IS NULL AND after IS NULL AND salt IS NULL AS empty, redacted_at"
        " FROM audit_log WHERE action = 'customer.update' ORDER BY id"
    )
    assert {(row.entity_id, row.empty, row.redacted_at is not None) for row in rows} == {
        ("5", True, True),
        ("6", False, False),
    }


async def test_the_redaction_is_an_entry_that_names_what_was_emptied(house: House):
    rows = await house.record(2)
    await emptied(house, 5, 7)
    told = await house.value("SELECT after FROM audit_log WHERE action = 'audit.redact'")
    assert told == {"reason": REASON, "rows": 2, "row_ids": rows}


async def test_what_is_empty_already_is_let_be(house: House):
    await house.record(2)
    async with house.database.begin() as session:
        await trail.record(session, None, "customer.view", "customer", 5)
    assert await emptied(house, 5) == 2
    assert await emptied(house, 5) == 0
    assert await emptied(house, 99) == 0
    assert await emptied(house) == 0
    assert await house.value("SELECT count(*) FROM audit_log WHERE action = 'audit.redact'") == 1


async def test_a_great_redaction_is_several_entries(house: House):
    async with house.database.begin() as session:
        entries = [trail.Entry(None, "a.b", "customer", 5, after={"n": n}) for n in range(2500)]
        await trail.record_many(session, entries)
    assert await emptied(house, 5) == 2500
    assert await house.value("SELECT count(*) FROM audit_log WHERE action = 'audit.redact'") == 3
    assert (await house.verify()).redacted == 2500


async def test_two_who_empty_at_once_empty_each_entry_once(house: House):
    await house.record(6)
    assert sorted(await asyncio.gather(*(emptied(house, 5) for _ in range(4)))) == [0, 0, 0, 6]
    assert (await house.verify()).sound


async def test_after_a_redaction_the_transaction_may_change_nothing_more(house: House):
    await house.record(2)

    async def go_on() -> None:
        async with house.database.begin() as session:
            await redact(session, SYSTEM, "customer", [5], REASON)
            await session.execute(text("UPDATE audit_log SET id = id"))

    with pytest.raises(ProgrammingError, match="cannot be changed"):
        await go_on()
    assert (await house.verify()).redacted == 0


async def test_only_who_manages_privacy_empties_and_says_why(house: House):
    async with house.database.begin() as session:
        with pytest.raises(Forbidden):
            await redact(session, AGENT, "customer", [5], REASON)
    for reason in ("", "  ", "x" * 501, "a\0b"):
        with pytest.raises(Invalid):
            await emptied(house, 5, reason=reason)


@pytest.mark.parametrize(
    "change",
    [
        "before = NULL, after = NULL, salt = NULL, redacted_at = now()",
        "before = NULL, after = NULL, salt = NULL, redacted_at = e.redacted_at, redaction_id = e.id",
        "before = NULL, after = NULL, salt = NULL, redacted_at = e.at, redaction_id = e.id",
        "redacted_at = e.at, redaction_id = e.id",
    ],
)
async def test_an_emptied_entry_of_which_no_redaction_tells_is_a_fault(house: House, change: str):
    await house.record(3, entity_id=5)
    (other,) = await house.record(1, entity_id=6)
    await emptied(house, 5)
    await house.sealer().run_once()
    await house.break_in(
        f"UPDATE audit_log AS r SET {change} FROM audit_log AS e"
        f" WHERE e.action = 'audit.redact' AND r.id = {other}"
    )
    kinds = {kind for kind, _, row in await house.faults() if row == other}
    assert kinds
    assert kinds <= {"redaction_unexplained", "row_changed"}


@pytest.mark.parametrize("change", ["redacted_by = 1", "redacted_at = now() + interval '1 s'"])
async def test_who_emptied_and_when_cannot_be_altered(house: House, change: str):
    (row,) = await house.record(1)
    await emptied(house, 5)
    await house.break_in(
        "INSERT INTO users (login, name, password_hash, role_code) VALUES ('x', 'x', 'x', 'agent')",
        f"UPDATE audit_log SET {change} WHERE id = {row}",
    )
    assert await house.faults() == {("redaction_unexplained", None, row)}


async def test_values_that_come_back_are_a_fault(house: House):
    (row,) = await house.record(1)
    kept = await house.value(f"SELECT salt FROM audit_log WHERE id = {row}")
    await emptied(house, 5)
    await house.break_in(
        'UPDATE audit_log SET before = \'{"note": null}\', after = \'{"note": "第0次"}\','
        f" salt = '\\x{kept.hex()}', redacted_at = NULL, redacted_by = NULL WHERE id = {row}"
    )
    assert await house.faults() == {("redaction_undone", None, row)}


async def test_entries_about_the_trail_itself_cannot_be_emptied(house: House):
    await house.record(1)
    await emptied(house, 5)
    async with house.database.begin() as session:
        assert await redact(session, SYSTEM, "audit", ["customer"], REASON) == 0
