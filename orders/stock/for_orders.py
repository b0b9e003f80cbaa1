"""What comes back of an order's goods into its warehouse. Rule: inside the order's own transaction; returned goods go
back into the batches they came from, at the cost at which they went.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from orders.lines import StockLine
from orders.money import to_fen
from orders.stock import batches
from orders.stock.events import StockChanged
from orders.stock.ledger import Cause
from orders.stock.moves import Goods
from orders.stock.posting import Posting, post, prepare
from orders.stock.tables import StockMove

RETURNED = "returned"


async def take_back(
    session: AsyncSession,
    warehouse: str,
    came: Sequence[StockLine],
    damaged: Sequence[StockLine],
    *,
    cause: Cause,
    today: date,
) -> tuple[StockChanged, ...]:
    """Goods of an order came back; the `damaged` of them are written off at once, from the batches they went into.
    `cause` names the order.
    """
    back = await _back(session, warehouse, came, cause=cause, today=today)
    lost = [*_written_off(back, damaged)]
    return await post(session, warehouse, [*back, *lost], cause, today)


def _written_off(back: Sequence[Posting], damaged: Sequence[StockLine]) -> Iterator[Posting]:
    for line in damaged:
        left = line.quantity
        for each in back:
            part = min(left, each.quantity) if each.sku == line.sku else 0
            if part:
                left -= part
                yield Posting(Goods.WRITE_OFF, line.sku, part, each.batch_id)


async def _back(
    session: AsyncSession,
    warehouse: str,
    lines: Sequence[StockLine],
    *,
    cause: Cause,
    today: date,
) -> list[Posting]:
    """Goods of batches that nobody knows any more are kept apart until somebody has looked at them."""
    assert cause.order_id is not None
    lives = await prepare(session, warehouse, [line.sku for line in lines])
    costs = await _costs(session, cause.order_id)
    out = await batches.out_for(session, cause.order_id)
    postings = []
    for line in lines:
        each = costs.get(line.sku)
        left = line.quantity
        if lives[line.sku] is not None:
            for sku, batch_id, quantity in out:
                part = min(left, quantity) if sku == line.sku else 0
                if part:
                    left -= part
                    postings.append(Posting(Goods.RESTOCK, sku, part, batch_id, _worth(each, part)))
        if left and (days := lives[line.sku]) is not None:
            apart = await batches.opened(
                session,
                warehouse,
                line.sku,
                f"{RETURNED}-{cause.order_id}",
                expires_on=today + timedelta(days=days),
                blocked_reason=RETURNED,
            )
            postings.append(Posting(Goods.RESTOCK, line.sku, left, apart.id, _worth(each, left)))
        elif left:
            postings.append(Posting(Goods.RESTOCK, line.sku, left, None, _worth(each, left)))
    return postings


async def _costs(session: AsyncSession, order_id: int) -> dict[str, Decimal]:
    """What one unit of each product cost when it went out for the order."""
    rows = await session.execute(
        select(
            StockMove.sku,
            func.sum(StockMove.value_change) / func.sum(StockMove.on_hand_change),
        )
        .where(
            StockMove.order_id == order_id,
            StockMove.on_hand_change < 0,
            StockMove.kind != Goods.WRITE_OFF,
        )
        .group_by(StockMove.sku)
    )
    return {row[0]: row[1] for row in rows}


def _worth(cost: Decimal | None, quantity: int) -> Decimal | None:
    return None if cost is None else to_fen(cost * quantity)
