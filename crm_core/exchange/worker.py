"""Lets the jobs of the exchange be done, beside the calls.

Rule: reading files keeps a processor busy, and the calls' loop must not wait for it: each job runs in a
process of its own, one after the other. A job whose process died is taken up again when its lease ends.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy import select

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.exchange import jobs
from crm_core.exchange.tables import ExchangeJob

log = structlog.get_logger(__name__)


class ExchangeWorker:
    """`launch` does one job and returns when its process has ended."""

    def __init__(
        self,
        database: Database,
        launch: Callable[[int], Awaitable[None]],
        *,
        clock: Callable[[], datetime],
        rhythm_s: float = 2.0,
    ) -> None:
        self._database = database
        self._launch = launch
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

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except DatabaseUnavailable:
                log.info("exchange_waits_for_the_database")
            except Exception:
                log.exception("exchange_failed")
            await asyncio.sleep(self._rhythm_s)
