"""Customers in bulk: out of files and into files."""

import asyncio
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from crm_core.exchange.exporting import ExportContent
from crm_core.exchange.files import Encoding
from crm_core.exchange.imports import Tell
from crm_core.exchange.jobs import JobView
from crm_core.rights import SYSTEM
from crm_core.services import Crm
from zongji import settings
from zongji.cli.options import Where, conditions
from zongji.cli.progress import console
from zongji.core import connected
from zongji.platform.errors import PlatformError

app = typer.Typer()

_STATES = {"done": "[green]✓[/green]", "failed": "[red]✗[/red]"}


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="Excel or CSV (UTF-8, GBK).", exists=True)],
    column: Annotated[
        list[str] | None,
        typer.Option(help="What a column means, such as “店名=name”; may be repeated."),
    ] = None,
    refused: Annotated[
        Path | None, typer.Option(help="Where refused rows go; else beside the file.")
    ] = None,
) -> None:
    """Take customers in from a file; who is there already is brought up to date.

    The first row names the columns (客户名称, 电话, 客户等级, 上级, 信用额度 …). A row means the customer who has
    its code or one of its numbers, so the same file may be taken in again. Rows that cannot be taken in are
    written to a file with the reasons; correct them there and import that file.
    """
    target = refused or file.with_name(f"{file.stem}-refused.xlsx")
    job, bad = connected(
        lambda _, crm: _import(crm, file, dict(_meaning(each) for each in column or ()), target)
    )
    console.print(
        f"{_STATES.get(job.state, '')} {job.total} rows: {job.added} new, {job.changed} changed, "
        f"{job.same} as they were, {job.refused} refused"
    )
    if job.error:
        console.print(f"[red]{job.error}[/red]")
    if bad:
        console.print(f"The refused rows, with the reasons, are in {target}")
    raise typer.Exit(int(job.state != "done"))


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="Ends in .xlsx or .csv.")],
    where: Where = None,
    encoding: Annotated[
        Encoding, typer.Option(help="Of CSV; gb18030 (GBK) for older Chinese programs.")
    ] = "utf-8",
) -> None:
    """Write customers to a file, all of them or those who fulfil every condition."""
    if file.suffix not in (".xlsx", ".csv"):
        raise PlatformError("The file's name must end in .xlsx or .csv.")
    content = ExportContent.model_validate(
        {"format": file.suffix[1:], "encoding": encoding, "conditions": conditions(where)}
    )
    job = connected(lambda _, crm: _export(crm, file, content))
    console.print(f"{_STATES.get(job.state, '')} {job.total} customers in {file}")
    if job.error:
        console.print(f"[yellow]{job.error}[/yellow]")


async def _import(crm: Crm, file: Path, plan: dict[str, str], refused: Path) -> tuple[JobView, int]:
    imports = crm.imports
    copy = settings.load().var / f"incoming-{file.name}"
    try:
        await asyncio.to_thread(shutil.copyfile, file, copy)
        preview = await imports.hand_in(SYSTEM, file.name, copy)
        wanted = {**preview.proposed, **plan}
        for header in preview.headers:
            if header not in wanted:
                console.print(f"[yellow]“{header}” is left out: name it with --column[/yellow]")
        await imports.start(SYSTEM, preview.job.id, wanted)
        with _bar() as tell:
            job = await imports.run(preview.job.id, tell)
        job = job or await imports.get(SYSTEM, preview.job.id)
        if job.refused:
            made = await imports.refused_file(SYSTEM, job.id)
            await asyncio.to_thread(shutil.copyfile, made, refused)
        return job, job.refused
    finally:
        copy.unlink(missing_ok=True)


async def _export(crm: Crm, file: Path, content: ExportContent) -> JobView:
    exports = crm.exports
    started = await exports.start(SYSTEM, content)
    with _bar() as tell:
        await exports.run(started.id, tell)
    job, path = await exports.fetch(SYSTEM, started.id)
    await asyncio.to_thread(shutil.move, path, file)
    return job


class _bar:  # noqa: N801
    """A progress bar that is told of the job."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )

    def __enter__(self) -> Tell:
        self._bar.start()
        task = self._bar.add_task("customers", total=None)

        def tell(job: JobView) -> None:
            self._bar.update(task, completed=job.done, total=max(job.total, job.done))

        return tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _meaning(column: str) -> tuple[str, str]:
    header, _, field = column.rpartition("=")
    if not header or not field:
        raise PlatformError(f"--column takes “header=field”, such as 店名=name, not “{column}”.")
    return header, field
