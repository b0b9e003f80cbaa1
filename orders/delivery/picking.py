"""What the warehouse takes for orders. Rule: batches are named by the rule by which shipping takes them, and shared
out to the orders from the oldest on, as shipping does when the orders leave one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.rights import Actor
from orders.catalogue.tables import Product
from orders.delivery import waybills
from orders.delivery.errors import NotInPicking
from orders.delivery.papers.content import Pick, PickingSheet
from orders.errors import UnknownOrder
from orders.sales.flow import Status
from orders.sales.tables import Order, OrderedLine
from orders.stock import batches
from orders.stock.tables import Warehouse
from orders.stock.views import BatchPart


@dataclass(frozen=True, slots=True)
class Wanted:
    """Base units of a product for one order."""

    sku: str
    name: str
    specification: str | None
    unit: str
    has_life: bool
    order: str
    quantity: int


async def sheets(
    session: AsyncSession, actor: Actor, order_ids: Sequence[int], today: date
) -> tuple[PickingSheet, ...]:
    """By warehouse and code. Raises UnknownOrder, NotInPicking."""
    await _check(session, actor, order_ids)
    wanted = await _wanted(session, order_ids)
    summed = {goods: sum(each.quantity for each in of) for goods, of in wanted.items()}
    parts = await batches.to_be_taken(session, summed, today)
    names = {
        row.code: row.name_zh
        for row in await session.execute(select(Warehouse.code, Warehouse.name_zh))
    }
    picks: dict[str, list[Pick]] = {}
    for goods, of in wanted.items():
        picks.setdefault(goods[0], []).extend(shared_out(of, parts.get(goods, ())))
    return tuple(
        PickingSheet(f"{names[code]} ({code})", tuple(found)) for code, found in picks.items()
    )


def shared_out(orders: Sequence[Wanted], parts: Sequence[BatchPart]) -> Iterator[Pick]:
    """One product's goods of these batches, one after the other, for these orders, one after the other; then what
    is missing.
    """
    first = orders[0]
    about = (first.sku, first.name, first.specification, first.unit)
    left = [(each.order, each.quantity) for each in orders]
    for part in parts:
        taken, left = _cut(left, part.quantity)
        yield Pick(*about, taken, part.batch_no, part.expires_on)
    if left:
        yield Pick(*about, tuple(left), missing=first.has_life)


def _cut(
    wanted: Sequence[tuple[str, int]], quantity: int
) -> tuple[tuple[tuple[str, int], ...], list[tuple[str, int]]]:
    """The first `quantity` of it, and the rest."""
    taken, rest = [], []
    for order, many in wanted:
        part = min(many, quantity)
        quantity -= part
        if part:
            taken.append((order, part))
        if many > part:
            rest.append((order, many - part))
    return tuple(taken), rest


async def _check(session: AsyncSession, actor: Actor, order_ids: Sequence[int]) -> None:
    seen = waybills.orders_seen(actor).add_columns(Order.status).where(Order.id.in_(order_ids))
    orders = {row.id: row for row in await session.execute(seen.order_by(Order.id))}
    for order_id in order_ids:
        if order_id not in orders:
            raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    others = {row.number: row.status for row in orders.values() if row.status != Status.PICKING}
    if others:
        raise NotInPicking(others)


async def _wanted(
    session: AsyncSession, order_ids: Sequence[int]
) -> Mapping[tuple[str, str], Sequence[Wanted]]:
    """By warehouse and code, of each product the oldest order first."""
    rows = await session.execute(
        select(
            Order.warehouse,
            OrderedLine.sku,
            Product.name_zh,
            Product.specification,
            Product.unit,
            Product.shelf_life_days.is_not(None),
            Order.number,
            func.sum(OrderedLine.base_quantity),
        )
        .join(OrderedLine, OrderedLine.order_id == Order.id)
        .join(Product, Product.sku == OrderedLine.sku)
        .where(Order.id.in_(order_ids))
        .group_by(Order.id, OrderedLine.sku, Product.sku)
        .order_by(Order.warehouse, OrderedLine.sku, Order.id)
    )
    found: dict[tuple[str, str], list[Wanted]] = {}
    for row in rows:
        found.setdefault((row.warehouse, row.sku), []).append(Wanted(*row[1:]))
    return found
