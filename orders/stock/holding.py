"""Batches that may not be sold. Rule: blocked goods are not available at once, also when orders hold them; then
less than nothing is available, no order is shipped from them, and an alarm says so.
"""

from dataclasses import asdict
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.errors import Conflict, Invalid
from orders.lines import StockLine
from orders.stock import ledger, reading
from orders.stock.commands import ChangedBatch
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods
from orders.stock.tables import StockBatch
from orders.stock.views import BatchView

EXPIRED = "expired"


async def change(
    session: AsyncSession, batch_id: int, content: ChangedBatch, cause: Cause, today: date
) -> tuple[BatchView, tuple[StockChanged, ...]]:
    """Raises NotFound, Conflict (edited since), Invalid (expired goods freed)."""
    before = await _held(session, batch_id)
    if before.version != content.version:
        raise Conflict(
            "Somebody else has changed this batch since you opened it: look at it as it is now.",
            fields={"version": before.version},
        )
    if content.blocked_reason is None and content.expires_on < today:
        raise Invalid(
            "The last day of sale is over: the batch stays blocked.",
            fields={"blocked_reason": "expired"},
        )
    changed: tuple[StockChanged, ...] = ()
    blocked = content.blocked_reason is not None
    if blocked != before.blocked:
        kind = Goods.BLOCK if blocked else Goods.UNBLOCK
        changed = await _move(session, kind, before, cause)
    values = {"expires_on": content.expires_on, "blocked_reason": content.blocked_reason}
    await _write(session, batch_id, values | {"blocked": blocked})
    after = await reading.batch(session, batch_id)
    was, became = trail.changes(asdict(before), values)
    await trail.record(
        session, cause.actor_id, "stock_batch.update", "stock_batch", batch_id,
        before=was, after=became,
    )  # fmt: skip
    return after, changed


async def expire(
    session: AsyncSession, batch_id: int, cause: Cause, today: date
) -> tuple[StockChanged, ...]:
    """Block it, if it is over and nobody has done so."""
    batch = await _held(session, batch_id)
    if batch.blocked or batch.expires_on >= today:
        return ()
    changed = await _move(session, Goods.EXPIRE, batch, cause)
    await _write(session, batch_id, {"blocked": True, "blocked_reason": EXPIRED})
    return changed


async def _held(session: AsyncSession, batch_id: int) -> BatchView:
    """The batch as it is once its balance is locked. Raises NotFound."""
    found = await reading.batch(session, batch_id)
    await ledger.lock(session, found.warehouse, (found.sku,))
    locked = await session.scalar(
        select(StockBatch.id).where(StockBatch.id == batch_id).with_for_update()
    )
    assert locked is not None
    return await reading.batch(session, batch_id)


async def _move(
    session: AsyncSession, kind: Goods, batch: BatchView, cause: Cause
) -> tuple[StockChanged, ...]:
    if not batch.on_hand:
        return ()
    lines = [StockLine(batch.sku, batch.on_hand)]
    noted = await ledger.change(session, kind, batch.warehouse, lines, cause)
    return tuple(each.stock for each in noted)


async def _write(session: AsyncSession, batch_id: int, values: dict[str, object]) -> None:
    await session.execute(
        update(StockBatch)
        .where(StockBatch.id == batch_id)
        .values(**values, version=StockBatch.version + 1)
        .execution_options(synchronize_session=False)
    )
