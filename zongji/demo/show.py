"""`zongji run`: set up what is missing, start everything, show one call, stay up.

Rule: every step is shown while it runs; Ctrl-C stops what was started and nothing else.
"""

import asyncio
import contextlib
import signal

from ivr.line_file import load_line
from ivr.prompts import PromptLibrary
from zongji.cli.line import speech
from zongji.cli.options import line_file
from zongji.cli.progress import console, step
from zongji.demo.timeline import demonstrate
from zongji.installation import Installation
from zongji.platform import debian, pages
from zongji.stack import Stack

_RESTART_PAUSE_S = 0.5


async def show(installation: Installation, *, demo_call: bool, stay: bool) -> None:
    """The whole demonstration. Raises PlatformError with one sentence saying what to do."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(_show(installation, stop, demo_call=demo_call, stay=stay))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def _show(
    installation: Installation, stop: asyncio.Event, *, demo_call: bool, stay: bool
) -> None:
    await _prepare(installation)
    stack = Stack(installation)
    try:
        with step("starting") as tell:
            await stack.start(tell)
        if demo_call:
            await demonstrate(stack)
        if stay:
            _invite(stack)
            await _keep_up(stack, stop)
    finally:
        with step("stopping"):
            await stack.stop()


async def _prepare(installation: Installation) -> None:
    installation.var.mkdir(parents=True, exist_ok=True)
    with step("Asterisk 22 and speech") as tell:
        await asyncio.to_thread(debian.unpack, installation.programs, tell)
    with step("pages") as tell:
        await asyncio.to_thread(pages.build, tell)
    with step("prompts") as tell:
        _, menus = load_line(line_file())
        library, voice = PromptLibrary(installation.prompts), speech(installation.prefix)
        await asyncio.to_thread(library.compile, menus, voice, tell)


def _invite(stack: Stack) -> None:
    console.print(f"\n[bold]{stack.address}[/bold]  sidebar · {stack.address}/board  live board")
    for login, what in (
        ("agent1", "agent, extension 1001"),
        ("agent2", "agent, extension 1002"),
        ("supervisor", "live board"),
        ("admin", "administrator"),
    ):
        console.print(f"  {login:<12} {stack.password(login)}   {what}")
    console.print(
        "Let somebody call: [bold].venv/bin/zongji call --from 02223456789 --keys 1,1[/bold]"
        f"\nMail to customers: {stack.installation.var / 'mail'}   Ctrl-C stops everything.\n"
    )


async def _keep_up(stack: Stack, stop: asyncio.Event) -> None:
    """Start the daemon again when it ends, as systemd would."""
    while not stop.is_set():
        await stack.daemon.wait()
        if not stop.is_set():
            console.print("[yellow]the daemon ended and is started again[/yellow]")
            await asyncio.sleep(_RESTART_PAUSE_S)
            await stack.daemon.start()
