"""How long goods may be returned. Rule: the term of the nearest category counts, else the general one; it runs
from the delivery, and what was refused has no term.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core import versioned
from crm_core.audit import trail
from crm_core.errors import Invalid
from crm_core.rights import Actor
from orders.aftersales.errors import ReturnTooLate
from orders.aftersales.returns.commands import TermContent
from orders.aftersales.returns.tables import ReturnTerm
from orders.aftersales.returns.views import TermView
from orders.catalogue.tables import Product, ProductCategory
from orders.sales.flow import Status
from orders.sales.tables import OrderedLine, OrderStatusLog

ENTITY = "return_term"
GENERAL = "general"
USUAL_DAYS = 7
"""The days of goods bought at a distance (消费者权益保护法, article 25), unless the business says otherwise."""


async def listed(holder: AsyncSession | AsyncConnection) -> tuple[TermView, ...]:
    """The general one first."""
    rows = await holder.execute(
        select(ReturnTerm.code, ReturnTerm.days, ReturnTerm.version).order_by(ReturnTerm.code)
    )
    found = [TermView(*row) for row in rows]
    if all(each.code != GENERAL for each in found):
        found.append(TermView(GENERAL, USUAL_DAYS, 0))
    return tuple(sorted(found, key=lambda each: (each.code != GENERAL, each.code)))


async def put(session: AsyncSession, actor: Actor, code: str, content: TermContent) -> None:
    """Raises Conflict (edited since), Invalid (no such category)."""
    if code != GENERAL and await session.get(ProductCategory, code) is None:
        raise Invalid(
            f"There is no category {code}: name one, or “{GENERAL}”.", fields={"code": "unknown"}
        )
    values = {"days": content.days}
    await versioned.put(session, ReturnTerm, code, content.version, values)
    await trail.record(session, actor.user_id, f"{ENTITY}.put", ENTITY, code, after=values)


def days_of(path: Sequence[str], days: Mapping[str, int | None]) -> int | None:
    """`path` is the codes of a product's categories from the top down. None: at any time."""
    nearest = next((code for code in reversed(path) if code in days), GENERAL)
    return days.get(nearest, USUAL_DAYS)


async def check(
    session: AsyncSession, order_id: int, lines: Sequence[OrderedLine], now: datetime
) -> None:
    """Raises ReturnTooLate for the first line whose time is over."""
    delivered = await session.scalar(
        select(func.max(OrderStatusLog.at)).where(
            OrderStatusLog.order_id == order_id, OrderStatusLog.to_status == Status.DELIVERED
        )
    )
    if delivered is None:
        return
    days = {each.code: each.days for each in await listed(session)}
    rows = await session.execute(
        select(Product.sku, ProductCategory.path)
        .outerjoin(ProductCategory, ProductCategory.code == Product.category_code)
        .where(Product.sku.in_([line.sku for line in lines]))
    )
    paths = {row.sku: row.path or () for row in rows}
    for line in lines:
        term = days_of(paths[line.sku], days)
        if term is not None and now > (until := delivered + timedelta(days=term)):
            raise ReturnTooLate(line.line_no, until)
