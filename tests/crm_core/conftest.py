"""Seeds and services for the tests of the SQL core; the first user of a database has the id 1."""

import pytest
from sqlalchemy.dialects.postgresql import insert as upsert

from crm_core.db import Database
from crm_core.people.accounts import AccountService
from crm_core.people.tables import User
from crm_core.seeds import seed_channel, seed_roles
from tests.crm_core.crm_core_support import Clock, quick_passwords


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def seeded(database: Database) -> Database:
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        await session.execute(
            upsert(User)
            .values(login="tester", name="测试员", role_code="agent", password_hash="none")
            .on_conflict_do_nothing()
        )
    return database


@pytest.fixture
def accounts(seeded: Database, clock: Clock) -> AccountService:
    return AccountService(seeded, clock=clock, passwords=quick_passwords())
