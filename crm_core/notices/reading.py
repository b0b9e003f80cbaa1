"""Notices read: lists, counts by channel, recipients, and what a caller is still to be told."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.criteria import Clause
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import within_scope
from crm_core.errors import NotFound
from crm_core.notices.commands import Channel, NoticeQuery, RecipientQuery
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.notices.views import (
    Audience,
    ChannelCount,
    NoticeBrief,
    NoticeCounts,
    NoticeView,
    RecipientView,
    view,
)
from crm_core.numbers import MOBILE
from crm_core.outbox.tables import OutboxMessage
from crm_core.people.tables import User
from crm_core.rights import Actor
from crm_core.todos.tables import Todo

SUBJECT = "notice"
_IN_THE_POP = 5
_ADDRESS = {
    Channel.EMAIL: Customer.email.is_not(None),
    Channel.FAX: Customer.fax.is_not(None),
    Channel.SMS: exists().where(
        CustomerPhone.customer_id == Customer.id, CustomerPhone.number.regexp_match(MOBILE)
    ),
    Channel.WECOM: Customer.wecom.is_not(None),
    Channel.WECOM_GROUP: Customer.wecom_group.is_not(None),
}
_REACHED = {
    Channel.CALL: exists().where(CustomerPhone.customer_id == Customer.id),
    **{
        channel: there & (Customer.told_by.is_(None) | Customer.told_by.contains([str(channel)]))
        for channel, there in _ADDRESS.items()
    },
}
_UNREACHED = and_(NoticeRecipient.ways == 0, NoticeRecipient.told_at.is_(None))


async def notice(session: AsyncSession, notice_id: int) -> NoticeView:
    """Raises NotFound."""
    found = await session.get(Notice, notice_id)
    if found is None:
        raise NotFound(f"There is no notice {notice_id}.")
    return view(found)


async def listed(session: AsyncSession, wanted: NoticeQuery) -> tuple[NoticeView, ...]:
    """The newest first."""
    query = select(Notice).order_by(Notice.id.desc()).limit(wanted.limit)
    if wanted.state is not None:
        query = query.where(Notice.state == wanted.state)
    if wanted.after is not None:
        query = query.where(Notice.id < wanted.after)
    return tuple(map(view, await session.scalars(query)))


async def audience(
    connection: AsyncConnection, where: Sequence[Clause], channels: Collection[Channel]
) -> Audience:
    """Whom a notice would reach if it were sent now."""
    counts = [func.count().filter(_REACHED[each]) for each in channels]
    row = (await connection.execute(select(func.count(), *counts).where(*where))).one()
    names = (str(each) for each in channels)
    return Audience(row[0], dict(zip(names, row[1:], strict=True)))


async def counts(connection: AsyncConnection, notice_id: int) -> NoticeCounts:
    table = NoticeRecipient
    told = table.told_at.is_not(None)
    row = (
        await connection.execute(
            select(
                func.count(),
                func.count(table.prepared_at),
                func.count().filter(told),
                func.count().filter(_UNREACHED),
            ).where(table.notice_id == notice_id)
        )
    ).one()
    return NoticeCounts(*row, channels=await _by_channel(connection, notice_id))


async def _by_channel(connection: AsyncConnection, notice_id: int) -> tuple[ChannelCount, ...]:
    messages = select(OutboxMessage.channel, OutboxMessage.state).where(
        OutboxMessage.subject == SUBJECT, OutboxMessage.subject_id == notice_id
    )
    calls = (
        select(literal(str(Channel.CALL)).label("channel"), Todo.state)
        .join(NoticeRecipient, Todo.source_reference == reference(NoticeRecipient.id))
        .where(Todo.source_kind == SUBJECT, NoticeRecipient.notice_id == notice_id)
    )
    each = messages.union_all(calls).subquery()

    def of(*states: str) -> ColumnElement[int]:
        return func.count().filter(each.c.state.in_(states))

    rows = await connection.execute(
        select(
            each.c.channel,
            of("pending", "sending", "open"),
            of("sent", "done"),
            of("failed", "cancelled"),
            of("unknown"),
        )
        .group_by(each.c.channel)
        .order_by(each.c.channel)
    )
    return tuple(ChannelCount(*row) for row in rows)


async def recipients(
    connection: AsyncConnection, actor: Actor, notice_id: int, wanted: RecipientQuery
) -> tuple[RecipientView, ...]:
    """Those whom the actor may see, in the order of entry."""
    table = NoticeRecipient
    query = (
        select(
            table.id,
            table.customer_id,
            Customer.name,
            table.ways,
            table.told_at,
            User.name.label("told_by_name"),
            Todo.state.label("called"),
            _outcomes(notice_id).label("sent"),
        )
        .join(Customer, Customer.id == table.customer_id)
        .outerjoin(User, User.id == table.told_by)
        .outerjoin(
            Todo, (Todo.source_kind == SUBJECT) & (Todo.source_reference == reference(table.id))
        )
        .where(table.notice_id == notice_id, within_scope(actor))
        .order_by(table.id)
        .limit(wanted.limit)
    )
    if wanted.unreached:
        query = query.where(_UNREACHED)
    if wanted.after is not None:
        query = query.where(table.id > wanted.after)
    rows = await connection.execute(query)
    return tuple(_recipient(row) for row in rows)


async def untold(
    connection: AsyncConnection, customer_id: int, today: date
) -> tuple[NoticeBrief, ...]:
    """The latest first."""
    since: Any = func.min(NoticeRecipient.prepared_at)
    rows = await connection.execute(
        select(Notice.id, Notice.title, Notice.body, since)
        .join(NoticeRecipient, NoticeRecipient.notice_id == Notice.id)
        .where(
            NoticeRecipient.customer_id == customer_id,
            NoticeRecipient.told_at.is_(None),
            NoticeRecipient.prepared_at.is_not(None),
            or_(Notice.expires_on.is_(None), Notice.expires_on >= today),
        )
        .group_by(Notice.id)
        .order_by(Notice.id.desc())
        .limit(_IN_THE_POP)
    )
    return tuple(NoticeBrief(row[0], row[1], row[2], row[3]) for row in rows)


def reference(recipient_id: Any) -> ColumnElement[str]:
    """The source of a recipient's to-do, in SQL."""
    return cast(recipient_id, String)


def _recipient(row: Row[Any]) -> RecipientView:
    calls = {str(Channel.CALL): row.called} if row.called else {}
    return RecipientView(
        row.id,
        row.customer_id,
        row.name,
        row.ways,
        row.told_at,
        row.told_by_name,
        calls | (row.sent or {}),
    )


def _outcomes(notice_id: int) -> Any:
    messages: Select[Any] = select(
        func.jsonb_object_agg(OutboxMessage.channel, OutboxMessage.state)
    ).where(
        OutboxMessage.subject == SUBJECT,
        OutboxMessage.subject_id == notice_id,
        OutboxMessage.customer_id == NoticeRecipient.customer_id,
    )
    return messages.correlate(NoticeRecipient).scalar_subquery()
