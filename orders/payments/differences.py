"""What does not fit, inside the caller's transaction. Rule: each is there once, however often the outside repeats
it, and somebody is given the to-do of looking at it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.people.holders import holders
from crm_core.people.tables import RoleRight, User
from crm_core.rights import SYSTEM, Right
from crm_core.todos import writing
from crm_core.todos.commands import NewTodo, Priority, TodoSource
from orders.payments.tables import PaymentDifference
from orders.payments.wording import DIFFERENCE_TITLES


class Kind(StrEnum):
    UNKNOWN_PAYMENT = "unknown_payment"
    AMOUNT_DIFFERS = "amount_differs"
    WRONG_CURRENCY = "wrong_currency"
    PAID_TWICE = "paid_twice"
    OVERPAID = "overpaid"
    REFUND_FAILED = "refund_failed"
    REFUND_UNBOOKED = "refund_unbooked"
    MISSING_THERE = "missing_there"
    MISSING_HERE = "missing_here"
    DEBIT_LATE = "debit_late"


BOOKABLE = frozenset({Kind.AMOUNT_DIFFERS, Kind.PAID_TWICE, Kind.MISSING_HERE, Kind.DEBIT_LATE})
"""Those in which money came in that is of an order and is not in the ledger."""


@dataclass(frozen=True, slots=True)
class Found:
    """`subject` makes it one and the same: the outside's transaction, mostly."""

    kind: Kind
    subject: str
    source: str
    reference: str | None = None
    order_id: int | None = None
    payment_id: int | None = None
    expected: Decimal | None = None
    found: Decimal | None = None
    currency: str = "CNY"
    money_at: datetime | None = None


async def add(session: AsyncSession, found: Found, now: datetime) -> int | None:
    """Its id; None when it was there already."""
    made = await session.scalar(
        insert(PaymentDifference)
        .values(**asdict(found), found_at=now)
        .on_conflict_do_nothing(constraint="uq_payment_differences_once")
        .returning(PaymentDifference.id)
    )
    if made is not None:
        await _ask_somebody(session, made, found, now)
    return made


async def close(
    session: AsyncSession, kind: Kind, *, subject: str | None = None, order_id: int | None = None,
    reason: str, now: datetime,
) -> None:  # fmt: skip
    """It has come right by itself."""
    table = PaymentDifference
    which = table.subject == subject if subject is not None else table.order_id == order_id
    await session.execute(
        update(table)
        .where(table.kind == kind, table.state == "open", which)
        .values(state="resolved", resolved_at=now, reason=reason)
    )


async def _ask_somebody(
    session: AsyncSession, difference_id: int, found: Found, now: datetime
) -> None:
    """The first who manages payments and has to-dos; without one it stands in the list alone."""
    manages = select(RoleRight.role_code).where(RoleRight.right_code == Right.PAYMENT_MANAGE)
    able = holders(Right.TODO_WORK).add_columns(User.locale)
    row = (
        await session.execute(able.where(User.role_code.in_(manages)).order_by(User.id).limit(1))
    ).first()
    if row is None:
        return
    language = "en" if row.locale.startswith("en") else "zh"
    title = DIFFERENCE_TITLES[language].format(kind=found.kind, reference=found.reference or "")
    new = NewTodo(title=title, due_at=now, priority=Priority.HIGH, assignee_id=row.id)
    source = TodoSource(kind="payment_difference", reference=str(difference_id))
    await writing.add_once(session, SYSTEM, source, new, now)
