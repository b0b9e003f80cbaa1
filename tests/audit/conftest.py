"""A trail, a sealer and an intruder for the tests of the audit trail; each test has its own database."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crm_core.audit.service import AuditTrail
from crm_core.db import Base
from crm_core.seeds import seed_roles
from tests.audit.audit_support import Clock, House
from tests.databases import database_at
from zongji.platform.postgres import EmbeddedPostgres


@pytest.fixture
async def house(pg_server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[House]:
    name = f"audit_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    database, clock = database_at(pg_server.url(name)), Clock()
    async with database.begin() as session:
        await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
        await seed_roles(session)
    yield House(database, AuditTrail(database, clock=clock), tmp_path, clock, pg_server.url(name))
    await database.close()
