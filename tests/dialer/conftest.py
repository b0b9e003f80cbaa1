"""People and lists that several tests of the dialler share."""

import uuid
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import insert

from crm_core.bus import Bus
from crm_core.people.tables import User
from crm_core.rights import ROLES, Principal
from crm_core.seeds import seed_channel, seed_roles
from dialer.law import Law
from dialer.rules.hours import Hours
from dialer.rules.verdict import DialRules
from dialer.store import DialerStore

ALL_DAY = Hours(((time(0), time(0)),))
ANY_TIME = DialRules(campaign_hours=ALL_DAY, callback_hours=ALL_DAY, message_hours=ALL_DAY)


def number() -> str:
    return f"1370{uuid.uuid4().int % 10**7:07d}"


class Hall:
    """A dialler's tables with a supervisor, an agent, and campaigns whose numbers are due."""

    def __init__(self, database, boss: Principal, agent: Principal) -> None:
        self.database, self.boss, self.agent = database, boss, agent
        self.store = DialerStore(database)
        self.bus = Bus()
        self.law = Law(ANY_TIME)
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    def clock(self) -> datetime:
        return self.now

    async def campaign(self, *numbers: str, needs_consent: bool = False, attempts: int = 3) -> int:
        made = await self.store.add_campaign(
            f"c {uuid.uuid4()}",
            "retail",
            numbers,
            max_attempts=attempts,
            needs_consent=needs_consent,
        )
        await self.store.set_campaign_status(made, "running")
        return made

    async def item(self, campaign_id: int, wanted: str):
        due = await self.store.due_contacts(self.now, limit=100_000)
        return next(
            each for each in due if each.number == wanted and each.campaign_id == campaign_id
        )

    async def dial(self, campaign_id: int, wanted: str):
        """The verdict; the call that began is busy at once."""
        item, call_id = await self.item(campaign_id, wanted), uuid.uuid4().hex
        verdict = await self.store.begin_attempt(
            item, call_id, self.agent.user_id, self.law, self.now
        )
        return call_id, verdict


def principal(role: str, user_id: int) -> Principal:
    return Principal(user_id, role, role, role, ROLES[role].rights, "zh-CN", None, 1)


async def furnish(database) -> dict[str, Principal]:
    """Roles, levels, and a supervisor and an agent."""
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        made = {}
        for role in ("supervisor", "agent"):
            values = {"login": role, "name": role, "password_hash": "x", "role_code": role}
            user_id = await session.scalar(insert(User).values(values).returning(User.id))
            made[role] = principal(role, user_id)
    return made


@pytest.fixture(scope="module")
async def people(database) -> dict[str, Principal]:
    return await furnish(database)


@pytest.fixture
def hall(database, people) -> Hall:
    return Hall(database, people["supervisor"], people["agent"])
