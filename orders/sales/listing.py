"""Products as a customer sees them. Rule: what is listed is priced by the code that prices orders."""

from collections.abc import Mapping, Sequence
from datetime import date

import asyncpg
from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.search_text import contains
from orders.catalogue.tables import Product, ProductPack
from orders.lines import OrderLine
from orders.pricing.price import unit_price
from orders.sales import facts
from orders.sales.views import PackView, ProductView


async def products(
    connection: AsyncConnection,
    query: str,
    customer_id: int | None,
    limit: int,
    today: date,
    *,
    warehouse: str | None = None,
) -> tuple[ProductView, ...]:
    """What is on sale and matches by code, barcode, name, pinyin or initials; the best match first."""
    found = await _units(connection, _matching(query.strip(), limit))
    return await _priced(connection, found, customer_id, today, warehouse)


async def these(
    connection: AsyncConnection, skus: Sequence[str], customer_id: int | None, today: date
) -> Mapping[str, ProductView]:
    """Those of them that are on sale, by code. Raises NotFound."""
    if not skus:
        return {}
    found = await _units(connection, _on_sale().where(Product.sku.in_(skus)))
    views = await _priced(connection, found, customer_id, today, None)
    return {view.sku: view for view in views}


async def _priced(
    connection: AsyncConnection,
    skus: Mapping[str, Sequence[str]],
    customer_id: int | None,
    today: date,
    warehouse: str | None,
) -> tuple[ProductView, ...]:
    """Each product with its packs, in this order."""
    if not skus:
        return ()
    lines = [OrderLine(sku, 1, unit) for sku, units in skus.items() for unit in (None, *units)]
    if customer_id is None:
        rows = await facts.read_for_anybody(connection, lines, today, warehouse)
    else:
        rows = await facts.read(connection, customer_id, lines, today, warehouse=warehouse)
    book = facts.RuleBook(rows)
    by_sku: dict[str, list[asyncpg.Record]] = {sku: [] for sku in skus}
    for row in rows:
        by_sku[row["sku"]].append(row)
    return tuple(_product(each, book) for each in by_sku.values())


def _on_sale() -> Select[str, list[str] | None]:
    """The codes, each with its packs, smallest first."""
    packs = (
        select(func.array_agg(aggregate_order_by(ProductPack.unit, ProductPack.factor)))
        .where(ProductPack.sku == Product.sku)
        .scalar_subquery()
    )
    return select(Product.sku, packs).where(Product.active)


def _matching(query: str, limit: int) -> Select[str, list[str] | None]:
    found = _on_sale().limit(limit)
    if query:
        held = contains(Product.search, query)
        exact = or_(Product.sku == query, Product.barcode == query)
        begins = Product.sku.istartswith(query, autoescape=True)
        found = found.where(or_(exact, begins, *(() if held is None else (held,)))).order_by(
            case((exact, 0), (begins, 1), else_=2)
        )
    return found.order_by(Product.sku)


async def _units(
    connection: AsyncConnection, found: Select[str, list[str] | None]
) -> Mapping[str, Sequence[str]]:
    return {sku: tuple(units or ()) for sku, units in await connection.execute(found)}


def _product(rows: Sequence[asyncpg.Record], book: facts.RuleBook) -> ProductView:
    """The first row is the base unit, the others are the packs."""
    first, *packs = rows
    price = unit_price(facts.product_of(first, book.of_line(first)), facts.terms_of(first))
    return ProductView(
        first["sku"],
        first["name_zh"],
        first["name_en"],
        first["specification"],
        first["base_unit"],
        first["list_price"],
        price.amount,
        first["available"],
        price.why,
        tuple(_pack(each, book) for each in packs),
        first["warehouse"],
    )


def _pack(row: asyncpg.Record, book: facts.RuleBook) -> PackView:
    product = facts.product_of(row, book.of_line(row))
    price = unit_price(product, facts.terms_of(row), product.factor)
    return PackView(row["pack"], product.factor, price.amount)
