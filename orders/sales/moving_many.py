"""Many orders moved at once, by a few statements for all of them: what `moving.move` does for one, where the move
touches no goods and takes no credit. Rule: rows are locked in the order of their ids, first orders,
then customers, as one move does; an order that may not move, or is not paid where it has to be, is left as it is.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.contact import contacts_of
from crm_core.customers.insight_queue import touch
from crm_core.outbox import messages
from crm_core.outbox.messages import Telling
from crm_core.rights import Actor
from orders.receipts import book
from orders.sales import flow, telling
from orders.sales.events import OrderMoved
from orders.sales.flow import MOVES, By, Credit, Move, Status
from orders.sales.tables import SUBJECT

_LOCK = text("""
SELECT o.id, o.number, o.customer_id, o.status, o.credit_held, o.overdue, o.total FROM orders o
WHERE o.id = ANY(:order_ids) AND o.status = ANY(:statuses) ORDER BY o.id FOR NO KEY UPDATE""")
# Asked once the orders are held: who books money holds the order.
_PAID = text(f"""
SELECT o.id FROM orders o
WHERE o.id = ANY(:order_ids) AND {book.PAID_OF_O} >= o.total - o.given_back""")
_LOCK_CUSTOMERS = text(
    "SELECT FROM customers WHERE id = ANY(:customer_ids) ORDER BY id FOR NO KEY UPDATE"
)
_FREE = text("""
UPDATE customers c SET credit_used = c.credit_used - h.held
FROM (SELECT customer_id, sum(credit_held) AS held FROM orders
      WHERE id = ANY(:order_ids) AND credit_held > 0 GROUP BY 1) h
WHERE c.id = h.customer_id AND c.credit_used >= h.held""")
_MOVE = text("""
WITH moved AS (
    UPDATE orders o SET status = :status, credit_held = CASE WHEN :frees THEN 0 ELSE credit_held END,
        overdue = CASE WHEN :frees THEN 0 ELSE overdue END
    FROM unnest(CAST(:order_ids AS integer[]), CAST(:origins AS text[])) AS m (id, origin)
    WHERE o.id = m.id RETURNING o.id, m.origin
)
INSERT INTO order_status_log (order_id, from_status, to_status, reason, actor_id, at)
SELECT id, origin, :status, :reason, :actor_id, :at FROM moved ORDER BY id
RETURNING order_id, id""")

_ONE_BY_ONE = (Status.CANCELLED, Status.REFUSED, Status.DELIVERED)
"""What these lead to is more than their table says: coupons, referrals."""


def _light(move: Move) -> bool:
    """Whether a move is asked for by hand, and changes nothing but the status and the credit that is given back."""
    return By.HAND in move.may and move.goods is None and move.credit is not Credit.HOLD


async def hold_customers(session: AsyncSession, customer_ids: Collection[int]) -> None:
    """Lock whose credit is to change, in their order, before any of it changes."""
    await session.execute(_LOCK_CUSTOMERS, {"customer_ids": list(customer_ids)})


async def move_many(
    session: AsyncSession,
    order_ids: Collection[int],
    to: Status,
    *,
    actor: Actor,
    channels: Collection[str],
    now: datetime,
    reason: str | None = None,
) -> tuple[OrderMoved, ...]:
    """Those of these orders from whose status a light move leads to `to`. Raises Forbidden, ValueError (a move
    that does more).
    """
    origins = [origin for origin, end in MOVES if end is to and _light(MOVES[origin, end])]
    if not origins or to in _ONE_BY_ONE:
        raise ValueError(f"orders become {to} one by one")
    moves = [flow.decide(origin, to, actor) for origin in origins]
    found = await session.execute(_LOCK, {"order_ids": list(order_ids), "statuses": origins})
    rows = found.all()
    if any(move.paid for move in moves):
        paid = set(await session.scalars(_PAID, {"order_ids": [row.id for row in rows]}))
        rows = [row for row in rows if row.id in paid]
    if not rows:
        return ()
    ids = [row.id for row in rows]
    frees = all(move.credit is Credit.RELEASE for move in moves)
    customers = sorted({row.customer_id for row in rows})
    if frees and any(row.credit_held or row.overdue for row in rows):
        await hold_customers(session, customers)
        await session.execute(_FREE, {"order_ids": ids})
    moved = await session.execute(
        _MOVE,
        {
            "order_ids": ids,
            "origins": [row.status for row in rows],
            "status": to,
            "frees": frees,
            "reason": reason,
            "actor_id": actor.user_id,
            "at": now,
        },
    )
    if any(move.tells for move in moves):
        steps = {row.order_id: row.id for row in moved}
        tellings = [(row, steps[row.id]) for row in rows]
        await _tell(session, to, tellings, channels, now)
    await touch(session, customers)
    return tuple(
        OrderMoved(row.id, row.number, row.customer_id, row.status, to, now) for row in rows
    )


async def _tell(
    session: AsyncSession,
    status: Status,
    moved: Sequence[tuple[Row[Any], int]],
    channels: Collection[str],
    now: datetime,
) -> None:
    """Everybody whose order it is, by one statement, of orders with the entry of the log; what nobody is told
    costs one question.
    """
    if not channels or not await messages.is_told(
        session, telling.kind_of(status), otherwise=telling.is_told(status)
    ):
        return
    contacts = await contacts_of(session, {row.customer_id for row, _ in moved})
    tellings = [
        Telling(
            row.id,
            row.customer_id,
            telling.of_status(
                status, row.total, contacts[row.customer_id], channels, {"number": row.number}
            ),
            str(step),
        )
        for row, step in moved
    ]
    await messages.tell_many(session, SUBJECT, tellings, now)
