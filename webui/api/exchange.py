"""Customers in files: imports handed in, planned and followed; exports wanted, followed and fetched."""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from crm_core.exchange.exporting import ExportContent
from crm_core.fields import Id, Text
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.uploads import receive
from webui.views import View

MOST_BYTES = 64 * 1024 * 1024
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class HandedIn(Model):
    filename: Annotated[Text, Field(min_length=1, max_length=200)]


class JobPage(Model):
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class WantedImport(Model):
    """The field of each column; without `plan` as proposed."""

    plan: (
        Annotated[dict[str, Annotated[str, Field(max_length=60)]], Field(max_length=200)] | None
    ) = None


class WantedExport(Model, ExportContent):
    """Which customers and which columns."""


class JobItem(View):
    """How far a file is; `state` is uploaded, waiting, running, done, failed or cancelled; `error`: why it failed, or what
    an export had to leave out.
    """

    id: int
    kind: str
    state: str
    filename: str
    plan: dict[str, Any]
    total: int
    added: int
    changed: int
    same: int
    refused: int
    error: str | None
    created_by: int | None
    created_at: datetime
    finished_at: datetime | None


class JobAnswer(View):
    job: JobItem


class JobList(View):
    items: tuple[JobItem, ...]


class PreviewAnswer(JobAnswer):
    """The file's columns, what they seem to mean, and its first rows."""

    headers: tuple[str, ...]
    proposed: dict[str, str]
    rows: tuple[tuple[str, ...], ...]


async def hand_in(asked: Asked[Nothing, HandedIn]) -> PreviewAnswer:
    """Hand in an Excel or CSV file (the body is the file, at most 64 MB); nothing is taken in yet."""
    imports = asked.services.crm.imports
    imports.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=imports.folder, delete=False) as file:
        path = Path(file.name)
    try:
        await receive(asked.request, path, MOST_BYTES)
        preview = await imports.hand_in(asked.principal, asked.query.filename, path)
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return PreviewAnswer(
        job=JobItem.model_validate(preview.job),
        headers=preview.headers,
        proposed=dict(preview.proposed),
        rows=preview.rows,
    )


async def latest(asked: Asked[Nothing, JobPage]) -> JobList:
    """One's own imports and exports, the newest first; everybody's for those who manage people."""
    query = asked.query
    found = await asked.services.crm.imports.latest(
        asked.principal, before=query.before, limit=query.limit
    )
    return JobList(items=tuple(JobItem.model_validate(each) for each in found))


async def show(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """How far an import is."""
    job = await asked.services.crm.imports.get(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def start(asked: Asked[WantedImport, Nothing]) -> JobAnswer:
    """Let an import begin."""
    job = await asked.services.crm.imports.start(asked.principal, int(asked.id), asked.body.plan)
    return JobAnswer(job=JobItem.model_validate(job))


async def cancel(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """Stop an import; what was taken in stays."""
    job = await asked.services.crm.imports.cancel(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def refused(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """The rows that were not taken in, with the reasons, as an Excel file to correct and hand in again."""
    path = await asked.services.crm.imports.refused_file(asked.principal, int(asked.id))
    return _file(path, path.name)


async def want(asked: Asked[WantedExport, Nothing]) -> JobAnswer:
    """Have customers written into a file; logged, and limited per day."""
    job = await asked.services.crm.exports.start(asked.principal, asked.body)
    return JobAnswer(job=JobItem.model_validate(job))


async def show_export(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """How far an export is."""
    job = await asked.services.crm.exports.get(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def cancel_export(asked: Asked[Nothing, Nothing]) -> JobAnswer:
    """Stop an export; nothing of it is kept."""
    job = await asked.services.crm.exports.cancel(asked.principal, int(asked.id))
    return JobAnswer(job=JobItem.model_validate(job))


async def fetch(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """The finished file of an export of one's own."""
    job, path = await asked.services.crm.exports.fetch(asked.principal, int(asked.id))
    return _file(path, job.filename, job.plan.get("encoding", "utf-8"))


def _file(path: Path, name: str, encoding: str = "utf-8") -> web.FileResponse:
    kind = _SHEET if name.endswith(".xlsx") else f"text/csv; charset={encoding}"
    return web.FileResponse(
        path,
        headers={
            "Content-Type": kind,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


_IMPORT, _EXPORT = needs(Right.CUSTOMER_IMPORT), needs(Right.CUSTOMER_EXPORT)
_BOTH = needs(Right.CUSTOMER_IMPORT, Right.CUSTOMER_EXPORT)
_ONE, _ONE_OUT = f"/api/imports/{NUMBER}", f"/api/exports/{NUMBER}"

ROUTES = (
    Route(
        "POST",
        "/api/imports",
        hand_in,
        _IMPORT,
        query=HandedIn,
        answer=PreviewAnswer,
        status=201,
        raw=True,
    ),
    Route("GET", "/api/exchange", latest, _BOTH, query=JobPage, answer=JobList),
    Route("GET", _ONE, show, _IMPORT, answer=JobAnswer),
    Route("POST", f"{_ONE}/start", start, _IMPORT, WantedImport, answer=JobAnswer),
    Route("POST", f"{_ONE}/cancel", cancel, _IMPORT, answer=JobAnswer),
    Route("GET", f"{_ONE}/refused", refused, _IMPORT, files=(_SHEET,)),
    Route(
        "POST", "/api/exports", want, _EXPORT, WantedExport, answer=JobAnswer, status=201, once=True
    ),
    Route("GET", _ONE_OUT, show_export, _EXPORT, answer=JobAnswer),
    Route("POST", f"{_ONE_OUT}/cancel", cancel_export, _EXPORT, answer=JobAnswer),
    Route("GET", f"{_ONE_OUT}/file", fetch, _EXPORT, files=(_SHEET, "text/csv")),
)
