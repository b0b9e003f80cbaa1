"""The database: schema, and the demonstration's data."""

import asyncio
from typing import Annotated

import typer

from crm_core import schema
from crm_core.db import Base, Database
from crm_core.seeds import seed_channel, seed_roles
from orders.review.seeds import seed_limits
from zongji import settings
from zongji.cli.progress import console
from zongji.core import TABLES

app = typer.Typer()
__all__ = ["TABLES", "app"]


def _url() -> str:
    return settings.load().database_url.get_secret_value()


@app.command()
def upgrade() -> None:
    """Bring the schema to the newest revision; roles with their limits, levels and price policies are filled in."""

    async def work() -> str | None:
        revision = await schema.upgrade(_url())
        database = Database(_url())
        try:
            async with database.begin() as session:
                await seed_roles(session)
                await seed_channel(session)
                await seed_limits(session)
        finally:
            await database.close()
        return revision

    console.print(f"The schema is at revision {asyncio.run(work())}")


@app.command()
def status() -> None:
    """The revision, and whether tables and code agree."""
    differences = asyncio.run(schema.check(_url(), Base.metadata))
    console.print(f"revision {asyncio.run(schema.current(_url()))}")
    for difference in differences:
        console.print(f"differs: {difference}")
    raise typer.Exit(bool(differences))


@app.command()
def revise(message: Annotated[str, typer.Argument(help="What changes.")]) -> None:
    """For developers: write a migration from the database's schema to the code's tables."""
    asyncio.run(schema.revise(_url(), Base.metadata, message))
