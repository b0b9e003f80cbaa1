"""Stock and its ledger. Rule: every change is this one conditional statement, which locks its rows in
the order of their sku, changes a balance only if it stays possible, and writes the ledger beside it.

Two orders can therefore neither deadlock nor take the same last item, and balance and ledger never
differ. A transaction changes one warehouse only; what several statements of it change is locked first.

Goods go out at the average cost of what is there and come in at what they cost (moving average), in
whole fen, so that the last of them takes the rest of the value along.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.statement import Statement
from orders.errors import OutOfStock, TooMuchStock
from orders.lines import StockLine
from orders.stock.events import StockChanged
from orders.stock.moves import EFFECT, UNASKED, Goods
from orders.stock.tables import MAIN, MOST_ON_HAND, Stock

_ON_HAND = "w.quantity * CAST(:goods AS int)"
_VALUE = f"""CASE WHEN {_ON_HAND} = 0 THEN coalesce(w.value, 0)
           WHEN s.on_hand + {_ON_HAND} = 0 THEN -s.value
           WHEN w.value IS NOT NULL THEN greatest(w.value, -s.value)
           WHEN s.on_hand = 0 THEN 0
           ELSE round(s.value * {_ON_HAND} / s.on_hand, 2) END"""


def changes(source: str, order_id: str) -> str:
    """The statement's parts `locked`, `changed` and `noted`; `source` yields w (sku, quantity, value), where
    the value may be NULL.

    Both arguments are SQL written here and in `writing`, never values.
    """
    return f"""
locked AS MATERIALIZED (
    SELECT s.sku, w.quantity, {_VALUE} AS value, {order_id} AS order_id
    FROM {source} JOIN stock s ON s.sku = w.sku AND s.warehouse = CAST(:warehouse AS text)
    ORDER BY s.sku
    FOR NO KEY UPDATE OF s
), changed AS (
    UPDATE stock s
    SET on_hand = s.on_hand + l.quantity * CAST(:goods AS int),
        reserved = s.reserved + l.quantity * CAST(:held AS int),
        blocked = s.blocked + l.quantity * CAST(:barred AS int),
        value = s.value + l.value
    FROM locked l
    WHERE s.sku = l.sku AND s.warehouse = CAST(:warehouse AS text)
      AND s.on_hand + l.quantity * CAST(:goods AS int) <= {MOST_ON_HAND}
      AND s.reserved + l.quantity * CAST(:held AS int)
          BETWEEN 0 AND s.on_hand + l.quantity * CAST(:goods AS int)
      AND s.blocked + l.quantity * CAST(:barred AS int)
          BETWEEN 0 AND s.on_hand + l.quantity * CAST(:goods AS int)
      AND (l.quantity * CAST(:frees AS int) >= 0
           OR s.on_hand - s.reserved - s.blocked + l.quantity * CAST(:frees AS int) >= 0)
    RETURNING s.sku, l.quantity, l.value, l.order_id,
              s.on_hand - s.reserved - s.blocked AS available
), noted AS (
    INSERT INTO stock_moves (sku, warehouse, kind, on_hand_change, reserved_change, blocked_change,
                             value_change, order_id, document_id, actor_id, at)
    SELECT sku, CAST(:warehouse AS text), CAST(:kind AS text), quantity * CAST(:goods AS int),
           quantity * CAST(:held AS int), quantity * CAST(:barred AS int), value, order_id,
           CAST(:document_id AS int), CAST(:actor_id AS int), CAST(:at AS timestamptz)
    FROM changed
    RETURNING id, sku
)"""


_CHANGE = Statement(
    "WITH"
    + changes(
        "unnest(CAST(:skus AS text[]), CAST(:quantities AS int[]), CAST(:values AS numeric[]))"
        " AS w (sku, quantity, value)",
        "CAST(:order_id AS int)",
    )
    + "SELECT sku, available, noted.id AS move_id FROM changed JOIN noted USING (sku)"
)
_LOCK = text(
    "SELECT FROM stock WHERE warehouse = :warehouse AND sku = ANY (:skus)"
    " ORDER BY sku FOR NO KEY UPDATE"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why goods move: for an order, by a document; who did it, and when."""

    now: datetime
    order_id: int | None = None
    document_id: int | None = None
    actor_id: int | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """A line of the ledger that was written, and the balance after it."""

    move_id: int
    stock: StockChanged


def parameters(kind: Goods, warehouse: str, cause: Cause) -> dict[str, object]:
    """What `changes` needs beside its source."""
    effect = EFFECT[kind]
    return {
        "warehouse": warehouse,
        "goods": effect.on_hand,
        "held": effect.reserved,
        "barred": effect.blocked,
        "frees": 0 if kind in UNASKED else effect.available,
        "kind": kind.value,
        "document_id": cause.document_id,
        "actor_id": cause.actor_id,
        "at": cause.now,
    }


async def change(
    session: AsyncSession, kind: Goods, warehouse: str, lines: Sequence[StockLine], cause: Cause
) -> tuple[Noted, ...]:
    """Do `kind` for all lines, each of another product. Raises OutOfStock for the first that fails."""
    values = {
        "skus": [line.sku for line in lines],
        "quantities": [line.quantity for line in lines],
        "values": [line.value for line in lines],
        "order_id": cause.order_id,
    }
    rows = await _CHANGE.write(session, values | parameters(kind, warehouse, cause))
    noted = tuple(
        Noted(row["move_id"], StockChanged(row["sku"], row["available"], warehouse)) for row in rows
    )
    await refuse_short(session, warehouse, lines, [each.stock for each in noted])
    return noted


async def refuse_short(
    session: AsyncSession,
    warehouse: str,
    lines: Sequence[StockLine],
    changed: Sequence[StockChanged],
) -> None:
    """Raises OutOfStock, TooMuchStock for the first line that was not changed."""
    if len(changed) < len(lines):
        done = {change.sku for change in changed}
        refused = next(line for line in lines if line.sku not in done)
        raise await _shortage(session, warehouse, refused)


async def open_balances(session: AsyncSession, warehouse: str, skus: Iterable[str]) -> None:
    """The first goods of a product in a warehouse open its balance there."""
    rows = [{"sku": sku, "warehouse": warehouse} for sku in sorted(set(skus))]
    await session.execute(insert(Stock).values(rows).on_conflict_do_nothing())


async def lock(session: AsyncSession, warehouse: str, skus: Iterable[str]) -> None:
    """Nobody else changes these balances, or their batches, until the transaction ends."""
    await session.execute(_LOCK, {"warehouse": warehouse, "skus": sorted(set(skus))})


async def receive(session: AsyncSession, sku: str, quantity: int, now: datetime) -> StockChanged:
    """Opening stock of a product without a shelf life, in the main warehouse, at no cost."""
    await open_balances(session, MAIN, (sku,))
    (noted,) = await change(session, Goods.RECEIVE, MAIN, [StockLine(sku, quantity)], Cause(now))
    return noted.stock


async def _shortage(
    session: AsyncSession, warehouse: str, line: StockLine
) -> OutOfStock | TooMuchStock:
    found = await session.execute(
        select(Stock.on_hand, Stock.on_hand - Stock.reserved - Stock.blocked).where(
            Stock.sku == line.sku, Stock.warehouse == warehouse
        )
    )
    on_hand, available = found.one_or_none() or (0, 0)
    if on_hand + abs(line.quantity) > MOST_ON_HAND:
        return TooMuchStock(line.sku, MOST_ON_HAND)
    return OutOfStock(line.sku, max(available, 0))
