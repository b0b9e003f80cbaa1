"""Deputies of today and who spoke with a caller last, out of a real PostgreSQL, or not at all while it is away."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from acd.familiar import NOBODY, FamiliarAgents
from acd.tables import Call
from crm_core.db import Database
from crm_core.people.tables import Deputy, User
from crm_core.seeds import seed_roles

NOW = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)  # the 3rd in Shanghai
NUMBER = "13800138000"
ASKED = {"number": NUMBER, "customer_id": None, "salesperson_id": None, "within_days": 30}


def familiar(database: Database, deadline_s: float = 5) -> FamiliarAgents:
    zone = ZoneInfo("Asia/Shanghai")
    return FamiliarAgents(database, clock=lambda: NOW, zone=zone, deadline_s=deadline_s)


@pytest.fixture
async def house(database: Database) -> Database:
    async with database.begin() as session:
        await seed_roles(session)
        await session.execute(text("TRUNCATE calls, deputies"))
        people = [
            {"login": f"u{n}", "name": f"u{n}", "role_code": "agent", "password_hash": "none",
             "active": n != 4}
            for n in range(1, 7)
        ]  # fmt: skip
        await session.execute(upsert(User).values(people).on_conflict_do_nothing())
    return database


async def talked(
    database: Database, *calls: tuple[int, int | None, str | None, int | None]
) -> None:
    """Calls of so many days ago: who was offered it, from which number, of which customer."""
    rows = [
        {
            "id": f"c{n}", "node": "p", "linkedid": f"{n}", "direction": "inbound", "did": "1",
            "menu_path": [], "steps": 0, "agent_id": agent, "caller": number, "customer_id": customer,
            "started_at": NOW - timedelta(days=days),
            "answered_at": None if agent is None or agent < 0 else NOW - timedelta(days=days),
        }
        for n, (days, agent, number, customer) in enumerate(calls)
    ]  # fmt: skip
    async with database.begin() as session:
        await session.execute(insert(Call), rows)


async def test_who_spoke_with_the_number_or_the_customer_last_is_known(house: Database):
    await talked(
        house,
        (9, 1, NUMBER, None),
        (5, 2, "02223456789", 17),
        (4, 3, "13900000000", None),
        (1, -5, NUMBER, None),
    )
    found = familiar(house)
    by_number = await found.of(**ASKED)
    assert (by_number.last_agent, by_number.last_agent_days) == (1, 9)
    either = await found.of(**ASKED | {"customer_id": 17})
    assert (either.last_agent, either.last_agent_days) == (2, 5)
    assert (await found.of(**ASKED | {"within_days": 5})).last_agent is None
    hidden = ASKED | {"number": None, "customer_id": None}
    assert await found.of(**hidden) == NOBODY
    assert await found.of(**ASKED | {"number": "10086"}) == NOBODY


async def test_the_deputies_are_those_of_today_in_their_order(house: Database):
    def deputy(place: int, who: int, since: int | None = None, until: int | None = None) -> dict:
        days = [None if day is None else date(2026, 3, day) for day in (since, until)]
        return {"user_id": 1, "place": place, "deputy_id": who, "valid_from": days[0],
                "valid_until": days[1]}  # fmt: skip

    rows = [
        deputy(0, 6, 3, 3),
        deputy(1, 2),
        deputy(2, 3, 4, None),
        deputy(3, 4),
        deputy(4, 5, None, 2),
    ]
    async with house.begin() as session:
        await session.execute(insert(Deputy), rows)
    mine = ASKED | {"salesperson_id": 1, "within_days": None}
    assert (await familiar(house).of(**mine)).deputies == (6, 2)
    assert (await familiar(house).of(**mine | {"salesperson_id": 2})).deputies == ()


async def test_while_the_database_is_away_the_call_goes_on_without():
    away = Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=0.2)
    assert await familiar(away).of(**ASKED) == NOBODY
    assert not away.available
    assert await familiar(away).of(**ASKED) == NOBODY
    await away.close()


async def test_an_answer_that_is_late_is_not_waited_for_and_few_wait_at_once(house: Database):
    await talked(house, (9, 1, NUMBER, None))
    async with house.begin() as session:
        await session.execute(text("LOCK TABLE calls"))
        found = familiar(house, deadline_s=0.05)
        answers = await asyncio.gather(*(found.of(**ASKED) for _ in range(40)))
        assert set(answers) == {NOBODY}
        assert len(found._asked) == 8
    await found.close()
    assert (await familiar(house).of(**ASKED)).last_agent == 1
