"""Papers: kept, taken up one at a time for each number, settled, looked up, tried again by a person.

Rule: a paper that came before is not kept twice, and none is thrown away before it has had its effect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import NotFound
from crm_core.numbers import normalise
from crm_core.rights import Actor, Right
from orders.connections.connection_views import PaperQuery, PaperView, WholePaper
from orders.connections.errors import NotInThisState
from orders.connections.papers import OutsideOrder
from orders.connections.retrying import RetryRules
from orders.connections.tables import ConnectionDocument
from orders.sales.tables import Order

_CLAIM = text("""
UPDATE connection_documents d
SET state = 'working', attempts = d.attempts + 1, lease_until = :lease_until
WHERE d.id IN (
    SELECT d.id FROM connection_documents d
    WHERE d.connection_id = ANY (:of) AND d.state = 'pending'
      AND (d.next_at <= :now OR d.next_at > :furthest)
      AND NOT EXISTS (
        SELECT 1 FROM connection_documents b
        WHERE b.connection_id = d.connection_id AND b.outside_key = d.outside_key AND b.id < d.id
          AND b.state IN ('pending', 'working'))
    ORDER BY d.id LIMIT :batch FOR UPDATE OF d SKIP LOCKED)
RETURNING d.id, d.connection_id, d.direction, d.kind, d.outside_key, d.version, d.body,
          d.attempts, d.order_id
""")
_LEASES = text("""
UPDATE connection_documents SET state = 'pending', lease_until = NULL, next_at = :now
WHERE state = 'working' AND lease_until < :now
""")
_SET_BACK = text("""
UPDATE connection_documents SET lease_until = :lease_until
WHERE state = 'working' AND lease_until > :lease_until
""")


@dataclass(frozen=True, slots=True)
class Claimed:
    id: int
    connection_id: int
    direction: str
    kind: str
    outside_key: str
    version: int
    body: Mapping[str, Any]
    attempts: int
    order_id: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a paper; `next_at` for the state pending."""

    state: str
    code: str | None = None
    reason: str | None = None
    flags: Sequence[Mapping[str, str]] = ()
    order_id: int | None = None
    customer_id: int | None = None
    next_at: datetime | None = None


async def keep_order(
    session: AsyncSession, connection_id: int, paper: OutsideOrder, now: datetime
) -> None:
    """Keep an order that came, unless it is here."""
    await _keep(
        session,
        connection_id,
        "order",
        paper.number,
        version=paper.version,
        digest=paper.digest,
        body=paper.model_dump(mode="json"),
        now=now,
        phone=normalise(paper.phone or ""),
    )


async def keep_state(
    session: AsyncSession,
    connection_id: int,
    number: str,
    *,
    status: str,
    version: int,
    now: datetime,
) -> None:
    """Keep a state that an order of ours has there, unless it is here."""
    await _keep(
        session,
        connection_id,
        "state",
        number,
        version=version,
        digest=status[:64],
        body={"status": status},
        now=now,
    )


async def _keep(
    session: AsyncSession,
    connection_id: int,
    kind: str,
    outside_key: str,
    *,
    now: datetime,
    **content: object,
) -> None:
    await session.execute(
        upsert(ConnectionDocument)
        .values(
            connection_id=connection_id,
            direction="in",
            kind=kind,
            outside_key=outside_key,
            next_at=now,
            received_at=now,
            **content,
        )
        .on_conflict_do_nothing()
    )


async def claim(
    database: Database, of: Sequence[int], now: datetime, rules: RetryRules, batch: int
) -> tuple[Claimed, ...]:
    """What is due for these connections, the earliest first; what a dead daemon held is due again, and so is what was
    put off before the clock was set back.
    """
    lease_until, furthest = now + rules.lease, now + rules.longest_wait
    values = {"now": now, "furthest": furthest, "lease_until": lease_until, "batch": batch}
    async with database.begin() as session:
        await session.execute(_LEASES, {"now": now})
        await session.execute(_SET_BACK, {"lease_until": lease_until})
        rows = await session.execute(_CLAIM, {"of": of, **values})
        return tuple(sorted((Claimed(*row) for row in rows), key=lambda each: each.id))


async def settle(session: AsyncSession, claimed: Claimed, outcome: Outcome, now: datetime) -> bool:
    """False when somebody else decided about it."""
    values: dict[str, object] = {
        "state": outcome.state,
        "lease_until": None,
        "code": outcome.code,
        "reason": None if outcome.reason is None else outcome.reason[:500],
        "flags": [dict(flag) for flag in outcome.flags],
        "finished_at": None if outcome.state == "pending" else now,
    }
    if outcome.order_id is not None:
        values["order_id"] = outcome.order_id
    if outcome.customer_id is not None:
        values["customer_id"] = outcome.customer_id
    if outcome.next_at is not None:
        values["next_at"] = outcome.next_at
    done = await session.scalar(
        update(ConnectionDocument)
        .where(
            ConnectionDocument.id == claimed.id,
            ConnectionDocument.state == "working",
            ConnectionDocument.attempts == claimed.attempts,
        )
        .values(values)
        .returning(ConnectionDocument.id)
    )
    return done is not None


class PaperService:
    """Papers for those who hold `connection.manage`."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def search(self, actor: Actor, wanted: PaperQuery) -> tuple[PaperView, ...]:
        """The newest first. Raises Forbidden."""
        actor.require(Right.CONNECTION_MANAGE)
        query = _views().order_by(ConnectionDocument.id.desc()).limit(wanted.limit)
        if wanted.connection_id is not None:
            query = query.where(ConnectionDocument.connection_id == wanted.connection_id)
        if wanted.state is not None:
            query = query.where(ConnectionDocument.state == wanted.state)
        if wanted.before is not None:
            query = query.where(ConnectionDocument.id < wanted.before)
        if wanted.q:
            ours = select(Order.id).where(Order.number == wanted.q).scalar_subquery()
            query = query.where(
                or_(ConnectionDocument.outside_key == wanted.q, ConnectionDocument.order_id == ours)
            )
        async with self._database.reading() as connection:
            return tuple(_view(row) for row in await connection.execute(query))

    async def get(self, actor: Actor, document_id: int) -> WholePaper:
        """Raises Forbidden, NotFound."""
        actor.require(Right.CONNECTION_MANAGE)
        body = select(ConnectionDocument.body).where(ConnectionDocument.id == document_id)
        async with self._database.reading() as connection:
            row = await connection.scalar(body)
            if row is None:
                raise _unknown(document_id)
            view = (
                await connection.execute(_views().where(ConnectionDocument.id == document_id))
            ).one()
        return WholePaper(_view(view), row)

    async def retry(self, actor: Actor, document_id: int) -> PaperView:
        """What was wrong has been mended: it is taken up again. Raises NotFound, NotInThisState."""
        return await self._decide(actor, document_id, "pending", "connection.retry")

    async def drop(self, actor: Actor, document_id: int) -> PaperView:
        """It is to have no effect. Raises NotFound, NotInThisState."""
        return await self._decide(actor, document_id, "ignored", "connection.drop")

    async def _decide(self, actor: Actor, document_id: int, state: str, action: str) -> PaperView:
        actor.require(Right.CONNECTION_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            held = await session.get(ConnectionDocument, document_id, with_for_update=True)
            if held is None:
                raise _unknown(document_id)
            if held.state != "refused":
                raise NotInThisState(held.state)
            held.state, held.next_at = state, now
            if state == "pending":
                held.attempts, held.finished_at = 0, None
            await trail.record(
                session,
                actor.user_id,
                action,
                "connection",
                held.connection_id,
                after={"document_id": document_id, "number": held.outside_key},
            )
            await session.flush()
            row = (
                await session.execute(_views().where(ConnectionDocument.id == document_id))
            ).one()
            return _view(row)


def _unknown(document_id: int) -> NotFound:
    return NotFound(f"There is no paper {document_id}.")


def _views() -> Select[*tuple[Any, ...]]:
    table = ConnectionDocument
    return select(
        table.id,
        table.connection_id,
        table.direction,
        table.kind,
        table.outside_key,
        table.version,
        table.state,
        table.code,
        table.reason,
        table.flags,
        table.attempts,
        table.next_at,
        table.received_at,
        table.finished_at,
        table.order_id,
    )


def _view(row: Any) -> PaperView:
    return PaperView(**{**row._asdict(), "flags": tuple(row.flags)})
