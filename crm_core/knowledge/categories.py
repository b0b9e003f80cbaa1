"""The categories of the knowledge base, as those who edit it keep them.

Rule: a category is never deleted, only made inactive: it takes no new entries, the old ones keep it.
"""

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.knowledge import views
from crm_core.knowledge.commands import CategoryEdit, NewCategory
from crm_core.knowledge.tables import KnowledgeCategory
from crm_core.knowledge.views import CategoryView
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

_MOST = 200
_ENTITY = "knowledge_category"
_ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(func.hashtext("zongji.knowledge.categories")))
_SEEDS = (
    ("product", "产品知识", "Products", 10),
    ("price", "价格与政策", "Prices and policies", 20),
    ("order", "下单流程", "Ordering", 30),
    ("delivery", "物流配送", "Delivery", 40),
    ("returns", "退换货", "Returns and exchanges", 50),
    ("payment", "付款与发票", "Payment and invoices", 60),
    ("channel", "代理与开户", "Agents and new accounts", 70),
    ("script", "话术", "What to say", 80),
    ("other", "其他", "Other", 990),
)


async def seed_knowledge(session: AsyncSession) -> None:
    """The usual categories of a company that sells by phone."""
    columns = ("code", "name_zh", "name_en", "position")
    await session.execute(
        upsert(KnowledgeCategory)
        .values([dict(zip(columns, seed, strict=True)) for seed in _SEEDS])
        .on_conflict_do_nothing()
    )


class KnowledgeCategories:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, actor: Actor) -> tuple[CategoryView, ...]:
        """The inactive ones too; at most _MOST, which `add` keeps."""
        actor.require(Right.KNOWLEDGE_VIEW)
        in_order = views.categories().order_by(KnowledgeCategory.position, KnowledgeCategory.code)
        async with self._database.reading() as connection:
            return tuple(CategoryView(*row) for row in await connection.execute(in_order))

    async def add(self, actor: Actor, new: NewCategory) -> CategoryView:
        """Raises Conflict (code taken, too many)."""
        actor.require(Right.KNOWLEDGE_EDIT)
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME)
            await _check_new(session, new)
            await session.execute(upsert(KnowledgeCategory).values(new.model_dump()))
            await trail.record(
                session,
                actor.user_id,
                f"{_ENTITY}.create",
                _ENTITY,
                new.code,
                after=new.model_dump(),
            )
            made = await _read(session, new.code)
        log.info("knowledge_category_added", category=new.code, by=actor.user_id)
        return made

    async def edit(self, actor: Actor, edit: CategoryEdit) -> CategoryView:
        """Raises NotFound, Conflict (edited since)."""
        actor.require(Right.KNOWLEDGE_EDIT)
        values = edit.model_dump(exclude_unset=True, exclude={"code", "version"})
        async with self._database.begin() as session:
            await session.execute(_ONE_AT_A_TIME)
            before = await _read(session, edit.code)
            if before.version != edit.version:
                raise Conflict(
                    "Somebody else has changed this category since you opened it: look at it as "
                    "it is now.",
                    fields={"version": before.version},
                )
            await session.execute(
                update(KnowledgeCategory)
                .where(KnowledgeCategory.code == edit.code)
                .values(**values, version=edit.version + 1)
            )
            was, became = trail.changes({key: getattr(before, key) for key in values}, values)
            await trail.record(
                session,
                actor.user_id,
                f"{_ENTITY}.update",
                _ENTITY,
                edit.code,
                before=was,
                after=became,
            )
            changed = await _read(session, edit.code)
        log.info("knowledge_category_edited", category=edit.code, by=actor.user_id)
        return changed


async def check_active(session: AsyncSession, code: str) -> None:
    """That entries may be put in it, with the row held. Raises Invalid."""
    query = select(KnowledgeCategory.code).where(
        KnowledgeCategory.code == code, KnowledgeCategory.active
    )
    if await session.scalar(query.with_for_update(read=True)) is None:
        raise Invalid(
            "There is no such category: choose one of the list.",
            fields={"category_code": "unknown"},
        )


async def _check_new(session: AsyncSession, new: NewCategory) -> None:
    if await session.get(KnowledgeCategory, new.code) is not None:
        raise Conflict(
            f"There is a category “{new.code}” already: choose another code.",
            fields={"code": "taken"},
        )
    count = await session.scalar(select(func.count()).select_from(KnowledgeCategory)) or 0
    if count >= _MOST:
        raise Conflict(f"There are {_MOST} categories already: use one of them.")


async def _read(session: AsyncSession, code: str) -> CategoryView:
    row = (
        await session.execute(views.categories().where(KnowledgeCategory.code == code))
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no category “{code}”.")
    return CategoryView(*row)
