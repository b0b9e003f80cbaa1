"""The tree of complaint categories, as SQL inside the caller's transaction.

Rule: the tree never closes to a circle: one change of it at a time. A category is never deleted, only
made inactive, so that old complaints keep their class.
"""

from sqlalchemy import CTE, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.complaints import views
from crm_core.complaints.commands import CategoryEdit, NewCategory
from crm_core.complaints.tables import ComplaintCategory
from crm_core.complaints.views import CategoryView
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor

_MOST = 500
_ENTITY = "complaint_category"
_LOCK_TREE = text("SELECT pg_advisory_xact_lock(hashtext('zongji.complaint.tree'))")
_SEEDS = (
    ("quality", None, "产品质量", "Product quality", 48),
    ("quality_damaged", "quality", "破损变质", "Damaged or spoilt", 48),
    ("quality_expired", "quality", "过期临期", "Past or near its date", 24),
    ("quality_description", "quality", "与描述不符", "Not as described", 48),
    ("delivery", None, "物流配送", "Delivery", 24),
    ("delivery_late", "delivery", "配送延误", "Late", 24),
    ("delivery_wrong", "delivery", "错发漏发", "Wrong or missing goods", 24),
    ("delivery_lost", "delivery", "丢件", "Lost parcel", 48),
    ("delivery_courier", "delivery", "快递员服务", "The courier's conduct", 48),
    ("service", None, "服务态度", "Service", 24),
    ("service_agent", "service", "坐席服务", "The agent's conduct", 24),
    ("service_salesperson", "service", "业务员服务", "The salesperson's conduct", 24),
    ("service_waiting", "service", "电话难接通", "Hard to get through", 48),
    ("price", None, "价格差异", "Price difference", 48),
    ("invoice", None, "发票", "Invoice", 72),
    ("returns", None, "退换货", "Returns and exchanges", 72),
    ("returns_refused", "returns", "拒绝退换", "Return refused", 72),
    ("returns_refund", "returns", "退款延迟", "Late refund", 72),
    ("promotion", None, "虚假宣传", "Misleading promotion", 48),
    ("disturbance", None, "营销骚扰", "Unwanted sales calls", 24),
    ("other", None, "其他", "Other", 72),
)


async def seed_complaints(session: AsyncSession) -> None:
    """The usual categories of a company that sells by phone."""
    columns = ("code", "parent_code", "name_zh", "name_en", "handling_hours")
    await session.execute(
        upsert(ComplaintCategory)
        .values([dict(zip(columns, seed, strict=True)) for seed in _SEEDS])
        .on_conflict_do_nothing()
    )


async def all_of_them(connection: AsyncConnection) -> tuple[CategoryView, ...]:
    """At most _MOST, which `add` keeps."""
    rows = await connection.execute(views.categories().order_by(ComplaintCategory.code))
    return tuple(CategoryView(*row) for row in rows)


async def add(session: AsyncSession, actor: Actor, new: NewCategory) -> CategoryView:
    """Raises Conflict (code taken, too many), Invalid (parent)."""
    await session.execute(_LOCK_TREE)
    if (await session.scalar(select(func.count()).select_from(ComplaintCategory)) or 0) >= _MOST:
        raise Conflict(f"There are {_MOST} categories already: use one of them.")
    await _check_parent(session, new.code, new.parent_code)
    if await session.get(ComplaintCategory, new.code) is not None:
        raise Conflict(
            f"There is a category “{new.code}” already: choose another code.",
            fields={"code": "taken"},
        )
    await session.execute(insert(ComplaintCategory).values(new.model_dump()))
    await trail.record(
        session, actor.user_id, f"{_ENTITY}.create", _ENTITY, new.code, after=new.model_dump()
    )
    return await _read(session, new.code)


async def change(session: AsyncSession, actor: Actor, edit: CategoryEdit) -> CategoryView:
    """Complaints keep the due time they have. Raises NotFound, Conflict, Invalid (parent)."""
    await session.execute(_LOCK_TREE)
    values = edit.model_dump(exclude_unset=True, exclude={"code", "version"})
    if "parent_code" in values:
        await _check_parent(session, edit.code, edit.parent_code)
    before = await _read(session, edit.code)
    changed = await session.execute(
        update(ComplaintCategory)
        .where(ComplaintCategory.code == edit.code, ComplaintCategory.version == edit.version)
        .values(**values, version=edit.version + 1)
        .returning(ComplaintCategory.code)
    )
    if changed.first() is None:
        raise Conflict(
            "Somebody else has changed this category since you opened it: look at it as it is now.",
            fields={"version": before.version},
        )
    was, became = trail.changes({key: getattr(before, key) for key in values}, values)
    await trail.record(
        session, actor.user_id, f"{_ENTITY}.update", _ENTITY, edit.code, before=was, after=became
    )
    return await _read(session, edit.code)


async def handling_hours(session: AsyncSession, code: str, *, must_be_active: bool) -> int:
    """How long handling may take, with the row held. Raises Invalid (unknown or inactive)."""
    query = select(ComplaintCategory.handling_hours).where(ComplaintCategory.code == code)
    if must_be_active:
        query = query.where(ComplaintCategory.active)
    hours = await session.scalar(query.with_for_update(read=True))
    if hours is None:
        raise Invalid(
            "There is no such category: choose one of the list.",
            fields={"category_code": "unknown"},
        )
    return hours


def below(code: str) -> CTE:
    """The category and all below it, as one column `code`."""
    found = (
        select(ComplaintCategory.code)
        .where(ComplaintCategory.code == code)
        .cte("below", recursive=True)
    )
    step = select(ComplaintCategory.code).join(found, ComplaintCategory.parent_code == found.c.code)
    return found.union(step)


def roots() -> CTE:
    """Each category's `code` with the `root` of its tree."""
    table = ComplaintCategory
    top = (
        select(table.code, table.code.label("root"))
        .where(table.parent_code.is_(None))
        .cte("roots", recursive=True)
    )
    return top.union_all(select(table.code, top.c.root).join(top, table.parent_code == top.c.code))


async def _check_parent(session: AsyncSession, code: str, parent_code: str | None) -> None:
    if parent_code is None:
        return
    known = await session.scalar(
        select(ComplaintCategory.code).where(ComplaintCategory.code == parent_code)
    )
    if known is None:
        raise Invalid("There is no such category above.", fields={"parent_code": "unknown"})
    tree = below(code)
    if await session.scalar(select(tree.c.code).where(tree.c.code == parent_code)) is not None:
        raise Invalid(
            "The category above would then stand below this one: choose another one above.",
            fields={"parent_code": "circle"},
        )


async def _read(session: AsyncSession, code: str) -> CategoryView:
    row = (
        await session.execute(views.categories().where(ComplaintCategory.code == code))
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no category “{code}”.")
    return CategoryView(*row)
