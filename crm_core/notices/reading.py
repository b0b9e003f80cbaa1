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
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.criteria import Clause
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.customers.visibility import concerns_seen, within_scope
from crm_core.errors import NotFound
from crm_core.notices.commands import Channel, NoticeQuery, NoticeState, RecipientQuery
from crm_core.notices.ports import NeverCalled
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.notices.views import (
    Audience,
    ChannelCount,
    HeardNotice,
    LevelCount,
    NoticeBrief,
    NoticeCounts,
    NoticeView,
    RecipientView,
    view,
)
from crm_core.numbers import MOBILE
from crm_core.outbox.ports import CONFIRMED, LEFT
from crm_core.outbox.tables import OutboxMessage
from crm_core.people.tables import User
from crm_core.rights import Actor
from crm_core.todos.tables import Todo

SUBJECT = "notice"
_IN_THE_POP = 5
_ADDRESS = {
    Channel.EMAIL: Customer.email,
    Channel.FAX: Customer.fax,
    Channel.WECOM: Customer.wecom,
    Channel.WECOM_GROUP: Customer.wecom_group,
}
_UNREACHED = and_(NoticeRecipient.ways == 0, NoticeRecipient.told_at.is_(None))


async def notice(session: AsyncSession, notice_id: int) -> NoticeView:
    """Raises NotFound."""
    found = await session.get(Notice, notice_id)
    if found is None:
        raise NotFound(f"There is no notice {notice_id}.")
    return view(found)


def reached(channel: Channel, never_called: NeverCalled) -> ColumnElement[bool]:
    """The condition on `customers` under which the channel reaches one who has not opted out of it."""
    wanted = ~Customer.opt_outs.contains([channel.refused_as])
    number = best_number(never_called)
    if channel is Channel.CALL:
        return wanted & number.is_not(None)
    chosen = Customer.told_by.is_(None) | Customer.told_by.contains([str(channel)])
    return wanted & chosen & _address(channel, number)


def _address(channel: Channel, number: ColumnElement[str]) -> ColumnElement[bool]:
    if channel is Channel.SMS:
        return number.regexp_match(MOBILE)
    if channel is Channel.VOICE:
        return number.is_not(None)
    return _ADDRESS[channel].is_not(None)


def best_number(never_called: NeverCalled) -> ColumnElement[str]:
    """A mobile one rather than the main one; none of those that are never called."""
    table = CustomerPhone
    return (
        select(table.number)
        .where(table.customer_id == Customer.id, table.number.not_in(never_called()))
        .order_by(table.number.regexp_match(MOBILE).desc(), table.is_main.desc())
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )


async def listed(session: AsyncSession, wanted: NoticeQuery) -> tuple[NoticeView, ...]:
    """The newest first."""
    query = select(Notice).order_by(Notice.id.desc()).limit(wanted.limit)
    if wanted.state is not None:
        query = query.where(Notice.state == wanted.state)
    if wanted.after is not None:
        query = query.where(Notice.id < wanted.after)
    return tuple(map(view, await session.scalars(query)))


async def audience(
    connection: AsyncConnection,
    where: Sequence[Clause],
    channels: Collection[Channel],
    never_called: NeverCalled,
) -> Audience:
    """Whom a notice would reach if it were sent now."""
    counts = [func.count().filter(reached(each, never_called)) for each in channels]
    row = (await connection.execute(select(func.count(), *counts).where(*where))).one()
    names = (str(each) for each in channels)
    return Audience(row[0], dict(zip(names, row[1:], strict=True)))


async def counts(connection: AsyncConnection, actor: Actor, notice_id: int) -> NoticeCounts:
    """Of the recipients whom the actor may see."""
    table = NoticeRecipient
    told = table.told_at.is_not(None)
    found = await connection.execute(
        select(
            Customer.level_code,
            func.count(),
            func.count(table.prepared_at),
            func.count().filter(told),
            func.count().filter(_UNREACHED),
        )
        .join(Customer, Customer.id == table.customer_id)
        .where(table.notice_id == notice_id, concerns_seen(table.customer_id, actor))
        .group_by(Customer.level_code)
        .order_by(Customer.level_code.nulls_last())
    )
    levels = tuple(LevelCount(*row) for row in found)
    return NoticeCounts(
        recipients=sum(each.recipients for each in levels),
        prepared=sum(each.prepared for each in levels),
        told=sum(each.told for each in levels),
        unreached=sum(each.unreached for each in levels),
        levels=levels,
        channels=await _by_channel(connection, actor, notice_id),
    )


async def _by_channel(
    connection: AsyncConnection, actor: Actor, notice_id: int
) -> tuple[ChannelCount, ...]:
    messages = select(
        OutboxMessage.channel, OutboxMessage.state, OutboxMessage.reference.label("how")
    ).where(
        OutboxMessage.subject == SUBJECT,
        OutboxMessage.subject_id == notice_id,
        concerns_seen(OutboxMessage.customer_id, actor),
    )
    calls = (
        select(literal(str(Channel.CALL)).label("channel"), Todo.state, null().label("how"))
        .join(NoticeRecipient, Todo.source_reference == reference(NoticeRecipient.id))
        .where(
            Todo.source_kind == SUBJECT,
            NoticeRecipient.notice_id == notice_id,
            concerns_seen(NoticeRecipient.customer_id, actor),
        )
    )
    each = messages.union_all(calls).subquery()

    def of(*states: str) -> ColumnElement[int]:
        return func.count().filter(each.c.state.in_(states))

    def told(how: str) -> ColumnElement[int]:
        return func.count().filter(each.c.channel == str(Channel.VOICE), each.c.how == how)

    rows = await connection.execute(
        select(
            each.c.channel,
            of("pending", "sending", "open"),
            of("sent", "done"),
            told(CONFIRMED),
            told(LEFT),
            of("failed", "given_up", "cancelled"),
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
            Notice.state != NoticeState.CANCELLED,
            or_(Notice.expires_on.is_(None), Notice.expires_on >= today),
        )
        .group_by(Notice.id)
        .order_by(Notice.id.desc())
        .limit(_IN_THE_POP)
    )
    return tuple(NoticeBrief(row[0], row[1], row[2], row[3]) for row in rows)


async def to_hear(
    connection: AsyncConnection, customer_id: int, today: date
) -> tuple[HeardNotice, ...]:
    """What still holds, for the customer who listens: the unread first, of these and of the others the latest."""
    heard: Any = func.bool_and(NoticeRecipient.told_at.is_not(None))
    rows = await connection.execute(
        select(Notice.id, Notice.title, Notice.body, heard)
        .join(NoticeRecipient, NoticeRecipient.notice_id == Notice.id)
        .where(
            NoticeRecipient.customer_id == customer_id,
            NoticeRecipient.prepared_at.is_not(None),
            Notice.state != NoticeState.CANCELLED,
            or_(Notice.expires_on.is_(None), Notice.expires_on >= today),
        )
        .group_by(Notice.id)
        .order_by(heard, Notice.id.desc())
        .limit(_IN_THE_POP)
    )
    return tuple(HeardNotice(*row) for row in rows)


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
