"""Settlement with couriers and suppliers, as its people use it: drafted, held against the party's statement,
confirmed, paid.

Rule: each method is one transaction that holds the settlement's row, so that of two people who press a button at the
same time one is refused; every change is in the trail.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Invalid
from crm_core.rights import Actor, Right
from crm_core.statement import driver_of
from orders.delivery.tables import Courier
from orders.settlement import drafting, party_files, reading, resolving
from orders.settlement.codes import PartyKind, Resolution, State
from orders.settlement.commands import (
    ChangeSettlement,
    DifferenceQuery,
    ItemQuery,
    NewSettlement,
    NewSettlementPayment,
    ResolveAll,
    ResolveDifference,
    SettlementQuery,
)
from orders.settlement.errors import (
    AlreadyEntered,
    DifferenceResolved,
    DraftOpen,
    MoreThanBalance,
    OpenDifferences,
    SettlementChanged,
    SettlementState,
    UnknownParty,
    UnknownSettlement,
)
from orders.settlement.party_files import PartyStatement
from orders.settlement.tables import (
    PartyStatementLine,
    Settlement,
    SettlementDifference,
    SettlementPayment,
    Supplier,
)
from orders.settlement.views import (
    DifferenceView,
    ItemView,
    SettlementDetail,
    SettlementView,
    TakenStatement,
)

log = structlog.get_logger(__name__)

ENTITY = "settlement"


class SettlementService:
    """Every method may raise Forbidden, UnknownSettlement and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def listed(self, actor: Actor, query: SettlementQuery) -> tuple[SettlementView, ...]:
        actor.require(Right.SETTLEMENT_VIEW)
        async with self._database.reading() as connection:
            return await reading.listed(connection, query)

    async def get(self, actor: Actor, settlement_id: int) -> SettlementDetail:
        actor.require(Right.SETTLEMENT_VIEW)
        async with self._database.reading() as connection:
            return await reading.detail(connection, settlement_id)

    async def items(
        self, actor: Actor, settlement_id: int, query: ItemQuery
    ) -> tuple[ItemView, ...]:
        actor.require(Right.SETTLEMENT_VIEW)
        async with self._database.reading() as connection:
            await reading.one(connection, settlement_id)
            return await reading.items(connection, settlement_id, query)

    async def differences(
        self, actor: Actor, settlement_id: int, query: DifferenceQuery
    ) -> tuple[DifferenceView, ...]:
        actor.require(Right.SETTLEMENT_VIEW)
        async with self._database.reading() as connection:
            await reading.one(connection, settlement_id)
            return await reading.differences(connection, settlement_id, query)

    async def draft(self, actor: Actor, new: NewSettlement) -> SettlementDetail:
        """Everything of this party until the last day that is in no settlement yet. Raises UnknownParty,
        DraftOpen.
        """
        actor.require(Right.SETTLEMENT_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            await _check_party(session, new.party_kind, new.party_code)
            settlement = await self._open(session, actor, new, now)
            await drafting.compute(session, settlement)
            return await self._recorded(session, actor, settlement, "draft")

    async def recompute(
        self, actor: Actor, settlement_id: int, command: ChangeSettlement
    ) -> SettlementDetail:
        """The draft anew, as things are now. Raises SettlementState, SettlementChanged."""
        actor.require(Right.SETTLEMENT_MANAGE)
        async with self._database.begin() as session:
            settlement = await _hold(session, settlement_id, State.DRAFT, command.version)
            await drafting.compute(session, settlement)
            return await self._recorded(session, actor, settlement, "recompute")

    async def discard(
        self, actor: Actor, settlement_id: int, command: ChangeSettlement
    ) -> SettlementDetail:
        """Its items can be settled otherwise. Raises SettlementState, SettlementChanged."""
        actor.require(Right.SETTLEMENT_MANAGE)
        async with self._database.begin() as session:
            settlement = await _hold(session, settlement_id, State.DRAFT, command.version)
            await drafting.empty(session, settlement)
            settlement.state = State.DISCARDED
            settlement.items, settlement.balance = 0, Decimal(0)
            return await self._recorded(session, actor, settlement, "discard")

    async def take_statement(
        self, actor: Actor, settlement_id: int, path: Path, version: int
    ) -> TakenStatement:
        """The party's own statement (Excel or CSV), in place of an earlier one; the same file again changes
        nothing. Raises SettlementState, SettlementChanged, BadPartyStatement, Invalid.
        """
        actor.require(Right.SETTLEMENT_MANAGE)
        async with self._database.reading() as connection:
            kind = PartyKind((await reading.one(connection, settlement_id)).party_kind)
        told = await asyncio.to_thread(party_files.read, path, kind)
        async with self._database.begin() as session:
            settlement = await _hold(session, settlement_id, State.DRAFT, version)
            await _keep_lines(session, settlement_id, told)
            settlement.statement_rows = told.rows
            settlement.statement_kinds = [str(each) for each in told.kinds]
            await session.flush()
            await drafting.compare(session, settlement)
            detail = await self._recorded(session, actor, settlement, "statement")
            open_rows = await _differing_rows(session, settlement_id)
        return TakenStatement(detail, told.rows, max(told.rows - open_rows, 0), told.refused)

    async def resolve(
        self, actor: Actor, difference_id: int, command: ResolveDifference
    ) -> DifferenceView:
        """Raises SettlementState, DifferenceResolved, Invalid (nothing of ours to postpone)."""
        actor.require(Right.SETTLEMENT_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            settlement_id = (await reading.difference(session, difference_id)).settlement_id
            settlement = await _hold(session, settlement_id, State.DRAFT)
            found = await session.get_one(
                SettlementDifference, difference_id, populate_existing=True
            )
            if found.resolution is not None:
                raise DifferenceResolved
            _check_resolution(found, command)
            await resolving.resolve(session, found, command, actor.user_id, now)
            await drafting.add_up(session, settlement)
            await self._recorded(session, actor, settlement, "resolve", **_told(found))
            return await reading.difference(session, difference_id)

    async def resolve_all(
        self, actor: Actor, settlement_id: int, command: ResolveAll
    ) -> SettlementDetail:
        """All open differences of at most so much, in the same way. Raises SettlementState."""
        actor.require(Right.SETTLEMENT_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            settlement = await _hold(session, settlement_id, State.DRAFT)
            found = await resolving.open_up_to(session, settlement_id, command.most)
            for each in found:
                if not (command.resolution is Resolution.POSTPONED and each.ours is None):
                    await resolving.resolve(session, each, command, actor.user_id, now)
            await drafting.add_up(session, settlement)
            told = {"most": command.most, "resolution": command.resolution, "resolved": len(found)}
            return await self._recorded(session, actor, settlement, "resolve", **told)

    async def confirm(
        self, actor: Actor, settlement_id: int, command: ChangeSettlement
    ) -> SettlementDetail:
        """From now on it stays as it is; one with nothing to pay is paid by it. Raises SettlementState,
        SettlementChanged, OpenDifferences, Invalid (nothing in it), Refused (the day lies in a closed period).
        """
        actor.require(Right.SETTLEMENT_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            settlement = await _hold(session, settlement_id, State.DRAFT, command.version)
            if still_open := await _open_differences(session, settlement_id):
                raise OpenDifferences(still_open)
            if not settlement.items:
                raise Invalid("There is nothing in this settlement.", fields={"items": "none"})
            settlement.state = State.CONFIRMED
            settlement.confirmed_by, settlement.confirmed_at = actor.user_id, now
            await session.flush()
            _pay_off(settlement, now)
            return await self._recorded(session, actor, settlement, "confirm")

    async def pay(
        self, actor: Actor, settlement_id: int, new: NewSettlementPayment
    ) -> SettlementDetail:
        """Money moved in the direction of the balance. Raises SettlementState, MoreThanBalance,
        AlreadyEntered, Refused (the day lies in a closed period).
        """
        actor.require(Right.SETTLEMENT_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            settlement = await _hold(session, settlement_id, State.CONFIRMED)
            sign = 1 if settlement.balance > 0 else -1
            left = abs(settlement.balance - settlement.paid)
            if new.amount > left:
                raise MoreThanBalance(left)
            made = await session.scalar(
                insert(SettlementPayment)
                .values(
                    settlement_id=settlement_id,
                    **new.model_dump() | {"amount": sign * new.amount},
                    booked_at=now,
                    booked_by=actor.user_id,
                )
                .on_conflict_do_nothing(constraint="uq_settlement_payments_once")
                .returning(SettlementPayment.id)
            )
            if made is None:
                raise AlreadyEntered(new.reference)
            settlement.paid += sign * new.amount
            _pay_off(settlement, now)
            return await self._recorded(session, actor, settlement, "pay", slip=new.reference)

    async def _open(
        self, session: AsyncSession, actor: Actor, new: NewSettlement, now: datetime
    ) -> Settlement:
        made = await session.scalar(
            insert(Settlement)
            .values(
                **new.model_dump(),
                begins_at=self._starts(new.begins),
                ends_at=self._starts(new.ends + timedelta(days=1)),
                created_by=actor.user_id,
                created_at=now,
            )
            .on_conflict_do_nothing()
            .returning(Settlement.id)
        )
        if made is None:
            raise DraftOpen(await _draft_of(session, new))
        return await session.get_one(Settlement, made)

    def _starts(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone)

    async def _recorded(
        self,
        session: AsyncSession,
        actor: Actor,
        settlement: Settlement,
        action: str,
        **more: object,
    ) -> SettlementDetail:
        """What was done is in the trail, and counted; `draft` is its beginning."""
        if action != "draft":
            settlement.version += 1
        await session.flush()
        detail = await reading.detail(session, settlement.id)
        view = detail.settlement
        told = {
            "state": view.state,
            "items": view.items,
            "balance": view.balance,
            "paid": view.paid,
        }
        await trail.record(
            session, actor.user_id, f"{ENTITY}.{action}", ENTITY, view.id, after=told | more
        )
        log.info("settlement", number=view.number, did=action, state=view.state, by=actor.user_id)
        return detail


async def _hold(
    session: AsyncSession, settlement_id: int, state: State, version: int | None = None
) -> Settlement:
    """Its row, locked. Raises UnknownSettlement, SettlementState, SettlementChanged."""
    found = await session.scalar(
        select(Settlement)
        .where(Settlement.id == settlement_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownSettlement(f"There is no settlement {settlement_id}.")
    if found.state != state:
        raise SettlementState(found.state)
    if version is not None and found.version != version:
        raise SettlementChanged(found.version)
    return found


def _pay_off(settlement: Settlement, now: datetime) -> None:
    """Paid when nothing is left; only couriers' orders are then worked off."""
    if settlement.paid != settlement.balance:
        return
    settlement.state, settlement.paid_at = State.PAID, now
    if settlement.party_kind != PartyKind.COURIER:
        settlement.finished_at = now


async def _check_party(session: AsyncSession, kind: PartyKind, code: str) -> None:
    table = Courier if kind is PartyKind.COURIER else Supplier
    if await session.get(table, code) is None:
        raise UnknownParty(kind, code)


async def _draft_of(session: AsyncSession, new: NewSettlement) -> int:
    found = await session.scalar(
        select(Settlement.id).where(
            Settlement.party_kind == new.party_kind,
            Settlement.party_code == new.party_code,
            Settlement.state == State.DRAFT,
        )
    )
    return found or 0


async def _open_differences(session: AsyncSession, settlement_id: int) -> int:
    table = SettlementDifference
    found = await session.scalar(
        select(func.count()).where(table.settlement_id == settlement_id, table.resolution.is_(None))
    )
    return found or 0


async def _differing_rows(session: AsyncSession, settlement_id: int) -> int:
    """How many references of the statement differ."""
    table = SettlementDifference
    found = await session.scalar(
        select(func.count(table.reference.distinct())).where(
            table.settlement_id == settlement_id, table.theirs.is_not(None)
        )
    )
    return found or 0


async def _keep_lines(session: AsyncSession, settlement_id: int, told: PartyStatement) -> None:
    table = PartyStatementLine
    await session.execute(delete(table).where(table.settlement_id == settlement_id))
    await driver_of(session).copy_records_to_table(
        table.__tablename__,
        records=[
            (settlement_id, each.reference, str(each.kind), each.row, each.amount)
            for each in told.lines
        ],
        columns=("settlement_id", "reference", "kind", "row", "amount"),
    )


def _check_resolution(found: SettlementDifference, command: ResolveDifference) -> None:
    if command.resolution is Resolution.POSTPONED and found.ours is None:
        raise Invalid(
            "There is no item of ours that could wait: choose ours (nothing) or theirs.",
            fields={"resolution": "nothing_to_postpone"},
        )


def _told(found: SettlementDifference) -> dict[str, object]:
    return {
        "difference": found.reference,
        "kind": found.kind,
        "resolution": found.resolution,
        "reason": found.reason,
    }
