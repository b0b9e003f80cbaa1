"""The invoice that is wanted of an order, as SQL inside the caller's transaction. Rule: it stands beside the order without
amounts, so that it holds however the order is changed; once the invoice was asked for it stays as it is.
"""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from orders.buyers import InvoiceWish
from orders.errors import InvoiceAskedFor
from orders.sales.tables import Order, OrderInvoiceWish
from orders.sales.views import InvoiceWanted

COLUMNS = tuple(InvoiceWish.model_fields)


def wanted(wish: InvoiceWish | None) -> InvoiceWanted | None:
    """As it is seen before it was asked for."""
    return None if wish is None else InvoiceWanted(**wish.model_dump(), asked_at=None)


async def keep(session: AsyncSession, order_id: int, wish: InvoiceWish) -> None:
    """With a new order."""
    await session.execute(insert(OrderInvoiceWish).values(order_id=order_id, **wish.model_dump()))


async def change(session: AsyncSession, order: Order, wish: InvoiceWish | None) -> None:
    """Another one, or none; the order is held. Raises InvoiceAskedFor."""
    row = await session.get(OrderInvoiceWish, order.id)
    if row is None:
        if wish is not None:
            await keep(session, order.id, wish)
        return
    if wish is not None and all(getattr(row, name) == getattr(wish, name) for name in COLUMNS):
        return
    if row.asked_at is not None:
        raise InvoiceAskedFor(order.number)
    if wish is None:
        await session.delete(row)
    else:
        for name in COLUMNS:
            setattr(row, name, getattr(wish, name))
    await session.flush()


async def follow(session: AsyncSession, whole_id: int, part: Order, *, anew: bool) -> None:
    """The part is invoiced like the whole; `anew`: even when the whole was invoiced, the part was not."""
    row = await session.get(OrderInvoiceWish, whole_id)
    if row is not None:
        values = {name: getattr(row, name) for name in COLUMNS}
        asked_at = None if anew else row.asked_at
        session.add(OrderInvoiceWish(order_id=part.id, asked_at=asked_at, **values))
        await session.flush()


async def asked(session: AsyncSession, order_id: int, now: datetime) -> None:
    """The invoice was asked for."""
    row = await session.get(OrderInvoiceWish, order_id)
    if row is not None and row.asked_at is None:
        row.asked_at = now
        await session.flush()


async def of_order(session: AsyncSession, order_id: int) -> InvoiceWanted | None:
    row = await session.get(OrderInvoiceWish, order_id)
    if row is None:
        return None
    return InvoiceWanted(**{name: getattr(row, name) for name in (*COLUMNS, "asked_at")})
