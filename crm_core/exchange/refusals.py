"""Rows of a file that were not taken in, kept with their reasons until a person fetches them."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.exchange.files import is_too_long, table
from crm_core.exchange.records import Refused
from crm_core.exchange.sheets import read_sheet
from crm_core.exchange.tables import RefusedRow
from crm_core.exchange.values import text

REASONS = "原因 Reasons"
_PAGE = 1_000


async def keep(session: AsyncSession, job_id: int, refused: Sequence[Refused]) -> None:
    if refused:
        await session.execute(
            insert(RefusedRow),
            [
                {
                    "job_id": job_id,
                    "row": each.row,
                    "cells": [text(cell) for cell in each.cells],
                    "reasons": list(each.reasons),
                    "waits": each.waits,
                }
                for each in refused
            ],
        )


async def page(
    database: Database, job_id: int, *, after: int = 0, limit: int = _PAGE
) -> Sequence[RefusedRow]:
    """Those of a job that come after a row of its file."""
    async with database.reading_entities() as session:
        found = await session.scalars(
            select(RefusedRow)
            .where(RefusedRow.job_id == job_id, RefusedRow.row > after)
            .order_by(RefusedRow.row)
            .limit(limit)
        )
        return found.all()


async def write_file(database: Database, job_id: int, source: Path, target: Path) -> None:
    """All of them as Excel, to be corrected and handed in again; the reasons stand in the first column, and which
    cells do not fit.
    """
    sheet = await asyncio.to_thread(read_sheet, source)
    after = 0
    with table(target, "xlsx", (REASONS, *sheet.headers)) as rows:
        while found := await page(database, job_id, after=after):
            for each in found:
                reasons = (*each.reasons, *_left_out(sheet.headers, each.cells))
                rows.write(("；".join(reasons), *each.cells))
            after = found[-1].row


def _left_out(headers: Sequence[str], cells: Sequence[object]) -> Iterator[str]:
    for header, cell in zip(headers, cells, strict=False):
        if is_too_long(cell):
            yield f"{header}: more than a cell of Excel holds, and left empty here"
