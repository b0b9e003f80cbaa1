"""Where numbers are at home: the imported table, and a look at one number."""

from pathlib import Path
from typing import Annotated

import typer

from crm_core.db import Database
from crm_core.exchange.jobs import JobView
from crm_core.numbers import normalise
from crm_core.places.finder import Home, Places
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from zongji.cli.progress import console
from zongji.cli.taking_in import taken_in
from zongji.core import connected
from zongji.platform.errors import PlatformError

app = typer.Typer()

_BY = {
    "imported": "the imported table",
    "segment": "the table of segments that Zongji comes with",
    "area_code": "the area code",
}


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="Excel or CSV (UTF-8, GBK).", exists=True, dir_okay=False)
    ],
    whole: Annotated[
        bool,
        typer.Option("--whole", help="The file is all there is to know: the rest is forgotten."),
    ] = False,
    refused: Annotated[
        Path | None, typer.Option(help="Where refused rows go; else beside the file.")
    ] = None,
) -> None:
    """Take in where numbers are at home; what is there already is replaced.

    The first row names the columns: 号段 (the first digits of a mobile, an area code, any prefix), 省, 市, and perhaps 区号
    and 运营商. The daemon takes it up within seconds. The longest prefix counts, before the table that Zongji comes with.
    """
    target = refused or file.with_name(f"{file.stem}-refused.xlsx")
    job = connected(lambda _, crm: _import(crm, file, target, whole=whole))
    mark = "[green]✓[/green]" if job.state == "done" else "[red]✗[/red]"
    console.print(
        f"{mark} {job.done} rows: {job.added} new, {job.changed} changed, {job.same} as they were, "
        f"{job.refused} refused"
    )
    if job.error:
        console.print(f"[red]{job.error}[/red]")
    if job.refused:
        console.print(f"The refused rows, with the reasons, are in {target}")
    raise typer.Exit(int(job.state != "done"))


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="Ends in .xlsx or .csv.")],
) -> None:
    """Write what was imported to a file, which can be imported again."""
    form = file.suffix.removeprefix(".")
    if form not in ("xlsx", "csv"):
        raise PlatformError("The file's name must end in .xlsx or .csv.")
    written = connected(
        lambda _, crm: crm.place_files.export(SYSTEM, file, "xlsx" if form == "xlsx" else "csv")
    )
    console.print(f"{written} rows in {file}")


@app.command()
def find(number: Annotated[str, typer.Argument(help="A telephone number.")]) -> None:
    """Say where a number is at home, and by what that is known."""
    asked = normalise(number)
    if asked is None:
        raise PlatformError(f"{number} is no telephone number.")
    home = connected(lambda database, _: _find(database, asked))
    if home.place is None or home.source is None:
        console.print(f"{asked}: unknown")
        raise typer.Exit(1)
    place = home.place
    console.print(
        f"{asked}: {place.province} {place.city} {place.area_code or '-'} (by {_BY[home.source]})"
    )


async def _find(database: Database, number: str) -> Home:
    places = Places()
    await places.load(database)
    return places.look_up(number)


async def _import(crm: Crm, file: Path, refused: Path, *, whole: bool) -> JobView:
    files = crm.place_files
    return await taken_in(
        files, file, refused, lambda copy: files.hand_in(SYSTEM, file.name, copy, whole=whole)
    )
