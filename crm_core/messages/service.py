"""Messages to customers, for those who look after them: found, sent again, given up.

Rule: only what is `failed`, `unknown` or given up is decided about, once, and with an audit entry; what is sent again
goes to the customer's address of today under the token it always had.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.audit.trail import Entry
from crm_core.customers.tables import Customer, CustomerPhone
from crm_core.db import Database
from crm_core.errors import Conflict, NotFound
from crm_core.messages import reading
from crm_core.messages.commands import GiveUp, MessageQuery, MessageStep, ResendMany
from crm_core.messages.views import ChannelState, MessageDetail, MessageItem
from crm_core.outbox.messages import CONTACT_COLUMNS, Contact
from crm_core.outbox.ports import Message, NotNow, NotSent
from crm_core.outbox.tables import OutboxMessage
from crm_core.outbox.wording import WordBook
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

ENTITY = "message"


class MessageSettled(Conflict):
    code = "message_settled"


class MessageService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self, database: Database, book: WordBook, *, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._book = book
        self._clock = clock

    async def search(self, actor: Actor, wanted: MessageQuery) -> tuple[MessageItem, ...]:
        """The newest first, of customers this person sees."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.reading() as connection:
            return await reading.found(connection, actor, wanted)

    async def get(self, actor: Actor, message_id: int) -> MessageDetail:
        """Raises NotFound."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.reading() as connection:
            found = await reading.one(connection, actor, message_id)
        if found is None:
            raise _unknown(message_id)
        item, params = found
        message = Message("", item.kind, "", item.language, params)
        try:
            words = await self._book.of(message, item.channel)
        except (NotSent, NotNow):
            return MessageDetail(item, None, None)
        return MessageDetail(item, words.subject, words.body)

    async def summary(self, actor: Actor) -> tuple[ChannelState, ...]:
        """What waits, for the provider or for a person, by channel."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.reading() as connection:
            return await reading.by_channel(connection)

    async def send_again(self, actor: Actor, message_id: int, step: MessageStep) -> MessageItem:
        """One message, to today's address. Raises NotFound, MessageSettled."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.begin() as session:
            held = await _held(session, actor, message_id, step.state)
            await _requeue(session, actor, [held], self._clock())
        log.info("message_sent_again", message_id=message_id, user=actor.user_id)
        return (await self.get(actor, message_id)).message

    async def send_many_again(self, actor: Actor, wanted: ResendMany) -> int:
        """The oldest that fit; how many."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.begin() as session:
            rows = await session.scalars(
                select(OutboxMessage)
                .where(
                    *reading.conditions(wanted),
                    OutboxMessage.state == wanted.state,
                    reading.seen(actor),
                )
                .order_by(OutboxMessage.id)
                .limit(wanted.limit)
                .with_for_update(skip_locked=True)
            )
            count = await _requeue(session, actor, rows.all(), self._clock())
        log.info("messages_sent_again", count=count, user=actor.user_id)
        return count

    async def give_up(self, actor: Actor, message_id: int, given: GiveUp) -> MessageItem:
        """Nobody sends it any more. Raises NotFound, MessageSettled."""
        actor.require(Right.MESSAGE_MANAGE)
        async with self._database.begin() as session:
            held = await _held(session, actor, message_id, given.state)
            await session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.id == message_id)
                .values(state="given_up", reason=given.reason, settled_at=self._clock())
            )
            await trail.record(
                session,
                actor.user_id,
                "message.give_up",
                ENTITY,
                message_id,
                before={"state": held.state, "reason": held.reason},
                after={"state": "given_up", "reason": given.reason},
            )
        log.info("message_given_up", message_id=message_id, user=actor.user_id)
        return (await self.get(actor, message_id)).message


async def _held(session: AsyncSession, actor: Actor, message_id: int, state: str) -> OutboxMessage:
    """The message, locked, in the state in which it was looked at. Raises NotFound, MessageSettled."""
    held = await session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.id == message_id, reading.seen(actor))
        .with_for_update()
    )
    if held is None:
        raise _unknown(message_id)
    if held.state != state:
        raise MessageSettled(
            f"This message is “{held.state}” by now: look at it again.",
            fields={"state": held.state},
        )
    session.expunge(held)
    return held


async def _requeue(
    session: AsyncSession, actor: Actor, held: Sequence[OutboxMessage], now: datetime
) -> int:
    contacts = await _contacts(session, {each.customer_id for each in held})
    for each in held:
        address = contacts[each.customer_id].recipient(each.channel) or each.recipient
        await session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == each.id)
            .values(**_fresh(now), recipient=address)
            .execution_options(synchronize_session=False)
        )
    entries = [
        Entry(
            actor.user_id,
            "message.send_again",
            ENTITY,
            each.id,
            {"state": each.state, "reason": each.reason},
            {"state": "pending"},
        )
        for each in held
    ]
    await trail.record_many(session, entries)
    return len(entries)


def _fresh(now: datetime) -> dict[str, Any]:
    """As if it had just been written; the token stays."""
    return {
        "state": "pending",
        "attempts": 0,
        "queued_at": now,
        "next_at": now,
        "reason": None,
        "doubtful_since": None,
        "settled_at": None,
    }


async def _contacts(session: AsyncSession, customers: set[int]) -> dict[int, Contact]:
    rows = await session.execute(
        select(Customer.id, *Customer.__table__.c[CONTACT_COLUMNS], CustomerPhone.number)
        .outerjoin(
            CustomerPhone, (CustomerPhone.customer_id == Customer.id) & CustomerPhone.is_main
        )
        .where(Customer.id.in_(customers))
    )
    return {row.id: Contact.of(row._asdict()) for row in rows}


def _unknown(message_id: int) -> NotFound:
    return NotFound(f"There is no message {message_id}.")
