"""New list prices as a document: what each was, what it becomes, and what that makes of the goods that are
there, in all warehouses together. Rule: orders keep the prices they have; the audit trail tells of each product.
"""

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from orders.catalogue.tables import Product
from orders.errors import BadDocument, UnknownProduct
from orders.money import to_fen
from orders.stock.documents.commands import NewPriceChange
from orders.stock.documents.kinds import Kind, State
from orders.stock.documents.writing import Head, Line, Setting, Written, store, write_lines
from orders.stock.tables import MAIN, Stock


async def change(session: AsyncSession, key: str, new: NewPriceChange, setting: Setting) -> Written:
    """Raises UnknownProduct, BadDocument (below the least price)."""
    head = Head(Kind.PRICE_CHANGE, State.POSTED, MAIN, key, new, {"note": new.note})
    made = await store(session, head, setting)
    if not made.created:
        return made
    lines = []
    for line in sorted(new.lines, key=lambda each: each.sku):
        product = await session.get(Product, line.sku, with_for_update={"key_share": True})
        if product is None:
            raise UnknownProduct(line.sku)
        if product.floor_price is not None and product.floor_price > line.price:
            raise BadDocument(
                f"{line.sku} is never sold below {product.floor_price}: lower that first.",
                fields={"sku": line.sku, "floor_price": str(product.floor_price)},
            )
        on_hand = await session.scalar(
            select(func.coalesce(func.sum(Stock.on_hand), 0)).where(Stock.sku == line.sku)
        )
        before = product.list_price
        value = to_fen((line.price - before) * (on_hand or 0))
        lines.append(Line(line.sku, on_hand, price=line.price, price_before=before, value=value))
        await session.execute(
            update(Product)
            .where(Product.sku == line.sku)
            .values(list_price=line.price, version=Product.version + 1, changed_at=setting.now)
            .execution_options(synchronize_session=False)
        )
        await trail.record(
            session,
            setting.actor_id,
            "product.update",
            "product",
            line.sku,
            before={"list_price": before},
            after={"list_price": line.price},
        )
    await write_lines(session, made.document_id, lines)
    return made
