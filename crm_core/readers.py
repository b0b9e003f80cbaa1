"""Connections that are kept apart for single statements on the hot path.

Rule: a statement costs what the driver costs: no checkout, no transaction, no second round trip. Readers
come from the engine's own pool, so that its bounds hold for all; one that died is replaced unseen.
"""

from collections.abc import Mapping

import asyncpg
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from crm_core.statement import Statement

_KEPT = 8


class Readers:
    """Lends a connection for one statement; keeps at most `_KEPT` for the next ones."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._connect = engine.sync_engine.raw_connection
        self._idle: list[PoolProxiedConnection] = []

    @property
    def idle(self) -> tuple[asyncpg.Connection, ...]:
        return tuple(reader.driver_connection for reader in self._idle)

    async def fetch(
        self, statement: Statement, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        """Raises SQLAlchemyError, OSError (no connection), ConnectionError, TimeoutError (lost)."""
        reader = await self._take()
        try:
            rows = await statement.fetch(reader.driver_connection, values)
        except BaseException:
            await greenlet_spawn(reader.invalidate)
            raise
        if len(self._idle) < _KEPT:
            self._idle.append(reader)
        else:
            await greenlet_spawn(reader.close)
        return rows

    async def close(self) -> None:
        while self._idle:
            await greenlet_spawn(self._idle.pop().close)

    async def _take(self) -> PoolProxiedConnection:
        while self._idle:
            reader = self._idle.pop()
            driver = reader.driver_connection
            if driver is not None and not driver.is_closed():
                return reader
            await greenlet_spawn(reader.invalidate)
        return await greenlet_spawn(self._connect)
