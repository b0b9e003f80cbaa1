"""Documents as people see them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from orders.catalogue.tables import Product
from orders.errors import UnknownDocument
from orders.stock.documents.commands import DocumentQuery
from orders.stock.documents.tables import StockDocument, StockDocumentLine
from orders.stock.tables import StockBatch


@dataclass(frozen=True, slots=True)
class DocumentBrief:
    """`reversed_by` is the document that undid it."""

    id: int
    number: str
    kind: str
    state: str
    warehouse: str
    to_warehouse: str | None
    supplier: str | None
    reason: str | None
    note: str | None
    reverses_id: int | None
    reversed_by: int | None
    created_by: int | None
    created_at: datetime
    posted_by: int | None
    posted_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentLineView:
    """`difference` is what was counted or arrived, less what was expected."""

    line_no: int
    sku: str
    name_zh: str
    name_en: str
    batch_no: str | None
    quantity: int | None
    expected: int | None
    unit_cost: Decimal | None
    price: Decimal | None
    price_before: Decimal | None
    value: Decimal | None

    @property
    def difference(self) -> int | None:
        if self.quantity is None or self.expected is None:
            return None
        return self.quantity - self.expected


@dataclass(frozen=True, slots=True)
class DocumentView:
    document: DocumentBrief
    lines: tuple[DocumentLineView, ...]


_Undone = aliased(StockDocument)


def _briefs() -> Select[*tuple[Any, ...]]:
    return select(
        StockDocument.id,
        StockDocument.number,
        StockDocument.kind,
        StockDocument.state,
        StockDocument.warehouse,
        StockDocument.to_warehouse,
        StockDocument.supplier,
        StockDocument.reason,
        StockDocument.note,
        StockDocument.reverses_id,
        select(_Undone.id).where(_Undone.reverses_id == StockDocument.id).scalar_subquery(),
        StockDocument.created_by,
        StockDocument.created_at,
        StockDocument.posted_by,
        StockDocument.posted_at,
    )


async def listed(connection: AsyncConnection, query: DocumentQuery) -> tuple[DocumentBrief, ...]:
    found = _briefs().order_by(StockDocument.id.desc()).limit(query.limit)
    if query.kind is not None:
        found = found.where(StockDocument.kind == query.kind)
    if query.state is not None:
        found = found.where(StockDocument.state == query.state)
    if query.warehouse is not None:
        ends = (StockDocument.warehouse, StockDocument.to_warehouse)
        found = found.where((ends[0] == query.warehouse) | (ends[1] == query.warehouse))
    if query.sku is not None:
        of_sku = exists().where(
            StockDocumentLine.document_id == StockDocument.id, StockDocumentLine.sku == query.sku
        )
        found = found.where(of_sku)
    if query.before is not None:
        found = found.where(StockDocument.id < query.before)
    return tuple(DocumentBrief(*row) for row in await connection.execute(found))


async def read(holder: AsyncSession | AsyncConnection, document_id: int) -> DocumentView:
    """Raises UnknownDocument."""
    row = (await holder.execute(_briefs().where(StockDocument.id == document_id))).one_or_none()
    if row is None:
        raise UnknownDocument(document_id)
    lines = await holder.execute(
        select(
            StockDocumentLine.line_no,
            StockDocumentLine.sku,
            Product.name_zh,
            Product.name_en,
            StockBatch.batch_no,
            StockDocumentLine.quantity,
            StockDocumentLine.expected,
            StockDocumentLine.unit_cost,
            StockDocumentLine.price,
            StockDocumentLine.price_before,
            StockDocumentLine.value,
        )
        .join(Product, Product.sku == StockDocumentLine.sku)
        .outerjoin(StockBatch, StockBatch.id == StockDocumentLine.batch_id)
        .where(StockDocumentLine.document_id == document_id)
        .order_by(StockDocumentLine.line_no)
    )
    return DocumentView(DocumentBrief(*row), tuple(DocumentLineView(*line) for line in lines))
