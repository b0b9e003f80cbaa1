"""Notices in a customer's history. Rule: told when it was prepared for the customer, and when the customer was told in a call."""

from collections.abc import Sequence

from sqlalchemy import literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.timeline import Place, TimelineEntry, newest_first


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], after: Place, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened after a place, newest first."""
    table = NoticeRecipient
    ways = (
        (table.prepared_at, "sent", Notice.sent_by),
        (table.told_at, "told", table.told_by),
    )
    both = union_all(
        *(
            select(
                at.label("at"),
                literal(what).label("what"),
                Notice.id,
                Notice.title,
                by.label("by"),
                table.id.label("row"),
            )
            .join(Notice, Notice.id == table.notice_id)
            .where(
                table.customer_id.in_(customer_ids), after.is_after(at, f"notice.{what}", table.id)
            )
            .order_by(*newest_first(at, f"notice.{what}", table.id))
            .limit(limit)
            .subquery()
            .select()
            for at, what, by in ways
        )
    ).subquery()
    rows = await connection.execute(
        select(both).order_by(*newest_first(both.c.at, both.c.what, both.c.row)).limit(limit)
    )
    return tuple(
        TimelineEntry(row.at, f"notice.{row.what}", str(row.id), row.title, {}, row.by, row.row)
        for row in rows
    )
