"""Notices in a customer's history. Rule: told when it was prepared for the customer, and when the customer was told in a call."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.timeline import TimelineEntry


async def entries(
    connection: AsyncConnection, customer_ids: Sequence[int], before: datetime, limit: int
) -> tuple[TimelineEntry, ...]:
    """What happened before a time, newest first."""
    table = NoticeRecipient
    ways = (
        (table.prepared_at, "sent", Notice.sent_by),
        (table.told_at, "told", table.told_by),
    )
    both = union_all(
        *(
            select(
                at.label("at"), literal(what).label("what"), Notice.id, Notice.title, by.label("by")
            )
            .join(Notice, Notice.id == table.notice_id)
            .where(table.customer_id.in_(customer_ids), at < before)
            .order_by(at.desc(), Notice.id.desc())
            .limit(limit)
            .subquery()
            .select()
            for at, what, by in ways
        )
    ).subquery()
    rows = await connection.execute(
        select(both).order_by(both.c.at.desc(), both.c.id.desc(), both.c.what.desc()).limit(limit)
    )
    return tuple(
        TimelineEntry(row.at, f"notice.{row.what}", str(row.id), row.title, {}, row.by)
        for row in rows
    )
