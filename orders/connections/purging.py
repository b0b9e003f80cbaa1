"""What need not be kept. Rule: what waits for anybody stays, however old it is."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import text

from crm_core.db import Database
from crm_core.worker import Worker

_EVERY_S = 3600.0
EVENTS_FOR = timedelta(days=90)
PAPERS_FOR = timedelta(days=180)
NONCES_FOR = timedelta(days=1)
_GONE = (
    (
        """DELETE FROM integration_events e WHERE e.at < :before AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries d
            WHERE d.event_id = e.id AND d.state IN ('pending', 'sending'))""",
        EVENTS_FOR,
    ),
    ("DELETE FROM webhook_deliveries WHERE event_id IS NULL AND next_at < :before", EVENTS_FOR),
    (
        """DELETE FROM connection_documents
            WHERE received_at < :before AND state IN ('done', 'ignored')""",
        PAPERS_FOR,
    ),
    ("DELETE FROM connection_nonces WHERE at < :before", NONCES_FOR),
)


class ConnectionPurge(Worker):
    """Looks every hour."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        super().__init__("connection-purge", every_s=_EVERY_S)
        self._database = database
        self._clock = clock

    async def run_once(self) -> int:
        """How many rows went. Raises DatabaseUnavailable."""
        gone = 0
        for statement, kept_for in _GONE:
            async with self._database.begin() as session:
                connection = await session.connection()
                before = {"before": self._clock() - kept_for}
                gone += (await connection.execute(text(statement), before)).rowcount
        return gone
