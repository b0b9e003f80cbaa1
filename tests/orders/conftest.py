import asyncio
import secrets
from collections.abc import Iterator

import pytest

from crm_core.db import Base, Database
from tests.databases import database_at
from tests.orders.order_shop import Shop, open_shop
from zongji.platform.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
async def shop(database: Database) -> Shop:
    return await open_shop(database)


@pytest.fixture(scope="module")
def shop_of_its_own(pg_server: EmbeddedPostgres) -> Iterator[tuple[asyncio.Runner, Shop]]:
    """A loop and a shop in a database of its own, for what is not asynchronous."""
    name = f"test_{secrets.token_hex(4)}"
    pg_server.execute(f"CREATE DATABASE {name}", "postgres")
    with asyncio.Runner() as runner:
        database = database_at(pg_server.url(name), pool_size=2)

        async def furnish() -> Shop:
            async with database.begin() as session:
                await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
            return await open_shop(database)

        yield runner, runner.run(furnish())
        runner.run(database.close())
