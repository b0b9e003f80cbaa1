"""What every part stands on."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.worker import Worker
from zongji.settings import Settings


@dataclass(frozen=True, slots=True)
class Ground:
    """`stack` closes what was started, what began last first."""

    settings: Settings
    bus: Bus
    database: Database
    stack: AsyncExitStack

    def run(self, worker: Worker) -> None:
        """Start it, until the stack is closed."""
        worker.start()
        self.stack.push_async_callback(worker.close)
