"""Old faxes go: the sheets first, then what is said of them.

Rule: what was interrupted is done again by the next round; a row without its sheets goes like any other.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import delete, select

from crm_core.db import Database
from crm_core.faxes.tables import Fax
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_EVERY_S = 3600.0
_BATCH = 200


class FaxPurge(Worker):
    """What is older than `kept` goes."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        clock: Callable[[], datetime],
        kept: timedelta,
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("fax-purge", every_s=every_s, batch=_BATCH)
        self._database = database
        self._folder = folder
        self._clock = clock
        self._kept = kept

    async def run_once(self) -> int:
        """How many went. Raises DatabaseUnavailable."""
        old = select(Fax.id, Fax.path).where(Fax.at < self._clock() - self._kept)
        async with self._database.reading() as connection:
            rows = (await connection.execute(old.order_by(Fax.at).limit(_BATCH))).all()
        if not rows:
            return 0
        for row in rows:
            if row.path is not None:
                await asyncio.to_thread((self._folder / row.path).unlink, missing_ok=True)
        async with self._database.begin() as session:
            await session.execute(delete(Fax).where(Fax.id.in_([row.id for row in rows])))
        log.info("faxes_purged", many=len(rows))
        return len(rows)
