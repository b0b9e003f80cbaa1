"""Entries are written once, whole, and cannot be touched any more by an ordinary log-in."""

import asyncio
import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from crm_core.audit import trail
from crm_core.audit.protection import ADOPT, EXPIRING, LOG, REDACTING, REMOVE, SEALS
from crm_core.audit.trail import Entry
from crm_core.errors import Invalid
from tests.audit.audit_support import House, own_entry

SIGNS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False) | SIGNS | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SIGNS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
REDACTS, EXPIRES = '{{"row_ids": [{}]}}', '{{"last_seal": {}}}'
PAYLOADS = st.none() | st.dictionaries(SIGNS, VALUES, max_size=6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'x'",
        "UPDATE audit_log SET after = NULL, redacted_at = now()",
        "UPDATE audit_log SET id = id",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE audit_log, audit_seals CASCADE",
        "TRUNCATE users CASCADE",
        "UPDATE audit_seals SET row_count = 1",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
        f"SET LOCAL {REDACTING} = '1'; UPDATE audit_log SET after = NULL",
        f"SET LOCAL {EXPIRING} = '1'; DELETE FROM audit_log",
    ],
)
async def test_what_is_written_cannot_be_changed_by_anybody(house: House, statement: str):
    await house.sealed(3)
    kept = await house.rows("SELECT * FROM audit_log")
    with pytest.raises(ProgrammingError, match="audit trail"):
        await house.change(*statement.split("; "))
    assert await house.rows("SELECT * FROM audit_log") == kept
    assert (await house.verify()).sound


async def test_one_that_says_it_redacts_or_expires_is_believed_only_in_its_own_transaction(
    house: House,
):
    await house.sealed(3)
    redacts, expires = REDACTS.format(1), EXPIRES.format(1)
    await house.change(*own_entry("audit.redact", redacts, REDACTING))
    with pytest.raises(ProgrammingError, match="audit trail"):
        await house.change(
            f"SET LOCAL {REDACTING} = '4'", "UPDATE audit_log SET id = id WHERE id = 1"
        )
    await house.change(*own_entry("audit.expire", expires, EXPIRING))
    with pytest.raises(ProgrammingError, match="audit trail"):
        await house.change(f"SET LOCAL {EXPIRING} = '5'", "DELETE FROM audit_log WHERE id = 1")


async def test_a_redaction_empties_what_it_names_and_changes_nothing_else(house: House):
    await house.sealed(3)
    saying = own_entry("audit.redact", REDACTS.format(1), REDACTING)
    with pytest.raises(ProgrammingError, match=r"cannot be changed \(entry 2"):
        await house.change(*saying, "UPDATE audit_log SET after = NULL WHERE id <= 3")
    await house.change(*saying, "UPDATE audit_log SET action = 'x', at = now() WHERE id = 1")
    row = (await house.rows("SELECT action, before, after, salt FROM audit_log WHERE id = 1"))[0]
    assert tuple(row) == ("customer.update", None, None, None)
    assert (await house.verify()).sound


async def test_an_expiry_deletes_nothing_that_is_not_in_its_seals(house: House):
    await house.sealed(12)
    saying = own_entry("audit.expire", EXPIRES.format(1), EXPIRING)
    with pytest.raises(ProgrammingError, match="nothing can be deleted"):
        await house.change(*saying, "DELETE FROM audit_log WHERE id <= 6")
    await house.change(*saying, "DELETE FROM audit_log WHERE id <= 5")
    report = await house.verify()
    assert (report.sound, report.archived) == (True, 5)


async def test_time_transaction_and_digests_are_never_the_writer_s(house: House):
    async with house.database.begin() as session:
        await session.execute(
            text(
                "INSERT INTO audit_log (at, action, entity, entity_id, xid, salt, payload_digest,"
                " digest, redacted_at, redaction_id) VALUES"
                " ('2001-01-01', 'a', 'b', 'c', 1, 'x', 'x', 'x', now(), 7)"
            )
        )
        xid = await session.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
    found = (
        await house.rows(
            "SELECT extract(year FROM at) > 2020, xid, length(salt), length(digest), redacted_at,"
            " redaction_id FROM audit_log"
        )
    )[0]
    assert tuple(found) == (True, xid, 16, 32, None, None)
    assert (await house.verify()).sound


async def test_equal_payloads_have_different_digests(house: House):
    await house.record(20, after={"phone": "13800138000"})
    assert await house.value("SELECT count(DISTINCT payload_digest) FROM audit_log") == 20


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(written=st.lists(st.tuples(PAYLOADS, PAYLOADS), min_size=1, max_size=10))
async def test_whatever_json_does_to_values_an_honest_entry_verifies(house: House, written: Any):
    async with house.database.begin() as session:
        for before, after in written:
            await trail.record(session, None, "a.b", "x", 1, before=before, after=after)
        entries = [Entry(None, "a.b", "x", 1, before, after) for before, after in written]
        await trail.record_many(session, entries)
    report = await house.verify()
    assert report.sound, report.faults


async def test_values_are_kept_as_they_were(house: House):
    given_ = {
        "price": Decimal("100.50"), "half": 0.5, "huge": 10**30, "tiny": 1e-7, "plus": 1e22,
        "zero": -0.0, "words": "总机 “x” 😀 \\u0000 \n", "nested": {"b": [1, {"a": None}], "a": ()},
        "when": datetime(2026, 3, 2, tzinfo=UTC), "yes": True,
    }  # fmt: skip
    await house.record(after=given_)
    kept = await house.value("SELECT after FROM audit_log")
    assert kept == json.loads(json.dumps(given_, default=str)) | {"plus": 10**22}
    assert (await house.verify()).sound


@pytest.mark.parametrize(
    "value",
    ["\0", "a\\\0", {"\0": 1}, ["\0"], "\ud800", math.nan, math.inf, {"x": -math.inf}],
)
async def test_what_postgresql_cannot_keep_is_refused_in_words(house: House, value: object):
    with pytest.raises(Invalid, match="audit trail cannot keep"):
        await house.record(after={"note": value})
    with pytest.raises(Invalid, match="audit trail cannot keep"):
        async with house.database.begin() as session:
            await trail.record_many(session, [Entry(None, "a", "b", 1, after={"note": value})])
    assert await house.value("SELECT count(*) FROM audit_log") == 0


async def test_an_entry_is_as_lasting_as_its_change(house: House):
    async def fail() -> None:
        async with house.database.begin() as session:
            await trail.record(session, None, "a.b", "x", 1)
            await trail.record_many(session, [Entry(None, "a.b", "x", 2)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await house.value("SELECT count(*) FROM audit_log") == 0


async def test_many_entries_keep_their_order_and_are_one_transaction(house: House):
    await house.record_many(500)
    async with house.database.begin() as session:
        await trail.record_many(session, [])
    rows = await house.rows("SELECT entity_id, xid FROM audit_log ORDER BY id")
    assert [int(row.entity_id) for row in rows] == list(range(500))
    assert len({row.xid for row in rows}) == 1


async def test_many_may_write_at_once(house: House):
    await asyncio.gather(*(house.record(5) for _ in range(12)))
    report = await house.verify()
    assert (report.sound, report.rows) == (True, 60)


async def test_the_protection_can_be_taken_away_and_put_back_by_a_migration(house: House):
    await house.record(3)
    async with house.database.begin() as session:
        for statement in REMOVE:
            await session.execute(text(statement))
        await session.execute(text("UPDATE audit_log SET after = NULL"))
        for statement in (*ADOPT, *LOG, *SEALS):
            await session.execute(text(statement))
    await house.sealed(3)
    assert (await house.verify()).sound
    with pytest.raises(ProgrammingError, match="audit trail"):
        await house.rows("DELETE FROM audit_log RETURNING id")
