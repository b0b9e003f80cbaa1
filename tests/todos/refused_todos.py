"""A database that refuses some to-dos."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from crm_core.db import Database

_REFUSE = """
CREATE FUNCTION refuse_todo() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$;
CREATE TRIGGER refuse_todo BEFORE INSERT ON todos FOR EACH ROW
  WHEN (NEW.title LIKE '{titles}') EXECUTE FUNCTION refuse_todo()
"""


@asynccontextmanager
async def refusing(database: Database, titles: str) -> AsyncIterator[None]:
    """To-dos whose titles are like this are refused until the end of the block."""
    await _run(database, *_REFUSE.format(titles=titles).strip().rsplit(";\n", 1))
    try:
        yield
    finally:
        await _run(database, "DROP FUNCTION refuse_todo() CASCADE")


async def _run(database: Database, *statements: str) -> None:
    async with database.begin() as session:
        for statement in statements:
            await session.execute(text(statement))
