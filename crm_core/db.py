"""The way to PostgreSQL: one engine, one transaction at a time through `begin()`.

Rule: when the server is away, callers hear `DatabaseUnavailable` within `connect_timeout_s`, so that
a telephone call never waits for a database. No SQL runs in engine hooks (it loses commits under
cancellation).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from crm_core.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_AWAY = (
    OSError,
    OperationalError,
    InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
)


class Base(DeclarativeBase):
    """Every table of every package; constraint names are stable so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """Sessions on one PostgreSQL server; `available` is what the last attempt found."""

    def __init__(self, url: str, *, pool_size: int = 16, connect_timeout_s: float = 2.0) -> None:
        """`url` is a PostgreSQL address; the driver (asyncpg) is chosen here."""
        self._engine = create_async_engine(
            _with_driver(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=connect_timeout_s,
            connect_args={"timeout": connect_timeout_s, "command_timeout": 30},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self.available = True

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction commits at the end of the block and rolls back on an error."""
        try:
            async with self._sessions.begin() as session:
                yield session
        except Exception as error:
            if not _is_away(error):
                raise
            self._mark(available=False)
            raise DatabaseUnavailable(
                "The database cannot be reached at the moment; nothing was changed. Try again."
            ) from error
        self._mark(available=True)

    async def ping(self) -> bool:
        """Ask the server for an answer; never raises."""
        try:
            async with asyncio.timeout(3), self.begin() as session:
                await session.execute(text("SELECT 1"))
        except (DatabaseUnavailable, TimeoutError):
            self._mark(available=False)
        return self.available

    async def close(self) -> None:
        await self._engine.dispose()

    def _mark(self, *, available: bool) -> None:
        if available != self.available:
            log.info("database_available" if available else "database_unavailable")
            self.available = available


def _with_driver(url: str) -> str:
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def _is_away(error: BaseException) -> bool:
    """A refused or broken connection, however deep the driver wrapped it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _AWAY) or (
            isinstance(seen, DBAPIError) and seen.connection_invalidated
        ):
            return True
        seen = seen.__cause__ or getattr(seen, "orig", None)
    return False
