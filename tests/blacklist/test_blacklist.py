"""The blacklist: votes, entries, expiry, and what holds for a caller."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from crm_core.blacklist.commands import Confirmation, EntryQuery, NewEntry, Vote
from crm_core.blacklist.live import LiveBlacklist
from crm_core.blacklist.policy import BlacklistRules, Listed, Policy, judged
from crm_core.blacklist.service import BlacklistService
from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.errors import Conflict, DatabaseUnavailable, Forbidden, Invalid, NotFound
from crm_core.rights import SYSTEM, Principal, Right
from crm_core.seeds import seed_channel, seed_roles

NUMBER, PROTECTED = "13800138000", "13900139009"
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
VOTE = Vote(reason="骚扰")
FULL = frozenset(Right)


class Desk:
    """The blacklist with three agents; `now` is its clock."""

    def __init__(self, database: Database, agents: list[int], kept: Path) -> None:
        self.now = NOW
        self.kept = kept
        self.rules = BlacklistRules(protected=("national",))
        self.live = self.restarted(database)
        self.service = BlacklistService(
            database, self.rules, clock=lambda: self.now, changed=self.live.run_once
        )
        self.agents = [person(each) for each in agents]

    def restarted(self, database: Database) -> LiveBlacklist:
        """The list of a daemon that begins, over this database."""
        return LiveBlacklist(database, self.rules, kept=self.kept, clock=lambda: self.now)

    async def votes(self, *agents: int, number: str | None = NUMBER) -> list[bool]:
        return [
            (await self.service.vote(self.agents[each], number, VOTE)).listed for each in agents
        ]

    def holds(self, number: str | None = NUMBER, level: str | None = None) -> Policy | None:
        found = self.live.find(number, level)
        return found.policy if found else None


def person(user_id: int, rights: frozenset[Right] = FULL) -> Principal:
    return Principal(user_id, "", "", "", rights, "zh-CN", None, 1)


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> Desk:
    async with database.begin() as session:
        await seed_roles(session)
        await session.execute(text("TRUNCATE blacklist_entries, blacklist_votes"))
        ids = [
            await session.scalar(
                text(
                    "INSERT INTO users (login, name, role_code, password_hash, locale, active)"
                    " VALUES (:login, :login, 'agent', '', 'zh-CN', true)"
                    " ON CONFLICT (login) DO UPDATE SET name = excluded.name RETURNING id"
                ),
                {"login": f"voter{each}"},
            )
            for each in range(4)
        ]
    return Desk(database, ids, tmp_path / "blacklist.json")


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    """A PostgreSQL that does not answer."""
    database = Database("postgresql://nobody@127.0.0.1:9/none", connect_timeout_s=0.2)
    yield database
    await database.close()


async def test_the_third_agents_vote_lists_the_number(desk: Desk) -> None:
    assert await desk.votes(0, 1) == [False, False]
    assert desk.holds() is None
    assert await desk.votes(2) == [True]
    assert desk.holds() is Policy.REJECT
    assert desk.holds("13900139000") is None


async def test_one_agent_who_votes_often_is_one_vote(desk: Desk) -> None:
    assert await desk.votes(0, 0, 0, 1, 1) == [False] * 5
    result = await desk.service.vote(desk.agents[0], NUMBER, VOTE)
    assert (result.votes, result.needed) == (2, 3)


async def test_votes_older_than_the_period_do_not_count(desk: Desk) -> None:
    await desk.votes(0, 1)
    desk.now += timedelta(days=31)
    assert await desk.votes(2) == [False]


async def test_an_entry_by_votes_is_over_after_its_time(desk: Desk) -> None:
    await desk.votes(0, 1, 2)
    desk.now += timedelta(days=89)
    assert desk.holds() is Policy.REJECT
    desk.now += timedelta(days=2)
    assert desk.holds() is None
    assert await desk.service.entries(SYSTEM, EntryQuery()) == ()
    assert await desk.votes(0, 1, 2) == [False, False, True]


async def test_three_votes_at_once_make_one_entry(desk: Desk) -> None:
    await asyncio.gather(*(desk.votes(each) for each in range(4)))
    entries = await desk.service.entries(SYSTEM, EntryQuery(over=True))
    assert [each.holds for each in entries] == [True]


async def test_who_hides_the_number_cannot_be_voted_against_nor_blocked(desk: Desk) -> None:
    with pytest.raises(Invalid):
        await desk.votes(0, number=None)
    assert desk.holds(None) is None
    with pytest.raises(ValueError, match="no telephone number"):
        NewEntry(number="anonymous", reason="x")


async def test_a_supervisor_lists_confirms_and_lifts(desk: Desk) -> None:
    made = await desk.service.add(
        SYSTEM, NewEntry(number="+86 138 0013 8000", policy=Policy.WARN, reason="难缠", days=1)
    )
    assert (made.number, desk.holds()) == (NUMBER, Policy.WARN)
    with pytest.raises(Conflict):
        await desk.service.add(SYSTEM, NewEntry(number=NUMBER, reason="x"))
    await desk.service.lift(SYSTEM, made.id)
    assert desk.holds() is None
    with pytest.raises(Conflict):
        await desk.service.lift(SYSTEM, made.id)
    with pytest.raises(NotFound):
        await desk.service.lift(SYSTEM, made.id + 99)
    await desk.votes(0)
    (voted,) = await desk.service.voted(SYSTEM)
    assert (voted.votes, voted.needed) == (1, 3)
    assert [each.reason for each in voted.given] == ["骚扰"]
    await desk.service.confirm(SYSTEM, voted.id, Confirmation(reason="核实"))
    assert desk.holds() is Policy.REJECT
    assert await desk.service.voted(SYSTEM) == ()


async def test_a_lifted_number_needs_all_votes_again(desk: Desk) -> None:
    await desk.votes(0, 1, 2)
    (entry,) = await desk.service.entries(SYSTEM, EntryQuery())
    await desk.service.lift(SYSTEM, entry.id)
    assert await desk.votes(3) == [False]


async def test_numbers_are_masked_for_who_may_not_see_them(desk: Desk) -> None:
    await desk.votes(0, 1, 2)
    (entry,) = await desk.service.entries(person(1, FULL - {Right.NUMBER_UNMASK}), EntryQuery())
    assert entry.number == "138****8000"


async def test_agents_may_vote_and_no_more(desk: Desk) -> None:
    agent = person(desk.agents[0].user_id, frozenset({Right.AGENT_WORK}))
    await desk.service.vote(agent, NUMBER, VOTE)
    for asked in (
        desk.service.add(agent, NewEntry(number=NUMBER, reason="x")),
        desk.service.entries(agent, EntryQuery()),
        desk.service.voted(agent),
        desk.service.lift(agent, 1),
        desk.service.confirm(agent, 1, Confirmation(reason="x")),
    ):
        with pytest.raises(Forbidden):
            await asked


async def test_the_list_of_last_time_holds_while_the_database_is_away(
    desk: Desk, away: Database
) -> None:
    await desk.votes(0, 1, 2)
    desk.live._database = away
    with pytest.raises(DatabaseUnavailable):
        await desk.live.run_once()
    assert desk.holds() is Policy.REJECT


async def test_who_was_lifted_is_not_on_the_list_of_last_time(desk: Desk, away: Database) -> None:
    made = await desk.service.add(SYSTEM, NewEntry(number=NUMBER, reason="x"))
    await desk.service.lift(SYSTEM, made.id)
    desk.live = desk.restarted(away)
    await desk.live.first()
    assert desk.holds() is None


async def test_the_list_of_last_time_knows_who_is_protected(
    desk: Desk, database: Database, away: Database
) -> None:
    async with database.begin() as session:
        await seed_channel(session)
    known = NewCustomer(name="总代", phones=(PROTECTED,), level_code="national")
    await CustomerService(database).create(SYSTEM, known)
    await desk.service.add(SYSTEM, NewEntry(number=PROTECTED, reason="x"))
    desk.live = desk.restarted(away)
    await desk.live.first()
    assert desk.holds(PROTECTED) is Policy.WARN


async def test_a_list_of_last_time_that_is_damaged_rejects_nobody_and_heals(
    desk: Desk, database: Database, away: Database
) -> None:
    await desk.votes(0, 1, 2)
    desk.kept.write_bytes(b"\xff[")
    desk.live = desk.restarted(away)
    await desk.live.first()
    assert desk.holds() is None
    await desk.restarted(database).first()
    await desk.live.first()
    assert desk.holds() is Policy.REJECT


async def test_a_list_that_cannot_be_kept_holds_all_the_same(desk: Desk) -> None:
    desk.kept.mkdir()
    await desk.votes(0, 1, 2)
    assert desk.holds() is Policy.REJECT


async def test_only_the_daemon_may_read_the_numbers_that_are_kept(desk: Desk) -> None:
    await desk.votes(0, 1, 2)
    assert stat.S_IMODE(desk.kept.stat().st_mode) == 0o600


async def test_every_change_is_in_the_trail_without_the_number(
    desk: Desk, database: Database
) -> None:
    await desk.votes(0, 1, 2)
    async with database.reading() as connection:
        found = await connection.execute(
            text("SELECT action, after::text FROM audit_log WHERE action LIKE 'blacklist.%'")
        )
        rows = [tuple(row) for row in found]
    assert {action for action, _ in rows} >= {"blacklist.vote", "blacklist.add"}
    assert not [after for _, after in rows if NUMBER in after]


def test_protected_levels_are_only_warned_of() -> None:
    rules = BlacklistRules(protected=("national",))
    listed = Listed(NUMBER, Policy.REJECT, "x", None)
    assert judged(listed, "national", rules, NOW) == replace(listed, policy=Policy.WARN)
    assert judged(listed, "city", rules, NOW) == judged(listed, None, rules, NOW) == listed
    known = replace(listed, level="national")
    assert judged(known, None, rules, NOW) == replace(known, policy=Policy.WARN)
    assert judged(known, "city", rules, NOW) == known


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([None, "national", "city"]))
def test_an_entry_holds_until_its_time_and_not_after(until: datetime, level: str | None) -> None:
    found = judged(Listed(NUMBER, Policy.REJECT, "x", until), level, BlacklistRules(), NOW)
    assert (found is not None) == (until > NOW)
