"""The worker that notices parcels which are not there when they were promised. Rule: each is told once, by
whichever daemon claims it, also after a time when no daemon ran.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db import Database
from crm_core.worker import Worker
from orders.delivery import problems
from orders.delivery.codes import State
from orders.delivery.problems import Problem
from orders.delivery.tables import Waybill

_EVERY_S = 60.0
_BATCH = 100


class LateParcels(Worker):
    """Looks every `every_s` seconds."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("late-parcels", every_s=every_s, batch=batch)
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """One batch; how many were late. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.begin() as session:
            late = await self._claim(session, now)
            for waybill in late:
                waybill.late_at = now
                await problems.raise_todo(session, waybill, Problem.LATE, now)
        return len(late)

    async def _claim(self, session: AsyncSession, now: datetime) -> list[Waybill]:
        found = await session.scalars(
            select(Waybill)
            .where(
                Waybill.state.in_((State.HANDED_OVER, State.IN_TRANSIT)),
                Waybill.late_at.is_(None),
                Waybill.due_at < now,
            )
            .order_by(Waybill.due_at, Waybill.id)
            .limit(self._batch)
            .with_for_update(skip_locked=True)
        )
        return list(found)
