"""Progress for whatever takes longer than a second: one line a step, with its duration."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zongji.platform.pages import Tell

console = Console(highlight=False)


@contextmanager
def step(title: str) -> Iterator[Tell]:
    """Show `title` with what is told meanwhile; a tick and the time when it is done."""
    began = time.monotonic()
    with console.status(f"{title} …") as status:
        yield lambda detail: status.update(f"{title}: {detail} …")
    console.print(f"[green]✓[/green] {title} [dim]{time.monotonic() - began:.1f} s[/dim]")


def bar() -> Progress:
    """How many are done of how many, for what is counted."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )
