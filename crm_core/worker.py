"""What goes on in the background: rounds of work, again and again, until it is closed.

Rule: a round that fails is logged and comes again; while PostgreSQL is away it waits. Rounds of a worker
never overlap, and tests ask for one round by itself (`run_once`).
"""

import abc
import asyncio
import contextlib

import structlog

from crm_core.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)


class Worker(abc.ABC):
    """A round every `every_s` seconds; with `batch` at once again after a round that did so many."""

    def __init__(self, name: str, *, every_s: float, batch: int | None = None) -> None:
        self._name = name
        self._every_s = every_s
        self._full = batch
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Returns at once."""
        self._task = asyncio.create_task(self._work(), name=self._name)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @abc.abstractmethod
    async def run_once(self) -> int:
        """One round; how much was done. Raises DatabaseUnavailable."""

    async def _round(self) -> int:
        """What is done each time."""
        return await self.run_once()

    async def _work(self) -> None:
        while True:
            pause = self._every_s
            try:
                done = await self._round()
            except DatabaseUnavailable:
                log.info("worker_waits_for_the_database", worker=self._name)
            except Exception:
                log.exception("worker_failed", worker=self._name)
            else:
                pause = 0 if self._full is not None and done >= self._full else pause
            await asyncio.sleep(pause)
