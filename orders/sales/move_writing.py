"""SQL that moves an order. Rule: the order's row is locked by one statement, and its status, log, messages, what is to
be worked out again of the customer, and its goods are another one, in which the hot rows of the stock come last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key

from crm_core.outbox import messages
from crm_core.outbox.messages import CONTACT_COLUMNS, Contact, NewMessage
from crm_core.statement import Statement
from orders.lines import StockLine
from orders.sales.tables import SUBJECT, Order
from orders.stock import batches, ledger
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import EFFECT, Goods

_HOLD = Statement(f"""
SELECT o.id, o.number, o.customer_id, o.split_from, o.status, o.total, o.given_back, o.credit_held, o.review,
       o.warehouse, p.number AS phone, {", ".join(f"c.{name}" for name in CONTACT_COLUMNS)}
FROM orders o
JOIN customers c ON c.id = o.customer_id
LEFT JOIN customer_phones p ON p.customer_id = o.customer_id AND p.is_main
WHERE o.id = CAST(:order_id AS int)
FOR UPDATE OF o""")
_STATUS = f"""
WITH moved AS (
    UPDATE orders SET status = CAST(:status AS text), credit_held = CAST(:credit_held AS numeric),
        overdue = CASE WHEN CAST(:paid AS boolean) THEN 0 ELSE overdue END
    WHERE id = CAST(:order_id AS int)
), logged AS (
    INSERT INTO order_status_log (order_id, from_status, to_status, reason, actor_id, at)
    VALUES (CAST(:order_id AS int), CAST(:origin AS text), CAST(:status AS text), CAST(:reason AS text),
            CAST(:actor_id AS int), CAST(:at AS timestamptz))
    RETURNING id
), told AS (
    INSERT INTO outbox (token, subject, subject_id, customer_id, kind, channel, step, recipient, language,
                        params, created_at, queued_at, next_at)
    SELECT m.token, '{SUBJECT}', CAST(:order_id AS int), CAST(:customer_id AS int), m.kind, m.channel,
           CAST(logged.id AS text), m.recipient, m.language, m.params,
           CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:at AS timestamptz)
    FROM logged, {messages.ROWS}
), touched AS (
    INSERT INTO insight_queue (customer_id) VALUES (CAST(:customer_id AS int))
)"""
_MOVE = Statement(f"{_STATUS} SELECT FROM logged")
_MOVE_WITH_GOODS = Statement(
    f"""{_STATUS}, wanted AS MATERIALIZED (
    SELECT sku, CAST(sum(base_quantity) AS int) AS quantity, CAST(NULL AS numeric) AS value
    FROM order_lines WHERE order_id = CAST(:order_id AS int) GROUP BY sku
), {ledger.changes("wanted w", "CAST(:order_id AS int)")}
SELECT w.sku, w.quantity, c.available, n.id AS move_id, p.shelf_life_days IS NOT NULL AS has_batches
FROM wanted w
JOIN products p USING (sku)
LEFT JOIN changed c USING (sku)
LEFT JOIN noted n USING (sku)
ORDER BY w.sku"""
)


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order whose row is locked, as a move has to know it, and how its customer is told."""

    id: int
    number: str
    customer_id: int
    split_from: int | None
    status: str
    total: Decimal
    given_back: Decimal
    credit_held: Decimal
    review: str
    warehouse: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of the order; `paid`: nothing of it is overdue any more."""

    status: str
    credit_held: Decimal
    paid: bool
    reason: str | None
    told: Sequence[NewMessage]


async def hold(session: AsyncSession, order_id: int) -> HeldOrder | None:
    """Lock the order until the transaction ends; what the session has changed of it so far counts."""
    await session.flush()
    rows = await _HOLD.write(session, {"order_id": order_id})
    if not rows:
        return None
    found = dict(rows[0])
    contact = Contact.of(found | {"number": found.pop("phone")})
    return HeldOrder(
        **{name: value for name, value in found.items() if name not in CONTACT_COLUMNS},
        contact=contact,
    )


async def write(
    session: AsyncSession,
    order: HeldOrder,
    step: Step,
    goods: Goods | None,
    *,
    cause: Cause,
    today: date,
) -> tuple[StockChanged, ...]:
    """Raises OutOfStock."""
    values: dict[str, object] = {
        "order_id": order.id,
        "customer_id": order.customer_id,
        "origin": order.status,
        "status": step.status,
        "credit_held": step.credit_held,
        "paid": step.paid,
        "reason": step.reason,
        "actor_id": cause.actor_id,
        "at": cause.now,
        "messages": messages.encoded(step.told),
    }
    changed: tuple[StockChanged, ...] = ()
    if goods is None:
        await _MOVE.write(session, values)
    else:
        changed = await _with_goods(
            session, order.warehouse, goods, values, cause=cause, today=today
        )
    _follow(session, order.id, step)
    return changed


async def _with_goods(
    session: AsyncSession,
    warehouse: str,
    goods: Goods,
    values: Mapping[str, object],
    *,
    cause: Cause,
    today: date,
) -> tuple[StockChanged, ...]:
    known = ledger.parameters(goods, warehouse, cause)
    rows = await _MOVE_WITH_GOODS.write(session, {**known, **values})
    done = [row for row in rows if row["move_id"] is not None]
    changed = tuple(StockChanged(row["sku"], row["available"], warehouse) for row in done)
    lines = [StockLine(row["sku"], row["quantity"]) for row in rows]
    await ledger.refuse_short(session, warehouse, lines, changed)
    dated = {row["sku"]: (row["move_id"], row["quantity"]) for row in done if row["has_batches"]}
    if dated and EFFECT[goods].on_hand < 0:
        await batches.take(session, warehouse, dated, today)
    return changed


def _follow(session: AsyncSession, order_id: int, step: Step) -> None:
    """Whoever has the order's entity in this session sees it as it stands now."""
    known = session.sync_session.identity_map
    if known and (entity := known.get(identity_key(Order, order_id))) is not None:
        set_committed_value(entity, "status", step.status)
        set_committed_value(entity, "credit_held", step.credit_held)
        if step.paid:
            set_committed_value(entity, "overdue", Decimal(0))
