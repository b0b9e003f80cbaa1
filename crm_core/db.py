"""The way to PostgreSQL: `begin()` for a transaction, `reading()` for single SELECTs,
`searching()` for those whose conditions people choose, `fetch()` for the statements of the hot path.

Rule: when the server is away or frozen, callers hear `DatabaseUnavailable` within
`connect_timeout_s` (a new connection) or `statement_timeout_s` (a statement), never later. No SQL
runs in engine hooks (it loses commits under cancellation): a connection that died while it lay in
the pool is noticed by its socket, which costs no round trip. A server that is there and takes nothing (read-only, disk
full, no connections left) is as good as away; connections
are made anew then, because those that learnt it would go on so.
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
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from crm_core.errors import CommitUnknown, DatabaseUnavailable
from crm_core.readers import Readers
from crm_core.refused import refusal, sqlstates
from crm_core.statement import Statement

log = structlog.get_logger(__name__)

# Compiling a plan takes longer than most of our statements run.
_SESSION = {"jit": "off"}
_IS_READ_ONLY = text("SHOW transaction_read_only")
_READ_ONLY, _NO_RESOURCES = "25006", "53"
_SEARCHING = _SESSION | {"plan_cache_mode": "force_custom_plan"}


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
        timeouts = (connect_timeout_s, statement_timeout_s)
        self._engine = _engine(url, pool_size, timeouts, _SESSION)
        self._searches = _engine(url, -(-pool_size // 4), timeouts, _SEARCHING)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._each_alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._each_search = self._searches.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = Readers(self._engine)
        self.available = True
        self._took_nothing = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction commits at the end of the block and rolls back on an error.

        Raises DatabaseUnavailable (nothing was changed), CommitUnknown (the answer to COMMIT was
        lost: ask whether it happened, by a key of your own), Refused (by a trigger of ours).
        """
        async with self._sessions() as session:
            try:
                await self._look_again(session)
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
                self._took_nothing = _takes_nothing(error)
                if not (self._took_nothing or _is_away(error)):
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
        async with self._alone(self._each_alone) as connection:
            yield connection

    @asynccontextmanager
    async def searching(self) -> AsyncIterator[AsyncConnection]:
        """Like `reading`, for conditions that somebody put together: each is planned for its own values."""
        async with self._alone(self._each_search) as connection:
            yield connection

    @asynccontextmanager
    async def _alone(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(engine.connect())
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
        await self._searches.dispose()
        await self._engine.dispose()

    async def _look_again(self, session: AsyncSession) -> None:
        """After a change was refused: connections are made anew until one of them takes changes."""
        if self._took_nothing:
            await self._engine.dispose()
            self._took_nothing = await session.scalar(_IS_READ_ONLY) == "on"

    async def _commit(self, session: AsyncSession) -> None:
        try:
            await session.commit()
        except (DBAPIError, ConnectionError, TimeoutError) as error:
            if _takes_nothing(error):
                await session.invalidate()
                raise self._unavailable(error) from error
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


def _engine(
    url: str, pool_size: int, timeouts: tuple[float, float], settings: Mapping[str, str]
) -> AsyncEngine:
    """`timeouts`: of connecting and of a statement, in seconds."""
    connecting_s, statement_s = timeouts
    engine = create_async_engine(
        with_driver(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=connecting_s,
        connect_args={
            "timeout": connecting_s,
            "command_timeout": statement_s,
            "server_settings": settings,
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead_connection)
    return engine


def with_driver(url: str) -> str:
    """The address with the asyncpg driver named, whatever the scheme said."""
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def _refuse_dead_connection(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """The pool answers by dropping what it held before and connecting anew, unseen by the caller."""
    if dbapi_connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server closed this connection while it was idle")


def _takes_nothing(error: BaseException) -> bool:
    """The server refuses every change, whatever it is: SQLSTATE 25006 (read-only) and class 53 (no resources)."""
    states = sqlstates(error)
    return any(state == _READ_ONLY or state.startswith(_NO_RESOURCES) for state in states)


def _is_away(error: BaseException) -> bool:
    """A broken connection or an answer that never came, as opposed to a statement refused."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    return isinstance(error, ConnectionError | TimeoutError)
