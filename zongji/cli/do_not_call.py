"""The do-not-call lists: own entries, lists out of files, and whether a number may be dialled."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.exchange.jobs import JobView
from crm_core.numbers import normalise
from crm_core.places.finder import Places
from crm_core.rights import SYSTEM
from dialer.do_not_call.commands import Check, Covers, Lift, NewRefusal, RefusalQuery
from dialer.do_not_call.service import DoNotCallService
from dialer.law import Law
from dialer.policy import Purpose
from zongji import settings
from zongji.cli.progress import console
from zongji.cli.taking_in import taken_in
from zongji.core import connected, list_files, now
from zongji.platform.errors import PlatformError

app = typer.Typer()

T = TypeVar("T")
Number = Annotated[str, typer.Argument(help="The number.")]
Campaign = Annotated[
    int | None, typer.Option(help="Of this campaign only, see `zongji campaign list`.")
]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@app.command()
def add(number: Number, reason: Reason, campaign: Campaign = None) -> None:
    """Never dial this number again, in no campaign and for no call-back."""
    wanted = NewRefusal(number=_dialable(number), reason=reason, campaign_id=campaign)
    made = _done(lambda service: service.add(SYSTEM, wanted, source="cli"))
    where = "" if campaign is None else f" by campaign {campaign}"
    console.print(f"{made.number} is never dialled{where} from now on (entry {made.id})")


@app.command()
def lift(
    entry: Annotated[int, typer.Argument(help="The entry, see `zongji do-not-call list`.")],
    reason: Reason,
) -> None:
    """Let the number of an entry be dialled again; the entry stays to be seen."""
    lifted = _done(lambda service: service.lift(SYSTEM, entry, Lift(reason=reason)))
    console.print(f"{lifted.number} may be dialled again")


@app.command("list")
def show(
    *,
    lifted: Annotated[bool, typer.Option("--lifted", help="Those that hold no more, too.")] = False,
) -> None:
    """The newest entries, and the lists that were imported."""
    zone = settings.load().zone
    found = _done(lambda service: service.entries(SYSTEM, RefusalQuery(lifted=lifted)))
    for each in found:
        of = "" if each.campaign_id is None else f" campaign {each.campaign_id}"
        over = "" if each.lifted_at is None else f" (lifted: {each.lifted_why})"
        console.print(
            f"{each.id:>6}  {each.number:<16} {each.added_at.astimezone(zone):%Y-%m-%d} {each.source}{of}"
            f"  {each.reason}{over}"
        )
    for known in _done(lambda service: service.lists(SYSTEM)):
        at = known.imported_at
        since = f"since {at.astimezone(zone):%Y-%m-%d}" if at else "no file yet"
        console.print(f"list {known.name}: {known.numbers} numbers {since}, for {known.covers}")


@app.command()
def check(
    number: Number,
    purpose: Annotated[str, typer.Option(help="campaign, callback or message.")] = "campaign",
    campaign: Campaign = None,
) -> None:
    """Say whether a number may be dialled now, why not, and when again."""
    purposes: dict[str, Purpose] = {
        "campaign": "campaign",
        "callback": "callback",
        "message": "message",
    }
    if purpose not in purposes:
        raise PlatformError(f"“{purpose}” is nothing to dial for: {', '.join(purposes)}.")
    asked = Check(number=_dialable(number), purpose=purposes[purpose], campaign_id=campaign)
    found = _done(lambda service: service.check(SYSTEM, asked))
    at = found.retry_at and found.retry_at.astimezone(settings.load().zone)
    again = f", again at {at:%Y-%m-%d %H:%M}" if at else ""
    console.print(f"{found.number}: {found.words_en} ({found.reason}){again}")
    console.print(found.rules)
    raise typer.Exit(int(not found.allowed))


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="Excel or CSV (UTF-8, GBK).", exists=True, dir_okay=False)
    ],
    name: Annotated[str, typer.Option(help="The list that it replaces, such as “12321”.")],
    covers: Annotated[str, typer.Option(help="everything, or campaigns only.")] = "everything",
    refused: Annotated[
        Path | None, typer.Option(help="Where refused rows go; else beside the file.")
    ] = None,
) -> None:
    """Replace a named list by a file with a column 号码, all at one moment."""
    kinds: dict[str, Covers] = {"everything": "everything", "campaigns": "campaigns"}
    if covers not in kinds:
        raise PlatformError("A list covers everything, or campaigns.")
    target = refused or file.with_name(f"{file.stem}-refused.xlsx")
    job = connected(lambda database, _: _import(database, file, target, name, kinds[covers]))
    mark = "[green]✓[/green]" if job.state == "done" else "[red]✗[/red]"
    console.print(
        f"{mark} {job.done} rows: {job.added} numbers, {job.same} doubles, {job.refused} refused"
    )
    if job.error:
        console.print(f"[red]{job.error}[/red]")
    if job.refused:
        console.print(f"The refused rows, with the reasons, are in {target}")
    raise typer.Exit(int(job.state != "done"))


async def _import(
    database: Database, file: Path, refused: Path, name: str, covers: Covers
) -> JobView:
    files = list_files(database)
    return await taken_in(
        files,
        file,
        refused,
        lambda copy: files.hand_in(SYSTEM, file.name, copy, name=name, covers=covers),
    )


def _dialable(number: str) -> str:
    """Raises PlatformError."""
    dialable = normalise(number)
    if dialable is None:
        raise PlatformError(f"“{number}” is no telephone number: check its digits.")
    return dialable


def _done(work: Callable[[DoNotCallService], Awaitable[T]]) -> T:
    async def with_service(database: Database) -> T:
        places = Places()
        await places.load(database)
        law = Law(settings.load().dial_rules, places.find)
        return await work(DoNotCallService(database, Bus(), clock=now, law=law))

    return connected(lambda database, _: with_service(database))
