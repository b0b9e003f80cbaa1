"""Files of imports and exports go after KEPT: they are copies, and full of people's data.

Rule: what is still to be done stays; the job itself stays, with its figures and without its rows.
"""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, or_, select, update

from crm_core.db import Database
from crm_core.exchange.tables import ExchangeJob, RefusedRow

KEPT = timedelta(days=14)
_FILE = re.compile(r"^(?:import|export|refused)-(\d{1,9})(?:-\d+)?(?:\.[a-z]+)?$")


async def expire(database: Database, folder: Path, now: datetime) -> int:
    """Remove what is too old; returns how many files. Raises DatabaseUnavailable."""
    files = await asyncio.to_thread(_files, folder)
    job = ExchangeJob
    too_old = (
        or_(
            job.finished_at < now - KEPT, job.finished_at.is_(None) & (job.created_at < now - KEPT)
        ),
        job.state.not_in(("waiting", "running")),
    )
    async with database.begin() as session:
        gone = set(await session.scalars(select(job.id).where(job.id.in_(files), *too_old)))
        await session.execute(delete(RefusedRow).where(RefusedRow.job_id.in_(gone)))
        await session.execute(
            update(job)
            .where(job.id.in_(gone), job.state == "uploaded")
            .values(state="cancelled", finished_at=now)
        )
    paths = [path for job_id, found in files.items() if job_id in gone for path in found]
    await asyncio.to_thread(_remove, paths)
    return len(paths)


def _files(folder: Path) -> dict[int, list[Path]]:
    """The files of each job."""
    found: dict[int, list[Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if named := _FILE.match(path.name):
            found.setdefault(int(named.group(1)), []).append(path)
    return found


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
