"""What couriers say of parcels, one event after the other, inside the caller's transaction.

Rule: the same word is kept once; what it leads to (waybill, order, to-do) is done with it; what is not
allowed any more is kept as a conflict and changes nothing.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.errors import Invalid
from orders.delivery import following, problems, standing, tracking
from orders.delivery.codes import EventCode, Outcome, Source, State, WaybillKind
from orders.delivery.errors import UnknownWaybill
from orders.delivery.problems import Problem
from orders.delivery.tables import Waybill, WaybillEvent
from orders.sales.flow import Status
from orders.sales.moving import Moved

DUPLICATE = "duplicate"
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Word:
    """One event as it was said; `key` is the speaker's own name of it."""

    code: EventCode
    at: datetime
    place: str | None = None
    signer: str | None = None
    note: str | None = None
    collected: Decimal | None = None
    key: str | None = None

    @property
    def known_by(self) -> str:
        """Equal for the same event said twice."""
        if self.key is not None:
            return f"k:{self.key}"
        said = [str(self.code), self.at.timestamp(), self.place, self.signer]
        return "h:" + hashlib.sha256(json.dumps(said).encode()).hexdigest()[:48]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who says it, how, and when it was heard."""

    source: Source
    actor_id: int | None
    channels: Collection[str]
    now: datetime
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Heard:
    """`outcome` is one of Outcome, or DUPLICATE."""

    outcome: str
    moved: tuple[Moved, ...] = ()
    why: str | None = None


async def find(session: AsyncSession, courier_code: str, number: str) -> Waybill:
    """Its row, locked. Raises UnknownWaybill."""
    found = await session.scalar(
        select(Waybill)
        .where(Waybill.courier_code == courier_code, Waybill.number == number)
        .with_for_update()
    )
    if found is None:
        raise UnknownWaybill(f"{courier_code} has no parcel {number} of ours.")
    return found


async def hear(session: AsyncSession, waybill: Waybill, word: Word, hearing: Hearing) -> Heard:
    """The waybill's row is held. Raises Invalid (a time to come)."""
    if word.at > hearing.now + _AHEAD:
        raise Invalid("This time is still to come: correct it.", fields={"at": "future"})
    older = word.at < waybill.state_at
    step = tracking.step(State(waybill.state), word.code, older=older)
    outcome, why = step.outcome, None
    path: tuple[Status, ...] = ()
    if outcome is Outcome.CONFLICT:
        why = f"waybill_{waybill.state}"
    elif step.state is not None:
        way = await following.way(session, waybill, step.state)
        if way.path is None:
            outcome, why = Outcome.CONFLICT, f"order_{way.order.status}"
        else:
            path = way.path
    if not await _keep(session, waybill, word, hearing, outcome=outcome, why=why):
        return Heard(DUPLICATE)
    if outcome is Outcome.CONFLICT:
        await problems.raise_todo(session, waybill, Problem.CONFLICT, hearing.now)
    if outcome is not Outcome.APPLIED or step.state is None:
        return Heard(outcome, why=why)
    if word.collected is not None:
        waybill.collected = word.collected
    left_outdated = bool(await standing.outdated_of(session, (waybill.id,)))
    moved = await following.go(
        session,
        waybill,
        step.state,
        path,
        at=word.at,
        actor_id=hearing.actor_id,
        channels=hearing.channels,
        now=hearing.now,
        zone=hearing.zone,
        why=word.note if step.state is State.REFUSED else None,
    )
    if left_outdated:
        await problems.raise_todo(session, waybill, Problem.OUTDATED, hearing.now)
    if (problem := _problem(waybill, step.state)) is not None:
        await problems.raise_todo(session, waybill, problem, hearing.now)
    return Heard(outcome, moved)


def _problem(waybill: Waybill, state: State) -> Problem | None:
    if waybill.kind == WaybillKind.RETURN and state is State.DELIVERED:
        return Problem.CAME_BACK
    return problems.OF_STATE.get(state)


async def _keep(
    session: AsyncSession,
    waybill: Waybill,
    word: Word,
    hearing: Hearing,
    *,
    outcome: Outcome,
    why: str | None,
) -> bool:
    """False when it was said before."""
    made = await session.scalar(
        insert(WaybillEvent)
        .values(
            waybill_id=waybill.id,
            key=word.known_by,
            code=word.code,
            at=word.at,
            place=word.place,
            signer=word.signer,
            note=word.note,
            collected=word.collected,
            source=hearing.source,
            reported_by=hearing.actor_id,
            received_at=hearing.now,
            outcome=outcome,
            why=why,
        )
        .on_conflict_do_nothing(index_elements=["waybill_id", "key"])
        .returning(WaybillEvent.id)
    )
    return made is not None
