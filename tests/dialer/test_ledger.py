"""The ledger of attempts: what it keeps, and that nobody alters it unseen."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from crm_core.audit.service import AuditTrail
from crm_core.audit.tables import AuditEntry
from crm_core.errors import Forbidden
from crm_core.rights import SYSTEM
from dialer.ledger.service import Ledger, LedgerFault, LedgerQuery
from dialer.tables import Attempt
from tests.dialer.conftest import Hall, number


async def ended(hall: Hall, result: str = "busy", **more) -> tuple[str, str]:
    """The number and the call of an attempt that is over."""
    wanted = number()
    call_id, verdict = await hall.dial(await hall.campaign(wanted), wanted)
    assert verdict.allowed
    told = {"cause": 17, "tech": "SIP 486 Busy Here"} | more
    await hall.store.end_attempt(call_id, result, hall.now + timedelta(seconds=9), **told)
    return wanted, call_id


@pytest.fixture
def ledger(hall: Hall) -> Ledger:
    return Ledger(hall.database)


async def changed(hall: Hall, statement: str, call_id: str, *, by_force: bool = False) -> None:
    async with hall.database.begin() as session:
        if by_force:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(statement), {"call": call_id})


async def test_it_keeps_times_codes_the_delay_to_the_agent_and_the_rules(hall, ledger):
    wanted = number()
    campaign = await hall.campaign(wanted)
    call_id, _ = await hall.dial(campaign, wanted)
    (out,) = await ledger.attempts(hall.boss, LedgerQuery(number=wanted))
    assert (out.result, out.purpose, out.campaign_id) == (None, "campaign", campaign)
    answered = hall.now + timedelta(seconds=5)
    await hall.store.attempt_answered(call_id, answered)
    spoken = answered + timedelta(seconds=1.5)
    await hall.store.end_attempt(
        call_id, "reached", spoken + timedelta(minutes=2), cause=None, tech=None, agent_at=spoken
    )
    (kept,) = await ledger.attempts(hall.boss, LedgerQuery(number=wanted))
    assert (kept.at, kept.answered_at, kept.result) == (hall.now, answered, "reached")
    assert (kept.delay_s, kept.agent_id) == (1.5, hall.agent.user_id)
    assert kept.rules.startswith("2026-2 campaign 00:00-00:00 Asia/Shanghai max 1/10m")
    busy, _ = await ended(hall)
    (other,) = await ledger.attempts(hall.boss, LedgerQuery(number=busy))
    assert (other.result, other.cause, other.sip_code, other.delay_s) == ("busy", 17, 486, None)
    with pytest.raises(Forbidden):
        await ledger.attempts(hall.agent, LedgerQuery(number=wanted))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attempts SET result = 'reached' WHERE call_id = :call",
        "UPDATE attempts SET result = NULL WHERE call_id = :call",
        "UPDATE attempts SET at = at - interval '1 day' WHERE call_id = :call",
        "UPDATE attempts SET rules = 'none' WHERE call_id = :call",
        "UPDATE attempts SET number = '1' WHERE call_id = :call",
        "UPDATE attempts SET salt = NULL WHERE call_id = :call",
        "UPDATE attempts SET agent_at = now() WHERE call_id = :call",
        "DELETE FROM attempts WHERE call_id = :call",
    ],
)
async def test_nobody_changes_or_deletes_an_attempt(hall, ledger, statement):
    _, call_id = await ended(hall)
    with pytest.raises(DBAPIError, match="ledger"):
        await changed(hall, statement, call_id)
    assert call_id not in {each.call_id for each in await ledger.faults(SYSTEM)}


async def test_an_attempt_that_is_out_may_only_end(hall):
    wanted = number()
    call_id, _ = await hall.dial(await hall.campaign(wanted), wanted)
    with pytest.raises(DBAPIError, match="ledger"):
        await changed(hall, "UPDATE attempts SET rules = 'x' WHERE call_id = :call", call_id)
    await hall.store.end_attempt(call_id, "unknown", hall.now, cause=None, tech=None)
    await hall.store.attempt_answered(call_id, hall.now)  # too late, and no error
    async with hall.database.reading() as connection:
        kept = await connection.execute(
            select(Attempt.result, Attempt.answered_at).where(Attempt.call_id == call_id)
        )
    assert tuple(kept.one()) == ("unknown", None)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE attempts SET result = 'reached' WHERE call_id = :call", "altered"),
        ("UPDATE attempts SET at = at - interval '1 hour' WHERE call_id = :call", "altered"),
        ("UPDATE attempts SET number = '13800000000' WHERE call_id = :call", "altered"),
        ("UPDATE attempts SET result = NULL WHERE call_id = :call", "missing"),
        ("DELETE FROM attempts WHERE call_id = :call", "missing"),
        (
            """INSERT INTO attempts (call_id, number, message_token, rules, at, ended_at, result)
            VALUES (reverse(:call), '1', 't', 'r', now(), now() + interval '1 hour', 'busy')""",
            "unsealed",
        ),
    ],
)
async def test_what_is_altered_with_the_triggers_off_is_found(hall, ledger, statement, fault):
    _, call_id = await ended(hall)
    assert call_id not in {each.call_id for each in await ledger.faults(SYSTEM)}
    await changed(hall, statement, call_id, by_force=True)
    found = [
        each
        for each in await ledger.faults(SYSTEM)
        if call_id in (each.call_id, each.call_id[::-1])
    ]
    assert [each.fault for each in found] == [fault]


async def test_the_entry_of_an_attempt_is_sealed_with_the_trail_and_holds_no_number(hall, ledger):
    wanted, call_id = await ended(hall)
    async with hall.database.reading_entities() as session:
        found = select(AuditEntry).where(
            AuditEntry.entity == "attempt", AuditEntry.entity_id == call_id
        )
        entry = (await session.scalars(found)).one()
    assert entry.after["result"] == "busy"
    assert wanted not in str(entry.after)
    assert not (await AuditTrail(hall.database, clock=hall.clock).verify()).faults


async def test_an_erased_number_is_no_fault_and_nothing_tells_it_any_more(hall, ledger):
    _, call_id = await ended(hall)
    await changed(
        hall, "UPDATE attempts SET number = '', salt = NULL WHERE call_id = :call", call_id
    )
    assert LedgerFault(call_id, "altered") not in await ledger.faults(SYSTEM)
    await changed(
        hall, "UPDATE attempts SET cause = 1 WHERE call_id = :call", call_id, by_force=True
    )
    assert LedgerFault(call_id, "altered") in await ledger.faults(SYSTEM)
