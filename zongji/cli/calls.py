"""Calls: why they went where they went."""

from typing import Annotated

import typer

from acd.rows import CallRow
from acd.store import AcdStore
from acd.why import Told
from crm_core.db import Database
from crm_core.numbers import normalise
from crm_core.rights import SYSTEM
from ivr.menu import Language
from zongji import settings
from zongji.cli.progress import console
from zongji.cli.why_words import lines
from zongji.core import connected
from zongji.platform.errors import PlatformError

app = typer.Typer()


@app.command()
def why(
    call: Annotated[
        str, typer.Argument(help="A call's id, or a number, of which the newest call is told.")
    ],
    language: Annotated[
        Language | None, typer.Option(help="As the settings say if not given.")
    ] = None,
) -> None:
    """Tell why a call went where it went: who it was, which rules held, who was asked and who was not."""
    chosen = settings.load()
    spoken = language or chosen.language
    row, told = connected(lambda database, _: _why(database, call))
    begun = row.started_at.astimezone(chosen.zone)
    console.print(f"{row.id}  {begun:%Y-%m-%d %H:%M:%S}", markup=False)
    for line in lines(told, spoken, chosen.zone):
        console.print(line, markup=False, soft_wrap=True)


async def _why(database: Database, call: str) -> tuple[CallRow, tuple[Told, ...]]:
    store = AcdStore(database)
    row = await store.call(SYSTEM, call)
    if row is None and (number := normalise(call)) is not None:
        row = await store.latest_call_of(number)
    if row is None:
        raise PlatformError(
            f"There is no call {call}, nor one from that number: give the id as the pop shows it, or a number in full."
        )
    return row, await store.why(row)
