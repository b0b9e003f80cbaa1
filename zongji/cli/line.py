"""The order line: menus and prompts."""

from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from acd.located import FileRefused, LocatedError
from ivr.line.checking import checked
from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from ivr.recordings import Recordings
from ivr.tree import drawn
from ivr.tts import TextToSpeech
from zongji import settings
from zongji.cli.options import PROGRAMS, LineFile, Programs, Var, installation, line_file
from zongji.cli.progress import console, step
from zongji.core import now
from zongji.platform.asterisk import music_classes
from zongji.platform.debian import Prefix
from zongji.settings import Settings, SettingsError

menus = typer.Typer()
prompts = typer.Typer()


def speech(prefix: Prefix) -> TextToSpeech:
    """The speech programs of the private prefix."""
    return TextToSpeech(prefix.espeak(), prefix.command("usr/bin/sox"))


def house_zone() -> ZoneInfo:
    """That of the settings; without them the one that is theirs by default."""
    try:
        return settings.load().zone
    except SettingsError:
        return ZoneInfo(Settings.model_fields["timezone"].default)


@menus.command("check")
def check_menus(file: LineFile = None, var: Var = None) -> None:
    """Check the line file, and the recordings that it plays; every fault is named with its line."""
    path = line_file(file)
    plan, found = load_line(path)
    recordings = Recordings(installation(var).prompts, now)
    today = now().astimezone(house_zone()).date()
    text = path.read_text(encoding="utf-8")
    seen = checked(text, recordings, today, music=music_classes())
    if seen.faults:
        raise FileRefused(LocatedError(path.name, each.line, each.reason) for each in seen.faults)
    console.print(
        f"{len(found.by_name)} menus, {len(plan.queues)} queues, "
        f"{len(plan.dids)} numbers, {len(plan.routes)} routes: all in order"
    )
    for warning in seen.warnings:
        console.print(f"[yellow]![/yellow] {escape(warning)}")


@menus.command("show")
def show_menus(file: LineFile = None) -> None:
    """Draw the menus as a tree."""
    plan, found = load_line(line_file(file))
    console.print(drawn(plan, found), highlight=False, markup=False)


@prompts.command("build")
def build(file: LineFile = None, var: Var = None, programs: Programs = PROGRAMS) -> None:
    """Speak every text that is new or changed."""
    place = installation(var, programs)
    _, found = load_line(line_file(file))
    with step("prompts") as tell:
        count = PromptLibrary(place.prompts).compile(found, speech(place.prefix), tell)
    console.print(f"{count} prompts made; your own recordings go to {place.prompts / 'custom'}")


@prompts.command("check")
def check_prompts(file: LineFile = None, var: Var = None) -> None:
    """Find prompts that are missing and recordings that would not play."""
    _, found = load_line(line_file(file))
    problems = PromptLibrary(installation(var).prompts).check(found)
    for problem in problems:
        console.print(f"[red]✗[/red] {problem}")
    raise typer.Exit(bool(problems))
