"""Stock counts (盘点). Rule: selling goes on. What was counted is held against the books of the moment at which
it is entered; that difference, however the goods have moved since, is posted once.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.catalogue.tables import Product, ProductCategory
from orders.errors import BadDocument
from orders.stock import ledger, warehouses
from orders.stock.documents.commands import MOST_COUNTED, LineQuantities, NewCount
from orders.stock.documents.kinds import Kind, State
from orders.stock.documents.tables import StockDocumentLine
from orders.stock.documents.transfers import numbered
from orders.stock.documents.writing import (
    Head,
    Line,
    Setting,
    Written,
    close,
    hold,
    lines_of,
    store,
    write_lines,
)
from orders.stock.moves import Goods
from orders.stock.posting import Posting, post, prepare
from orders.stock.tables import Stock, StockBatch


async def begin(session: AsyncSession, key: str, new: NewCount, setting: Setting) -> Written:
    """A line for each batch, and for each product without batches. Raises UnknownWarehouse, BadDocument."""
    await warehouses.must_exist(session, new.warehouse)
    head = Head(Kind.COUNT, State.OPEN, new.warehouse, key, new, {"note": new.note})
    made = await store(session, head, setting)
    if not made.created:
        return made
    if new.skus:
        await prepare(session, new.warehouse, set(new.skus))
    lines = await _to_count(session, new)
    if not 0 < len(lines) <= MOST_COUNTED:
        raise BadDocument(
            f"Between 1 and {MOST_COUNTED} things are counted at a time: choose other products.",
            fields={"lines": len(lines)},
        )
    await write_lines(session, made.document_id, lines)
    return made


async def enter(
    session: AsyncSession, document_id: int, given: LineQuantities, setting: Setting
) -> Written:
    """What was counted just now; again, to correct it. Raises UnknownDocument, DocumentClosed, BadDocument."""
    document = await hold(session, document_id, Kind.COUNT, State.OPEN)
    lines = await lines_of(session, document_id)
    counted = numbered(lines, given)
    chosen = [line for line in lines if line.line_no in counted]
    await ledger.lock(session, document.warehouse, {line.sku for line in chosen})
    for line in chosen:
        line.quantity = counted[line.line_no]
        line.expected = await _booked(session, document.warehouse, line)
        line.at, line.by_id = setting.now, setting.actor_id
    await session.flush()
    return Written(document_id)


async def finish(session: AsyncSession, document_id: int, setting: Setting) -> Written:
    """Post the differences. Raises UnknownDocument, DocumentClosed, BadDocument (not all is counted), OutOfStock
    (what is missing is promised to orders).
    """
    document = await hold(session, document_id, Kind.COUNT, State.OPEN)
    lines = await lines_of(session, document_id)
    missing = sum(line.quantity is None for line in lines)
    if missing:
        raise BadDocument(
            f"{missing} lines are not counted yet: count them first.", fields={"missing": missing}
        )
    postings = [
        Posting(
            Goods.GAIN if difference > 0 else Goods.LOSS,
            line.sku,
            abs(difference),
            line.batch_id,
        )
        for line in lines
        if (difference := (line.quantity or 0) - (line.expected or 0))
    ]
    cause = setting.cause(document_id)
    changed = await post(session, document.warehouse, postings, cause, setting.today)
    await close(session, document_id, State.POSTED, setting)
    return Written(document_id, changed)


async def give_up(session: AsyncSession, document_id: int, setting: Setting) -> Written:
    """Nothing is posted. Raises UnknownDocument, DocumentClosed."""
    await hold(session, document_id, Kind.COUNT, State.OPEN)
    await close(session, document_id, State.CANCELLED, setting)
    return Written(document_id)


async def _to_count(session: AsyncSession, new: NewCount) -> Sequence[Line]:
    book = func.coalesce(StockBatch.on_hand, Stock.on_hand)
    wanted = (
        select(Stock.sku, StockBatch.id, book)
        .join(Product, Product.sku == Stock.sku)
        .outerjoin(
            StockBatch,
            (StockBatch.sku == Stock.sku)
            & (StockBatch.warehouse == Stock.warehouse)
            & (StockBatch.on_hand > 0),
        )
        .where(
            Stock.warehouse == new.warehouse,
            Product.shelf_life_days.is_(None) | StockBatch.id.is_not(None),
        )
        .order_by(Stock.sku, StockBatch.expires_on, StockBatch.id)
        .limit(MOST_COUNTED + 1)
    )
    if new.skus:
        wanted = wanted.where(Stock.sku.in_(new.skus))
    if new.category_code is not None:
        below = select(ProductCategory.code).where(ProductCategory.path.any_() == new.category_code)
        wanted = wanted.where(Product.category_code.in_(below))
    rows = await session.execute(wanted)
    return [Line(sku, None, batch_id, expected=held) for sku, batch_id, held in rows]


async def _booked(session: AsyncSession, warehouse: str, line: StockDocumentLine) -> int:
    """What the books say now; the balance is locked."""
    if line.batch_id is not None:
        held = select(StockBatch.on_hand).where(StockBatch.id == line.batch_id)
    else:
        held = select(Stock.on_hand).where(Stock.sku == line.sku, Stock.warehouse == warehouse)
    return await session.scalar(held) or 0
