"""The workers beside the outbox: one tells how much waits, one forgets what was settled long ago.

Rule: what waits for a person is never forgotten, whatever its age.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.messages import reading
from crm_core.outbox.events import OutboxWatched, Waiting
from crm_core.outbox.tables import OutboxMessage
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

KEPT = timedelta(days=400)
_WATCH_EVERY_S = 15.0
_PURGE_EVERY_S = 3600.0
_BATCH = 1000


class OutboxWatch(Worker):
    """Tells on the bus what waits; a log line when more waits for a person than the time before."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        every_s: float = _WATCH_EVERY_S,
    ) -> None:
        super().__init__("outbox-watch", every_s=every_s)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._unsettled = 0

    async def run_once(self) -> int:
        """How many messages wait for a person. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.reading() as connection:
            channels = await reading.by_channel(connection)
        waiting = {
            each.channel: Waiting(
                each.pending,
                each.failed,
                each.unknown,
                0.0
                if each.oldest_pending_at is None
                else max((now - each.oldest_pending_at).total_seconds(), 0.0),
            )
            for each in channels
        }
        self._bus.publish(OutboxWatched(waiting, now))
        unsettled = sum(each.failed + each.unknown for each in channels)
        if unsettled > self._unsettled:
            log.warning("messages_wait_for_a_person", count=unsettled)
        self._unsettled = unsettled
        return unsettled


class OutboxPurge(Worker):
    """Forgets messages that were sent or given up `kept` ago."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        kept: timedelta = KEPT,
        every_s: float = _PURGE_EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("outbox-purge", every_s=every_s, batch=batch)
        self._database = database
        self._clock = clock
        self._kept = kept
        self._batch = batch

    async def run_once(self) -> int:
        """Forget a batch; how many. Raises DatabaseUnavailable."""
        old = (
            select(OutboxMessage.id)
            .where(OutboxMessage.settled_at < self._clock() - self._kept)
            .order_by(OutboxMessage.settled_at)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        async with self._database.begin() as session:
            gone = await session.scalars(
                delete(OutboxMessage).where(OutboxMessage.id.in_(old)).returning(OutboxMessage.id)
            )
            return len(gone.all())
