"""Stock and its ledger. Rule: every change is this one conditional statement, which locks its rows in
the order of their sku, changes a balance only if it stays possible, and writes the ledger beside it.

Two orders can therefore neither deadlock nor take the same last item, and balance and ledger never
differ.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.statement import Statement
from orders.errors import OutOfStock
from orders.lines import StockLine
from orders.stock.events import StockChanged
from orders.stock.moves import EFFECT, Goods
from orders.stock.tables import MAIN, Stock


def changes(source: str, order_id: str) -> str:
    """The statement's parts `locked`, `changed` and `noted`; `source` yields w (sku, quantity).

    Both arguments are SQL written here and in `writing`, never values.
    """
    return f"""
locked AS MATERIALIZED (
    SELECT s.sku, w.quantity, {order_id} AS order_id
    FROM {source} JOIN stock s ON s.sku = w.sku AND s.warehouse = CAST(:warehouse AS text)
    ORDER BY s.sku
    FOR NO KEY UPDATE OF s
), changed AS (
    UPDATE stock s
    SET on_hand = s.on_hand + l.quantity * CAST(:goods AS int),
        reserved = s.reserved + l.quantity * CAST(:held AS int)
    FROM locked l
    WHERE s.sku = l.sku AND s.warehouse = CAST(:warehouse AS text)
      AND s.reserved + l.quantity * CAST(:held AS int)
          BETWEEN 0 AND s.on_hand + l.quantity * CAST(:goods AS int)
    RETURNING s.sku, l.quantity, l.order_id, s.on_hand - s.reserved AS available
), noted AS (
    INSERT INTO stock_moves
        (sku, warehouse, kind, on_hand_change, reserved_change, order_id, actor_id, at)
    SELECT sku, CAST(:warehouse AS text), CAST(:kind AS text), quantity * CAST(:goods AS int),
           quantity * CAST(:held AS int), order_id, CAST(:actor_id AS int),
           CAST(:at AS timestamptz)
    FROM changed
)"""


_CHANGE = Statement(
    "WITH"
    + changes(
        "unnest(CAST(:skus AS text[]), CAST(:quantities AS int[])) AS w (sku, quantity)",
        "CAST(:order_id AS int)",
    )
    + "SELECT sku, available FROM changed"
)


def parameters(kind: Goods, now: datetime, actor_id: int | None) -> dict[str, object]:
    """What `changes` needs beside its source."""
    goods, held = EFFECT[kind]
    return {
        "warehouse": MAIN,
        "goods": goods,
        "held": held,
        "kind": kind.value,
        "actor_id": actor_id,
        "at": now,
    }


async def change(
    session: AsyncSession,
    kind: Goods,
    lines: Sequence[StockLine],
    now: datetime,
    *,
    order_id: int | None = None,
    actor_id: int | None = None,
) -> tuple[StockChanged, ...]:
    """Do `kind` for all lines. Raises OutOfStock for the first that fails."""
    values = {
        "skus": [line.sku for line in lines],
        "quantities": [line.quantity for line in lines],
        "order_id": order_id,
    }
    rows = await _CHANGE.write(session, values | parameters(kind, now, actor_id))
    changed = tuple(StockChanged(row["sku"], row["available"]) for row in rows)
    await refuse_short(session, lines, changed)
    return changed


async def lock(session: AsyncSession, skus: Collection[str]) -> None:
    """Hold the balances until the transaction ends, for one that changes them in several statements."""
    await session.execute(
        select(Stock.sku)
        .where(Stock.sku.in_(skus), Stock.warehouse == MAIN)
        .order_by(Stock.sku)
        .with_for_update(key_share=True)
    )


async def refuse_short(
    session: AsyncSession, lines: Sequence[StockLine], changed: Sequence[StockChanged]
) -> None:
    """Raises OutOfStock for the first line that was not changed."""
    if len(changed) < len(lines):
        done = {change.sku for change in changed}
        raise await _shortage(session, next(line.sku for line in lines if line.sku not in done))


async def receive(
    session: AsyncSession, sku: str, quantity: int, now: datetime, *, actor_id: int | None = None
) -> StockChanged:
    """Goods arrived; the first of a product open its balance."""
    opened = insert(Stock).values(sku=sku, warehouse=MAIN).on_conflict_do_nothing()
    await session.execute(opened)
    (changed,) = await change(
        session, Goods.RECEIVE, [StockLine(sku, quantity)], now, actor_id=actor_id
    )
    return changed


async def _shortage(session: AsyncSession, sku: str) -> OutOfStock:
    found = await session.scalar(
        select(Stock.on_hand - Stock.reserved).where(Stock.sku == sku, Stock.warehouse == MAIN)
    )
    return OutOfStock(sku, found or 0)
