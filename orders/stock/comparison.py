"""Goods in and out between two days (进销存对比). Rule: opening + in - out = closing, and the closing of one
period is the opening of the next, because both are the balance less what the ledger says has happened since.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.insight.calendar import midnight
from orders.catalogue.tables import Product
from orders.stock.commands import ComparisonQuery
from orders.stock.reading import after, of_goods
from orders.stock.tables import Stock, StockMove
from orders.stock.views import InOut


async def compare(
    connection: AsyncConnection, query: ComparisonQuery, zone: ZoneInfo
) -> tuple[InOut, ...]:
    """A row for each product and warehouse, whether or not anything moved."""
    begins, ends = midnight(query.since, zone), midnight(query.until + timedelta(days=1), zone)
    page = (
        select(
            Stock.sku,
            Stock.warehouse,
            Stock.on_hand,
            Stock.value,
            Product.name_zh,
            Product.name_en,
        )
        .join(Product, Product.sku == Stock.sku)
        .where(after(Stock, query.after, query.after_warehouse))
        .order_by(Stock.sku, Stock.warehouse)
        .limit(query.limit)
    )
    page = of_goods(page, query.sku, query.category_code)
    if query.warehouse is not None:
        page = page.where(Stock.warehouse == query.warehouse)
    balance = page.cte("balance")
    since = (
        and_(
            StockMove.sku == balance.c.sku,
            StockMove.warehouse == balance.c.warehouse,
            StockMove.at >= begins,
        ),
        (StockMove.on_hand_change != 0) | (StockMove.value_change != 0),
    )
    change, value = StockMove.on_hand_change, StockMove.value_change
    within = StockMove.at < ends
    moved = (
        select(
            balance.c.sku,
            balance.c.warehouse,
            StockMove.kind,
            func.coalesce(func.sum(change).filter(within, change > 0), 0).label("came"),
            func.coalesce(-func.sum(change).filter(within, change < 0), 0).label("went"),
            func.sum(change).label("since_opening"),
            func.sum(value).label("value_since_opening"),
            func.coalesce(func.sum(change).filter(~within), 0).label("since_closing"),
            func.coalesce(func.sum(value).filter(~within), 0).label("value_since_closing"),
        )
        .join(StockMove, and_(*since))
        .group_by(balance.c.sku, balance.c.warehouse, StockMove.kind)
        .cte("moved")
    )
    same = and_(moved.c.sku == balance.c.sku, moved.c.warehouse == balance.c.warehouse)
    rows = await connection.execute(
        select(
            balance.c.sku,
            balance.c.name_zh,
            balance.c.name_en,
            balance.c.warehouse,
            balance.c.on_hand - func.coalesce(func.sum(moved.c.since_opening), 0),
            balance.c.value - func.coalesce(func.sum(moved.c.value_since_opening), 0),
            func.jsonb_object_agg(moved.c.kind, moved.c.came).filter(moved.c.came > 0),
            func.jsonb_object_agg(moved.c.kind, moved.c.went).filter(moved.c.went > 0),
            balance.c.on_hand - func.coalesce(func.sum(moved.c.since_closing), 0),
            balance.c.value - func.coalesce(func.sum(moved.c.value_since_closing), 0),
        )
        .outerjoin(moved, same)
        .group_by(*balance.c)
        .order_by(balance.c.sku, balance.c.warehouse)
    )
    return tuple(
        InOut(*row[:4], int(row[4]), row[5], row[6] or {}, row[7] or {}, int(row[8]), row[9])
        for row in rows
    )
