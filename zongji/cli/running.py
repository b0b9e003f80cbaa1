"""Commands that run things: the whole demonstration, the daemon, callers, and checks of this machine."""

import asyncio
from typing import Annotated

import typer

from zongji import settings as settings_module
from zongji.cli.options import installation
from zongji.cli.progress import console, step
from zongji.installation import Installation, Ports
from zongji.platform import debian, system
from zongji.platform import pages as web_pages
from zongji.platform.errors import PlatformError

Offset = Annotated[
    int, typer.Option("--port-offset", help="Add this to every port, when one is in use.")
]


def run(
    *,
    port_offset: Offset = 0,
    demo_call: Annotated[
        bool, typer.Option("--call/--no-call", help="Place the demonstration call.")
    ] = True,
    stay: Annotated[
        bool, typer.Option("--stay/--leave", help="Stay up until Ctrl-C, or stop after the call.")
    ] = True,
) -> None:
    """Bring up everything on this machine, show one call, and stay up for people to try.

    The first start fetches Asterisk and builds pages and prompts; later ones take seconds.
    Everything lies in `.zongji`; `make clean` removes it.
    """
    from zongji.demo.show import show

    installation = Installation(ports=Ports().shifted(port_offset))
    asyncio.run(show(installation, demo_call=demo_call, stay=stay))


def serve() -> None:
    """Run the daemon in the foreground, as systemd or Docker would.

    Settings: the TOML file named by `ZONGJI_SETTINGS`, and the environment (`ZONGJI_WEB__PORT=…`).
    """
    from zongji.daemon import serve as serve_daemon

    serve_daemon(settings_module.load())


def call(
    *,
    caller: Annotated[
        str, typer.Option("--from", help="The caller's number; “anonymous” hides it.")
    ],
    to: Annotated[str, typer.Option("--to", help="The number called.")] = "4006001001",
    keys: Annotated[str, typer.Option(help="Keys to press, such as 1,1.")] = "",
    talk: Annotated[float, typer.Option(help="Seconds before the caller hangs up.")] = 30,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many callers.")] = 1,
    rate: Annotated[float, typer.Option(min=0.01, max=200, help="Callers per second.")] = 1,
    port_offset: Offset = 0,
) -> None:
    """Let simulated callers call in through the simulated carrier (start `zongji run` first).

    Example: `zongji call --from 02223456789 --to 4006001001 --keys 1,1 --count 20 --rate 2`
    """
    from zongji.demo.crowd import crowd

    installation = Installation(ports=Ports().shifted(port_offset))
    pressed = [key for key in keys.split(",") if key]
    if any(len(key) != 1 or key not in "0123456789*#" for key in pressed):
        raise PlatformError("--keys takes single keys with commas between them, such as 1,1.")
    asyncio.run(crowd(installation, caller, to, pressed, talk=talk, count=count, rate=rate))


def doctor() -> None:
    """Look at this machine and the running service, and say what is wrong and how to mend it."""
    from zongji.doctor import examine

    worst = 0
    for finding in asyncio.run(examine(installation())):
        mark = "[green]✓[/green]" if finding.good else "[red]✗[/red]"
        console.print(f"{mark} {finding.what}: {finding.said}")
        worst |= not finding.good
    raise typer.Exit(worst)


def tools(
    *,
    for_tests: Annotated[
        bool, typer.Option("--for-tests", help="Chromium and fonts too, which only tests need.")
    ] = False,
) -> None:
    """Fetch the system programs: Asterisk and friends into `.zongji`, browsers by apt."""
    with step("Asterisk 22 and speech") as tell:
        debian.unpack(Installation().programs, tell)
    if for_tests:
        with step("browser and fonts for the tests") as tell:
            system.ensure_browser(tell)
        with step("pages") as tell:
            web_pages.build(tell)


def pages(
    *, check: Annotated[bool, typer.Option("--check", help="Types and tests, no build.")] = False
) -> None:
    """Build the browser pages (or check them)."""
    with step("checking the pages" if check else "pages") as tell:
        (web_pages.check if check else web_pages.build)(tell)


def exchange(
    job: Annotated[int, typer.Argument(help="The number of the import or export.")],
) -> None:
    """Do one import or export; the daemon runs this."""
    from crm_core.db import Database
    from crm_core.services import Crm
    from zongji.core import connected, list_files

    async def work(database: Database, crm: Crm) -> None:
        kind = (await crm.imports.any(job)).kind
        if kind == "import":
            await crm.imports.run(job)
        elif kind == "places":
            await crm.place_files.run(job)
        elif kind == "do_not_call":
            await list_files(database).run(job)
        else:
            await crm.exports.run(job)

    connected(work)
