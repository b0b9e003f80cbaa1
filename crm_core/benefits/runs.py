"""Coupons for everybody who fits: asked for, followed, stopped; and the worker that issues them.

Rule: a batch is one transaction with how far the run is, so that a daemon that dies leaves nobody out and gives
nobody two; a coupon of a run names the run and the customer. Whom its maker may not see (any more) gets none.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.benefits import coupons, kinds
from crm_core.benefits.commands import CouponRunQuery, NewCouponRun
from crm_core.benefits.tables import CouponRun
from crm_core.benefits.views import CouponRunView
from crm_core.customers.criteria import Condition
from crm_core.customers.search import clauses
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from crm_core.people import principals
from crm_core.rights import SYSTEM, Actor, Right
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

MOST = 100_000
ENTITY = "coupon_run"
_EVERY_S = 2.0
_BATCH = 500


async def begin(session: AsyncSession, actor: Actor, new: NewCouponRun, now: datetime) -> int:
    """Raises Invalid (the kind, a condition, nobody or too many), Forbidden (a hidden field)."""
    await kinds.check_active(session, [new.kind_code], "kind_code")
    where = await clauses(session, actor, new.conditions)
    fit = select(Customer.id).where(*where).limit(MOST + 1).subquery()
    total: int = (await session.execute(select(func.count()).select_from(fit))).scalar_one()
    if not 0 < total <= MOST:
        raise Invalid(
            "No customer fits these conditions: change them."
            if not total
            else f"More than {MOST} customers fit: add a condition.",
            fields={"conditions": "many" if total else "nobody"},
        )
    values = new.model_dump(mode="json") | {"total": total, "created_by": actor.user_id}
    run_id: int = (
        await session.execute(
            insert(CouponRun).values(**values, created_at=now).returning(CouponRun.id)
        )
    ).scalar_one()
    await trail.record(session, actor.user_id, "coupon_run.begin", ENTITY, run_id, after=values)
    return run_id


async def cancel(session: AsyncSession, actor: Actor, run_id: int, now: datetime) -> None:
    """What was issued stays. Raises NotFound, Conflict (at its end already)."""
    state = await session.scalar(
        select(CouponRun.state).where(CouponRun.id == run_id).with_for_update()
    )
    if state is None:
        raise NotFound(f"There is no run {run_id}.")
    if state != "running":
        raise Conflict(f"This run is {state} already.", fields={"state": state})
    await _end(session, run_id, "cancelled", now)
    await trail.record(session, actor.user_id, "coupon_run.cancel", ENTITY, run_id)


async def read(holder: AsyncSession | AsyncConnection, run_id: int) -> CouponRunView:
    """Raises NotFound."""
    row = (await holder.execute(_runs().where(CouponRun.id == run_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {run_id}.")
    return CouponRunView(*row)


async def listed(connection: AsyncConnection, wanted: CouponRunQuery) -> tuple[CouponRunView, ...]:
    """The newest first."""
    query = _runs().order_by(CouponRun.id.desc()).limit(wanted.limit)
    if wanted.before is not None:
        query = query.where(CouponRun.id < wanted.before)
    return tuple(CouponRunView(*row) for row in await connection.execute(query))


class CouponRuns(Worker):
    """Looks every `every_s` seconds, at once again while there is more than a batch."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("coupon-runs", every_s=every_s, batch=batch)
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """A batch of one run; how many customers. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.begin() as session:
            run = await session.scalar(
                select(CouponRun)
                .where(CouponRun.state == "running")
                .order_by(CouponRun.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if run is None:
                return 0
            try:
                actor = await self._actor(run.created_by)
                found = await self._next(session, actor, run)
                await self._issue(session, actor, run, found, now)
            except (Forbidden, Invalid) as refused:
                await _end(session, run.id, "failed", now, error=_said(refused))
                return 0
        return len(found)

    async def _actor(self, user_id: int | None) -> Actor:
        """Raises Invalid, Forbidden."""
        if user_id is None:
            return SYSTEM
        async with self._database.reading() as connection:
            found = await principals.of_user(connection, user_id)
        if found is None:
            raise Invalid("Whoever asked for these coupons cannot log in any more.")
        found.require(Right.BENEFIT_ISSUE)
        return found

    async def _next(self, session: AsyncSession, actor: Actor, run: CouponRun) -> Sequence[int]:
        conditions = tuple(Condition.model_validate(each) for each in run.conditions)
        where = await clauses(session, actor, conditions)
        found = await session.scalars(
            select(Customer.id)
            .where(*where, Customer.id > run.last_customer)
            .order_by(Customer.id)
            .limit(self._batch)
        )
        return found.all()

    async def _issue(
        self,
        session: AsyncSession,
        actor: Actor,
        run: CouponRun,
        found: Sequence[int],
        now: datetime,
    ) -> None:
        """How far it is comes with the coupons."""
        made = await coupons.issue_each(
            session, actor, run.kind_code, found, reason=run.reason, now=now, run_id=run.id
        )
        done = run.done + len(found)
        values = {
            "done": done,
            "total": max(run.total, done),
            "issued": run.issued + made,
            "last_customer": found[-1] if found else run.last_customer,
        }
        await session.execute(update(CouponRun).where(CouponRun.id == run.id).values(values))
        if len(found) < self._batch:
            await _end(session, run.id, "done", now)
            log.info("coupon_run_done", run=run.id, issued=values["issued"])


async def _end(
    session: AsyncSession, run_id: int, state: str, now: datetime, error: str | None = None
) -> None:
    await session.execute(
        update(CouponRun)
        .where(CouponRun.id == run_id)
        .values(state=state, ended_at=now, error=error)
    )


def _said(refused: DomainError) -> str:
    return refused.message[:300]


def _runs() -> Select[*tuple[Any, ...]]:
    table = CouponRun
    return select(
        table.id, table.kind_code, table.reason, table.state, table.total, table.done,
        table.issued, table.error, table.created_by, table.created_at, table.ended_at,
    )  # fmt: skip
