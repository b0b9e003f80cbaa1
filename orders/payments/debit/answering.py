"""One line of a bank's answer, in one transaction. Rule: a line is decided once; told again it is the same, and
told otherwise it is refused with a reason and shown as a difference when money may have moved.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.methods import Method
from orders.payments import booking, differences
from orders.payments.booking import Booked, Occasion
from orders.payments.debit.file import Answer
from orders.payments.debit.tables import DebitLine
from orders.payments.differences import Found, Kind
from orders.payments.service import DEBIT
from orders.receipts.book import NewEntry


@dataclass(frozen=True, slots=True)
class Taken:
    """`what` is paid, failed, same, or the code of a refusal."""

    what: str
    booked: Booked | None = None


async def take(session: AsyncSession, batch_id: int, answer: Answer, at: Occasion) -> Taken:
    """Book it, or say why not."""
    line = await session.scalar(select(DebitLine).where(DebitLine.token == answer.token))
    if line is None or line.batch_id != batch_id:
        return Taken("unknown_line")
    order = await booking.held(session, line.order_id)
    await session.refresh(line, with_for_update=True)
    if answer.amount != line.amount or answer.line_no != line.line_no:
        if answer.collected:
            await _differs(session, Kind.AMOUNT_DIFFERS, line, answer, at.now)
        return Taken("amount_differs")
    if line.state == ("paid" if answer.collected else "failed"):
        return Taken("same")
    if line.state != "waiting":
        if answer.collected:
            await _differs(session, Kind.DEBIT_LATE, line, answer, at.now)
        return Taken(f"already_{line.state}")
    line.bank_serial, line.answered_at = answer.serial or None, at.now
    if not answer.collected:
        line.state, line.reason = "failed", f"{answer.code} {answer.text}".strip()[:100]
        return Taken("failed")
    line.state = "paid"
    entry = NewEntry("receipt", line.amount, Method.DEBIT, DEBIT, line.token, at.now)
    return Taken("paid", await booking.receive(session, order, entry, at))


async def _differs(
    session: AsyncSession, kind: Kind, line: DebitLine, answer: Answer, now: datetime
) -> None:
    found = Found(
        kind,
        f"{DEBIT}:{line.token}",
        DEBIT,
        line.token,
        line.order_id,
        expected=line.amount,
        found=answer.amount,
        money_at=now,
    )
    await differences.add(session, found, now)
