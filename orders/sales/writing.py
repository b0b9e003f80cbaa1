"""SQL that writes orders. Rule: order, lines, log, messages, what is to be
worked out again of the customer, and the stock they take are one statement, so
that hot rows are locked in the last step before the commit and none exists without the others.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.outbox import messages
from crm_core.outbox.messages import NewMessage
from crm_core.statement import Statement
from orders.lines import StockLine
from orders.reasons import Reason
from orders.sales.commands import PlaceOrder
from orders.sales.tables import SUBJECT
from orders.sales.views import QuotedLine
from orders.stock import ledger
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods


@dataclass(frozen=True, slots=True)
class NewOrder:
    """`day` opens the order's number: yymmdd of the business's own calendar."""

    command: PlaceOrder
    customer_id: int
    lines: tuple[QuotedLine, ...]
    total: Decimal
    discount: Decimal
    discount_why: tuple[Reason, ...]
    credit_held: Decimal
    status: str
    warehouse: str
    day: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """`message_ids` stand in the order of the messages' channels; `stock` lacks the lines that were
    short, and then the transaction must not be committed.
    """

    order_id: int
    number: str
    message_ids: tuple[int, ...]
    stock: tuple[StockChanged, ...]


INSERT = Statement(
    f"""
WITH wanted AS MATERIALIZED (
    SELECT *
    FROM json_to_recordset(CAST(CAST(:lines AS text) AS json))
        AS w (line_no int, sku text, quantity int, unit text, factor int, tax_rate numeric,
              unit_price numeric, line_total numeric, why jsonb)
), made AS (
    INSERT INTO orders (id, number, key, fingerprint, customer_id, call_id, placed_by, status,
                        total, discount, discount_why, credit_held, address, note, payment,
                        warehouse, placed_at)
    SELECT n.id,
           CAST(:day AS text) || '-' || lpad(n.id::text, greatest(6, length(n.id::text)), '0'),
           CAST(:key AS text), CAST(:fingerprint AS text), CAST(:customer_id AS int),
           CAST(:call_id AS text), CAST(:actor_id AS int), CAST(:status AS text),
           CAST(:total AS numeric), CAST(:discount AS numeric),
           CAST(CAST(:discount_why AS text) AS jsonb), CAST(:credit_held AS numeric),
           CAST(:address AS text), CAST(:note AS text), CAST(:payment AS text),
           CAST(:warehouse AS text), CAST(:at AS timestamptz)
    FROM (SELECT nextval(pg_get_serial_sequence('orders', 'id'))::int AS id) n
    ON CONFLICT (key) DO NOTHING
    RETURNING id, number
), lines AS (
    INSERT INTO order_lines (order_id, line_no, sku, quantity, unit, factor, tax_rate, unit_price,
                             line_total, why)
    SELECT made.id, w.line_no, w.sku, w.quantity, w.unit, w.factor, w.tax_rate, w.unit_price,
           w.line_total, w.why
    FROM made, wanted w
), logged AS (
    INSERT INTO order_status_log (order_id, to_status, actor_id, at)
    SELECT made.id, CAST(:status AS text), CAST(:actor_id AS int), CAST(:at AS timestamptz)
    FROM made
), told AS (
    INSERT INTO outbox (token, subject, subject_id, customer_id, kind, channel, recipient,
                        language, params, created_at, next_at)
    SELECT m.token, '{SUBJECT}', made.id, CAST(:customer_id AS int), m.kind, m.channel, m.recipient, m.language,
           m.params || jsonb_build_object('number', made.number),
           CAST(:at AS timestamptz), CAST(:at AS timestamptz)
    FROM made, {messages.ROWS}
    RETURNING id, channel
), touched AS (
    INSERT INTO insight_queue (customer_id) SELECT CAST(:customer_id AS int) FROM made
), """
    + ledger.changes(
        "made CROSS JOIN (SELECT sku, CAST(sum(quantity * factor) AS int) AS quantity,"
        " CAST(NULL AS numeric) AS value FROM wanted GROUP BY sku) w",
        "made.id",
    )
    + """
SELECT made.id, made.number, (SELECT array_agg(id ORDER BY channel) FROM told) AS message_ids,
       (SELECT array_agg(sku ORDER BY sku) FROM changed) AS changed,
       (SELECT array_agg(available ORDER BY sku) FROM changed) AS available
FROM made
"""
)


async def insert(
    session: AsyncSession, order: NewOrder, told: Sequence[NewMessage]
) -> Stored | None:
    """None when the key is taken; one that is being committed just now is waited for."""
    command = order.command
    values: dict[str, object] = {
        "day": order.day,
        "key": command.key,
        "fingerprint": command.fingerprint,
        "customer_id": order.customer_id,
        "call_id": command.call_id,
        "status": str(order.status),
        "total": order.total,
        "discount": order.discount,
        "discount_why": json.dumps([_why(each) for each in order.discount_why]),
        "credit_held": order.credit_held,
        "address": command.address,
        "note": command.note,
        "payment": command.payment,
        "lines": _lines(order.lines),
        "messages": messages.encoded(told),
    }
    cause = Cause(order.at, actor_id=command.placed_by)
    values |= ledger.parameters(Goods.RESERVE, order.warehouse, cause)
    rows = await INSERT.write(session, values)
    if not rows:
        return None
    row = rows[0]
    changed = zip(row["changed"] or (), row["available"] or (), strict=True)
    return Stored(
        row["id"],
        row["number"],
        tuple(row["message_ids"] or ()),
        tuple(StockChanged(sku, available, order.warehouse) for sku, available in changed),
    )


def _lines(lines: Sequence[QuotedLine]) -> str:
    return json.dumps(
        [
            {
                "line_no": line_no,
                "sku": line.sku,
                "quantity": line.quantity,
                "unit": line.unit,
                "factor": line.factor,
                "tax_rate": str(line.tax_rate),
                "unit_price": str(line.unit_price),
                "line_total": str(line.line_total),
                "why": [_why(each) for each in line.why],
            }
            for line_no, line in enumerate(lines, 1)
        ]
    )


def _why(reason: Reason) -> dict[str, object]:
    return {"code": reason.code, "params": dict(reason.params)}


def stock_lines(lines: Sequence[QuotedLine]) -> tuple[StockLine, ...]:
    """Base units of each product."""
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[line.sku] += line.base_quantity
    return tuple(StockLine(sku, quantity) for sku, quantity in wanted.items())
