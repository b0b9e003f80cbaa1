"""Accounting periods: entered one after the other, closed in order, the last one reopened. Rule: whoever closes or
reopens holds the bookings' lock alone (`guard`), before anything else is locked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.rights import Actor, Right
from orders.settlement.errors import (
    BookingsUnderWay,
    NotNext,
    PeriodChanged,
    PeriodNotOver,
    PeriodNotReady,
    UnknownPeriod,
)
from orders.settlement.periods import checks
from orders.settlement.periods.checks import PeriodChecks
from orders.settlement.periods.commands import ClosePeriod, NewPeriod, PeriodQuery, ReopenPeriod
from orders.settlement.periods.guard import LOCK
from orders.settlement.periods.tables import AccountingPeriod

log = structlog.get_logger(__name__)

_WAITED_MS = 5_000
_LOCK_NOT_AVAILABLE = "55P03"
_COLUMNS = (
    AccountingPeriod.id,
    AccountingPeriod.begins,
    AccountingPeriod.ends,
    AccountingPeriod.state,
    AccountingPeriod.closed_by,
    AccountingPeriod.closed_at,
    AccountingPeriod.version,
)


@dataclass(frozen=True, slots=True)
class PeriodView:
    """Days `begins` to `ends`, both within it."""

    id: int
    begins: date
    ends: date
    state: str
    closed_by: int | None
    closed_at: datetime | None
    version: int


class PeriodService:
    """Every method may raise Forbidden, UnknownPeriod and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def listed(self, actor: Actor, query: PeriodQuery) -> tuple[PeriodView, ...]:
        actor.require(Right.SETTLEMENT_VIEW)
        wanted = select(*_COLUMNS).order_by(AccountingPeriod.id.desc()).limit(query.limit)
        if query.before is not None:
            wanted = wanted.where(AccountingPeriod.id < query.before)
        async with self._database.reading() as connection:
            return tuple(PeriodView(*row) for row in await connection.execute(wanted))

    async def checks(self, actor: Actor, period_id: int) -> PeriodChecks:
        """What is still open of it."""
        actor.require(Right.SETTLEMENT_VIEW)
        return await self._look(period_id)

    async def add(self, actor: Actor, new: NewPeriod) -> PeriodView:
        """The next one. Raises NotNext, Invalid."""
        actor.require(Right.PERIOD_CLOSE)
        async with self._database.begin() as session:
            await _alone(session)
            last = await _last(session)
            begins = _beginning(last, new)
            if new.ends < begins:
                raise Invalid(f"It begins on {begins}: let it end later.", fields={"ends": "early"})
            period = AccountingPeriod(
                begins=begins,
                ends=new.ends,
                begins_at=last.ends_at if last else self._starts(begins),
                ends_at=self._starts(new.ends + timedelta(days=1)),
                follows_at=last.ends_at if last else None,
            )
            session.add(period)
            await session.flush()
            return await _recorded(session, actor, period, "add", "")

    async def close(self, actor: Actor, period_id: int, command: ClosePeriod) -> PeriodView:
        """Nothing is booked into it any more. Raises NotNext, PeriodChanged, PeriodNotOver, PeriodNotReady,
        BookingsUnderWay.
        """
        actor.require(Right.PERIOD_CLOSE)
        now = self._clock()
        found = await self._look(period_id)  # may take long: nobody waits for it
        async with self._database.begin() as session:
            await _alone(session)
            period = await _hold(session, period_id, command.version)
            first = await session.scalar(
                select(AccountingPeriod.id)
                .where(AccountingPeriod.state == "open")
                .order_by(AccountingPeriod.ends_at)
                .limit(1)
            )
            if first != period_id:
                raise NotNext(
                    "Periods are closed one after the other: close the earliest open one.",
                    fields={"period": first},
                )
            if now < period.ends_at:
                raise PeriodNotOver(period.ends)
            if not found.ready and not command.despite:
                raise PeriodNotReady(found.counts())
            period.state, period.closed_at, period.closed_by = "closed", now, actor.user_id
            period.version += 1
            await session.flush()
            return await _recorded(session, actor, period, "close", "", **found.counts())

    async def reopen(self, actor: Actor, period_id: int, command: ReopenPeriod) -> PeriodView:
        """Only the last closed one. Raises NotNext, PeriodChanged, BookingsUnderWay."""
        actor.require(Right.PERIOD_REOPEN)
        async with self._database.begin() as session:
            await _alone(session)
            period = await _hold(session, period_id, command.version)
            last = await session.scalar(
                select(AccountingPeriod.id)
                .where(AccountingPeriod.state == "closed")
                .order_by(AccountingPeriod.ends_at.desc())
                .limit(1)
            )
            if last != period_id:
                raise NotNext("Only the last closed period is reopened.", fields={"period": last})
            period.state, period.closed_at, period.closed_by = "open", None, None
            period.version += 1
            await session.flush()
            return await _recorded(session, actor, period, "reopen", command.reason)

    async def _look(self, period_id: int) -> PeriodChecks:
        async with self._database.reading() as connection:
            view = await _one(connection, period_id)
            return await checks.look(connection, self._starts(view.ends + timedelta(days=1)))

    def _starts(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)


async def _alone(session: AsyncSession) -> None:
    """No booking is under way from here to the end of the transaction. Raises BookingsUnderWay."""
    await session.execute(text(f"SET LOCAL lock_timeout = {_WAITED_MS}"))
    try:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise BookingsUnderWay from error
        raise


async def _last(session: AsyncSession) -> AccountingPeriod | None:
    return await session.scalar(
        select(AccountingPeriod).order_by(AccountingPeriod.ends_at.desc()).limit(1)
    )


def _beginning(last: AccountingPeriod | None, new: NewPeriod) -> date:
    """Raises NotNext, Invalid."""
    if last is None:
        if new.begins is None:
            raise Invalid("Say when the first period begins.", fields={"begins": "missing"})
        return new.begins
    begins = last.ends + timedelta(days=1)
    if new.begins not in (None, begins):
        raise NotNext(
            f"The next period begins on {begins}, when the last one has ended.",
            fields={"begins": begins.isoformat()},
        )
    return begins


async def _hold(session: AsyncSession, period_id: int, version: int) -> AccountingPeriod:
    """Raises UnknownPeriod, PeriodChanged."""
    found = await session.get(AccountingPeriod, period_id, with_for_update=True)
    if found is None:
        raise UnknownPeriod(period_id)
    if found.version != version:
        raise PeriodChanged(found.version)
    return found


async def _one(holder: AsyncSession | AsyncConnection, period_id: int) -> PeriodView:
    """Raises UnknownPeriod."""
    wanted = select(*_COLUMNS).where(AccountingPeriod.id == period_id)
    row = (await holder.execute(wanted)).one_or_none()
    if row is None:
        raise UnknownPeriod(period_id)
    return PeriodView(*row)


async def _recorded(
    session: AsyncSession,
    actor: Actor,
    period: AccountingPeriod,
    action: str,
    reason: str,
    **more: object,
) -> PeriodView:
    told = {"begins": period.begins, "ends": period.ends, "state": period.state} | more
    if reason:
        told["reason"] = reason
    await trail.record(
        session, actor.user_id, f"period.{action}", "accounting_period", period.id, after=told
    )
    log.info("accounting_period", did=action, ends=str(period.ends), by=actor.user_id)
    return await _one(session, period.id)
