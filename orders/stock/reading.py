"""SQL that reads stock for people. Rule: one statement a page, so that its figures are of one moment."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import NotFound
from crm_core.search_text import contains
from orders.catalogue.tables import Product, ProductCategory
from orders.stock.commands import BatchQuery, MoveQuery, StockQuery
from orders.stock.documents.kinds import State
from orders.stock.documents.tables import StockDocument, StockDocumentLine
from orders.stock.tables import Stock, StockBatch, StockBatchMove, StockMove
from orders.stock.views import BatchView, MoveView, StockLevel

ON_THE_WAY = (
    select(
        StockDocumentLine.sku,
        StockDocument.to_warehouse.label("warehouse"),
        func.sum(StockDocumentLine.quantity).label("quantity"),
    )
    .join(StockDocument, StockDocument.id == StockDocumentLine.document_id)
    .where(StockDocument.state == State.IN_TRANSIT)
    .group_by(StockDocumentLine.sku, StockDocument.to_warehouse)
    .subquery()
)
_AVAILABLE = Stock.on_hand - Stock.reserved - Stock.blocked
_BATCH: Select[*tuple[Any, ...]] = select(
    StockBatch.id,
    StockBatch.sku,
    StockBatch.warehouse,
    StockBatch.batch_no,
    StockBatch.made_on,
    StockBatch.expires_on,
    StockBatch.on_hand,
    StockBatch.blocked,
    StockBatch.blocked_reason,
    StockBatch.version,
)


async def levels(connection: AsyncConnection, query: StockQuery) -> tuple[StockLevel, ...]:
    average = func.round(Stock.value / func.nullif(Stock.on_hand, 0), 4)
    found: Select[*tuple[Any, ...]] = (
        select(
            Stock.sku,
            Product.name_zh,
            Product.name_en,
            Product.unit,
            Stock.warehouse,
            Stock.on_hand,
            Stock.reserved,
            Stock.blocked,
            _AVAILABLE,
            Stock.value,
            average,
            func.coalesce(ON_THE_WAY.c.quantity, 0),
        )
        .join(Product, Product.sku == Stock.sku)
        .outerjoin(
            ON_THE_WAY,
            and_(ON_THE_WAY.c.sku == Stock.sku, ON_THE_WAY.c.warehouse == Stock.warehouse),
        )
        .where(after(Stock, query.after, query.after_warehouse))
        .order_by(Stock.sku, Stock.warehouse)
        .limit(query.limit)
    )
    found = of_goods(found, None, query.category_code)
    if query.warehouse is not None:
        found = found.where(Stock.warehouse == query.warehouse)
    if query.q:
        held = contains(Product.search, query.q)
        begins = Product.sku.istartswith(query.q, autoescape=True)
        found = found.where(begins if held is None else or_(begins, held))
    return tuple(StockLevel(*row) for row in await connection.execute(found))


async def batches(connection: AsyncConnection, query: BatchQuery) -> tuple[BatchView, ...]:
    found = _BATCH.where(StockBatch.on_hand > 0).limit(query.limit)
    if query.after is not None:
        before = select(StockBatch.expires_on, StockBatch.id).where(StockBatch.id == query.after)
        place = before.subquery()
        found = found.join(
            place, tuple_(StockBatch.expires_on, StockBatch.id) > tuple_(place.c.expires_on, place.c.id)
        )  # fmt: skip
    wanted: list[ColumnElement[bool]] = []
    if query.sku is not None:
        wanted.append(StockBatch.sku == query.sku)
    if query.warehouse is not None:
        wanted.append(StockBatch.warehouse == query.warehouse)
    if query.expires_until is not None:
        wanted.append(StockBatch.expires_on <= query.expires_until)
    if query.blocked is not None:
        wanted.append(StockBatch.blocked.is_(query.blocked))
    rows = await connection.execute(
        found.where(*wanted).order_by(StockBatch.expires_on, StockBatch.id)
    )
    return tuple(BatchView(*row) for row in rows)


async def batch(holder: AsyncSession | AsyncConnection, batch_id: int) -> BatchView:
    """Raises NotFound."""
    row = (await holder.execute(_BATCH.where(StockBatch.id == batch_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no batch {batch_id}.")
    return BatchView(*row)


async def moves(connection: AsyncConnection, query: MoveQuery) -> tuple[MoveView, ...]:
    found: Select[*tuple[Any, ...]] = (
        select(
            StockMove.id,
            StockMove.at,
            StockMove.sku,
            StockMove.warehouse,
            StockMove.kind,
            StockMove.on_hand_change,
            StockMove.reserved_change,
            StockMove.blocked_change,
            StockMove.value_change,
            StockMove.order_id,
            StockMove.document_id,
            StockMove.actor_id,
        )
        .order_by(StockMove.id.desc())
        .limit(query.limit)
    )
    equal = query.model_dump(include={"sku", "warehouse", "order_id", "document_id"})
    for name, value in equal.items():
        if value is not None:
            found = found.where(getattr(StockMove, name) == value)
    if query.batch_id is not None:
        of_batch = select(StockBatchMove.move_id).where(StockBatchMove.batch_id == query.batch_id)
        found = found.where(StockMove.id.in_(of_batch))
    if query.before is not None:
        found = found.where(StockMove.id < query.before)
    return tuple(MoveView(*row) for row in await connection.execute(found))


def after(table: type[Stock], sku: str, warehouse: str) -> ColumnElement[bool]:
    """The rest of the pages."""
    return tuple_(table.sku, table.warehouse) > tuple_(sku, warehouse)


def of_goods(
    found: Select[*tuple[Any, ...]], sku: str | None, category_code: str | None
) -> Select[*tuple[Any, ...]]:
    """Of this product; of this category and those below it."""
    if sku is not None:
        found = found.where(Product.sku == sku)
    if category_code is not None:
        below = select(ProductCategory.code).where(ProductCategory.path.any_() == category_code)
        found = found.where(Product.category_code.in_(below))
    return found
