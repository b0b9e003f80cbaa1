"""Lets the jobs of the exchange be done, beside the calls.

Rule: reading files keeps a processor busy, and the calls' loop must not wait for it: each job runs in a
process of its own, one after the other. A job whose process died is taken up again when its lease ends.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from crm_core.db import Database
from crm_core.exchange import jobs
from crm_core.exchange.expiry import expire
from crm_core.exchange.tables import ExchangeJob
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_TIDY_EVERY = timedelta(hours=1)


class ExchangeWorker(Worker):
    """`launch` does one job and returns when its process has ended; `folder` is where files lie."""

    def __init__(
        self,
        database: Database,
        launch: Callable[[int], Awaitable[None]],
        folder: Path,
        *,
        clock: Callable[[], datetime],
        rhythm_s: float = 2.0,
    ) -> None:
        super().__init__("exchange", every_s=rhythm_s)
        self._database = database
        self._launch = launch
        self._folder = folder
        self._tidied_at: datetime | None = None
        self._clock = clock

    async def run_once(self) -> int:
        """Do the jobs that wait; how many. Raises DatabaseUnavailable."""
        async with self._database.reading() as connection:
            due = select(ExchangeJob.id).where(jobs.due(self._clock())).order_by(ExchangeJob.id)
            waiting = (await connection.scalars(due)).all()
        for job_id in waiting:
            await self._launch(job_id)
        return len(waiting)

    async def tidy(self) -> None:
        """Once an hour, remove files that are too old. Raises DatabaseUnavailable."""
        now = self._clock()
        if self._tidied_at is None or abs(now - self._tidied_at) >= _TIDY_EVERY:
            self._tidied_at = now
            if removed := await expire(self._database, self._folder, now):
                log.info("exchange_files_removed", files=removed)

    async def _round(self) -> int:
        done = await self.run_once()
        await self.tidy()
        return done
