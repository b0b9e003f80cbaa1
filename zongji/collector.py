"""Python's garbage collector, kept away from calls: a full collection looks at every object, a third of a second of them
after the imports alone, and nothing else has its turn meanwhile.

Rule: what there is at the start is never looked at again; full collections come when few calls are under way, and at the
latest after an hour.
"""

import asyncio
import contextlib
import gc
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

_EVERY_S = 60.0
_FEW_CALLS = 10
_MOST_ROUNDS = 60
_YOUNG, _YOUNG_ROUNDS, _NEVER = 5_000, 4, 1_000_000


class Collector:
    """`start` once everything is there, `close` at the end. `calls`: how many are under way."""

    def __init__(self, calls: Callable[[], int], *, every_s: float = _EVERY_S) -> None:
        self._calls = calls
        self._every_s = every_s
        self._threshold = gc.get_threshold()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _YOUNG_ROUNDS, _NEVER)
        self._task = asyncio.create_task(self._work(), name="collector")

    async def close(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        gc.set_threshold(*self._threshold)
        gc.unfreeze()

    async def _work(self) -> None:
        waited = 0
        while True:
            await asyncio.sleep(self._every_s)
            waited += 1
            if self._calls() <= _FEW_CALLS or waited >= _MOST_ROUNDS:
                log.debug("garbage_collected", objects=gc.collect())
                waited = 0
