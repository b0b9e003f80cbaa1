"""Hears that a person was erased, by whomever: the command line, or another daemon.

Rule: what the daemon remembers of callers for the time without PostgreSQL never outlives an erasure by more
than a round.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy import func, select

from crm_core.db import Database
from crm_core.privacy.commands import RequestKind
from crm_core.privacy.tables import PrivacyRequest
from crm_core.worker import Worker

_EVERY_S = 60.0


class ErasureWatch(Worker):
    """`forget` is to remember nobody any more, `learn` to remember those who are left."""

    def __init__(
        self,
        database: Database,
        forget: Callable[[], None],
        learn: Callable[[], Awaitable[int]],
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        super().__init__("erasure-watch", every_s=every_s)
        self._database = database
        self._forget = forget
        self._learn = learn
        self._known: int | None = None

    async def run_once(self) -> int:
        """How many persons were erased since the last round; at first 0. Raises DatabaseUnavailable."""
        async with self._database.reading() as connection:
            erased = await connection.scalar(
                select(func.count()).where(
                    PrivacyRequest.kind == RequestKind.ERASURE, PrivacyRequest.state == "done"
                )
            )
        before, self._known = self._known, erased or 0
        if self._known == before:
            return 0
        self._forget()
        await self._learn()
        return 0 if before is None else self._known - before
