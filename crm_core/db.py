"""The way to PostgreSQL: one engine; `begin()` for a transaction, `reading()` for single SELECTs,
`fetch()` for the statements of the hot path.

Rule: when the server is away or frozen, callers hear `DatabaseUnavailable` within
`connect_timeout_s` (a new connection) or `statement_timeout_s` (a statement), never later. No SQL
runs in engine hooks (it loses commits under cancellation): a connection that died while it lay in
the pool is noticed by its socket, which costs no round trip.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import structlog
from sqlalchemy import MetaData, event, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from crm_core.errors import CommitUnknown, DatabaseUnavailable
from crm_core.readers import Readers
from crm_core.refused import refusal
from crm_core.statement import Statement

log = structlog.get_logger(__name__)


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

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 16,
        connect_timeout_s: float = 2.0,
        statement_timeout_s: float = 10.0,
    ) -> None:
        """`url` is a PostgreSQL address; the driver (asyncpg) is chosen here."""
        self._engine = create_async_engine(
            with_driver(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=connect_timeout_s,
            connect_args={"timeout": connect_timeout_s, "command_timeout": statement_timeout_s},
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_dead_connection)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._each_alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = Readers(self._engine)
        self.available = True

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction commits at the end of the block and rolls back on an error.

        Raises DatabaseUnavailable (nothing was changed), CommitUnknown (the answer to COMMIT was
        lost: ask whether it happened, by a key of your own), Refused (by a trigger of ours).
        """
        async with self._sessions() as session:
            try:
                await session.connection()
            except (SQLAlchemyError, OSError) as error:
                raise self._unavailable(error) from error
            try:
                yield session
            except (
                DBAPIError,
                asyncpg.PostgresError,
                ConnectionError,
                TimeoutError,
            ) as error:
                if (refused := refusal(error)) is not None:
                    raise refused from error
                if not _is_away(error):
                    raise
                await session.invalidate()
                raise self._unavailable(error) from error
            await self._commit(session)
        self._mark(available=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each SELECT stands alone: one round trip instead of three.

        Raises DatabaseUnavailable.
        """
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._each_alone.connect())
            except (SQLAlchemyError, OSError) as error:
                raise self._unavailable(error) from error
            try:
                yield connection
            except (DBAPIError, ConnectionError, TimeoutError) as error:
                if not _is_away(error):
                    raise
                await connection.invalidate()
                raise self._unavailable(error) from error
        self._mark(available=True)

    @asynccontextmanager
    async def reading_entities(self) -> AsyncIterator[AsyncSession]:
        """Like `reading`, with the tables' classes. Raises DatabaseUnavailable."""
        async with (
            self.reading() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            yield session

    async def fetch(
        self, statement: Statement, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        """One statement that changes nothing, by the shortest way. Raises DatabaseUnavailable."""
        try:
            rows = await self._readers.fetch(statement, values)
        except (SQLAlchemyError, OSError) as error:
            if isinstance(error, DBAPIError) and not _is_away(error):
                raise
            raise self._unavailable(error) from error
        self._mark(available=True)
        return rows

    def reader_connections(self) -> tuple[asyncpg.Connection, ...]:
        """The driver's connections that `fetch` has used and keeps."""
        return self._readers.idle

    async def ping(self) -> bool:
        """Ask the server for an answer; never raises."""
        try:
            async with asyncio.timeout(3), self.reading() as connection:
                await connection.execute(text("SELECT 1"))
        except (DatabaseUnavailable, TimeoutError):
            self._mark(available=False)
        return self.available

    async def close(self) -> None:
        await self._readers.close()
        await self._engine.dispose()

    async def _commit(self, session: AsyncSession) -> None:
        try:
            await session.commit()
        except (DBAPIError, ConnectionError, TimeoutError) as error:
            if not _is_away(error):
                raise
            self._mark(available=False, cause=error)
            await session.invalidate()
            raise CommitUnknown(
                "The database went away while it was saving: the change may or may not have been "
                "kept. Look it up before you enter it again."
            ) from error

    def _unavailable(self, cause: BaseException) -> DatabaseUnavailable:
        self._mark(available=False, cause=cause)
        return DatabaseUnavailable(
            "The database cannot be reached at the moment; nothing was changed. Try again."
        )

    def _mark(self, *, available: bool, cause: BaseException | None = None) -> None:
        if available != self.available:
            self.available = available
            log.info(
                "database_available" if available else "database_unavailable",
                cause=str(cause)[:200] if cause is not None else None,
            )


def with_driver(url: str) -> str:
    """The address with the asyncpg driver named, whatever the scheme said."""
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def _refuse_dead_connection(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """The pool answers by dropping what it held before and connecting anew, unseen by the caller."""
    if dbapi_connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server closed this connection while it was idle")


def _is_away(error: BaseException) -> bool:
    """A broken connection or an answer that never came, as opposed to a statement refused."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, ConnectionError | TimeoutError)
