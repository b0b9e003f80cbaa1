"""Batches as SQL inside the caller's transaction. Rule: a batch changes only while its balance is locked, by
a move of the ledger; what is sold is taken from what expires first, and never from what is expired or blocked.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.statement import Statement
from orders.catalogue.tables import Product
from orders.errors import BatchDiffers, OutOfStock, UnknownBatch, UnknownProduct
from orders.stock.moves import Goods
from orders.stock.tables import StockBatch, StockBatchMove, StockMove
from orders.stock.views import BatchPart

_QUEUE = """
queued AS (
    SELECT b.id, b.sku, b.warehouse, b.batch_no, b.expires_on, b.on_hand, w.quantity,
           sum(b.on_hand) OVER (PARTITION BY b.warehouse, b.sku ORDER BY b.expires_on, b.id) - b.on_hand AS before
    FROM w JOIN stock_batches b ON b.sku = w.sku AND b.warehouse = w.warehouse
    WHERE NOT b.blocked AND b.on_hand > 0 AND b.expires_on >= CAST(:today AS date)
), taken AS MATERIALIZED (
    SELECT id, sku, warehouse, batch_no, expires_on, CAST(least(on_hand, quantity - before) AS int) AS quantity
    FROM queued WHERE before < quantity
)"""
"""The rule by which batches are taken: of w (sku, warehouse, quantity) what expires first. Shipping takes so, and the
picking list says so beforehand."""
# A second statement after the ledger's, because only now, with the balances locked, it sees their batches.
_FIRST_EXPIRED = Statement(f"""
WITH w AS MATERIALIZED (
    SELECT w.*, CAST(:warehouse AS text) AS warehouse
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS int[]), CAST(:move_ids AS int[]))
        AS w (sku, quantity, move_id)
    JOIN products p ON p.sku = w.sku AND p.shelf_life_days IS NOT NULL
), {_QUEUE}, lessened AS (
    UPDATE stock_batches b SET on_hand = b.on_hand - t.quantity FROM taken t WHERE b.id = t.id
), noted AS (
    INSERT INTO stock_batch_moves (move_id, batch_id, quantity)
    SELECT w.move_id, t.id, -t.quantity FROM taken t JOIN w USING (sku)
)
SELECT w.sku, w.quantity, CAST(coalesce(sum(t.quantity), 0) AS int) AS taken
FROM w LEFT JOIN taken t USING (sku)
GROUP BY w.sku, w.quantity HAVING coalesce(sum(t.quantity), 0) < w.quantity
ORDER BY w.sku
""")
_NEXT = Statement(f"""
WITH w AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:warehouses AS text[]), CAST(:quantities AS int[]))
        AS w (sku, warehouse, quantity)
), {_QUEUE}
SELECT sku, warehouse, batch_no, expires_on, quantity FROM taken ORDER BY warehouse, sku, expires_on, id
""")


@dataclass(frozen=True, slots=True)
class Batch:
    id: int
    sku: str
    batch_no: str
    on_hand: int
    blocked: bool
    expires_on: date


@dataclass(frozen=True, slots=True)
class BatchChange:
    """`quantity` comes in; less than nothing goes out."""

    move_id: int
    batch_id: int
    quantity: int


async def shelf_lives(session: AsyncSession, skus: Collection[str]) -> Mapping[str, int | None]:
    """Days by product, which nobody changes until the transaction ends. Raises UnknownProduct."""
    rows = await session.execute(
        select(Product.sku, Product.shelf_life_days)
        .where(Product.sku.in_(skus))
        .order_by(Product.sku)
        .with_for_update(read=True)
    )
    found = {row.sku: row.shelf_life_days for row in rows}
    for sku in sorted(set(skus) - set(found)):
        raise UnknownProduct(sku)
    return found


async def take(
    session: AsyncSession,
    warehouse: str,
    moves: Mapping[str, tuple[int, int]],
    today: date,
) -> None:
    """Goods of these products go out, by sku: (move id, quantity). Raises OutOfStock."""
    values: dict[str, object] = {
        "skus": list(moves),
        "move_ids": [move_id for move_id, _ in moves.values()],
        "quantities": [quantity for _, quantity in moves.values()],
        "warehouse": warehouse,
        "today": today,
    }
    for short in await _FIRST_EXPIRED.write(session, values):
        raise OutOfStock(short["sku"], short["taken"])


async def to_be_taken(
    session: AsyncSession, wanted: Mapping[tuple[str, str], int], today: date
) -> Mapping[tuple[str, str], Sequence[BatchPart]]:
    """What shipping would take now of these quantities by (warehouse, sku), in its order; less than wanted where
    blocked or expired goods are left out, and nothing of goods without a shelf life.
    """
    values: dict[str, object] = {
        "warehouses": [warehouse for warehouse, _ in wanted],
        "skus": [sku for _, sku in wanted],
        "quantities": list(wanted.values()),
        "today": today,
    }
    found: dict[tuple[str, str], list[BatchPart]] = {}
    for row in await _NEXT.read(session, values):
        part = BatchPart(row["sku"], row["batch_no"], row["expires_on"], row["quantity"])
        found.setdefault((row["warehouse"], row["sku"]), []).append(part)
    return found


async def change(session: AsyncSession, changes: Sequence[BatchChange]) -> None:
    """Raises OutOfStock for a batch that holds less."""
    for each in changes:
        done = await session.scalar(
            update(StockBatch)
            .where(StockBatch.id == each.batch_id, StockBatch.on_hand + each.quantity >= 0)
            .values(on_hand=StockBatch.on_hand + each.quantity)
            .returning(StockBatch.id)
            .execution_options(synchronize_session=False)
        )
        if done is None:
            held = await session.execute(
                select(StockBatch.sku, StockBatch.on_hand).where(StockBatch.id == each.batch_id)
            )
            raise OutOfStock(*held.one())
    if changes:
        await session.execute(
            insert(StockBatchMove),
            [{"move_id": c.move_id, "batch_id": c.batch_id, "quantity": c.quantity} for c in changes],
        )  # fmt: skip


async def known(session: AsyncSession, batch_ids: Collection[int]) -> Mapping[int, Batch]:
    """As they are now."""
    if not batch_ids:
        return {}
    rows = await session.execute(_BATCH.where(StockBatch.id.in_(batch_ids)))
    return {row.id: Batch(*row) for row in rows}


async def named(session: AsyncSession, warehouse: str, sku: str, batch_no: str) -> Batch:
    """Raises UnknownBatch."""
    found = await session.execute(
        _BATCH.where(
            StockBatch.sku == sku,
            StockBatch.warehouse == warehouse,
            StockBatch.batch_no == batch_no,
        )
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownBatch(sku, batch_no)
    return Batch(*row)


async def opened(
    session: AsyncSession,
    warehouse: str,
    sku: str,
    batch_no: str,
    *,
    expires_on: date,
    made_on: date | None = None,
    blocked_reason: str | None = None,
) -> Batch:
    """The batch of this number, made unless it is there. Raises BatchDiffers."""
    await session.execute(
        upsert(StockBatch)
        .values(
            sku=sku,
            warehouse=warehouse,
            batch_no=batch_no,
            made_on=made_on,
            expires_on=expires_on,
            blocked=blocked_reason is not None,
            blocked_reason=blocked_reason,
        )
        .on_conflict_do_nothing(index_elements=["sku", "warehouse", "batch_no"])
    )
    batch = await named(session, warehouse, sku, batch_no)
    if batch.expires_on != expires_on:
        raise BatchDiffers(sku, batch_no)
    return batch


async def went_out(session: AsyncSession, order_id: int) -> tuple[BatchPart, ...]:
    """The batches that the goods of an order were taken from, also those that came back since."""
    rows = await session.execute(
        select(
            StockBatch.sku,
            StockBatch.batch_no,
            StockBatch.expires_on,
            -func.sum(StockBatchMove.quantity),
        )
        .join(StockBatchMove, StockBatchMove.batch_id == StockBatch.id)
        .join(StockMove, StockMove.id == StockBatchMove.move_id)
        .where(
            StockMove.order_id == order_id,
            StockMove.on_hand_change < 0,
            StockMove.kind != Goods.WRITE_OFF,
        )
        .group_by(StockBatch.id)
        .order_by(StockBatch.sku, StockBatch.expires_on, StockBatch.id)
    )
    return tuple(BatchPart(*row) for row in rows)


async def out_for(session: AsyncSession, order_id: int) -> Sequence[tuple[str, int, int]]:
    """What an order has taken and not given back: (sku, batch id, quantity), the last to expire first."""
    out = -func.sum(StockBatchMove.quantity)
    rows = await session.execute(
        select(StockBatch.sku, StockBatch.id, out)
        .join(StockBatchMove, StockBatchMove.batch_id == StockBatch.id)
        .join(StockMove, and_(StockMove.id == StockBatchMove.move_id))
        .where(StockMove.order_id == order_id, StockMove.kind != Goods.WRITE_OFF)
        .group_by(StockBatch.sku, StockBatch.id, StockBatch.expires_on)
        .having(out > 0)
        .order_by(StockBatch.sku, StockBatch.expires_on.desc(), StockBatch.id.desc())
    )
    return rows.all()


def by_sku(batches: Sequence[tuple[str, int, int]]) -> Mapping[str, int]:
    """How many of each product."""
    summed: Counter[str] = Counter()
    for sku, _, quantity in batches:
        summed[sku] += quantity
    return summed


_BATCH = select(
    StockBatch.id,
    StockBatch.sku,
    StockBatch.batch_no,
    StockBatch.on_hand,
    StockBatch.blocked,
    StockBatch.expires_on,
)
