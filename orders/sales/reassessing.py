"""The rules of review asked again of an order that stands. Rule: it is judged as it was ordered, by the lines and list
prices that it was placed with; what a person has let go on is held again only when a rule says something new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.rights import SYSTEM
from orders.lines import OrderLine
from orders.reasons import Reason
from orders.receipts import book
from orders.review.rules import Assessment, Says, Verdict
from orders.sales import facts, flow, moving, reading, reviewing, writing
from orders.sales.flow import By, Status
from orders.sales.tables import Order
from orders.sales.views import OrderLineView

_NOTHING = Decimal(0)
_GOES_ON = (Status.PLACED, Status.REVIEWED)
_HOLDS = (Says.HOLD, Says.REJECT)


@dataclass(frozen=True, slots=True)
class Judged:
    """`rows` as `facts.read` gives them, one for each product; `beyond` is what the credit lacks for it."""

    rows: Sequence[asyncpg.Record]
    beyond: Decimal
    assessment: Assessment


async def judge(
    session: AsyncSession, order: Order, lines: Sequence[OrderLineView], zone: tzinfo
) -> Judged:
    """What the rules say of it now."""
    asked = [OrderLine(sku, 1) for sku in dict.fromkeys(line.sku for line in lines)]
    day = order.placed_at.astimezone(zone).date()
    rows = await facts.read(session, order.customer_id, asked, day, warehouse=order.warehouse)
    owed = order.total - order.given_back - await book.paid(session, order.id)
    lacks = max(owed - order.credit_held, _NOTHING)
    beyond = max(lacks - rows[0]["credit"], _NOTHING) if lacks else _NOTHING
    assessed = reviewing.assessment(
        rows,
        lines,
        order.total,
        over_credit=beyond > 0,
        note=order.note,
        payment=order.payment,
        itself=1,
    )
    return Judged(rows, beyond, assessed)


async def hold_if_told(
    session: AsyncSession, order: Order, *, now: datetime, zone: tzinfo, reason: str
) -> None:
    """The order, which is held, was changed by somebody who does not review: to review when a rule says so, urgent
    likewise. `reason` stands in its history.
    """
    (summary,) = await reading.of_ids(session, (order.id,))
    said = (await judge(session, order, summary.lines, zone)).assessment
    news = _holding(said.why) - _holding(reading.reasons(order.review_why))
    holds = said.verdict is not Verdict.PASS
    order.urgent = order.urgent or said.urgent
    if holds or order.review == Verdict.PASS:
        order.review = str(Verdict.HOLD if holds else Verdict.PASS)
        order.review_why = [writing.why_of(each) for each in said.why]
    if news and order.status in _GOES_ON:
        flow.decide(order.status, Status.REVIEW, SYSTEM, by=By.CHANGE)
        origin, order.status = order.status, Status.REVIEW
        await moving.log_status(session, order, origin, now, actor_id=None, reason=reason)


def _holding(why: Iterable[Reason]) -> set[tuple[str, str, str]]:
    """What holds an order: the kind, the rule and the words it found."""
    return {
        (each.code, each.params.get("rule", ""), each.params.get("words", ""))
        for each in why
        if each.params.get("says") in _HOLDS
    }
