"""Attempts and refusals from before they were kept as they are now."""

from sqlalchemy import text

from crm_core.rights import SYSTEM
from dialer.ledger.service import Ledger
from tests.upgrade import upgraded

_BEFORE = """
INSERT INTO do_not_call (number, reason) VALUES ('13800138000', '投诉');
INSERT INTO attempts (call_id, number, message_token, rules, at, ended_at, result, cause, tech_cause)
  VALUES ('a', '13800138000', 't', '2026-1', now(), now(), 'busy', 17, 'SIP 486 Busy Here'),
         ('b', '', 't', '2026-1', now(), now(), 'reached', NULL, NULL),
         ('c', '13800138001', 't', '2026-1', now(), NULL, NULL, NULL, NULL)
"""


async def test_the_ledger_of_before_is_sealed_as_it_stands(pg_server):
    database = await upgraded(pg_server, "0055", _BEFORE)
    ledger = Ledger(database)
    assert await ledger.faults(SYSTEM) == ()
    async with database.begin() as session:
        rows = await session.execute(
            text(
                "SELECT a.call_id, a.sip_code, l.id IS NOT NULL FROM attempts a LEFT JOIN audit_log l"
                " ON l.entity = 'attempt' AND l.entity_id = a.call_id ORDER BY 1"
            )
        )
        assert [tuple(row) for row in rows] == [
            ("a", 486, True),
            ("b", None, True),
            ("c", None, False),
        ]
        listed = await session.execute(text("SELECT number, source, campaign_id FROM do_not_call"))
        assert tuple(listed.one()) == ("13800138000", "cli", None)
    async with database.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("UPDATE attempts SET cause = 1 WHERE call_id = 'b'"))
    assert [each.call_id for each in await ledger.faults(SYSTEM)] == ["b"]
    await database.close()
