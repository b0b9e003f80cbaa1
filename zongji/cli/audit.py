"""The audit trail: check it, look into it, take it out, let it expire."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crm_core.audit.archive import ArchiveFault
from crm_core.audit.findings import Progress as Told
from crm_core.audit.reading import MOST, AuditSearch
from crm_core.audit.service import AuditTrail
from crm_core.db import Database
from crm_core.rights import SYSTEM
from zongji import settings
from zongji.cli import audit_words
from zongji.cli.progress import console
from zongji.platform.errors import PlatformError

app = typer.Typer()

T = TypeVar("T")
_FORMATS = ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
_STATEMENT_TIMEOUT_S = 300.0
NewFile = Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.")]


@app.command()
def verify(
    anchor: Annotated[
        Path | None, typer.Option(help="The file with the seals' hashes, or your copy of it.")
    ] = None,
    archive: Annotated[
        list[Path] | None, typer.Option(help="An archive to hold against the seals; repeatable.")
    ] = None,
) -> None:
    """Hold every entry against its digest, the seals against the entries, the chain against the anchor.

    The exit code is 1 when something was altered. Note the head: it vouches for everything before it.
    """
    file = anchor or settings.load().audit_anchor
    try:
        with _bar("entries") as told:
            report = _run(lambda trail: trail.verify(file, told))
    except OSError as error:
        raise PlatformError(f"{file} cannot be read: {error.strerror}.") from error
    _say(audit_words.report_lines(report, settings.load().zone))
    faults = [fault for each in archive or () for fault in _archive_faults(each)]
    raise typer.Exit(not report.sound or bool(faults))


@app.command()
def show(  # noqa: PLR0917
    entity: Annotated[
        str | None, typer.Option(help="What kind of record, such as customer.")
    ] = None,
    record: Annotated[str | None, typer.Option("--id", help="Which record of that kind.")] = None,
    action: Annotated[str, typer.Option(help="How the action begins, such as order.")] = "",
    actor: Annotated[int | None, typer.Option(help="The id of the person who did it.")] = None,
    text: Annotated[str, typer.Option(help="What stands in a value before or after.")] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="In the settings' time zone.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="Likewise.")] = None,
    before: Annotated[int | None, typer.Option(help="Only entries older than this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many.")] = 50,
) -> None:
    """Show entries, the newest first, with each value from → to.

    Example: `zongji audit show --entity customer --id 5 --since 2026-01-01 --limit 50`
    """
    zone = settings.load().zone
    wanted = AuditSearch(
        since=since.replace(tzinfo=zone) if since else None,
        until=until.replace(tzinfo=zone) if until else None,
        actor_id=actor,
        action=action,
        entity=entity,
        entity_id=record,
        text=text,
        before_id=before,
        limit=limit,
    )
    page = _run(lambda trail: trail.search(SYSTEM, wanted))
    for line in page.items:
        _say(audit_words.entry_lines(line, zone))
    if page.next is not None:
        _say([f"there may be older ones: --before {page.next}"])


@app.command()
def export(file: NewFile) -> None:
    """Write every entry as a line of JSON, telephone numbers unmasked. This is noted in the trail."""
    with _bar("entries") as told:
        exported = _run(lambda trail: trail.export(SYSTEM, file.resolve(), told))
    _say([f"{exported.rows} entries in {file}, SHA-256 {exported.sha256}"])


@app.command()
def expire(
    *,
    before: Annotated[
        datetime, typer.Option(formats=_FORMATS[:1], help="Entries older than this day go.")
    ],
    file: NewFile,
    yes_really: Annotated[
        bool, typer.Option("--yes-really", help="Also what is younger than three years.")
    ] = False,
) -> None:
    """Move sealed entries that are older than a day from the database to a file.

    The seals stay, so that the trail goes on to verify; `zongji audit verify --archive FILE` holds the
    file against them. Keep it: the law asks for three years (records of trade), six months (logs).
    """
    day = before.replace(tzinfo=settings.load().zone)
    with _bar("steps") as told:
        expired = _run(
            lambda trail: trail.expire(
                SYSTEM, day, file.resolve(), really=yes_really, progress=told
            )
        )
    if not expired.seals:
        _say(["Nothing is old enough: no file was made."])
        return
    seals = f"{expired.seals} seals (up to seal {expired.last_seal})"
    _say([f"{expired.rows} entries of {seals} moved to {file}, SHA-256 {expired.sha256}"])


def _archive_faults(file: Path) -> tuple[ArchiveFault, ...]:
    checked = _run(lambda trail: trail.check_archive(SYSTEM, file))
    _say([f"✗ {file}, seal {fault.seal_id}: {fault.said}" for fault in checked.faults])
    right = checked.seals - len(checked.faults)
    _say([f"{file}: {right} of {checked.seals} seals are right"])
    return checked.faults


def _say(lines: list[str]) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


@contextmanager
def _bar(unit: str) -> Iterator[Told]:
    """A bar on a terminal that goes away when it is done."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn())
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as shown:
        task = shown.add_task("", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _run(work: Callable[[AuditTrail], Awaitable[T]]) -> T:
    async def connected() -> T:
        url = settings.load().database_url.get_secret_value()
        database = Database(url, statement_timeout_s=_STATEMENT_TIMEOUT_S)
        try:
            return await work(AuditTrail(database, clock=lambda: datetime.now(UTC)))
        finally:
            await database.close()

    return asyncio.run(connected())
