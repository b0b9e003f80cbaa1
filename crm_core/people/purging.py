"""The worker that forgets: sessions that ended long ago, and attempts to log in that count no more.

Rule: what a person can still use is never touched; two daemons never wait for each other.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, select

from crm_core.db import Database
from crm_core.people.login_limits import REMEMBERED
from crm_core.people.tables import LoginLimit, LoginSession
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

KEPT = timedelta(days=90)
_EVERY_S = 3600.0
_BATCH = 1000


class AccountPurge(Worker):
    """Looks every `every_s` seconds for what is old."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("account-purge", every_s=every_s)
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """Forget all that is old; returns how many rows. Raises DatabaseUnavailable."""
        now, gone = self._clock(), 0
        while batch := await self._purge_sessions(now - KEPT):
            gone += batch
        while batch := await self._purge_limits(now):
            gone += batch
        if gone:
            log.info("accounts_purged", rows=gone)
        return gone

    async def _purge_sessions(self, before: datetime) -> int:
        """`least` leaves out what is NULL: a session that nobody ended ends when it expires."""
        ended_at = func.least(LoginSession.revoked_at, LoginSession.expires_at)
        old = (
            select(LoginSession.id)
            .where(ended_at < before)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        async with self._database.begin() as session:
            gone = await session.scalars(
                delete(LoginSession).where(LoginSession.id.in_(old)).returning(LoginSession.id)
            )
            return len(gone.all())

    async def _purge_limits(self, now: datetime) -> int:
        old = (
            select(LoginLimit.subject)
            .where(LoginLimit.last_at < now - REMEMBERED)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        async with self._database.begin() as session:
            gone = await session.scalars(
                delete(LoginLimit).where(LoginLimit.subject.in_(old)).returning(LoginLimit.subject)
            )
            return len(gone.all())
