"""The worker of connections: papers in and out, and asking what changed there.

Rule: a fault that may pass is tried again ever more rarely; what cannot pass is refused with its reason and
waits for a person. One connection's faults hold up no other's papers.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta, tzinfo

import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.clock import Steady
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, DomainError
from crm_core.worker import Worker
from orders.catalogue.tables import Product
from orders.connections import contradictions, documents, leaving, returning
from orders.connections.clients import Clients, Opened
from orders.connections.documents import Claimed, Outcome
from orders.connections.entering import AskAgain, Entered, Entering
from orders.connections.errors import ConnectorError
from orders.connections.events import PaperRefused
from orders.connections.papers import OutsideCount, Place
from orders.connections.retrying import RetryRules
from orders.connections.tables import Connection, ConnectionCode, OutsideStock

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
_BATCH = 20
_ASK_EVERY = timedelta(minutes=5)
_OVERLAP = timedelta(minutes=10)
_MOST_CODES = 500
_PAGES = 10
"""Of changes, in one round."""


class ConnectionWorker(Worker):
    """`channels` are those that have a notifier, `zone` is the company's."""

    def __init__(
        self,
        database: Database,
        clients: Clients,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        steady: Steady = time.monotonic,
        channels: Collection[str] = (),
        zone: tzinfo,
        rules: RetryRules | None = None,
    ) -> None:
        super().__init__("connections", every_s=_EVERY_S, batch=_BATCH)
        self._database = database
        self._clients = clients
        self._bus = bus
        self._clock = clock
        self._steady = steady
        self._channels = frozenset(channels)
        self._zone = zone
        self._entering = Entering(self._channels, zone)
        self._rules = rules or RetryRules()
        self._not_before: dict[int, float] = {}

    async def run_once(self) -> int:
        """How many papers were taken up. Raises DatabaseUnavailable."""
        opened = {each.id: each for each in await self._clients.active()}
        await asyncio.gather(*(self._ask(each) for each in opened.values()))
        now = self._clock()
        claimed = await documents.claim(self._database, list(opened), now, self._rules, _BATCH)
        by_connection: dict[int, list[Claimed]] = {}
        for each in claimed:
            by_connection.setdefault(each.connection_id, []).append(each)
        await asyncio.gather(
            *(self._take_up(opened[key], papers) for key, papers in by_connection.items())
        )
        return len(claimed)

    async def _take_up(self, opened: Opened, papers: list[Claimed]) -> None:
        for each in papers:
            try:
                await self._one(opened, each)
            except ConnectorError as error:
                await self._put_off(opened, each, error)
            except DatabaseUnavailable:
                raise
            except DomainError as error:
                refused = ConnectorError(error.code, error.message, permanent=True)
                await self._put_off(opened, each, refused)
            except Exception as error:
                log.exception("paper_failed", document=each.id)
                passing = ConnectorError("internal", repr(error), permanent=False)
                await self._put_off(opened, each, passing)

    async def _one(self, opened: Opened, claimed: Claimed) -> None:
        if claimed.direction == "out":
            await self._send(opened, claimed)
            return
        while True:
            try:
                async with self._database.begin() as session:
                    done = await self._in(session, opened, claimed)
                    if not await documents.settle(session, claimed, done.outcome, self._clock()):
                        await session.rollback()
                        return
                break
            except AskAgain:
                continue
        for event in done.events:
            self._bus.publish(event)
        log.info("paper_taken", document=claimed.id, outcome=done.outcome.code)

    async def _in(self, session: AsyncSession, opened: Opened, claimed: Claimed) -> Entered:
        now = self._clock()
        if claimed.kind == "state":
            return await returning.follow(
                session, opened, claimed, channels=self._channels, now=now, zone=self._zone
            )
        return await self._entering.enter(session, opened, claimed, now)

    async def _send(self, opened: Opened, claimed: Claimed) -> None:
        going = await leaving.read(self._database, opened, claimed, self._zone)
        outcome = await leaving.leave(self._database, opened, going)
        async with self._database.begin() as session:
            await documents.settle(session, claimed, outcome, self._clock())

    async def _put_off(self, opened: Opened, claimed: Claimed, error: ConnectorError) -> None:
        now = self._clock()
        over = error.permanent or claimed.attempts >= self._rules.attempts
        next_at = None if over else now + self._rules.wait(claimed.attempts)
        state = "refused" if over else "pending"
        outcome = Outcome(state, error.code, error.reason, next_at=next_at)
        async with self._database.begin() as session:
            settled = await documents.settle(session, claimed, outcome, now)
            if settled and over:
                await contradictions.raise_todo(session, opened, claimed, error, now)
        log.info(
            "paper_put_off", document=claimed.id, state=state, code=error.code, reason=error.reason
        )
        if settled and over:
            self._bus.publish(PaperRefused(claimed.id, opened.code, error.code, now))

    async def _ask(self, opened: Opened) -> None:
        """What changed there since we asked last, with some minutes' overlap; since ever where nobody can say when
        that was, because the clock was set back. What is not at its end goes on in the next round.
        """
        now, steady = self._clock(), self._steady()
        asked_at = opened.asked_at if opened.asked_at and opened.asked_at <= now else None
        due = asked_at is None or now - asked_at >= _ASK_EVERY
        reads = due or opened.read is not None
        counts = opened.counted_to is not None or (due and opened.read is None)
        if not (opened.connector.counts and (reads or counts)):
            return
        if self._not_before.get(opened.id, steady) > steady:
            return
        try:
            if reads:
                since = Place((asked_at or opened.created_at) - _OVERLAP)
                await self._read(opened, opened.read or since, now)
            if counts:
                await self._count(opened, now)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            self._not_before[opened.id] = steady + _ASK_EVERY.total_seconds()
            expected = isinstance(error, ConnectorError)
            log.info("connection_not_asked", connection=opened.code, exc_info=not expected)

    async def _read(self, opened: Opened, place: Place, now: datetime) -> None:
        """Page by page; each is kept with the place behind it."""
        for _ in range(_PAGES):
            changes = await opened.client.states(place)
            goes_on = changes.goes_on
            values: dict[str, object] = {"asked_at": now, "read_at": None, "read_skip": 0}
            if goes_on is not None:
                values = {"read_at": goes_on.at, "read_skip": goes_on.skip}
            async with self._database.begin() as session:
                for each in changes.states:
                    await documents.keep_state(
                        session,
                        opened.id,
                        each.number,
                        status=each.status,
                        version=each.version,
                        now=now,
                    )
                await _note(session, opened, values)
            if goes_on is None:
                return
            place = goes_on

    async def _count(self, opened: Opened, now: datetime) -> None:
        """The next products."""
        codes = await self._codes(opened)
        counts = await opened.client.counts(list(codes))
        counted_to = list(codes)[-1] if len(codes) == _MOST_CODES else None
        async with self._database.begin() as session:
            for count in counts:
                await _keep_count(session, opened, codes, count, now)
            await _note(session, opened, {"counted_to": counted_to})

    async def _codes(self, opened: Opened) -> dict[str, str]:
        """Their codes of our next products, in base units; our own where the table has none."""
        theirs = select(ConnectionCode.theirs.label("code"), ConnectionCode.sku).where(
            ConnectionCode.connection_id == opened.id,
            ConnectionCode.sku.is_not(None),
            ConnectionCode.unit.is_(None),
        )
        ours = select(Product.sku.label("code"), Product.sku).where(Product.active)
        async with self._database.reading() as connection:
            has_codes = await connection.scalar(select(theirs.exists()))
            found = (theirs if has_codes else ours).subquery()
            rows = await connection.execute(
                select(found)
                .where(found.c.code > (opened.counted_to or ""))
                .order_by(found.c.code)
                .limit(_MOST_CODES)
            )
            return {row.code: row.sku for row in rows}


async def _note(session: AsyncSession, opened: Opened, values: dict[str, object]) -> None:
    await session.execute(update(Connection).where(Connection.id == opened.id).values(values))


async def _keep_count(
    session: AsyncSession,
    opened: Opened,
    codes: dict[str, str],
    count: OutsideCount,
    now: datetime,
) -> None:
    if count.code in codes:
        values = {"quantity": count.quantity, "at": now}
        await session.execute(
            upsert(OutsideStock)
            .values(connection_id=opened.id, sku=codes[count.code], **values)
            .on_conflict_do_update(index_elements=["connection_id", "sku"], set_=values)
        )
