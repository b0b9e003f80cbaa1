"""Jobs of the exchange as rows, inside the caller's transaction.

Rule: who may write for a job holds its lease; a step forward names the row it goes on from, so that of two
who think they hold it one is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import Conflict, NotFound
from crm_core.exchange.tables import ExchangeJob

LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class JobView:
    """A file in or out, and how far it is."""

    id: int
    kind: str
    state: str
    filename: str
    plan: Mapping[str, Any]
    row: int
    total: int
    added: int
    changed: int
    same: int
    refused: int
    error: str | None
    created_by: int | None
    created_at: datetime
    finished_at: datetime | None

    @property
    def done(self) -> int:
        """Rows dealt with."""
        return self.added + self.changed + self.same + self.refused


_VIEW = select(
    ExchangeJob.id,
    ExchangeJob.kind,
    ExchangeJob.state,
    ExchangeJob.filename,
    ExchangeJob.plan,
    ExchangeJob.row,
    ExchangeJob.total,
    ExchangeJob.added,
    ExchangeJob.changed,
    ExchangeJob.same,
    ExchangeJob.refused,
    ExchangeJob.error,
    ExchangeJob.created_by,
    ExchangeJob.created_at,
    ExchangeJob.finished_at,
)


class LeaseLost(Conflict):
    """The job was cancelled, or somebody else has taken it up."""

    code = "lease_lost"


async def get(holder: AsyncSession | AsyncConnection, job_id: int) -> JobView:
    """Raises NotFound."""
    row = (await holder.execute(_VIEW.where(ExchangeJob.id == job_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no import or export {job_id}.")
    return JobView(*row)


async def latest(
    connection: AsyncConnection, *, created_by: int | None, before: int | None, limit: int
) -> tuple[JobView, ...]:
    """The newest first; of one person, or of everybody."""
    query = _VIEW.order_by(ExchangeJob.id.desc()).limit(limit)
    if created_by is not None:
        query = query.where(ExchangeJob.created_by == created_by)
    if before is not None:
        query = query.where(ExchangeJob.id < before)
    return tuple(JobView(*row) for row in await connection.execute(query))


def due(now: datetime) -> Any:
    """Jobs that nobody works on."""
    abandoned = and_(ExchangeJob.state == "running", ExchangeJob.lease_until < now)
    return or_(ExchangeJob.state == "waiting", abandoned)


async def claim(session: AsyncSession, job_id: int, now: datetime) -> JobView | None:
    """Take up a job that nobody works on; None when somebody does."""
    claimed = await session.scalar(
        update(ExchangeJob)
        .where(ExchangeJob.id == job_id, due(now))
        .values(state="running", lease_until=now + LEASE)
        .returning(ExchangeJob.id)
    )
    return await get(session, job_id) if claimed is not None else None


async def advance(
    session: AsyncSession, job_id: int, *, held: datetime, now: datetime, **values: Any
) -> None:
    """Note what was done, and hold the job further. Raises LeaseLost."""
    kept = await session.scalar(
        update(ExchangeJob)
        .where(
            ExchangeJob.id == job_id,
            ExchangeJob.state == "running",
            ExchangeJob.lease_until == held,
        )
        .values(lease_until=now + LEASE, **values)
        .returning(ExchangeJob.id)
    )
    if kept is None:
        raise LeaseLost("This import was cancelled, or goes on elsewhere.")
