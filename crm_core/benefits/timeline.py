"""Benefits in a customer's history: coupons issued and used, packages granted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Select, cast, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.benefits.tables import Coupon, CouponKind, Package, PackageKind
from crm_core.timeline import Place, TimelineEntry, newest_first


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened after a place, newest first."""
    coupon = (Coupon, CouponKind)
    moments = (
        _moment(*coupon, Coupon.issued_at, "coupon.issued", Coupon.issued_by),
        _moment(*coupon, Coupon.used_at, "coupon.used", cast(null(), Integer)),
        _moment(
            Package, PackageKind, Package.granted_at, "package.granted",
            Package.granted_by,
        ),
    )  # fmt: skip
    parts = (
        query.where(table.customer_id.in_(customer_ids), after.is_after(at, what, table.id))
        .order_by(*newest_first(at, what, table.id))
        .limit(limit)
        .subquery()
        .select()
        for query, table, at, what in moments
    )
    every = union_all(*parts).subquery()
    rows = await connection.execute(
        select(every).order_by(*newest_first(every.c.at, every.c.what, every.c.id)).limit(limit)
    )
    return tuple(
        TimelineEntry(row.at, row.what, str(row.id), row.name_zh, {"name_en": row.name_en}, row.by)
        for row in rows
    )


def _moment(
    table: Any, kind: Any, at: Any, what: str, by: Any
) -> tuple[Select[*tuple[Any, ...]], Any, Any, str]:
    query = select(
        at.label("at"), table.id, literal(what).label("what"), kind.name_zh, kind.name_en,
        by.label("by"),
    ).join(kind, kind.code == table.kind_code)  # fmt: skip
    return query, table, at, what
