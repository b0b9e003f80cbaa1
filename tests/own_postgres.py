"""A PostgreSQL of one test's own, which it may stop and start."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

import zongji.core  # noqa: F401  knows every table
from crm_core.db import Base, Database
from tests.folders import enterable
from tests.ports import free_port
from zongji.platform.postgres import EmbeddedPostgres

_NAME = "faults"
_SETTINGS = {"fsync": "off"}


@dataclass
class OwnPostgres:
    server: EmbeddedPostgres
    database: Database

    async def stop(self, mode: str = "fast") -> None:
        await asyncio.to_thread(self.server.stop, mode=mode)

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start, settings=_SETTINGS)

    @asynccontextmanager
    async def crashing_while(self, table: str, row_id: int) -> AsyncIterator[None]:
        """What is done meanwhile comes to wait for this row; then the server crashes, and starts again."""

        holder = await asyncpg.connect(self.server.url(_NAME))
        await holder.execute("BEGIN")
        await holder.execute(f"SELECT FROM {table} WHERE id = {row_id} FOR UPDATE")

        async def crash() -> None:
            async with asyncio.timeout(20):
                while not await holder.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.01)
            await self.stop("immediate")
            holder.terminate()
            await self.start()

        crashed = asyncio.create_task(crash())
        yield
        await crashed


@asynccontextmanager
async def own_postgres(folder: Path) -> AsyncIterator[OwnPostgres]:
    server = EmbeddedPostgres.prepare(enterable(folder) / "pg", port=free_port())
    server.start(settings=_SETTINGS)
    try:
        server.execute(f"DROP DATABASE IF EXISTS {_NAME}", "postgres")
        server.execute(f"CREATE DATABASE {_NAME}", "postgres")
        database = Database(server.url(_NAME))
        async with database.begin() as session:
            await session.run_sync(lambda s: Base.metadata.create_all(s.connection()))
        yield OwnPostgres(server, database)
        await database.close()
    finally:
        server.stop()
