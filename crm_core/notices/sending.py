"""The worker that turns a notice into messages and to-dos, a batch of recipients at a time.

Rule: a recipient's messages and to-do are written in the transaction that marks the recipient as prepared,
so that a daemon that dies leaves nobody out and tells nobody twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.notices import scheduled
from crm_core.notices.commands import Channel, NoticeState
from crm_core.notices.ports import NeverCalled, nobody_refuses
from crm_core.notices.reading import SUBJECT, best_number
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.notices.wording import KIND
from crm_core.outbox import messages
from crm_core.outbox.messages import CONTACT_COLUMNS, Contact
from crm_core.outbox.tables import OutboxMessage
from crm_core.rights import SYSTEM, Actor
from crm_core.todos import staff
from crm_core.todos import writing as todos
from crm_core.todos.commands import NewTodo, TodoKind, TodoSource, TodoState
from crm_core.todos.staff import Staff
from crm_core.worker import Worker

log = structlog.get_logger(__name__)

_EVERY_S = 2.0
_BATCH = 200
_CALL_WITHIN = timedelta(days=2)


class NoticeSender(Worker):
    """Looks every `every_s` seconds, at once again while there is more than a batch."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        never_called: NeverCalled = nobody_refuses,
        every_s: float = _EVERY_S,
        batch: int = _BATCH,
    ) -> None:
        super().__init__("notices", every_s=every_s, batch=batch)
        self._database = database
        self._clock = clock
        self._never_called = never_called
        self._batch = batch

    async def run_once(self) -> int:
        """Prepare a batch; how many recipients. Raises DatabaseUnavailable."""
        now = self._clock()
        async with self._database.begin() as session:
            await scheduled.begin_due(session, now)
        async with self._database.begin() as session:
            rows = await _claimed(session, self._batch, self._never_called)
            known = await staff.read(session)
            for row in rows:
                ways = await _prepare(session, row, known, now)
                await session.execute(
                    update(NoticeRecipient)
                    .where(NoticeRecipient.id == row.id)
                    .values(prepared_at=now, ways=ways)
                )
        async with self._database.begin() as session:
            await _finish(session)
        return len(rows)


async def _claimed(session: AsyncSession, batch: int, never_called: NeverCalled) -> Sequence[Any]:
    """Recipients of notices that nobody has stopped, nor stops before the end of the transaction."""
    going = await session.scalars(
        select(Notice.id).where(Notice.state == NoticeState.SENDING).with_for_update(read=True)
    )
    return (
        await session.execute(
            select(
                NoticeRecipient.id,
                NoticeRecipient.notice_id,
                NoticeRecipient.customer_id,
                Notice.title,
                Notice.body,
                Notice.channels,
                Notice.sent_by,
                *Customer.__table__.c[CONTACT_COLUMNS],
                Customer.opt_outs,
                Customer.salesperson_id,
                best_number(never_called).label("number"),
            )
            .join(Notice, Notice.id == NoticeRecipient.notice_id)
            .join(Customer, Customer.id == NoticeRecipient.customer_id)
            .where(
                NoticeRecipient.prepared_at.is_(None), NoticeRecipient.notice_id.in_(going.all())
            )
            .order_by(NoticeRecipient.id)
            .limit(batch)
            .with_for_update(of=NoticeRecipient, skip_locked=True)
        )
    ).all()


async def _prepare(session: AsyncSession, row: Any, known: Staff, now: datetime) -> int:
    """Messages and to-do of one recipient; how many channels reach the customer."""
    contact = Contact.of(row._asdict())
    wanted = [each for each in map(Channel, row.channels) if each.refused_as not in row.opt_outs]
    by_line = [each.value for each in wanted if each is not Channel.CALL]
    if contact.told_by is None:
        contact = replace(contact, told_by=by_line)
    told = messages.messages(KIND, contact, by_line, {"title": row.title, "body": row.body})
    await messages.tell(
        session, SUBJECT, row.notice_id, customer_id=row.customer_id, told=told, now=now
    )
    if Channel.CALL not in wanted or row.number is None:
        return len(told)
    return len(told) + await _ask_to_call(session, row, known, now)


async def _ask_to_call(session: AsyncSession, row: Any, known: Staff, now: datetime) -> bool:
    """The customer's own salesperson, or whoever sent the notice, or anybody who works and may see the
    customer; whether there is such a one.
    """
    wanted = dict.fromkeys((row.salesperson_id, row.sent_by, *sorted(known.workers)))
    able = [known.workers[each] for each in wanted if each in known.workers]
    seeing = await staff.who_see(session, able, row.customer_id)
    if not seeing:
        return False
    new = NewTodo(
        title=row.title,
        note=row.body,
        due_at=now + _CALL_WITHIN,
        customer_id=row.customer_id,
        kind=TodoKind.FOLLOW_UP,
        assignee_id=seeing[0].id,
    )
    await todos.add(session, SYSTEM, new, TodoSource(kind=SUBJECT, reference=str(row.id)), now)
    return True


async def _finish(session: AsyncSession) -> None:
    """Notices of which every recipient is prepared are sent."""
    waiting = exists().where(
        NoticeRecipient.notice_id == Notice.id, NoticeRecipient.prepared_at.is_(None)
    )
    done = await session.scalars(
        update(Notice)
        .where(Notice.state == NoticeState.SENDING, ~waiting)
        .values(state=NoticeState.SENT, version=Notice.version + 1)
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    )
    for notice_id in done:
        many = await session.scalar(
            select(func.count()).where(NoticeRecipient.notice_id == notice_id)
        )
        log.info("notice_prepared", notice=notice_id, recipients=many)


async def stop(session: AsyncSession, actor: Actor, notice_id: int, now: datetime) -> None:
    """What has not gone out does not go out any more; the caller holds the notice."""
    await session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.subject == SUBJECT,
            OutboxMessage.subject_id == notice_id,
            OutboxMessage.state == "pending",
        )
        .values(state="failed", reason="stopped")
    )
    recipients = await session.scalars(
        select(NoticeRecipient.id).where(
            NoticeRecipient.notice_id == notice_id, NoticeRecipient.prepared_at.is_not(None)
        )
    )
    for each in recipients.all():
        source = TodoSource(kind=SUBJECT, reference=str(each))
        await todos.settle(session, actor, source, now, state=TodoState.CANCELLED)
