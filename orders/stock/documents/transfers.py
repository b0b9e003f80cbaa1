"""Transfers between warehouses: sent, on the way, arrived. Rule: each end is a transaction of its own that
changes one warehouse; what is missing or too much at arrival is a loss or gain there, and nothing disappears.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.errors import BadDocument
from orders.money import to_fen
from orders.stock import batches, warehouses
from orders.stock.documents.commands import LineQuantities, NewTransfer
from orders.stock.documents.kinds import Kind, State
from orders.stock.documents.tables import StockDocumentLine
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
from orders.stock.tables import StockBatch, StockBatchMove, StockMove


async def send(session: AsyncSession, key: str, new: NewTransfer, setting: Setting) -> Written:
    """Raises UnknownWarehouse, UnknownProduct, UnknownBatch, OutOfStock."""
    await warehouses.must_exist(session, new.warehouse)
    await warehouses.must_be_open(session, new.to_warehouse)
    more = {"to_warehouse": new.to_warehouse, "note": new.note}
    head = Head(Kind.TRANSFER, State.IN_TRANSIT, new.warehouse, key, new, more)
    made = await store(session, head, setting)
    if not made.created:
        return made
    await prepare(session, new.warehouse, {line.sku for line in new.lines})
    postings = []
    for line in new.lines:
        batch_id = None
        if line.batch_no is not None:
            named = await batches.named(session, new.warehouse, line.sku, line.batch_no)
            batch_id = named.id
        postings.append(Posting(Goods.TRANSFER_OUT, line.sku, line.quantity, batch_id))
    cause = setting.cause(made.document_id)
    changed = await post(session, new.warehouse, postings, cause, setting.today)
    await write_lines(session, made.document_id, await _sent(session, made.document_id))
    return Written(made.document_id, changed)


async def arrive(
    session: AsyncSession, document_id: int, given: LineQuantities, setting: Setting
) -> Written:
    """Lines that are not given have arrived whole. Raises UnknownDocument, DocumentClosed, BadDocument."""
    document = await hold(session, document_id, Kind.TRANSFER, State.IN_TRANSIT)
    assert document.to_warehouse is not None
    lines = await lines_of(session, document_id)
    arrived = numbered(lines, given)
    await prepare(session, document.to_warehouse, {line.sku for line in lines})
    postings: list[Posting] = []
    for line in lines:
        sent, came = line.quantity or 0, arrived.get(line.line_no, line.quantity or 0)
        batch_id = await _same_batch(session, document.to_warehouse, line.batch_id)
        postings.append(Posting(Goods.TRANSFER_IN, line.sku, sent, batch_id, line.value))
        if came != sent:
            kind = Goods.GAIN if came > sent else Goods.LOSS
            postings.append(Posting(kind, line.sku, abs(came - sent), batch_id))
        line.expected, line.quantity = sent, came
        line.at, line.by_id = setting.now, setting.actor_id
    changed = await post(
        session, document.to_warehouse, postings, setting.cause(document_id), setting.today
    )
    await close(session, document_id, State.POSTED, setting)
    return Written(document_id, changed)


async def come_back(session: AsyncSession, document_id: int, setting: Setting) -> Written:
    """What is on the way returns whence it came. Raises UnknownDocument, DocumentClosed."""
    document = await hold(session, document_id, Kind.TRANSFER, State.IN_TRANSIT)
    postings = [
        Posting(Goods.TRANSFER_OUT, line.sku, -(line.quantity or 0), line.batch_id, line.value)
        for line in await lines_of(session, document_id)
    ]
    cause = setting.cause(document_id)
    changed = await post(session, document.warehouse, postings, cause, setting.today)
    await close(session, document_id, State.CANCELLED, setting)
    return Written(document_id, changed)


def numbered(lines: Sequence[StockDocumentLine], given: LineQuantities) -> Mapping[int, int]:
    """Quantities by line. Raises BadDocument for a line that is not there."""
    known = {line.line_no for line in lines}
    for each in given.lines:
        if each.line_no not in known:
            raise BadDocument(
                f"This document has no line {each.line_no}.", fields={"line_no": each.line_no}
            )
    return {each.line_no: each.quantity for each in given.lines}


async def _sent(session: AsyncSession, document_id: int) -> list[Line]:
    """What went out, a line for each batch; the value of a product is shared by its batches to the fen."""
    rows = await session.execute(
        select(
            StockMove.sku,
            StockBatchMove.batch_id,
            func.coalesce(-StockBatchMove.quantity, -StockMove.on_hand_change).label("quantity"),
            (-StockMove.on_hand_change).label("whole"),
            (-StockMove.value_change).label("value"),
        )
        .outerjoin(StockBatchMove, StockBatchMove.move_id == StockMove.id)
        .where(StockMove.document_id == document_id, StockMove.kind == Goods.TRANSFER_OUT)
        .order_by(StockMove.sku, StockBatchMove.id)
    )
    lines: list[Line] = []
    so_far, given = 0, Decimal(0)
    for row in rows:
        so_far += row.quantity
        value = to_fen(row.value * so_far / row.whole) - given
        given += value
        lines.append(Line(row.sku, row.quantity, row.batch_id, value=value))
        if so_far == row.whole:
            so_far, given = 0, Decimal(0)
    return lines


async def _same_batch(session: AsyncSession, warehouse: str, batch_id: int | None) -> int | None:
    """The batch in another warehouse. Raises BatchDiffers."""
    if batch_id is None:
        return None
    there = await session.get_one(StockBatch, batch_id)
    batch = await batches.opened(
        session,
        warehouse,
        there.sku,
        there.batch_no,
        expires_on=there.expires_on,
        made_on=there.made_on,
        blocked_reason=there.blocked_reason,
    )
    return batch.id
