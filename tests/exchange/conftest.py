"""A database with roles, levels and a person, and ways to write files."""

import pytest

from crm_core.customers.search import SearchService
from crm_core.customers.service import CustomerService
from crm_core.db import Database
from crm_core.exchange.importing import ImportService
from crm_core.people.tables import User
from crm_core.seeds import seed_channel, seed_roles
from tests.crm_core.crm_core_support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def seeded(database: Database) -> Database:
    async with database.begin() as session:
        await seed_roles(session)
        await seed_channel(session)
        for number, role in enumerate(("admin", "operations", "agent"), 1):
            session.add(
                User(login=f"u{number}", name=f"人{number}", role_code=role, password_hash="x")
            )
            await session.flush()
    return database


@pytest.fixture
def imports(seeded, tmp_path, clock) -> ImportService:
    return ImportService(seeded, tmp_path / "exchange", clock=clock)


@pytest.fixture
def customers(seeded) -> CustomerService:
    return CustomerService(seeded)


@pytest.fixture
def search(seeded) -> SearchService:
    return SearchService(seeded)
