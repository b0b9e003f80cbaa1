"""Whom a caller knows here: who stands in for the own salesperson, and who spoke with the caller last.

Rule: a call waits no longer than the deadline. An answer that is late goes on by itself (closing a connection to a
frozen server takes longer than the deadline), and while PostgreSQL is away the call goes its way without.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

import asyncpg
import structlog

from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable
from crm_core.statement import Statement

log = structlog.get_logger(__name__)

_AT_ONCE = 8
_BY_CALLER = Statement("""
SELECT stand_ins.ids AS deputies, spoken.agent_id, spoken.answered_at
FROM (
    SELECT array_agg(d.deputy_id ORDER BY d.place) AS ids
    FROM deputies d JOIN users u ON u.id = d.deputy_id AND u.active
    WHERE d.user_id = CAST(:salesperson_id AS integer)
      AND COALESCE(d.valid_from <= CAST(:today AS date), true)
      AND COALESCE(d.valid_until >= CAST(:today AS date), true)
) stand_ins
LEFT JOIN LATERAL (
    (SELECT agent_id, answered_at FROM calls
     WHERE customer_id = CAST(:customer_id AS bigint) AND started_at >= CAST(:since AS timestamptz)
       AND answered_at IS NOT NULL AND agent_id IS NOT NULL
     ORDER BY started_at DESC LIMIT 1)
    UNION ALL
    (SELECT agent_id, answered_at FROM calls
     WHERE caller = CAST(:number AS text) AND started_at >= CAST(:since AS timestamptz)
       AND answered_at IS NOT NULL AND agent_id IS NOT NULL
     ORDER BY started_at DESC LIMIT 1)
    ORDER BY answered_at DESC LIMIT 1
) spoken ON true
""")


@dataclass(frozen=True, slots=True)
class Familiar:
    """`deputies` are the salesperson's of today, the first first; `last_agent_days` whole days ago."""

    deputies: tuple[int, ...] = ()
    last_agent: int | None = None
    last_agent_days: int = 0


NOBODY = Familiar()


class FamiliarAgents:
    """`zone`: where a deputy's days begin at midnight."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        deadline_s: float = 0.3,
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._deadline_s = deadline_s
        self._asked: set[asyncio.Task[Familiar]] = set()

    async def of(
        self,
        *,
        number: str | None,
        customer_id: int | None,
        salesperson_id: int | None,
        within_days: int | None,
    ) -> Familiar:
        """`within_days`: how long ago a talk may be, None when nobody wants to know of talks."""
        if salesperson_id is None and (within_days is None or (number or customer_id) is None):
            return NOBODY
        if not self._database.available or len(self._asked) >= _AT_ONCE:
            return NOBODY
        now = self._clock()
        asked = {
            "number": number,
            "customer_id": customer_id,
            "salesperson_id": salesperson_id,
            "today": now.astimezone(self._zone).date(),
            "since": now - timedelta(days=within_days + 1) if within_days else now,
        }
        task = asyncio.create_task(self._ask(asked, now))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.shield(task)
        except TimeoutError:
            log.info("familiar_agents_come_late")
            return NOBODY

    async def close(self) -> None:
        """Wait no longer for answers that are late."""
        for task in tuple(self._asked):
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def _ask(self, asked: dict[str, str | int | date | None], now: datetime) -> Familiar:
        try:
            (row,) = await self._database.fetch(_BY_CALLER, asked)
        except DatabaseUnavailable:
            return NOBODY
        return _familiar(row, now)


def _familiar(row: asyncpg.Record, now: datetime) -> Familiar:
    spoken_at: datetime | None = row["answered_at"]
    return Familiar(
        deputies=tuple(row["deputies"] or ()),
        last_agent=row["agent_id"],
        last_agent_days=max(0, (now - spoken_at).days) if spoken_at else 0,
    )
