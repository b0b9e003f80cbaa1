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
from orders.review.rules import Assessment
from orders.sales.commands import PlaceOrder
from orders.sales.flow import HOLDS_STOCK, Status
from orders.sales.parts import Part
from orders.sales.tables import SUBJECT
from orders.sales.views import QuotedLine
from orders.stock import ledger
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods


@dataclass(frozen=True, slots=True)
class NewOrder:
    """`day` opens the order's number: yymmdd of the business's own calendar; a part has its whole's number
    and `-2` instead.
    """

    command: PlaceOrder
    customer_id: int
    part: Part
    discount_why: tuple[Reason, ...]
    credit_held: Decimal
    status: Status
    warehouse: str
    assessment: Assessment
    day: str
    actor_id: int | None
    at: datetime
    split_from: "Stored | None" = None

    @property
    def reserves(self) -> bool:
        """Whether its goods are taken now."""
        return self.status in HOLDS_STOCK


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
    INSERT INTO orders (id, number, split_from, key, fingerprint, customer_id, call_id, placed_by, status,
                        total, discount, discount_why, credit_held, address, note, payment, warehouse,
                        urgent, medium, wanted_on, review, review_why, placed_at)
    SELECT n.id,
           coalesce(CAST(:number AS text), CAST(:day AS text) || '-'
                    || lpad(n.id::text, greatest(6, length(n.id::text)), '0')),
           CAST(:split_from AS int), CAST(:key AS text), CAST(:fingerprint AS text), CAST(:customer_id AS int),
           CAST(:call_id AS text), CAST(:actor_id AS int), CAST(:status AS text),
           CAST(:total AS numeric), CAST(:discount AS numeric),
           CAST(CAST(:discount_why AS text) AS jsonb), CAST(:credit_held AS numeric),
           CAST(:address AS text), CAST(:note AS text), CAST(:payment AS text),
           CAST(:warehouse AS text), CAST(:urgent AS boolean), CAST(:medium AS text),
           CAST(:wanted_on AS date), CAST(:review AS text),
           CAST(CAST(:review_why AS text) AS jsonb), CAST(:at AS timestamptz)
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
                        language, params, created_at, queued_at, next_at)
    SELECT m.token, '{SUBJECT}', made.id, CAST(:customer_id AS int), m.kind, m.channel, m.recipient, m.language,
           m.params || jsonb_build_object('number', made.number),
           CAST(:at AS timestamptz), CAST(:at AS timestamptz), CAST(:at AS timestamptz)
    FROM made, {messages.ROWS}
    RETURNING id, channel
), touched AS (
    INSERT INTO insight_queue (customer_id) SELECT CAST(:customer_id AS int) FROM made
), """
    + ledger.changes(
        "made CROSS JOIN (SELECT sku, CAST(sum(quantity * factor) AS int) AS quantity,"
        " CAST(NULL AS numeric) AS value FROM wanted WHERE CAST(:reserves AS boolean) GROUP BY sku) w",
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
    command, part, whole = order.command, order.part, order.split_from
    values: dict[str, object] = {
        "day": order.day,
        "number": f"{whole.number}-2" if whole else None,
        "split_from": whole.order_id if whole else None,
        "key": None if whole else command.key,
        "fingerprint": command.fingerprint,
        "customer_id": order.customer_id,
        "call_id": command.call_id,
        "status": str(order.status),
        "total": part.total,
        "discount": part.discount,
        "discount_why": json.dumps([why_of(each) for each in order.discount_why]),
        "credit_held": order.credit_held,
        "address": command.address,
        "note": command.note,
        "payment": command.payment,
        "urgent": command.urgent or order.assessment.urgent,
        "medium": command.medium,
        "wanted_on": command.wanted_on,
        "review": str(order.assessment.verdict),
        "review_why": json.dumps([why_of(each) for each in order.assessment.why]),
        "reserves": order.reserves,
        "lines": json.dumps(line_rows(0, part.lines), default=str),
        "messages": messages.encoded(told),
    }
    cause = Cause(order.at, actor_id=order.actor_id)
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


def line_rows(order_id: int, lines: Sequence[QuotedLine]) -> list[dict[str, object]]:
    """Rows of `order_lines`, numbered from 1."""
    return [
        {
            "order_id": order_id,
            "line_no": line_no,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit": line.unit,
            "factor": line.factor,
            "tax_rate": line.tax_rate,
            "unit_price": line.unit_price,
            "line_total": line.line_total,
            "why": [why_of(each) for each in line.why],
        }
        for line_no, line in enumerate(lines, 1)
    ]


def why_of(reason: Reason) -> dict[str, object]:
    return {"code": reason.code, "params": dict(reason.params)}


def stock_lines(lines: Sequence[QuotedLine]) -> tuple[StockLine, ...]:
    """Base units of each product."""
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[line.sku] += line.base_quantity
    return tuple(StockLine(sku, quantity) for sku, quantity in wanted.items())
