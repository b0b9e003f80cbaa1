"""The line in versions: taken out as a file, applied, compared, brought back, drawn."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from acd.lineplan import LinePlan
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from ivr.line.commands import ApplyLine, LineQuery, RollBackLine
from ivr.line.picture import picture
from ivr.line.service import LineService
from ivr.line_file import load_line, read_line
from ivr.menu import Menus
from ivr.prompts import PromptLibrary
from zongji import settings
from zongji.cli.line import menus, speech
from zongji.cli.options import PROGRAMS, Programs, Var, installation
from zongji.cli.progress import console
from zongji.core import connected, now
from zongji.platform.errors import PlatformError

Number = Annotated[
    int, typer.Argument(min=1, help="A version, as `zongji menu versions` lists them.")
]
Note = Annotated[
    str, typer.Option("--note", help="What changes and why, for those who come later.")
]
T = TypeVar("T")


@menus.command("export")
def export() -> None:
    """Print the line file that calls take now, to be edited and applied: zongji menu export > line.yaml."""
    sys.stdout.write(_with(lambda line: line.live(SYSTEM)).text)


@menus.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(help="The line file.")],
    note: Note = "",
    base: Annotated[
        int | None,
        typer.Option("--base", min=0, help="The version it was made from; without it the newest."),
    ] = None,
    var: Var = None,
    programs: Programs = PROGRAMS,
) -> None:
    """Take a line file for the next call; calls inside keep theirs. It is checked and its prompts are spoken first."""
    load_line(file)
    text = file.read_text(encoding="utf-8")

    async def work(line: LineService) -> int:
        newest = base if base is not None else await _newest(line)
        done = await line.apply(SYSTEM, ApplyLine(version=newest, text=text, note=note))
        return done.version

    console.print(f"version {_with(work, var, programs)} is live within seconds")


@menus.command("versions")
def versions() -> None:
    """List what was applied, the newest first."""
    for each in _with(lambda line: line.versions(SYSTEM, LineQuery())):
        again = f" (version {each.same_as} again)" if each.same_as else ""
        console.print(
            f"{each.version:>5}  {each.made_at:%Y-%m-%d %H:%M}  {each.made_by or 'Zongji':<16} {each.note}{again}",
            markup=False,
            highlight=False,
        )


@menus.command("diff")
def diff(older: Number, newer: Number) -> None:
    """Show what changed from one version to another."""
    console.print(
        _with(lambda line: line.diff(SYSTEM, older, newer)) or "nothing changed",
        markup=False,
        highlight=False,
    )


@menus.command("roll-back")
def roll_back(to: Number, note: Note = "", var: Var = None, programs: Programs = PROGRAMS) -> None:
    """Bring an earlier version back, as a new one."""

    async def work(line: LineService) -> int:
        command = RollBackLine(version=await _newest(line), to=to, note=note)
        return (await line.roll_back(SYSTEM, command)).version

    console.print(f"version {_with(work, var, programs)} is live within seconds")


@menus.command("picture")
def draw(
    target: Annotated[Path, typer.Argument(help="The SVG file to write.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="A line file; without it the one that is live.")
    ] = None,
) -> None:
    """Draw the menus as a picture: which key leads where."""
    target.write_text(picture(*read_live(file)), encoding="utf-8")
    console.print(f"{target} is written")


def read_live(file: Path | None) -> tuple[LinePlan, Menus]:
    if file is not None:
        return load_line(file)
    return read_line(_with(lambda line: line.live(SYSTEM)).text)


async def _newest(line: LineService) -> int:
    newest = await line.versions(SYSTEM, LineQuery(limit=1))
    return newest[0].version if newest else 0


def _with(
    work: Callable[[LineService], Awaitable[T]], var: Path | None = None, programs: Path = PROGRAMS
) -> T:
    place = installation(var, programs)
    prompts = PromptLibrary(place.prompts, speech(place.prefix))

    async def connect(database: Database, _: Crm) -> T:
        try:
            zone = settings.load().zone
            return await work(LineService(database, clock=now, zone=zone, prepare=prompts.prepare))
        except Invalid as error:
            told = "".join(f"\n  {where}: {why}" for where, why in error.fields.items())
            raise PlatformError(f"{error.message}{told}") from error

    return connected(connect)
