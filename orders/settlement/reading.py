"""SQL that reads settlements for people."""

from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from orders.settlement.commands import DifferenceQuery, ItemQuery, SettlementQuery
from orders.settlement.errors import UnknownSettlement
from orders.settlement.tables import (
    Settlement,
    SettlementDifference,
    SettlementItem,
    SettlementPayment,
    SettlementTotal,
)
from orders.settlement.views import (
    DifferenceView,
    ItemView,
    PaymentView,
    SettlementDetail,
    SettlementView,
    TotalView,
)

Holder = AsyncSession | AsyncConnection


def _settlements() -> Select[*tuple[Any, ...]]:
    table, difference, item = Settlement, SettlementDifference, SettlementItem
    still_open = (
        select(func.count())
        .where(difference.settlement_id == table.id, difference.resolution.is_(None))
        .scalar_subquery()
    )
    done = (
        select(func.count())
        .where(item.settlement_id == table.id, item.id <= table.done_to)
        .scalar_subquery()
    )
    return select(
        table.id, table.number, table.party_kind, table.party_code, table.begins, table.ends,
        table.state, table.items, table.balance, table.paid, table.statement_rows,
        table.created_by, table.created_at, table.confirmed_by, table.confirmed_at,
        table.paid_at, table.finished_at, table.version, still_open,
        case((table.finished_at.is_not(None), table.items), (table.done_to == 0, 0), else_=done),
    )  # fmt: skip


async def listed(holder: Holder, query: SettlementQuery) -> tuple[SettlementView, ...]:
    table = Settlement
    wanted = _settlements().order_by(table.id.desc()).limit(query.limit)
    if query.party_kind is not None:
        wanted = wanted.where(table.party_kind == query.party_kind)
    if query.party_code is not None:
        wanted = wanted.where(table.party_code == query.party_code)
    if query.state is not None:
        wanted = wanted.where(table.state == query.state)
    if query.before is not None:
        wanted = wanted.where(table.id < query.before)
    return tuple(SettlementView(*row) for row in await holder.execute(wanted))


async def detail(holder: Holder, settlement_id: int) -> SettlementDetail:
    """Raises UnknownSettlement."""
    view = await one(holder, settlement_id)
    total, payment = SettlementTotal, SettlementPayment
    totals = await holder.execute(
        select(total.kind, total.items, total.amount)
        .where(total.settlement_id == settlement_id)
        .order_by(total.kind)
    )
    payments = await holder.execute(
        select(
            payment.id,
            payment.amount,
            payment.method,
            payment.reference,
            payment.paid_at,
            payment.booked_at,
            payment.booked_by,
        )
        .where(payment.settlement_id == settlement_id)
        .order_by(payment.id)
    )
    return SettlementDetail(
        view, tuple(TotalView(*row) for row in totals), tuple(PaymentView(*row) for row in payments)
    )


async def one(holder: Holder, settlement_id: int) -> SettlementView:
    """Raises UnknownSettlement."""
    wanted = _settlements().where(Settlement.id == settlement_id)
    row = (await holder.execute(wanted)).one_or_none()
    if row is None:
        raise UnknownSettlement(f"There is no settlement {settlement_id}.")
    return SettlementView(*row)


async def items(holder: Holder, settlement_id: int, query: ItemQuery) -> tuple[ItemView, ...]:
    item = SettlementItem
    rows = await holder.execute(
        select(
            item.id,
            item.kind,
            item.subject,
            item.subject_id,
            item.reference,
            item.at,
            item.amount,
            item.told,
        )
        .where(item.settlement_id == settlement_id, item.id > query.after)
        .order_by(item.id)
        .limit(query.limit)
    )
    return tuple(ItemView(*row) for row in rows)


async def differences(
    holder: Holder, settlement_id: int, query: DifferenceQuery
) -> tuple[DifferenceView, ...]:
    table = SettlementDifference
    wanted = (
        _differences()
        .where(table.settlement_id == settlement_id, table.id > query.after)
        .order_by(table.id)
        .limit(query.limit)
    )
    if query.open_only:
        wanted = wanted.where(table.resolution.is_(None))
    return tuple(DifferenceView(*row) for row in await holder.execute(wanted))


async def difference(holder: Holder, difference_id: int) -> DifferenceView:
    """Raises UnknownSettlement."""
    wanted = _differences().where(SettlementDifference.id == difference_id)
    row = (await holder.execute(wanted)).one_or_none()
    if row is None:
        raise UnknownSettlement(f"There is no difference {difference_id}.")
    return DifferenceView(*row)


def _differences() -> Select[*tuple[Any, ...]]:
    table = SettlementDifference
    return select(
        table.id,
        table.settlement_id,
        table.kind,
        table.reference,
        table.ours,
        table.theirs,
        table.resolution,
        table.reason,
        table.resolved_by,
        table.resolved_at,
    )
