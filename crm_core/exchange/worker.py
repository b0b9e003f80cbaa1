"""Lets the jobs of the exchange be done, beside the calls.

Rule: reading files keeps a processor busy, and the calls' loop must not wait for it: each job runs in a
process of its own, one after the other. A job whose process died is taken up again when its lease ends.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.exchange import jobs
from crm_core.exchange.expiry import expire
from crm_core.exchange.tables import ExchangeJob

log = structlog.get_logger(__name__)

_TIDY_EVERY = timedelta(hours=1)


class ExchangeWorker:
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
        self._database = database
        self._launch = launch
        self._folder = folder
        self._tidied_at: datetime | None = None
        self._clock = clock
        self._rhythm_s = rhythm_s
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self._run(), name="exchange")

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

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
        if self._tidied_at is None or now - self._tidied_at >= _TIDY_EVERY:
            self._tidied_at = now
            if removed := await expire(self._database, self._folder, now):
                log.info("exchange_files_removed", files=removed)

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
                await self.tidy()
            except DatabaseUnavailable:
                log.info("exchange_waits_for_the_database")
            except Exception:
                log.exception("exchange_failed")
            await asyncio.sleep(self._rhythm_s)
