"""The catalogue, as those who keep it use it. Rule: every change is one transaction with its audit entry."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import structlog

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.catalogue import categories, products
from orders.catalogue.commands import (
    ChangedCategory,
    ChangedProduct,
    NewCategory,
    NewProduct,
    ProductQuery,
)
from orders.catalogue.views import CatalogueProduct, CategoryView

log = structlog.get_logger(__name__)

_UNRECORDED = {"version", "changed_at"}


class CatalogueService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def search(self, actor: Actor, query: ProductQuery) -> tuple[CatalogueProduct, ...]:
        """Those that are no longer sold too."""
        actor.require(Right.CATALOGUE_MANAGE)
        async with self._database.reading_entities() as session:
            return await products.search(session, query)

    async def get(self, actor: Actor, sku: str) -> CatalogueProduct:
        """Raises UnknownProduct."""
        actor.require(Right.CATALOGUE_MANAGE)
        async with self._database.reading_entities() as session:
            return await products.read(session, sku)

    async def by_keys(self, actor: Actor, digits: str) -> str | None:
        """The code of the product on sale that a caller means by these keys."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await products.by_keys(connection, digits)

    async def add(self, actor: Actor, new: NewProduct) -> CatalogueProduct:
        """Raises Conflict (code or barcode taken), Invalid (category, substitutes)."""
        actor.require(Right.CATALOGUE_MANAGE)
        async with self._database.begin() as session:
            await products.store(session, new.sku, new, self._clock())
            made = await products.read(session, new.sku)
            await trail.record(
                session, actor.user_id, "product.create", "product", made.sku, after=_told(made)
            )
        log.info("product_added", sku=made.sku, by=actor.user_id)
        return made

    async def change(self, actor: Actor, sku: str, content: ChangedProduct) -> CatalogueProduct:
        """Raises UnknownProduct, Conflict (edited since, barcode taken, base unit), Invalid."""
        actor.require(Right.CATALOGUE_MANAGE)
        async with self._database.begin() as session:
            before = await products.read(session, sku)
            await products.change(session, before, content.version, content, self._clock())
            session.expunge_all()
            now = await products.read(session, sku)
            was, became = trail.changes(_told(before), _told(now))
            await trail.record(
                session, actor.user_id, "product.update", "product", sku, before=was, after=became
            )
        log.info("product_changed", sku=sku, by=actor.user_id)
        return now

    async def categories(self, actor: Actor) -> tuple[CategoryView, ...]:
        """The whole tree, the inactive ones too."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await categories.all_of_them(connection)

    async def add_category(self, actor: Actor, new: NewCategory) -> CategoryView:
        """Raises Conflict (code taken, too many), Invalid (parent)."""
        actor.require(Right.CATALOGUE_MANAGE)
        async with self._database.begin() as session:
            made = await categories.store(session, new)
            await trail.record(
                session, actor.user_id, "product_category.create", "product_category", made.code,
                after=_told(made),
            )  # fmt: skip
        return made

    async def change_category(
        self, actor: Actor, code: str, content: ChangedCategory
    ) -> CategoryView:
        """Raises NotFound, Conflict (edited since), Invalid (parent)."""
        actor.require(Right.CATALOGUE_MANAGE)
        async with self._database.begin() as session:
            await categories.lock(session)
            before = await categories.read(session, code)
            await categories.change(session, code, content)
            now = await categories.read(session, code)
            was, became = trail.changes(_told(before), _told(now))
            await trail.record(
                session, actor.user_id, "product_category.update", "product_category", code,
                before=was, after=became,
            )  # fmt: skip
        return now


def _told(view: CatalogueProduct | CategoryView) -> dict[str, object]:
    return {name: value for name, value in asdict(view).items() if name not in _UNRECORDED}
