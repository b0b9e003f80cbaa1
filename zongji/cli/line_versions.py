"""The line in versions: taken out as a file, applied, compared, brought back, drawn."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape

from crm_core.db import Database
from crm_core.errors import Conflict, Invalid
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from ivr.line.commands import ApplyLine, LineQuery, RollBackLine
from ivr.line.live import Line
from ivr.line.mark import marked, version_in
from ivr.line.picture import picture
from ivr.line.service import LineService, LineView
from ivr.line_file import load_line, read_line
from ivr.prompts import PromptLibrary
from ivr.recordings import Recordings
from zongji import settings
from zongji.cli.line import menus, speech
from zongji.cli.options import PROGRAMS, Programs, Var, installation
from zongji.cli.progress import console
from zongji.core import connected, now
from zongji.platform.asterisk import music_classes
from zongji.platform.errors import PlatformError

Number = Annotated[
    int, typer.Argument(min=1, help="A version, as `zongji menu versions` lists them.")
]
Note = Annotated[
    str, typer.Option("--note", help="What changes and why, for those who come later.")
]
Force = Annotated[bool, typer.Option("--force", help="Whatever is live by now.")]
T = TypeVar("T")


@menus.command("export")
def export() -> None:
    """Print the line file that calls take now, to be edited and applied: zongji menu export > line.yaml."""
    live = _with(lambda line: line.live(SYSTEM))
    sys.stdout.write(marked(live.text, live.version))


@menus.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(help="The line file.")],
    note: Note = "",
    *,
    base: Annotated[
        int | None,
        typer.Option(
            "--base", min=1, help="The version it was made from; without it the one it names."
        ),
    ] = None,
    force: Force = False,
    var: Var = None,
    programs: Programs = PROGRAMS,
) -> None:
    """Take a line file for the next call; calls inside keep theirs. It is checked and its prompts are spoken first.

    It is refused when somebody else has applied another version since the one that it was made from.
    """
    load_line(file)
    text = file.read_text(encoding="utf-8")
    named = version_in(text)

    async def work(line: LineService) -> int:
        live = await line.live(SYSTEM)
        made_from = live.version if force else base or named
        if made_from is None:
            raise PlatformError(
                f"{file} does not say which version it was made from: edit what `zongji menu export` prints, or give"
                f" the version with --base. {_told(live)}; --force puts the file over that."
            )
        for warning in (await line.check(SYSTEM, text)).warnings:
            console.print(f"[yellow]![/yellow] {escape(warning)}")
        try:
            command = ApplyLine(version=made_from, text=text, note=note)
            return (await line.apply(SYSTEM, command)).version
        except Conflict as error:
            newest = error.fields["version"]
            raise PlatformError(
                f"{error.message} `zongji menu diff {made_from} {newest}` shows what is not in {file}: bring it in, then"
                f" apply it with --base {newest}."
            ) from error

    version = _with(work, var, programs)
    console.print(f"version {version} is live within seconds")
    if named is not None:
        _mark(file, marked(text, version))


def _mark(file: Path, text: str) -> None:
    """The file can be edited further."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError:
        console.print(f"{file} cannot be written: export again before you edit it")
    else:
        console.print(f"{file} names it now, to be edited further")


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
def roll_back(
    to: Number,
    note: Note = "",
    *,
    base: Annotated[
        int | None,
        typer.Option("--base", min=1, help="The version that is to go, the newest there is."),
    ] = None,
    force: Force = False,
    var: Var = None,
    programs: Programs = PROGRAMS,
) -> None:
    """Bring an earlier version back, as a new one.

    It is refused when the newest version is not the one that is to go, because then somebody else's change would go too.
    """

    async def work(line: LineService) -> int:
        live = await line.live(SYSTEM)
        if base is None and not force:
            raise PlatformError(
                f"Which version is to go? {_told(live)}: `zongji menu roll-back {to} --base {live.version}`; --force"
                " takes back whatever is live."
            )
        try:
            command = RollBackLine(
                version=live.version if force or base is None else base, to=to, note=note
            )
            return (await line.roll_back(SYSTEM, command)).version
        except Conflict as error:
            newest = error.fields["version"]
            raise PlatformError(
                f"Version {newest} is live by now: `zongji menu diff {base} {newest}` shows what would go with it;"
                f" --base {newest} takes it back all the same."
            ) from error

    console.print(f"version {_with(work, var, programs)} is live within seconds")


@menus.command("picture")
def draw(
    target: Annotated[Path, typer.Argument(help="The SVG file to write.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="A line file; without it the one that is live.")
    ] = None,
) -> None:
    """Draw the menus as a picture: which key leads where."""
    line = read_live(file)
    target.write_text(picture(line.plan, line.menus), encoding="utf-8")
    console.print(f"{target} is written")


def read_live(file: Path | None) -> Line:
    """What calls take now, or the file. Raises FileRefused."""
    if file is not None:
        return Line(0, *load_line(file))
    live = _with(lambda line: line.live(SYSTEM))
    return Line(live.version, *read_line(live.text))


def _told(live: LineView) -> str:
    note = f": “{live.note}”" if live.note else ""
    return f"Live is version {live.version}, by {live.made_by or 'Zongji'}{note}"


def _with(
    work: Callable[[LineService], Awaitable[T]], var: Path | None = None, programs: Path = PROGRAMS
) -> T:
    place = installation(var, programs)
    prompts = PromptLibrary(place.prompts, speech(place.prefix))

    async def connect(database: Database, _: Crm) -> T:
        try:
            zone = settings.load().zone
            return await work(
                LineService(
                    database,
                    clock=now,
                    zone=zone,
                    prepare=prompts.prepare,
                    recordings=Recordings(place.prompts, now),
                    music=music_classes,
                )
            )
        except Invalid as error:
            told = "".join(f"\n  {where}: {why}" for where, why in error.fields.items())
            raise PlatformError(f"{error.message}{told}") from error

    return connected(connect)
