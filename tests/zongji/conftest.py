"""What the tests of commands share."""

import secrets
from pathlib import Path

import pytest
from sqlalchemy import text

from crm_core.customers.fields import NewCustomer
from crm_core.customers.service import CustomerService
from crm_core.db import Base
from crm_core.rights import SYSTEM
from crm_core.seeds import seed_channel, seed_roles
from tests.databases import database_at
from zongji.platform.postgres import EmbeddedPostgres


@pytest.fixture
async def settings(pg_server: EmbeddedPostgres, tmp_path: Path) -> Path:
    """A settings file over a database with three customers, entered behind the service's back."""
    name = f"cli_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    database = database_at(pg_server.url(name))
    async with database.begin() as session:
        await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
        await seed_roles(session)
        await seed_channel(session)
    customers = CustomerService(database)
    for number, shop in enumerate(("海河酒行", "渤海商行", "津门酒行")):
        new = NewCustomer(name=shop, phones=(f"1380013800{number}",))  # type: ignore[arg-type]
        await customers.create(SYSTEM, new)
    async with database.begin() as session:
        await session.execute(text("DELETE FROM insight_queue"))
    await database.close()
    file = tmp_path / "zongji.toml"
    file.write_text(
        f'database_url = "{pg_server.url(name)}"\nvar = "{tmp_path}"\n'
        '[[asterisk]]\nsecret = "none"\n'
    )
    return file
