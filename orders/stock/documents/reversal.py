"""Reversing a document that was posted. Rule: every line of the ledger that it wrote is written again with the
opposite sign, into the same batches and at the same value, once.
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.fields import Command
from orders.catalogue.tables import Product
from orders.errors import DocumentClosed
from orders.stock.documents.kinds import REVERSIBLE, Kind, State
from orders.stock.documents.tables import StockDocument
from orders.stock.documents.writing import Head, Line, Setting, Written, hold, store, write_lines
from orders.stock.moves import EFFECT, Goods
from orders.stock.posting import Posting, post
from orders.stock.tables import StockBatchMove, StockMove

_BLOCKS = (Goods.BLOCK, Goods.UNBLOCK)


class Reversal(Command):
    """Nothing is to be said about it."""


async def reverse(session: AsyncSession, key: str, document_id: int, setting: Setting) -> Written:
    """Raises UnknownDocument, DocumentClosed (not posted, reversed before), OutOfStock (the goods are gone)."""
    document = await hold(session, document_id, None, State.POSTED)
    more = {"reverses_id": document_id, "reason": document.reason}
    kind = Kind(document.kind)
    head = Head(kind, State.POSTED, document.warehouse, key, Reversal(), more)
    if await session.scalar(_MADE_BY.where(StockDocument.key == key)) is None:
        await _check(session, document)
    made = await store(session, head, setting)
    if not made.created:
        return made
    postings = await _opposite(session, document_id)
    lines = [Line(p.sku, p.quantity, p.batch_id, value=p.value) for p in postings]
    await write_lines(session, made.document_id, lines)
    cause = setting.cause(made.document_id)
    changed = await post(session, document.warehouse, postings, cause, setting.today)
    return Written(made.document_id, changed)


async def _check(session: AsyncSession, document: StockDocument) -> None:
    if document.kind not in REVERSIBLE or document.reverses_id is not None:
        raise DocumentClosed("final")
    if await session.scalar(_MADE_BY.where(StockDocument.reverses_id == document.id)) is not None:
        raise DocumentClosed("reversed")


async def _opposite(session: AsyncSession, document_id: int) -> Sequence[Posting]:
    """Blocks of goods in batches are left out: they follow from the batches as they are now."""
    rows = await session.execute(
        select(StockMove, StockBatchMove.batch_id, StockBatchMove.quantity)
        .join(Product, Product.sku == StockMove.sku)
        .outerjoin(StockBatchMove, StockBatchMove.move_id == StockMove.id)
        .where(
            StockMove.document_id == document_id,
            StockMove.kind.not_in(_BLOCKS) | Product.shelf_life_days.is_(None),
        )
        .order_by(StockMove.id, StockBatchMove.id)
    )
    postings, seen = [], set()
    for move, batch_id, part in rows:
        kind = Goods(move.kind)
        effect = EFFECT[kind]
        if effect.on_hand:
            quantity = (part if part is not None else move.on_hand_change) * effect.on_hand
        else:
            quantity = move.blocked_change * effect.blocked
        value = Decimal(0) if move.id in seen else -move.value_change
        seen.add(move.id)
        postings.append(Posting(kind, move.sku, -quantity, batch_id, value))
    return postings


_MADE_BY = select(StockDocument.id)
