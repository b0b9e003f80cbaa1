"""SQL that reads messages, for those who may see their customers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.messages.commands import MessageFilter, MessageQuery
from crm_core.messages.views import ChannelState, MessageItem
from crm_core.outbox.tables import UNSETTLED, OutboxMessage
from crm_core.outbox.views import recipient
from crm_core.rights import Actor, Right

_Query = Select[*tuple[Any, ...]]


async def found(
    connection: AsyncConnection, actor: Actor, wanted: MessageQuery
) -> tuple[MessageItem, ...]:
    """The newest first."""
    query = _items(actor).where(*conditions(wanted)).order_by(OutboxMessage.id.desc())
    if wanted.state is not None:
        query = query.where(OutboxMessage.state == wanted.state)
    if wanted.unsettled:
        query = query.where(OutboxMessage.state.in_(UNSETTLED))
    if wanted.before is not None:
        query = query.where(OutboxMessage.id < wanted.before)
    rows = await connection.execute(query.limit(wanted.limit))
    return tuple(_item(row, actor) for row in rows)


async def one(
    connection: AsyncConnection, actor: Actor, message_id: int
) -> tuple[MessageItem, dict[str, str]] | None:
    """The message and what is filled into its words; None when there is none."""
    query = _items(actor).add_columns(OutboxMessage.params).where(OutboxMessage.id == message_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (_item(row, actor), row.params)


async def by_channel(connection: AsyncConnection) -> tuple[ChannelState, ...]:
    """What waits, for the provider or for a person, whoever the customer is."""

    def count(state: str) -> ColumnElement[int]:
        return func.count().filter(OutboxMessage.state == state)

    rows = await connection.execute(
        select(
            OutboxMessage.channel,
            count("pending"),
            count("failed"),
            count("unknown"),
            func.min(OutboxMessage.created_at).filter(OutboxMessage.state == "pending"),
        )
        .where(OutboxMessage.state.in_(("pending", *UNSETTLED)))
        .group_by(OutboxMessage.channel)
        .order_by(OutboxMessage.channel)
    )
    return tuple(ChannelState(*row) for row in rows)


def conditions(wanted: MessageFilter) -> Sequence[ColumnElement[bool]]:
    """What a filter says, of the table of messages."""
    equal = {
        OutboxMessage.channel: wanted.channel,
        OutboxMessage.kind: wanted.kind,
        OutboxMessage.customer_id: wanted.customer_id,
        OutboxMessage.subject: wanted.subject,
        OutboxMessage.subject_id: wanted.subject_id,
    }
    return (
        *(column == value for column, value in equal.items() if value is not None),
        true() if wanted.since is None else OutboxMessage.created_at >= wanted.since,
        true() if wanted.until is None else OutboxMessage.created_at < wanted.until,
    )


def seen(actor: Actor) -> ColumnElement[bool]:
    """The condition under which this person may see a message."""
    return OutboxMessage.customer_id.in_(
        select(Customer.id).where(Customer.erased_at.is_(None), within_scope(actor))
    )


def _items(actor: Actor) -> _Query:
    return (
        select(
            OutboxMessage.id,
            OutboxMessage.state,
            OutboxMessage.channel,
            OutboxMessage.kind,
            OutboxMessage.subject,
            OutboxMessage.subject_id,
            OutboxMessage.customer_id,
            Customer.name,
            OutboxMessage.recipient,
            OutboxMessage.language,
            OutboxMessage.attempts,
            OutboxMessage.reason,
            OutboxMessage.reference,
            OutboxMessage.created_at,
            OutboxMessage.next_at,
            OutboxMessage.sent_at,
        )
        .join(Customer, Customer.id == OutboxMessage.customer_id)
        .where(Customer.erased_at.is_(None), within_scope(actor))
    )


def _item(row: Any, actor: Actor) -> MessageItem:
    return MessageItem(
        id=row.id,
        state=row.state,
        channel=row.channel,
        kind=row.kind,
        subject=row.subject,
        subject_id=row.subject_id,
        customer_id=row.customer_id,
        customer_name=row.name,
        recipient=recipient(
            row.channel, row.recipient, actor, unmasked=actor.may(Right.NUMBER_UNMASK)
        ),
        language=row.language,
        attempts=row.attempts,
        reason=row.reason,
        reference=row.reference,
        created_at=row.created_at,
        next_at=row.next_at if row.state == "pending" else None,
        sent_at=row.sent_at,
    )
