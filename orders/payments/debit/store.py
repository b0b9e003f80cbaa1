"""SQL of bank debit, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, case, exists, func, insert, not_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.errors import Forbidden
from crm_core.rights import Actor
from orders.methods import Method
from orders.payments import booking
from orders.payments.debit.file import MOST_LINES, Debit
from orders.payments.debit.tables import DebitAccount, DebitBatch, DebitLine, DebitRefusal
from orders.payments.debit.views import AccountView, BatchView, LineView, RefusedRow
from orders.payments.errors import UnknownPayment
from orders.receipts import book
from orders.receipts.tables import PaymentEntry
from orders.sales.flow import Status
from orders.sales.tables import Order

Holder = AsyncSession | AsyncConnection
_DUE = (Status.DELIVERED, Status.EXCHANGED)
_NEVER = (*booking.NOT_OWED, Status.SETTLED)
"""What is not owed, and what is paid or waived."""


async def due(session: AsyncSession, actor: Actor, order_ids: Sequence[int]) -> Sequence[Any]:
    """Orders with what is left to pay and the account it is taken from, in the order of their ids, locked; of
    customers whom this person may see.
    """
    paid = book.paid_sum().where(PaymentEntry.order_id == Order.id).scalar_subquery()
    waits = exists().where(DebitLine.order_id == Order.id, DebitLine.state == "waiting")
    wanted = (
        Order.id.in_(order_ids) & Order.status.not_in(_NEVER)
        if order_ids
        else Order.status.in_(_DUE)
    )
    account = DebitAccount
    rows = await session.execute(
        select(
            Order.id,
            (Order.total - Order.given_back - paid).label("amount"),
            account.account_no,
            account.account_name,
            account.bank_code,
            account.mandate,
        )
        .join(account, (account.customer_id == Order.customer_id) & account.active)
        .join(Customer, Customer.id == Order.customer_id)
        .where(within_scope(actor))
        .where(Order.payment == Method.DEBIT, wanted, Order.total - Order.given_back > paid, ~waits)
        .order_by(Order.id)
        .limit(MOST_LINES)
        .with_for_update(of=Order)
    )
    return rows.all()


async def add(
    session: AsyncSession,
    due_on: date,
    rows: Sequence[Any],
    actor_id: int | None,
    now: datetime,
) -> int:
    """The new batch's id."""
    total = sum((row.amount for row in rows), Decimal(0))
    batch_id: int | None = await session.scalar(
        insert(DebitBatch)
        .values(due_on=due_on, count=len(rows), total=total, created_by=actor_id, created_at=now)
        .returning(DebitBatch.id)
    )
    assert batch_id is not None
    lines = [
        {
            "batch_id": batch_id,
            "line_no": line_no,
            "token": uuid4().hex,
            "order_id": row.id,
            "amount": row.amount,
            "account_no": row.account_no,
            "account_name": row.account_name,
            "bank_code": row.bank_code,
            "mandate": row.mandate,
        }
        for line_no, row in enumerate(rows, 1)
    ]
    await session.execute(insert(DebitLine), lines)
    return batch_id


async def held(session: AsyncSession, actor: Actor, batch_id: int) -> DebitBatch:
    """Raises UnknownPayment, Forbidden (not all of its customers may be seen)."""
    found = await session.scalar(
        select(DebitBatch).where(DebitBatch.id == batch_id).with_for_update()
    )
    if found is None:
        raise _unknown(batch_id)
    await must_see_all(session, actor, batch_id)
    return found


async def must_see_all(holder: Holder, actor: Actor, batch_id: int) -> None:
    """What is done to a whole batch is done to each of its customers. Raises Forbidden."""
    if not await sees_all(holder, actor, batch_id):
        raise Forbidden(
            "This batch has customers whom you do not see: somebody who sees them all does it."
        )


async def sees_all(holder: Holder, actor: Actor, batch_id: int) -> bool:
    unseen = (
        select(DebitLine.id)
        .join(Order, Order.id == DebitLine.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(DebitLine.batch_id == batch_id, not_(within_scope(actor)))
        .limit(1)
    )
    return await holder.scalar(unseen) is None


async def debits(session: AsyncSession, batch_id: int) -> tuple[Debit, ...]:
    table = DebitLine
    rows = await session.execute(
        select(
            table.line_no,
            table.token,
            table.account_no,
            table.account_name,
            table.bank_code,
            table.amount,
            table.mandate,
        )
        .where(table.batch_id == batch_id)
        .order_by(table.line_no)
    )
    return tuple(Debit(*row) for row in rows)


async def refuse(session: AsyncSession, batch_id: int, rows: Sequence[RefusedRow]) -> None:
    """Keep rows that were not taken; the same row again is there once."""
    if rows:
        values = [
            {
                "batch_id": batch_id,
                "row": each.row,
                "line_no": each.line_no,
                "reason": each.reason,
                "at": each.at,
            }
            for each in rows
        ]
        statement = upsert(DebitRefusal).on_conflict_do_nothing(constraint="uq_debit_refusals_once")
        await session.execute(statement, values)


async def finish(session: AsyncSession, batch_id: int) -> None:
    """The batch is answered when no line waits any more."""
    waits = exists().where(DebitLine.batch_id == batch_id, DebitLine.state == "waiting")
    await session.execute(
        update(DebitBatch)
        .where(DebitBatch.id == batch_id, DebitBatch.state == "sent", ~waits)
        .values(state="answered")
        .execution_options(synchronize_session=False)
    )


async def batch(holder: Holder, batch_id: int) -> BatchView:
    """Raises UnknownPayment."""
    row = (await holder.execute(_batches().where(DebitBatch.id == batch_id))).one_or_none()
    if row is None:
        raise _unknown(batch_id)
    return BatchView(*row)


async def batches(holder: Holder, before: int | None, limit: int) -> tuple[BatchView, ...]:
    wanted = _batches().order_by(DebitBatch.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(DebitBatch.id < before)
    return tuple(BatchView(*row) for row in await holder.execute(wanted))


async def lines(holder: Holder, actor: Actor, batch_id: int) -> tuple[LineView, ...]:
    """Those of customers whom this person may see."""
    table = DebitLine
    wanted: Select[*tuple[Any, ...]] = (
        select(
            table.line_no,
            table.token,
            table.order_id,
            Order.number,
            table.amount,
            _masked(table.account_no),
            table.state,
            table.bank_serial,
            table.reason,
            table.answered_at,
        )
        .join(Order, Order.id == table.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(table.batch_id == batch_id, within_scope(actor))
        .order_by(table.line_no)
    )
    return tuple(LineView(*row) for row in await holder.execute(wanted))


async def refused(holder: Holder, actor: Actor, batch_id: int) -> tuple[RefusedRow, ...]:
    """Nobody knows whose they are, so only who may see all of the batch gets them."""
    if not await sees_all(holder, actor, batch_id):
        return ()
    table = DebitRefusal
    rows = await holder.execute(
        select(table.line_no, table.row, table.reason, table.at)
        .where(table.batch_id == batch_id)
        .order_by(table.id)
    )
    return tuple(RefusedRow(*row) for row in rows)


async def accounts(holder: Holder, customer_id: int) -> tuple[AccountView, ...]:
    """The one in use first."""
    table = DebitAccount
    rows = await holder.execute(
        select(
            table.id,
            table.customer_id,
            _masked(table.account_no),
            table.account_name,
            table.bank_code,
            table.mandate,
            table.active,
            table.created_at,
        )
        .where(table.customer_id == customer_id)
        .order_by(table.active.desc(), table.id.desc())
    )
    return tuple(AccountView(*row) for row in rows)


def _masked(account_no: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """As `views.masked` does it."""
    return func.concat("****", func.right(account_no, 4))


def _batches() -> Select[*tuple[Any, ...]]:
    table, line = DebitBatch, DebitLine

    def counted(state: str) -> Any:
        return func.count(case((line.state == state, 1)))

    of_lines = (
        select(
            line.batch_id,
            counted("waiting").label("waiting"),
            counted("paid").label("paid"),
            func.coalesce(func.sum(case((line.state == "paid", line.amount))), 0).label("sum"),
            counted("failed").label("failed"),
        )
        .where(line.batch_id == table.id)
        .group_by(line.batch_id)
        .lateral()
    )
    refusals = select(func.count()).where(DebitRefusal.batch_id == table.id).scalar_subquery()
    return select(
        table.id,
        table.due_on,
        table.state,
        table.count,
        table.total,
        of_lines.c.waiting,
        of_lines.c.paid,
        of_lines.c.sum,
        of_lines.c.failed,
        refusals,
        table.created_by,
        table.created_at,
        table.sent_at,
    ).join(of_lines, of_lines.c.batch_id == table.id)


def _unknown(batch_id: int) -> UnknownPayment:
    return UnknownPayment(f"There is no debit batch {batch_id}.")
