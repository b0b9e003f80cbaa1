"""The order line: menus and prompts."""

import typer

from ivr.menu import load_line
from ivr.prompts import PromptLibrary
from ivr.tree import drawn
from ivr.tts import TextToSpeech
from zongji.cli.options import LINE_FILE, PROGRAMS, VAR, LineFile, Programs, Var
from zongji.cli.progress import console, step
from zongji.installation import Installation
from zongji.platform.debian import Prefix

menus = typer.Typer(
    help="Menus, numbers and routes (asterisk-conf/line.yaml).", no_args_is_help=True
)
prompts = typer.Typer(
    help="What the line says: spoken texts and your recordings.", no_args_is_help=True
)


def speech(prefix: Prefix) -> TextToSpeech:
    """The speech programs of the private prefix."""
    return TextToSpeech(prefix.espeak(), prefix.command("usr/bin/sox"))


@menus.command("check")
def check_menus(file: LineFile = LINE_FILE) -> None:
    """Check the line file; every fault is named with its line."""
    plan, found = load_line(file)
    console.print(
        f"{len(found.by_name)} menus, {len(plan.queues)} queues, "
        f"{len(plan.dids)} numbers, {len(plan.routes)} routes: all in order"
    )


@menus.command("show")
def show_menus(file: LineFile = LINE_FILE) -> None:
    """Draw the menus as a tree."""
    plan, found = load_line(file)
    console.print(drawn(plan, found), highlight=False, markup=False)


@prompts.command("build")
def build(file: LineFile = LINE_FILE, var: Var = VAR, programs: Programs = PROGRAMS) -> None:
    """Speak every text that is new or changed."""
    installation = Installation(var=var, programs=programs)
    _, found = load_line(file)
    with step("prompts") as tell:
        count = PromptLibrary(installation.prompts).compile(
            found, speech(installation.prefix), tell
        )
    console.print(
        f"{count} prompts made; your own recordings go to {installation.prompts / 'custom'}"
    )


@prompts.command("check")
def check_prompts(file: LineFile = LINE_FILE, var: Var = VAR) -> None:
    """Find prompts that are missing and recordings that would not play."""
    _, found = load_line(file)
    problems = PromptLibrary(Installation(var=var).prompts).check(found)
    for problem in problems:
        console.print(f"[red]✗[/red] {problem}")
    raise typer.Exit(bool(problems))
