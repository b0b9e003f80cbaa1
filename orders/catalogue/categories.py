"""The tree of product categories, as SQL inside the caller's transaction.

Rule: one change of the tree at a time, so that it never closes to a circle; a category is never deleted,
only made inactive.
"""

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import Conflict, Invalid, NotFound
from orders.catalogue.commands import ChangedCategory, NewCategory
from orders.catalogue.tables import ProductCategory
from orders.catalogue.views import CategoryView

_MOST = 1000
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.product.tree'))")
_MOVE_BELOW = text(
    "UPDATE product_categories"
    " SET path = CAST(:above AS varchar[]) || path[array_position(path, :code):]"
    " WHERE path @> ARRAY[CAST(:code AS varchar)]"
)
_TABLE = ProductCategory
_VIEW = select(
    _TABLE.code,
    _TABLE.parent_code,
    _TABLE.path,
    _TABLE.name_zh,
    _TABLE.name_en,
    _TABLE.active,
    _TABLE.version,
)


async def all_of_them(connection: AsyncConnection) -> tuple[CategoryView, ...]:
    """At most _MOST, in the order of the tree."""
    rows = await connection.execute(_VIEW.order_by(_TABLE.path))
    return tuple(CategoryView(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows)


async def store(session: AsyncSession, new: NewCategory) -> CategoryView:
    """Raises Conflict (code taken, too many), Invalid (parent)."""
    await session.execute(_LOCK)
    if (await session.scalar(select(func.count()).select_from(_TABLE)) or 0) >= _MOST:
        raise Conflict(f"There are {_MOST} categories already: use one of them.")
    if await session.get(_TABLE, new.code) is not None:
        raise Conflict(f"There is a category {new.code} already.", fields={"code": "taken"})
    path = [*await _above(session, new.parent_code), new.code]
    await session.execute(insert(_TABLE).values(**new.model_dump(), path=path))
    return await read(session, new.code)


async def change(session: AsyncSession, code: str, content: ChangedCategory) -> None:
    """Raises NotFound, Conflict (edited since), Invalid (parent)."""
    before = await read(session, code)
    above = await _above(session, content.parent_code)
    if code in above:
        raise Invalid(
            "The category above would then stand below this one: choose another one.",
            fields={"parent_code": "circle"},
        )
    changed = await session.execute(
        update(_TABLE)
        .where(_TABLE.code == code, _TABLE.version == content.version)
        .values(**content.model_dump(exclude={"version"}), version=content.version + 1)
        .returning(_TABLE.code)
    )
    if changed.first() is None:
        raise Conflict(
            "Somebody else has changed this category since you opened it: look at it as it is now.",
            fields={"version": before.version},
        )
    await session.execute(_MOVE_BELOW, {"above": above, "code": code})


async def lock(session: AsyncSession) -> None:
    """Nobody else changes the tree until the transaction ends."""
    await session.execute(_LOCK)


async def read(session: AsyncSession, code: str) -> CategoryView:
    """Raises NotFound."""
    row = (await session.execute(_VIEW.where(_TABLE.code == code))).one_or_none()
    if row is None:
        raise NotFound(f"There is no category {code}.")
    return CategoryView(row[0], row[1], tuple(row[2]), *row[3:])


async def _above(session: AsyncSession, parent_code: str | None) -> list[str]:
    """The path of the category above."""
    if parent_code is None:
        return []
    path = await session.scalar(select(_TABLE.path).where(_TABLE.code == parent_code))
    if path is None:
        raise Invalid("There is no such category above.", fields={"parent_code": "unknown"})
    return path
