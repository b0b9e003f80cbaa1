"""A database as it was before an upgrade."""

import secrets

from sqlalchemy import text

from crm_core import schema
from crm_core.db import Database
from tests.databases import database_at
from zongji.platform.postgres import EmbeddedPostgres


async def upgraded(server: EmbeddedPostgres, since: str, before: str) -> Database:
    """Made at the revision `since`, filled by the statements `before`, brought to the newest revision."""
    name = f"upgrade_{secrets.token_hex(4)}"
    server.execute(f"CREATE DATABASE {name}", "postgres")
    url = server.url(name)
    await schema.upgrade(url, to=since)
    database = database_at(url)
    async with database.begin() as session:
        for statement in filter(str.strip, before.split(";")):
            await session.execute(text(statement.replace(":", r"\:")))
    await database.close()
    await schema.upgrade(url)
    return database_at(url)
