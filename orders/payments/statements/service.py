"""Reconciliation (对账): a gateway's statement of a day against our ledger. Rule: each movement is matched once;
what does not match is a difference until it does or a person has resolved it; the same statement may be handed
in again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import DateTime, Select, case, cast, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.fields import PAGE, Command, Id, Limit
from crm_core.rights import Actor, Right
from orders.payments import differences
from orders.payments.differences import Found, Kind
from orders.payments.errors import BadStatement, NoGateway, UnknownPayment
from orders.payments.ports import Gateway, Refused, Statement, StatementRow, Unclear
from orders.payments.statements.matching import Movement, match
from orders.payments.statements.tables import GatewayStatement, StatementLine
from orders.payments.tables import Payment, PaymentDifference, PaymentRefund
from orders.receipts.tables import PaymentEntry

log = structlog.get_logger(__name__)


class StatementQuery(Command):
    """The newest day first, before the statement `before`."""

    before: Id | None = None
    limit: Limit = PAGE


@dataclass(frozen=True, slots=True)
class StatementView:
    """`unmatched` are movements of the statement that are not in the ledger, `missing_there` entries of that day
    which the statement lacks.
    """

    id: int
    gateway: str
    day: date
    lines: int
    received: Decimal
    refunded: Decimal
    matched: int
    unmatched: int
    missing_there: int
    taken_by: int | None
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class StatementLineView:
    kind: str
    token: str
    reference: str
    amount: Decimal
    at: datetime
    entry_id: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A statement, and the rows of the file that could not be read (line, content)."""

    statement: StatementView
    refused: tuple[tuple[int, str], ...]


class StatementService:
    """Every method may raise Forbidden, NoGateway, UnknownPayment and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway | None,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock
        self._zone = zone

    async def fetch(self, actor: Actor, day: date) -> Taken:
        """Get the statement of a day from the gateway. Raises BadStatement."""
        actor.require(Right.PAYMENT_MANAGE)
        try:
            content = await self._known().statement(day)
        except (Refused, Unclear) as error:
            raise BadStatement(
                f"The gateway has no statement of this day yet: {error}", fields={"day": "none"}
            ) from error
        return await self.take(actor, day, content)

    async def take(self, actor: Actor, day: date, content: bytes) -> Taken:
        """A statement as a file. Raises BadStatement."""
        actor.require(Right.PAYMENT_MANAGE)
        gateway = self._known()
        try:
            read = gateway.read_statement(content)
        except Refused as error:
            raise BadStatement(str(error), fields={"body": "file"}) from error
        self._check_day(day, read)
        now = self._clock()
        async with self._database.begin() as session:
            statement_id = await _add(session, gateway.name, day, actor.user_id, now)
            await _add_rows(session, statement_id, gateway.name, read.rows)
            await self._match(session, gateway.name, day, now)
            view = await self._one(session, statement_id)
            told = {"gateway": gateway.name, "day": day, "lines": view.lines}
            await trail.record(
                session, actor.user_id, "statement.take", "statement", statement_id, after=told
            )
        log.info("statement_taken", day=str(day), lines=view.lines, unmatched=view.unmatched)
        return Taken(view, read.refused)

    async def listed(self, actor: Actor, query: StatementQuery) -> tuple[StatementView, ...]:
        actor.require(Right.PAYMENT_VIEW)
        table = GatewayStatement
        wanted = self._statements().order_by(table.id.desc()).limit(query.limit)
        if query.before is not None:
            wanted = wanted.where(table.id < query.before)
        async with self._database.reading() as connection:
            return tuple(StatementView(*row) for row in await connection.execute(wanted))

    async def get(
        self, actor: Actor, statement_id: int
    ) -> tuple[StatementView, tuple[StatementLineView, ...]]:
        """A statement with up to ten thousand of its rows, the unmatched first."""
        actor.require(Right.PAYMENT_VIEW)
        line = StatementLine
        async with self._database.reading() as connection:
            view = await self._one(connection, statement_id)
            rows = await connection.execute(
                select(line.kind, line.token, line.reference, line.amount, line.at, line.entry_id)
                .where(line.statement_id == statement_id)
                .order_by(line.entry_id.is_not(None), line.id)
                .limit(10_000)
            )
            return view, tuple(StatementLineView(*row) for row in rows)

    def _known(self) -> Gateway:
        if self._gateway is None:
            raise NoGateway
        return self._gateway

    def _check_day(self, day: date, read: Statement) -> None:
        for row in read.rows:
            if row.at.astimezone(self._zone).date() != day:
                raise BadStatement(
                    f"Line {row.line_no} is of another day than {day}: hand it in for its own day.",
                    fields={"day": "other"},
                )

    async def _match(self, session: AsyncSession, gateway: str, day: date, now: datetime) -> None:
        """Everything unmatched of the gateway's against everything unmatched of ours."""
        line, entry = StatementLine, PaymentEntry
        theirs = await session.execute(
            select(line.id, line.kind, line.reference, line.amount).where(
                line.gateway == gateway, line.entry_id.is_(None)
            )
        )
        begins, ends = self._span(day)
        told = select(line.reference).where(line.gateway == gateway, line.entry_id.is_(None))
        of_day = (entry.paid_at >= begins) & (entry.paid_at < ends)
        matched = select(line.entry_id).where(line.entry_id.is_not(None))
        ours = await session.execute(
            select(entry.id, entry.kind, entry.reference, entry.amount).where(
                entry.source == gateway,
                entry.id.not_in(matched),
                or_(of_day, entry.reference.in_(told)),
            )
        )
        found = match([Movement(*row) for row in theirs], [Movement(*row) for row in ours])
        for their, our in found.same:
            await session.execute(update(line).where(line.id == their.id).values(entry_id=our.id))
            for kind in (
                Kind.MISSING_HERE,
                Kind.MISSING_THERE,
                Kind.REFUND_UNBOOKED,
                Kind.AMOUNT_DIFFERS,
            ):
                await differences.close(
                    session, kind, subject=_subject(gateway, our), reason="matched", now=now
                )
        for their, our in found.differing:
            await _differs(session, gateway, their, our, now)
        for their in found.missing_here:
            await _differs(session, gateway, their, None, now)
        for our in found.missing_there:
            await _differs(session, gateway, None, our, now)

    def _span(self, day: date) -> tuple[datetime, datetime]:
        begins = datetime.combine(day, time(), self._zone)
        return begins, datetime.combine(day + timedelta(days=1), time(), self._zone)

    async def _one(
        self, holder: AsyncSession | AsyncConnection, statement_id: int
    ) -> StatementView:
        wanted = self._statements().where(GatewayStatement.id == statement_id)
        row = (await holder.execute(wanted)).one_or_none()
        if row is None:
            raise UnknownPayment(f"There is no statement {statement_id}.")
        return StatementView(*row)

    def _statements(self) -> Select[*tuple[Any, ...]]:
        table, line, entry = GatewayStatement, StatementLine, PaymentEntry
        zone = str(self._zone)
        sums = (
            select(
                func.count(line.id).label("lines"),
                func.coalesce(func.sum(case((line.kind == "receipt", line.amount))), 0).label("i"),
                func.coalesce(func.sum(case((line.kind == "refund", line.amount))), 0).label("o"),
                func.count(line.entry_id).label("matched"),
            )
            .where(line.statement_id == table.id)
            .lateral()
        )
        known = select(line.entry_id).where(line.entry_id == entry.id).exists()
        missing = (
            select(func.count())
            .where(
                entry.source == table.gateway,
                entry.paid_at >= func.timezone(zone, cast(table.day, DateTime)),
                entry.paid_at < func.timezone(zone, cast(table.day, DateTime) + timedelta(days=1)),
                ~known,
            )
            .scalar_subquery()
        )
        return select(
            table.id, table.gateway, table.day, sums.c.lines, sums.c.i, sums.c.o, sums.c.matched,
            sums.c.lines - sums.c.matched, missing, table.taken_by, table.taken_at,
        ).join(sums, true())  # fmt: skip


async def _add(
    session: AsyncSession, gateway: str, day: date, actor_id: int | None, now: datetime
) -> int:
    """The day's statement, locked until the end of the transaction."""
    made: int | None = await session.scalar(
        insert(GatewayStatement)
        .values(gateway=gateway, day=day, taken_by=actor_id, taken_at=now)
        .on_conflict_do_update(
            constraint="uq_gateway_statements_day", set_={"taken_by": actor_id, "taken_at": now}
        )
        .returning(GatewayStatement.id)
    )
    assert made is not None
    return made


async def _add_rows(
    session: AsyncSession, statement_id: int, gateway: str, rows: Sequence[StatementRow]
) -> None:
    values = [
        {
            "statement_id": statement_id,
            "gateway": gateway,
            "kind": row.kind,
            "token": row.token,
            "reference": row.reference,
            "amount": row.amount,
            "at": row.at,
        }
        for row in rows
    ]
    if values:
        statement = insert(StatementLine).on_conflict_do_nothing(
            constraint="uq_gateway_statement_lines_once"
        )
        await session.execute(statement, values)


async def _differs(
    session: AsyncSession,
    gateway: str,
    their: Movement | None,
    our: Movement | None,
    now: datetime,
) -> None:
    movement = their or our
    assert movement is not None
    order_id, payment_id, at = await _whose(session, their, our)
    if our is None and await _is_known(session, gateway, movement):
        return
    found = Found(
        _kind(their, our),
        _subject(gateway, movement),
        gateway,
        movement.reference,
        order_id,
        payment_id,
        our.amount if our else None,
        their.amount if their else None,
        money_at=at,
    )
    await differences.add(session, found, now)


async def _is_known(session: AsyncSession, gateway: str, their: Movement) -> bool:
    """Its call-back was looked at and is a difference already."""
    table = PaymentDifference
    found = await session.scalar(
        select(table.id).where(
            table.subject == f"{gateway}:{their.reference}", table.state == "open"
        )
    )
    return found is not None


async def _whose(
    session: AsyncSession, their: Movement | None, our: Movement | None
) -> tuple[int | None, int | None, datetime | None]:
    """The order and the attempt, and when the money moved, as far as they are known."""
    if our is not None:
        entry = await session.get_one(PaymentEntry, our.id)
        return entry.order_id, None, entry.paid_at
    assert their is not None
    line = await session.get_one(StatementLine, their.id)
    table = Payment if line.kind == "receipt" else PaymentRefund
    row = (
        await session.execute(select(table.order_id, table.id).where(table.token == line.token))
    ).one_or_none()
    if row is None:
        return None, None, line.at
    return row.order_id, row.id if table is Payment else None, line.at


def _kind(their: Movement | None, our: Movement | None) -> Kind:
    if their is None:
        return Kind.MISSING_THERE
    if our is not None:
        return Kind.AMOUNT_DIFFERS
    return Kind.MISSING_HERE if their.kind == "receipt" else Kind.REFUND_UNBOOKED


def _subject(gateway: str, movement: Movement) -> str:
    return f"{gateway}:{movement.kind}:{movement.reference}"
