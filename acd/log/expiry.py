"""What of old calls goes by policy: their steps, and what they say of people.

Rule: a batch a transaction, with its audit entry; how far it is stands in `call_expiry`, so that no call is looked at
twice. The call itself stays, with its figures and what it refers to; a customer's own record has rules of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Table, delete, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from acd.tables import Call, CallExpiry, CallStep
from crm_core.audit import trail
from crm_core.db import Database
from crm_core.personal import is_emptied, value_of
from crm_core.worker import Worker

BATCH = 2_000
_EVERY_S = 3600.0
Kind = Literal["steps", "personal"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long; None: for ever."""

    steps: timedelta | None = None
    personal: timedelta | None = None


class CallsExpire(Worker):
    """Old steps are deleted, and numbers, names and places of old calls emptied."""

    def __init__(
        self,
        database: Database,
        keeping: Keeping,
        *,
        clock: Callable[[], datetime],
        batch: int = BATCH,
    ) -> None:
        super().__init__("calls-expire", every_s=_EVERY_S, batch=batch)
        self._database = database
        self._keeping = keeping
        self._clock = clock
        self._batch = batch

    async def run_once(self) -> int:
        """One batch of each kind; how many calls the larger had. Raises DatabaseUnavailable."""
        kept: dict[Kind, timedelta | None] = {
            "steps": self._keeping.steps,
            "personal": self._keeping.personal,
        }
        done = [await self._expire(kind, keep) for kind, keep in kept.items() if keep is not None]
        return max(done, default=0)

    async def _expire(self, kind: Kind, keep: timedelta) -> int:
        before = self._clock() - keep
        async with self._database.begin() as session:
            calls = await _next(session, kind, before, self._batch)
            if not calls:
                return 0
            ids = [call_id for _, call_id in calls]
            if kind == "steps":
                await session.execute(delete(CallStep).where(CallStep.call_id.in_(ids)))
            else:
                await session.execute(update(Call).where(Call.id.in_(ids)).values(_emptied()))
            await _remember(session, kind, *calls[-1])
            told = {"calls": len(calls), "until": calls[-1][0], "kept_days": keep.days}
            await trail.record(session, None, f"call.expire_{kind}", "call", "", after=told)
            return len(calls)


async def _next(
    session: AsyncSession, kind: Kind, before: datetime, most: int
) -> list[tuple[datetime, str]]:
    """The oldest calls of which it has not expired; none that may still go on."""
    query = (
        select(Call.started_at, Call.id)
        .where(Call.started_at < before, Call.ended_at < before)
        .order_by(Call.started_at, Call.id)
        .limit(most)
    )
    upto = await session.get(CallExpiry, kind, with_for_update=True)
    if upto is not None:
        query = query.where(
            tuple_(Call.started_at, Call.id) > tuple_(literal(upto.upto), literal(upto.call_id))
        )
    return [(row.started_at, row.id) for row in await session.execute(query)]


async def _remember(session: AsyncSession, kind: Kind, upto: datetime, call_id: str) -> None:
    values = {"upto": upto, "call_id": call_id}
    await session.execute(
        insert(CallExpiry)
        .values(kind=kind, **values)
        .on_conflict_do_update(index_elements=["kind"], set_=values)
    )


def _emptied() -> dict[str, object]:
    table = Call.__table__
    assert isinstance(table, Table)
    return {
        column.name: value_of(column.info, table)
        for column in table.columns
        if is_emptied(column.info)
    }
