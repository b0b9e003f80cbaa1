"""The ledger of attempts."""

from typing import Annotated

import typer

from crm_core.numbers import normalise
from crm_core.rights import SYSTEM
from dialer.ledger.service import Ledger, LedgerQuery
from zongji import settings
from zongji.cli.progress import console
from zongji.core import connected
from zongji.platform.errors import PlatformError

app = typer.Typer()


@app.command()
def show(number: Annotated[str, typer.Argument(help="The number.")]) -> None:
    """When a number was dialled, under which rules, and what came of it; the newest first."""
    dialable = normalise(number)
    if dialable is None:
        raise PlatformError(f"“{number}” is no telephone number: check its digits.")
    zone, query = settings.load().zone, LedgerQuery(number=dialable)
    for each in connected(lambda database, _: Ledger(database).attempts(SYSTEM, query)):
        code = "" if each.sip_code is None else f" SIP {each.sip_code}"
        delay = "" if each.delay_s is None else f", agent after {each.delay_s:.1f} s"
        console.print(
            f"{each.at.astimezone(zone):%Y-%m-%d %H:%M:%S}  {each.purpose} {each.call_id}"
            f"  {each.result or 'is out'}{code}{delay}  [{each.rules}]",
            markup=False,
        )


@app.command()
def check() -> None:
    """Hold the ledger against its entries in the audit trail, which `zongji audit verify` checks."""
    faults = connected(lambda database, _: Ledger(database).faults(SYSTEM))
    for each in faults:
        console.print(f"[red]✗[/red] {each.call_id}: {each.fault}")
    if not faults:
        console.print("[green]✓[/green] every attempt is as it was when it ended")
    raise typer.Exit(int(bool(faults)))
