"""The schema of a real database, brought up to date with Alembic.

Rule: the address and the metadata of all packages come from the caller, because crm_core may not
import them; one upgrade runs at a time, whoever starts it. Every function raises DatabaseUnavailable.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from asyncpg import PostgresError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from crm_core.db import Base, with_driver
from crm_core.errors import DatabaseUnavailable
from crm_core.search_text import CREATE_FUNCTION

log = structlog.get_logger(__name__)

_MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('zongji.schema'))")
_T = TypeVar("_T")


async def upgrade(
    database_url: str, *, to: str = "head", versions: Path | None = None
) -> str | None:
    """Bring the database to a revision, the newest one, in one transaction; returns it."""

    def work(connection: Connection) -> str | None:
        connection.execute(_ONE_AT_A_TIME)
        before = _revision(connection)
        connection.exec_driver_sql(CREATE_FUNCTION)
        command.upgrade(_config(connection, Base.metadata, versions), to)
        after = _revision(connection)
        if after != before:
            log.info("schema_upgraded", before=before, after=after)
        return after

    return await _run(database_url, work)


async def current(database_url: str) -> str | None:
    """The revision the database is at, None when it is empty."""
    return await _run(database_url, _revision)


async def check(database_url: str, metadata: MetaData) -> tuple[str, ...]:
    """How the database differs from the tables in the code; empty when it does not."""

    def work(connection: Connection) -> tuple[str, ...]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "target_metadata": metadata}
        )
        return tuple(str(difference) for difference in compare_metadata(context, metadata))

    return await _run(database_url, work)


async def revise(
    database_url: str, metadata: MetaData, message: str, *, versions: Path | None = None
) -> None:
    """Write a revision file that leads from the database, which is up to date, to the code."""
    await _run(
        database_url,
        lambda connection: command.revision(
            _config(connection, metadata, versions), message, autogenerate=True
        ),
    )


async def _run(database_url: str, work: Callable[[Connection], _T]) -> _T:
    engine = create_async_engine(with_driver(database_url))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        try:
            connection = await stack.enter_async_context(engine.connect())
        except (OSError, PostgresError, DBAPIError) as error:
            raise DatabaseUnavailable(
                f"PostgreSQL does not let us in: {error}. Check that it runs, and database_url."
            ) from error
        async with connection.begin():
            return await connection.run_sync(work)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection, metadata: MetaData, versions: Path | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option(
        "version_locations", str(versions or _MIGRATIONS / "versions").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
