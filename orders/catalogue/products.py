"""Products as SQL inside the caller's transaction. Rule: a product, its packs and its substitutes are one
record: changed together, by one version.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, Result, Select, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate

from crm_core.errors import Conflict, Invalid
from crm_core.search_text import contains
from orders.catalogue.commands import ProductContent, ProductQuery
from orders.catalogue.tables import Product, ProductCategory, ProductPack, ProductSubstitute
from orders.catalogue.views import CatalogueProduct, PackItem
from orders.catalogue.words import found_by
from orders.errors import UnknownProduct

_PARTS = {"packs", "substitutes"}
_NOT_OF_THE_ROW = {*_PARTS, "sku", "version"}
_REFUSALS = {
    "products_barcode": ("barcode", "Another product has this barcode."),
    "products_keypad_code": ("keypad_code", "Another product has this keypad code."),
    "packs_barcode": ("packs", "Another product has the barcode of one of the packs."),
    "category_code": ("category_code", "There is no such category."),
    "substitute_sku": ("substitutes", "One of the substitutes does not exist."),
    "shelf_life_of_stock": (
        "shelf_life_days",
        "Goods of it are there: a shelf life is given or taken away when none are left.",
    ),
    "not_its_own": ("substitutes", "A product is no substitute for itself."),
}


async def store(session: AsyncSession, sku: str, content: ProductContent, now: datetime) -> None:
    """A new product. Raises Conflict (code or barcode taken), Invalid."""
    if await session.get(Product, sku) is not None:
        raise Conflict(f"There is a product {sku} already.", fields={"sku": "taken"})
    values = _values(sku, content, now)
    await _written(session, insert(Product).values(sku=sku, added_at=now, **values))
    await _write_parts(session, sku, content)


async def change(
    session: AsyncSession,
    before: CatalogueProduct,
    version: int,
    content: ProductContent,
    now: datetime,
) -> None:
    """Raises Conflict (edited since, barcode taken, base unit changed), Invalid."""
    if content.unit != before.unit:
        raise Conflict(
            "Stock is counted in the base unit: enter a new product for another one.",
            fields={"unit": before.unit},
        )
    changed = await _written(
        session,
        update(Product)
        .where(Product.sku == before.sku, Product.version == version)
        .values(version=version + 1, **_values(before.sku, content, now))
        .returning(Product.sku),
    )
    if changed.first() is None:
        raise Conflict(
            "Somebody else has changed this product since you opened it: look at it as it is now.",
            fields={"version": before.version},
        )
    for table in (ProductPack, ProductSubstitute):
        await session.execute(delete(table).where(table.sku == before.sku))
    await _write_parts(session, before.sku, content)


async def read(session: AsyncSession, sku: str) -> CatalogueProduct:
    """Raises UnknownProduct."""
    found = await _read(session, select(Product).where(Product.sku == sku))
    if not found:
        raise UnknownProduct(sku)
    return found[0]


async def search(session: AsyncSession, query: ProductQuery) -> tuple[CatalogueProduct, ...]:
    found = select(Product).where(Product.sku > query.after).limit(query.limit)
    if query.category_code is not None:
        below = select(ProductCategory.code).where(
            ProductCategory.path.any_() == query.category_code
        )
        found = found.where(Product.category_code.in_(below))
    if query.active is not None:
        found = found.where(Product.active.is_(query.active))
    if query.q:
        held = contains(Product.search, query.q)
        begins = Product.sku.istartswith(query.q, autoescape=True)
        found = found.where(begins if held is None else or_(begins, held))
    return await _read(session, found)


async def by_keys(connection: AsyncConnection, digits: str) -> str | None:
    """The product on sale that a caller means: by its keypad code, else by its own code or barcode of digits."""
    found = (
        select(Product.sku)
        .where(
            Product.active,
            or_(Product.keypad_code == digits, Product.sku == digits, Product.barcode == digits),
        )
        .order_by((Product.keypad_code == digits).desc().nulls_last(), Product.sku)
        .limit(1)
    )
    return await connection.scalar(found)


async def _read(session: AsyncSession, found: Select[Product]) -> tuple[CatalogueProduct, ...]:
    products = (await session.scalars(found.order_by(Product.sku))).all()
    skus = [product.sku for product in products]
    packs = await session.scalars(
        select(ProductPack).where(ProductPack.sku.in_(skus)).order_by(ProductPack.factor)
    )
    substitutes = await session.scalars(
        select(ProductSubstitute)
        .where(ProductSubstitute.sku.in_(skus))
        .order_by(ProductSubstitute.position)
    )
    packed, offered = packs.all(), substitutes.all()
    return tuple(
        _view(
            product,
            [pack for pack in packed if pack.sku == product.sku],
            [each.substitute_sku for each in offered if each.sku == product.sku],
        )
        for product in products
    )


def _view(
    product: Product, packs: Sequence[ProductPack], substitutes: Sequence[str]
) -> CatalogueProduct:
    own = {
        field.name: getattr(product, field.name)
        for field in fields(CatalogueProduct)
        if field.name not in _PARTS
    }
    items = (
        PackItem(p.unit, p.factor, p.list_price, p.barcode, p.weight_g, p.volume_ml) for p in packs
    )
    return CatalogueProduct(**own, packs=tuple(items), substitutes=tuple(substitutes))


def _values(sku: str, content: ProductContent, now: datetime) -> dict[str, Any]:
    words = (sku, content.barcode, content.name_zh, content.name_en, content.specification)
    barcodes = (pack.barcode for pack in content.packs)
    return content.model_dump(exclude=_NOT_OF_THE_ROW) | {
        "search": found_by(*words, *barcodes),
        "changed_at": now,
    }


async def _write_parts(session: AsyncSession, sku: str, content: ProductContent) -> None:
    packs = [pack.model_dump() | {"sku": sku} for pack in content.packs]
    substitutes = [
        {"sku": sku, "substitute_sku": other, "position": place}
        for place, other in enumerate(content.substitutes)
    ]
    if packs:
        await _written(session, insert(ProductPack).values(packs))
    if substitutes:
        await _written(session, insert(ProductSubstitute).values(substitutes))


async def _written(session: AsyncSession, statement: Insert | ReturningUpdate[str]) -> Result[Any]:
    """Raises Invalid, Conflict for what the tables refuse."""
    try:
        return await session.execute(statement)
    except IntegrityError as error:
        for name, (field, sentence) in _REFUSALS.items():
            if name in str(error.orig):
                kind = Conflict if field == "barcode" else Invalid
                raise kind(sentence, fields={field: "refused"}) from error
        raise
