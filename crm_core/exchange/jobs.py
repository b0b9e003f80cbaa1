"""Jobs of the exchange as rows, inside the caller's transaction.

Rule: who may write for a job holds its lease; a step forward names the row it goes on from, so that of two
who think they hold it one is refused. A job that does not survive `MOST_ATTEMPTS` in the same place has failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.clock import has_come
from crm_core.errors import Conflict, Forbidden, NotFound
from crm_core.exchange.tables import ExchangeJob
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 5

Kind = Literal["import", "export", "places", "do_not_call"]
_NEEDED: Mapping[Kind, Right] = {
    "import": Right.CUSTOMER_IMPORT,
    "export": Right.CUSTOMER_EXPORT,
    "places": Right.LINE_MANAGE,
    "do_not_call": Right.CAMPAIGN_MANAGE,
}


@dataclass(frozen=True, slots=True)
class JobView:
    """A file in or out, and how far it is; `error`: why it failed, or what an export had to leave out."""

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
    attempts: int

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
    ExchangeJob.attempts,
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


async def own(
    holder: AsyncSession | AsyncConnection, actor: Actor, kind: Kind, job_id: int
) -> JobView:
    """One's own job, or anybody's with `user.manage`. Raises Forbidden, NotFound."""
    actor.require(_NEEDED[kind])
    job = await get(holder, job_id)
    if job.kind != kind:
        raise NotFound(f"There is no {kind} {job_id}.")
    if job.created_by != actor.user_id and not actor.may(Right.USER_MANAGE):
        raise Forbidden(f"This {kind} is somebody else's.")
    return job


async def cancel(
    session: AsyncSession, actor: Actor, kind: Kind, job_id: int, now: datetime
) -> JobView:
    """Whoever works on it stops with its next step; one that is over stays as it is. Raises Forbidden, NotFound."""
    await own(session, actor, kind, job_id)
    cancelled = await session.scalar(
        update(ExchangeJob)
        .where(
            ExchangeJob.id == job_id,
            ExchangeJob.state.in_(("uploaded", "waiting", "running")),
        )
        .values(state="cancelled", finished_at=now)
        .returning(ExchangeJob.id)
    )
    if cancelled is not None:
        await trail.record(session, actor.user_id, f"{kind}.cancel", "exchange", job_id)
    return await get(session, job_id)


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
    over = has_come(ExchangeJob.lease_until, now, LEASE)
    abandoned = and_(ExchangeJob.state == "running", over)
    return or_(ExchangeJob.state == "waiting", abandoned)


async def claim(session: AsyncSession, job_id: int, now: datetime) -> JobView | None:
    """Take up a job that nobody works on; None when somebody does, or when it is given up."""
    table = ExchangeJob
    given_up = await session.scalar(
        update(table)
        .where(table.id == job_id, due(now), table.attempts >= MOST_ATTEMPTS)
        .values(
            state="failed",
            finished_at=now,
            error=func.concat(
                f"It stopped {MOST_ATTEMPTS} times after row ", table.row, ": the log says why."
            ),
        )
        .returning(table.id)
    )
    if given_up is not None:
        log.error("exchange_given_up", job=job_id)
        return None
    claimed = await session.scalar(
        update(table)
        .where(table.id == job_id, due(now))
        .values(state="running", lease_until=now + LEASE, attempts=table.attempts + 1)
        .returning(table.id)
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
        raise LeaseLost("This job was cancelled, or goes on elsewhere.")
