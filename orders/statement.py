"""SQL on the hot path, sent straight to the driver. Rule: parameters are bound by name, never glued in,
and a lost connection sounds like one to `Database`.

Through SQLAlchemy each statement costs the event loop several times what it costs PostgreSQL; an
order is three statements, and the loop also carries the calls.
"""

import re
from collections.abc import Mapping

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

_NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Statement:
    """One statement; `sql` has its parameters as :name."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._names = tuple(dict.fromkeys(_NAMED.findall(sql)))
        places = {name: f"${place}" for place, name in enumerate(self._names, 1)}
        self._positional = _NAMED.sub(lambda found: places[found[1]], sql)

    async def read(
        self, session: AsyncSession, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        """For statements that change nothing: they need no transaction and open none."""
        return await self._fetch(_driver(session), values)

    async def write(
        self, session: AsyncSession, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        """In the session's transaction, which SQLAlchemy opens with its first own statement."""
        driver = _driver(session)
        if not driver.is_in_transaction():
            connection = await session.connection()
            await connection.exec_driver_sql("SELECT 1")
        return await self._fetch(driver, values)

    async def _fetch(
        self, driver: asyncpg.Connection, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        arguments = [values[name] for name in self._names]
        try:
            found: list[asyncpg.Record] = await driver.fetch(self._positional, *arguments)
        except (
            asyncpg.PostgresConnectionError,
            asyncpg.OperatorInterventionError,
            asyncpg.InterfaceError,
        ) as error:
            raise ConnectionError(str(error)) from error
        return found


def _driver(session: AsyncSession) -> asyncpg.Connection:
    """The session of `Database.begin` holds its connection already, so that nothing is awaited."""
    return session.sync_session.connection().connection.driver_connection
