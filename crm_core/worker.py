"""What goes on in the background: rounds of work, again and again, until it is closed.

Rule: a round that fails is logged and comes again; while PostgreSQL is away it waits. Rounds of a worker
never overlap, and tests ask for one round by itself (`run_once`). One that has much to do at a time, beside the calls
in the same loop, rests for a multiple of what a round took.
"""

import abc
import asyncio
import contextlib

import structlog

from crm_core.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)


class Worker(abc.ABC):
    """A round every `every_s` seconds; with `batch` again after a round that did so many, when it has rested for
    `rests` times what that took.
    """

    def __init__(
        self, name: str, *, every_s: float, batch: int | None = None, rests: float = 0.0
    ) -> None:
        self._name = name
        self._every_s = every_s
        self._full = batch
        self._rests = rests
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
            pause, began = self._every_s, _now()
            try:
                done = await self._round()
            except DatabaseUnavailable:
                log.info("worker_waits_for_the_database", worker=self._name)
            except Exception:
                log.exception("worker_failed", worker=self._name)
            else:
                if self._full is not None and done >= self._full:
                    pause = min(pause, self._rests * (_now() - began))
            await asyncio.sleep(pause)


def _now() -> float:
    return asyncio.get_running_loop().time()
