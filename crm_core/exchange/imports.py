"""What every import has in common: a file that was handed in, the job that takes it in, and the rows it refused.

Rule: the files lie in one folder, by the number of the job; whoever takes in rows holds the job's lease.
"""

import abc
import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import structlog
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.errors import Conflict, Invalid
from crm_core.exchange import jobs, refusals
from crm_core.exchange.jobs import JobView
from crm_core.exchange.looking import Looked, look, sha256
from crm_core.exchange.tables import ExchangeJob
from crm_core.rights import Actor

log = structlog.get_logger(__name__)

MOST_ROWS = 1_000_000
_LOOKED_AT_ONCE = 2

Tell = Callable[[JobView], None]


class Imports(abc.ABC):
    """Imports of one kind; the files lie in `folder`."""

    kind: ClassVar[jobs.Kind]

    def __init__(self, database: Database, folder: Path, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self.folder = folder
        self._clock = clock
        self._looking = asyncio.Semaphore(_LOOKED_AT_ONCE)

    def path(self, job_id: int) -> Path:
        return self.folder / f"import-{job_id}"

    async def get(self, actor: Actor, job_id: int) -> JobView:
        """Raises Forbidden, NotFound."""
        async with self._database.reading() as connection:
            return await jobs.own(connection, actor, self.kind, job_id)

    async def cancel(self, actor: Actor, job_id: int) -> JobView:
        """Stop after the present batch; what was taken in stays. Raises Forbidden, NotFound."""
        async with self._database.begin() as session:
            return await jobs.cancel(session, actor, self.kind, job_id, self._clock())

    async def refused_file(self, actor: Actor, job_id: int) -> Path:
        """The refused rows as Excel, to correct and hand in again. Raises Forbidden, NotFound, Conflict."""
        job = await self.get(actor, job_id)
        path = self._refused_path(job.id)
        if not await asyncio.to_thread(path.exists):
            raise Conflict("No row of this import was refused, or it is not done yet.")
        return path

    async def run(self, job_id: int, tell: Tell = lambda _: None) -> JobView | None:
        """Do the work of a job; None when somebody else does it. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.begin() as session:
            job = await jobs.claim(session, job_id, now)
        if job is None:
            return None
        try:
            done = await self._take_in(job, now + jobs.LEASE, tell)
            if done.refused:
                await refusals.write_file(
                    self._database, job_id, self.path(job_id), self._refused_path(job_id)
                )
        except jobs.LeaseLost:
            log.info("import_given_up", job=job_id)
        except Invalid as error:
            await self._fail(job_id, error.message)
        async with self._database.reading() as connection:
            return await jobs.get(connection, job_id)

    @abc.abstractmethod
    async def _take_in(self, job: JobView, held: datetime, tell: Tell) -> JobView:
        """All rows that are left; `held`: until when the job is. Raises LeaseLost, Invalid."""

    async def _look(self, file: Path) -> Looked:
        """Raises Invalid (no table, no header row)."""
        async with self._looking:
            return await look(file)

    async def _look_at_new(self, file: Path) -> tuple[Looked, str]:
        """A file that is handed in, and its digest. Raises Invalid (also: too many rows)."""
        sheet = await self._look(file)
        if sheet.total > MOST_ROWS:
            raise Invalid(f"The file has more than {MOST_ROWS:,} rows: cut it into several.")
        return sheet, await asyncio.to_thread(sha256, file)

    async def _enter(
        self,
        session: AsyncSession,
        file: Path,
        *,
        filename: str,
        digest: str,
        total: int,
        by: int | None,
        state: str,
        plan: Mapping[str, Any],
    ) -> int:
        """A job for the file, which is taken over; its id."""
        values = {
            "kind": self.kind,
            "state": state,
            "filename": filename[:200],
            "sha256": digest,
            "plan": plan,
            "total": total,
            "created_by": by,
        }
        added = await session.execute(insert(ExchangeJob).values(values).returning(ExchangeJob.id))
        job_id: int = added.scalar_one()
        self.folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(file.replace, self.path(job_id))
        return job_id

    async def _fail(self, job_id: int, message: str) -> None:
        async with self._database.begin() as session:
            await session.execute(
                update(ExchangeJob)
                .where(ExchangeJob.id == job_id)
                .values(state="failed", error=message[:500], finished_at=self._clock())
            )

    def _refused_path(self, job_id: int) -> Path:
        return self.folder / f"refused-{job_id}.xlsx"
