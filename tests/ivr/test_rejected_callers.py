"""Callers on the blacklist: told and ended before a menu, or let through with a warning."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from crm_core.blacklist.live import LiveBlacklist
from crm_core.blacklist.tables import BlacklistEntry
from crm_core.db import Database
from tests.ivr.ivr_line import KNOWN, NOON, Channel, OrderLine, furnish, order_line
from tests.own_postgres import own_postgres

PEST, FORGIVEN = "02223456789", "02223456780"


async def listed(
    line: OrderLine,
    database: Database,
    number: str,
    policy: str = "reject",
    until: datetime | None = None,
) -> None:
    entry = {
        "number": number,
        "policy": policy,
        "reason": "骚扰",
        "added_at": NOON,
        "until": until,
    }
    async with database.begin() as session:
        await session.execute(insert(BlacklistEntry).values(entry))
    await line.house.blacklist.run_once()


async def test_a_rejected_caller_is_told_in_both_languages_before_any_menu(
    line: OrderLine, database: Database
) -> None:
    await listed(line, database, PEST)
    caller = Channel(keys=["1", "1"], caller="+86 22 2345 6789")
    await line.ring(caller)
    assert caller.played == ["rejected", "rejected"]
    assert [("/zh/" in c, "/en/" in c) for c in caller.commands if "STREAM" in c] == [
        (True, False),
        (False, True),
    ]
    assert line.row(caller).outcome == "rejected"
    assert "blacklisted" in line.steps(caller)
    assert caller.variables["ZJ_DONE"] == "1"


async def test_a_rejected_caller_who_hangs_up_at_once_is_rejected_in_the_record(
    line: OrderLine, database: Database
) -> None:
    await listed(line, database, PEST)
    caller = Channel(caller=PEST, hang_up_at=2)
    await line.ring(caller)
    assert line.row(caller).outcome == "rejected"


async def test_by_setting_a_rejected_caller_hears_the_busy_tone(
    line: OrderLine, database: Database
) -> None:
    await listed(line, database, PEST)
    line.house.blacklist.rules = replace(line.house.blacklist.rules, busy=True)
    caller = Channel(caller=PEST)
    await line.ring(caller)
    assert (caller.executed, caller.played) == ([("Hangup", "17")], [])
    assert "ANSWER" not in caller.commands
    assert line.row(caller).outcome == "rejected"


@pytest.mark.parametrize("policy", ["warn", "reject"])
async def test_who_is_only_warned_of_reaches_an_agent(
    line: OrderLine, database: Database, policy: str
) -> None:
    """By the entry's own policy, or because customers of this level are protected."""
    await listed(line, database, KNOWN, policy)
    if policy == "reject":
        rules = line.house.blacklist.rules
        line.house.blacklist.rules = replace(rules, protected=("city",))
    await line.agent(1, "north")
    caller = Channel(keys=["1", "1"], dials=[("ANSWER", 5)])
    await line.ring(caller)
    assert line.row(caller).outcome == "answered"
    assert "blacklisted" in line.steps(caller)


async def test_callers_who_hide_their_number_are_never_taken_for_one_another(
    line: OrderLine, database: Database
) -> None:
    await listed(line, database, "anonymous")
    caller = Channel(keys=["2"], caller="anonymous")
    await line.begin(caller)
    caller.hang_up()
    await line.over()
    assert line.row(caller).outcome != "rejected"


async def test_the_list_of_last_time_rejects_while_the_database_is_away(
    line: OrderLine, database: Database
) -> None:
    await listed(line, database, PEST)
    away = Database("postgresql://nobody@127.0.0.1:9/none", connect_timeout_s=0.2)
    assert isinstance(line.house.blacklist, LiveBlacklist)
    line.house.blacklist._database = away
    line.house.customers._identities._database = away
    caller = Channel(caller=PEST)
    await line.ring(caller)
    await away.close()
    assert line.row(caller).outcome == "rejected"


async def test_a_daemon_that_starts_without_postgresql_rejects_whom_the_last_one_would(
    tmp_path: Path,
) -> None:
    async with own_postgres(tmp_path) as postgres:
        database, folder = postgres.database, tmp_path / "var"
        await furnish(database)
        async with order_line(database, folder) as line:
            await listed(line, database, PEST)
            await listed(line, database, FORGIVEN, until=NOON + timedelta(hours=1))
        await postgres.stop()
        async with order_line(database, folder) as line:
            line.clock.now = NOON + timedelta(hours=2)
            pest, forgiven = Channel(caller=PEST), Channel(caller=FORGIVEN, hang_up_at=6)
            await line.ring(pest)
            await line.ring(forgiven)
            assert line.row(pest).outcome == "rejected"
            assert line.row(forgiven).outcome == "left_in_menu"
