"""How long the event loop was held up: who has asked for a turn gets it so much later.

Rule: what was the longest stands for a minute at least, so that whoever looks now and then misses none.
"""

import asyncio
import contextlib
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_EVERY_S = 0.01
_WINDOW_S = 60.0


class LoopWatch(Collector):
    """Construct, `start` in the loop that is watched, read, `close`."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._task: asyncio.Task[None] | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        worst = GaugeMetricFamily(
            "zongji_loop_blocked_seconds",
            "The longest for which the event loop was held up in the last minute or two",
        )
        worst.add_metric((), max(self._now, self._before))
        yield worst

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="loop-watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        turned = loop.time()
        while True:
            due = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            now = loop.time()
            self._now = max(self._now, now - due)
            if now - turned > _WINDOW_S:
                self._now, self._before, turned = 0.0, self._now, now
