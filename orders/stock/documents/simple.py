"""Documents that are posted as they are made: receipts, gains and losses, write-offs, holds, new costs.

Rule: the document, its lines and what it does to the goods are one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.errors import BadDocument
from orders.money import to_fen
from orders.stock import batches, warehouses
from orders.stock.documents.commands import (
    NewAdjustment,
    NewCostChange,
    NewHold,
    NewReceipt,
    NewWriteOff,
    ReceiptLine,
)
from orders.stock.documents.kinds import Kind, State
from orders.stock.documents.writing import Head, Line, Setting, Written, store, write_lines
from orders.stock.moves import Goods
from orders.stock.posting import Posting, post, prepare
from orders.stock.tables import Stock


async def receive(session: AsyncSession, key: str, new: NewReceipt, setting: Setting) -> Written:
    """Raises UnknownWarehouse, UnknownProduct, BadDocument, BatchDiffers, TooMuchStock."""
    await warehouses.must_be_open(session, new.warehouse)
    head = Head(
        Kind.RECEIPT,
        State.POSTED,
        new.warehouse,
        key,
        new,
        {"supplier": new.supplier, "note": new.note},
    )
    made = await store(session, head, setting)
    if not made.created:
        return made
    lives = await prepare(session, new.warehouse, {line.sku for line in new.lines})
    lines, postings = [], []
    for line in sorted(new.lines, key=lambda each: (each.sku, each.batch_no or "")):
        value = to_fen(line.unit_cost * line.quantity)
        batch_id = await _batch(session, new.warehouse, line, lives[line.sku])
        lines.append(Line(line.sku, line.quantity, batch_id, unit_cost=line.unit_cost, value=value))
        postings.append(Posting(Goods.RECEIVE, line.sku, line.quantity, batch_id, value))
    return await _finish(session, made, new.warehouse, lines, postings, setting=setting)


async def adjust(session: AsyncSession, key: str, new: NewAdjustment, setting: Setting) -> Written:
    """Raises UnknownWarehouse, UnknownProduct, UnknownBatch, BadDocument, OutOfStock."""
    made = await _begin(session, key, Kind.ADJUSTMENT, new, setting)
    if not made.created:
        return made
    await prepare(session, new.warehouse, {line.sku for line in new.lines})
    lines, postings = [], []
    for line in new.lines:
        batch_id = await _named(session, new.warehouse, line.sku, line.batch_no)
        kind = Goods.GAIN if line.quantity > 0 else Goods.LOSS
        lines.append(Line(line.sku, line.quantity, batch_id))
        postings.append(Posting(kind, line.sku, abs(line.quantity), batch_id))
    return await _finish(session, made, new.warehouse, lines, postings, setting=setting)


async def write_off(session: AsyncSession, key: str, new: NewWriteOff, setting: Setting) -> Written:
    """Raises UnknownWarehouse, UnknownProduct, UnknownBatch, BadDocument, OutOfStock."""
    made = await _begin(session, key, Kind.WRITE_OFF, new, setting)
    if not made.created:
        return made
    lives = await prepare(session, new.warehouse, {line.sku for line in new.lines})
    lines, postings = [], []
    for line in new.lines:
        if line.blocked:
            _refuse_batched(lives, line.sku)
            postings.append(Posting(Goods.UNBLOCK, line.sku, line.quantity))
        batch_id = await _named(session, new.warehouse, line.sku, line.batch_no)
        lines.append(Line(line.sku, line.quantity, batch_id))
        postings.append(Posting(Goods.WRITE_OFF, line.sku, line.quantity, batch_id))
    return await _finish(session, made, new.warehouse, lines, postings, setting=setting)


async def hold(session: AsyncSession, key: str, new: NewHold, setting: Setting) -> Written:
    """Raises UnknownWarehouse, UnknownProduct, BadDocument (goods in batches), OutOfStock."""
    made = await _begin(session, key, Kind.HOLD, new, setting)
    if not made.created:
        return made
    lives = await prepare(session, new.warehouse, {line.sku for line in new.lines})
    for line in new.lines:
        _refuse_batched(lives, line.sku)
    lines = [Line(line.sku, line.quantity) for line in new.lines]
    postings = [
        Posting(Goods.BLOCK if line.quantity > 0 else Goods.UNBLOCK, line.sku, abs(line.quantity))
        for line in new.lines
    ]
    return await _finish(session, made, new.warehouse, lines, postings, setting=setting)


async def change_cost(
    session: AsyncSession, key: str, new: NewCostChange, setting: Setting
) -> Written:
    """Raises UnknownWarehouse, UnknownProduct."""
    made = await _begin(session, key, Kind.COST_CHANGE, new, setting)
    if not made.created:
        return made
    await prepare(session, new.warehouse, {line.sku for line in new.lines})
    rows = await session.execute(
        select(Stock.sku, Stock.on_hand, Stock.value).where(
            Stock.warehouse == new.warehouse, Stock.sku.in_([line.sku for line in new.lines])
        )
    )
    there = {row.sku: row for row in rows}
    lines, postings = [], []
    for line in new.lines:
        on_hand, value = there[line.sku].on_hand, there[line.sku].value
        difference = to_fen(line.unit_cost * on_hand) - value
        before = value / on_hand if on_hand else None
        lines.append(
            Line(line.sku, on_hand, price=line.unit_cost, price_before=before, value=difference)
        )
        postings.append(Posting(Goods.REVALUE, line.sku, 0, value=difference))
    return await _finish(session, made, new.warehouse, lines, postings, setting=setting)


async def _begin(
    session: AsyncSession,
    key: str,
    kind: Kind,
    new: NewAdjustment | NewWriteOff | NewHold | NewCostChange,
    setting: Setting,
) -> Written:
    await warehouses.must_exist(session, new.warehouse)
    more = {"note": new.note, "reason": getattr(new, "reason", None)}
    return await store(session, Head(kind, State.POSTED, new.warehouse, key, new, more), setting)


async def _finish(
    session: AsyncSession,
    made: Written,
    warehouse: str,
    lines: Iterable[Line],
    postings: Sequence[Posting],
    *,
    setting: Setting,
) -> Written:
    await write_lines(session, made.document_id, lines)
    changed = await post(
        session, warehouse, postings, setting.cause(made.document_id), setting.today
    )
    return Written(made.document_id, changed)


async def _batch(
    session: AsyncSession, warehouse: str, line: ReceiptLine, shelf_life: int | None
) -> int | None:
    if shelf_life is None:
        if line.batch_no or line.made_on or line.expires_on:
            raise BadDocument(
                f"{line.sku} has no shelf life: leave batch and days out.",
                fields={"sku": line.sku, "batch_no": "unknown"},
            )
        return None
    if line.batch_no is None:
        raise BadDocument(
            f"{line.sku} has a shelf life: name the batch.",
            fields={"sku": line.sku, "batch_no": "missing"},
        )
    expires_on = _last_day(line, shelf_life)
    if expires_on is None:
        return (await batches.named(session, warehouse, line.sku, line.batch_no)).id
    batch = await batches.opened(
        session, warehouse, line.sku, line.batch_no, expires_on=expires_on, made_on=line.made_on
    )
    return batch.id


def _last_day(line: ReceiptLine, shelf_life: int) -> date | None:
    if line.expires_on is not None or line.made_on is None:
        return line.expires_on
    return line.made_on + timedelta(days=shelf_life)


async def _named(
    session: AsyncSession, warehouse: str, sku: str, batch_no: str | None
) -> int | None:
    if batch_no is None:
        return None
    return (await batches.named(session, warehouse, sku, batch_no)).id


def _refuse_batched(lives: Mapping[str, int | None], sku: str) -> None:
    if lives[sku] is not None:
        raise BadDocument(
            f"{sku} lies in batches: block or write off the batch.",
            fields={"sku": sku, "batch_no": "missing"},
        )
