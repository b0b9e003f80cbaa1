"""SQL on the hot path, sent straight to the driver. Rule: parameters are bound by name, never glued in,
and a lost connection sounds like one to `Database`.

Through SQLAlchemy each statement costs the event loop several times what it costs PostgreSQL; a call
is several statements, and the loop carries all calls.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Self

import asyncpg
from sqlalchemy import PoolProxiedConnection, Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import EmulatedDBAPIException
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """One statement; `sql` has its parameters as :name."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._names = tuple(dict.fromkeys(_NAMED.findall(sql)))
        places = {name: f"${place}" for place, name in enumerate(self._names, 1)}
        self.positional = _NAMED.sub(lambda found: places[found[1]], sql)

    @classmethod
    def of(cls, query: Select[*tuple[Any, ...]]) -> Self:
        """A query of the tables' classes; every parameter in it is a named bindparam."""
        compiled = query.compile(
            dialect=dialect(paramstyle="named")  # type: ignore[no-untyped-call]
        )
        return cls(str(compiled))

    async def read(
        self, holder: AsyncSession | AsyncConnection, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        """For statements that change nothing: they need no transaction and open none."""
        return await self.fetch(driver_of(holder), values)

    async def write(
        self,
        session: AsyncSession,
        values: Mapping[str, object],
        *,
        patience_s: float | None = None,
    ) -> list[asyncpg.Record]:
        """In the session's transaction, which it opens if it is the first; one over very many rows may take up to
        `patience_s`.
        """
        driver = driver_of(session)
        if not driver.is_in_transaction():
            await _begin(session)
        return await self.fetch(driver, values, patience_s=patience_s)

    async def fetch(
        self,
        driver: asyncpg.Connection,
        values: Mapping[str, object],
        *,
        patience_s: float | None = None,
    ) -> list[asyncpg.Record]:
        """On a connection of the driver. Raises ConnectionError when it is lost."""
        arguments = [values[name] for name in self._names]
        try:
            found: list[asyncpg.Record] = await driver.fetch(
                self.positional, *arguments, timeout=patience_s
            )
        except (
            asyncpg.PostgresConnectionError,
            asyncpg.OperatorInterventionError,
            asyncpg.InterfaceError,
        ) as error:
            raise ConnectionError(str(error)) from error
        return found


def driver_of(holder: AsyncSession | AsyncConnection) -> asyncpg.Connection:
    """What `Database` hands out holds its connection already, so that nothing is awaited."""
    return _pooled(holder).driver_connection


def _pooled(holder: AsyncSession | AsyncConnection) -> PoolProxiedConnection:
    if isinstance(holder, AsyncSession):
        return holder.sync_session.connection().connection
    assert holder.sync_connection is not None
    return holder.sync_connection.connection


async def _begin(session: AsyncSession) -> None:
    """What SQLAlchemy does before the first statement of its own; it has no other way to ask for it, and such a
    statement would be one more round trip in every transaction. Of a connection whose caller gives up meanwhile
    nobody knows whether it is in a transaction.
    """
    adapter: Any = _pooled(session).dbapi_connection
    try:
        await adapter._start_transaction()  # noqa: SLF001
    except asyncio.CancelledError:
        await session.invalidate()
        raise
    except EmulatedDBAPIException as error:
        raise ConnectionError(str(error)) from error
