"""`zongji ledger`, on a database of its own."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from tests.databases import database_at
from tests.zongji.command import zongji
from tests.zongji.test_cli_campaign import url_of

_ATTEMPT = """
INSERT INTO attempts (call_id, number, message_token, rules, at, ended_at, result, tech_cause)
VALUES ('c1', '13800138000', 't', '2026-2 message', now(), now(), 'busy', 'SIP 486 Busy Here')
"""


async def done(url: str, *statements: str) -> None:
    database = database_at(url)
    async with database.begin() as session:
        for statement in statements:
            await session.execute(text(statement))
    await database.close()


def test_attempts_are_shown_and_what_was_altered_is_found(settings: Path):
    asyncio.run(done(url_of(settings), _ATTEMPT))
    said = zongji("ledger", "show", "13800138000", settings=settings)
    assert "message c1  busy SIP 486  [2026-2 message]" in said.out
    assert zongji("ledger", "check", settings=settings).code == 0
    forced = "SET LOCAL session_replication_role = replica"
    asyncio.run(done(url_of(settings), forced, "UPDATE attempts SET rules = 'none'"))
    said = zongji("ledger", "check", settings=settings)
    assert (said.code, "c1: altered" in said.out) == (1, True)
