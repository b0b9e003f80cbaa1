"""Many orders moved at once, by a few statements for all of them: what `moving.move` does for one, where the move
touches neither goods nor the customer's telephone. Rule: rows are locked in the order of their ids, first orders,
then customers, as one move does; an order that may not move is left as it is.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.insight_queue import touch
from crm_core.rights import Actor
from orders.sales import flow
from orders.sales.events import OrderMoved
from orders.sales.flow import MOVES, Credit, Move, Status

_LOCK = text("""
SELECT o.id, o.number, o.customer_id, o.status, o.credit_held, o.overdue FROM orders o
WHERE o.id = ANY(:order_ids) AND o.status = ANY(:statuses) ORDER BY o.id FOR NO KEY UPDATE""")
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
SELECT id, origin, :status, :reason, :actor_id, :at FROM moved ORDER BY id""")


def silent(move: Move) -> bool:
    """Whether a move changes nothing but the status and the credit that is given back."""
    return move.goods is None and not move.tells and move.credit is not Credit.HOLD


async def hold_customers(session: AsyncSession, customer_ids: Collection[int]) -> None:
    """Lock whose credit is to change, in their order, before any of it changes."""
    await session.execute(_LOCK_CUSTOMERS, {"customer_ids": list(customer_ids)})


async def move_many(
    session: AsyncSession,
    order_ids: Collection[int],
    to: Status,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
) -> tuple[OrderMoved, ...]:
    """Those of these orders from whose status a silent move leads to `to`. Raises Forbidden, ValueError (a move
    that does more).
    """
    origins = [origin for origin, end in MOVES if end is to and silent(MOVES[origin, end])]
    if not origins or to is Status.CANCELLED:
        raise ValueError(f"orders become {to} one by one")
    moves = [flow.decide(origin, to) for origin in origins]
    for move in moves:
        actor.require(move.right)
    found = await session.execute(_LOCK, {"order_ids": list(order_ids), "statuses": origins})
    rows = found.all()
    if not rows:
        return ()
    ids = [row.id for row in rows]
    frees = all(move.credit is Credit.RELEASE for move in moves)
    customers = sorted({row.customer_id for row in rows})
    if frees and any(row.credit_held or row.overdue for row in rows):
        await hold_customers(session, customers)
        await session.execute(_FREE, {"order_ids": ids})
    await session.execute(
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
    await touch(session, customers)
    return tuple(
        OrderMoved(row.id, row.number, row.customer_id, row.status, to, now) for row in rows
    )
