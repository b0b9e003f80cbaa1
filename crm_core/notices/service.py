"""Notices (通知) to dealers and other customers: written, sent by several channels, told to callers, counted.

Rule: to whom a notice goes is decided in the one transaction that sends it, now or at the time it is scheduled for, by
what its sender may see then; from then on it is never changed. Each customer is told once, whoever does it.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.search import clauses
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.notices import reading, scheduled, sending
from crm_core.notices.commands import (
    LONGEST_SAID,
    Channel,
    NewNotice,
    NoticeEdit,
    NoticeQuery,
    NoticeState,
    NoticeStep,
    RecipientQuery,
    Send,
    Told,
)
from crm_core.notices.ports import NeverCalled, nobody_refuses
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.notices.views import (
    Audience,
    HeardNotice,
    NoticeBrief,
    NoticeCounts,
    NoticeView,
    RecipientView,
)
from crm_core.rights import Actor, Right
from crm_core.todos import writing as todos
from crm_core.todos.commands import TodoSource

log = structlog.get_logger(__name__)

_ENTITY = "notice"
_NOT_SENT = frozenset({NoticeState.DRAFT, NoticeState.SCHEDULED})
_FROM: Mapping[str, frozenset[NoticeState]] = {
    "edit": frozenset({NoticeState.DRAFT}),
    "schedule": _NOT_SENT,
    "send": _NOT_SENT,
    "cancel": _NOT_SENT | {NoticeState.SENDING},
}
"""In which states something may be done to a notice."""


class NoticeNotDraft(Conflict):
    code = "notice_state"


class NoticeService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime],
        zone: tzinfo,
        channels: Collection[str],
        never_called: NeverCalled = nobody_refuses,
    ) -> None:
        """`channels` are those for which the house has a connector; `never_called` which numbers are not."""
        self._database = database
        self._clock = clock
        self._zone = zone
        self._never_called = never_called
        self._channels = {Channel.CALL, *(each for each in Channel if each in channels)}

    async def listed(self, actor: Actor, wanted: NoticeQuery) -> tuple[NoticeView, ...]:
        actor.require(Right.NOTICE_SEND)
        async with self._database.reading_entities() as session:
            return await reading.listed(session, wanted)

    async def get(self, actor: Actor, notice_id: int) -> NoticeView:
        """Raises NotFound."""
        actor.require(Right.NOTICE_SEND)
        async with self._database.reading_entities() as session:
            return await reading.notice(session, notice_id)

    async def audience(self, actor: Actor, notice_id: int) -> Audience:
        """Whom it would reach if it were sent now. Raises NotFound, Invalid."""
        found = await self.get(actor, notice_id)
        async with self._database.reading() as connection:
            where = await clauses(connection, actor, found.conditions)
            return await reading.audience(
                connection,
                where,
                [Channel(each) for each in found.channels],
                self._never_called,
            )

    async def counts(self, actor: Actor, notice_id: int) -> NoticeCounts:
        """What became of it, by channel. Raises NotFound."""
        await self.get(actor, notice_id)
        async with self._database.reading() as connection:
            return await reading.counts(connection, actor, notice_id)

    async def recipients(
        self, actor: Actor, notice_id: int, wanted: RecipientQuery
    ) -> tuple[RecipientView, ...]:
        """Raises NotFound."""
        await self.get(actor, notice_id)
        async with self._database.reading() as connection:
            return await reading.recipients(connection, actor, notice_id, wanted)

    async def untold(self, customer_id: int) -> tuple[NoticeBrief, ...]:
        """What this customer is still to be told, for whoever speaks with them."""
        today = self._clock().astimezone(self._zone).date()
        async with self._database.reading() as connection:
            return await reading.untold(connection, customer_id, today)

    async def to_hear(self, customer_id: int) -> tuple[HeardNotice, ...]:
        """What this customer listens to by keypad, the unread first."""
        today = self._clock().astimezone(self._zone).date()
        async with self._database.reading() as connection:
            return await reading.to_hear(connection, customer_id, today)

    async def create(self, actor: Actor, new: NewNotice) -> NoticeView:
        """A draft. Raises Invalid (a condition, a channel the house does not have, too long to be said)."""
        actor.require(Right.NOTICE_SEND)
        self._check_channels(new.channels)
        _check_length(new.channels, new.body)
        kept = new.model_dump(mode="json", include={"conditions"})
        values = new.model_dump(exclude={"conditions"}) | kept
        async with self._database.begin() as session:
            await clauses(session, actor, new.conditions)
            notice_id = await session.scalar(
                insert(Notice)
                .values(**values, created_by=actor.user_id, created_at=self._clock())
                .returning(Notice.id)
            )
            assert notice_id is not None
            await trail.record(
                session, actor.user_id, "notice.create", _ENTITY, notice_id, after=values
            )
            return await reading.notice(session, notice_id)

    async def edit(self, actor: Actor, notice_id: int, edit: NoticeEdit) -> NoticeView:
        """Raises NotFound, Conflict (edited since), NoticeNotDraft (sent), Invalid."""
        actor.require(Right.NOTICE_SEND)
        self._check_channels(edit.channels)
        values = edit.model_dump(exclude_unset=True, exclude={"version", "conditions"})
        if "conditions" in edit.model_fields_set:
            values |= edit.model_dump(mode="json", include={"conditions"})
        async with self._database.begin() as session:
            await clauses(session, actor, edit.conditions)
            edited = await self._change(
                session, actor, notice_id, "edit", version=edit.version, values=values
            )
            _check_length(edited.channels, edited.body)
            return edited

    async def cancel(self, actor: Actor, notice_id: int, step: NoticeStep) -> NoticeView:
        """A draft is not to be sent, nor one that waits for its time; one that is being sent is stopped: what has
        gone out has gone.

        Raises NotFound, Conflict (edited since), NoticeNotDraft (sent).
        """
        actor.require(Right.NOTICE_SEND)
        values = {"state": NoticeState.CANCELLED}
        async with self._database.begin() as session:
            cancelled = await self._change(
                session, actor, notice_id, "cancel", version=step.version, values=values
            )
            if cancelled.sent_at is not None:
                await sending.stop(session, actor, notice_id, self._clock())
        log.info("notice_cancelled", notice=notice_id, by=actor.user_id)
        return cancelled

    async def send(self, actor: Actor, notice_id: int, step: Send) -> NoticeView:
        """To everybody who fits now, or then when it has a time; a worker prepares the messages. One that waits for
        its time may be given another one, or be sent at once.

        Raises NotFound, Conflict (edited since), NoticeNotDraft (sent before), Invalid (nobody fits; no such time).
        """
        actor.require(Right.NOTICE_SEND)
        if step.send_at is not None:
            return await self._schedule(actor, notice_id, step.version, step.send_at)
        values = {
            "state": NoticeState.SENDING,
            "send_at": None,
            "sent_at": self._clock(),
            "sent_by": actor.user_id,
        }
        async with self._database.begin() as session:
            sent = await self._change(
                session, actor, notice_id, "send", version=step.version, values=values
            )
            many = await scheduled.address(session, actor, sent.id, sent.conditions)
            if not many:
                raise Invalid(
                    "No customer fits these conditions: change them.",
                    fields={"conditions": "nobody"},
                )
        log.info("notice_sent", notice=notice_id, recipients=many, by=actor.user_id)
        return sent

    async def _schedule(
        self, actor: Actor, notice_id: int, version: int, send_at: datetime
    ) -> NoticeView:
        if send_at <= self._clock():
            raise Invalid(
                "This time is over: give a later one, or none to send it now.",
                fields={"send_at": "in the past"},
            )
        values = {"state": NoticeState.SCHEDULED, "send_at": send_at, "sent_by": actor.user_id}
        async with self._database.begin() as session:
            waiting = await self._change(
                session, actor, notice_id, "schedule", version=version, values=values
            )
            await clauses(session, actor, waiting.conditions)
            last = waiting.expires_on
            if last is not None and send_at.astimezone(self._zone).date() > last:
                raise Invalid(
                    f"The last day on which it is told is {last}: give an earlier time.",
                    fields={"send_at": "after expires_on"},
                )
        log.info("notice_scheduled", notice=notice_id, at=send_at, by=actor.user_id)
        return waiting

    async def told(self, actor: Actor, notice_id: int, given: Told) -> None:
        """The customer knows it now; twice is the same as once, and a to-do to call is done by it.

        Raises NotFound (customer, or a notice that did not go there).
        """
        actor.require(Right.CUSTOMER_VIEW)
        now = self._clock()
        async with self._database.begin() as session:
            customer_id = await must_see(session, actor, given.customer_id)
            held = (
                select(NoticeRecipient.id, NoticeRecipient.told_at)
                .where(
                    NoticeRecipient.notice_id == notice_id,
                    NoticeRecipient.customer_id == customer_id,
                )
                .with_for_update()
            )
            found = (await session.execute(held)).all()
            if not found:
                raise NotFound(f"Notice {notice_id} did not go to this customer.")
            fresh = [row.id for row in found if row.told_at is None]
            await session.execute(
                update(NoticeRecipient)
                .where(NoticeRecipient.id.in_(fresh))
                .values(told_at=now, told_by=actor.user_id, call_id=given.call_id)
            )
            for each in fresh:
                source = TodoSource(kind=reading.SUBJECT, reference=str(each))
                await todos.settle(session, actor, source, now)
            if fresh:
                after = {"customer_id": customer_id, "call_id": given.call_id}
                await trail.record(
                    session, actor.user_id, "notice.told", _ENTITY, notice_id, after=after
                )

    async def _change(
        self,
        session: AsyncSession,
        actor: Actor,
        notice_id: int,
        action: str,
        *,
        version: int,
        values: Mapping[str, object],
    ) -> NoticeView:
        """The notice as it becomes. Raises NotFound, Conflict, NoticeNotDraft."""
        before = await session.get(Notice, notice_id, with_for_update=True)
        if before is None:
            raise NotFound(f"There is no notice {notice_id}.")
        if before.version != version:
            raise Conflict(
                "Somebody else has changed this notice since you opened it: look at it again.",
                fields={"version": before.version},
            )
        if before.state not in _FROM[action]:
            raise NoticeNotDraft(
                f"A notice that is {before.state} allows no “{action}”: write a new notice instead.",
                fields={"state": before.state},
            )
        was, became = trail.changes({key: getattr(before, key) for key in values}, values)
        await session.execute(
            update(Notice)
            .where(Notice.id == notice_id)
            .values(**values, version=version + 1)
            .execution_options(synchronize_session="fetch")
        )
        await trail.record(
            session, actor.user_id, f"notice.{action}", _ENTITY, notice_id, before=was, after=became
        )
        session.expire_all()
        return await reading.notice(session, notice_id)

    def _check_channels(self, channels: Collection[Channel]) -> None:
        missing = sorted(set(channels) - self._channels)
        if missing:
            raise Invalid(
                f"This house has no connector for {', '.join(missing)}: leave it out, or have it set up.",
                fields={"channels": "unknown"},
            )


def _check_length(channels: Collection[str], body: str) -> None:
    """Raises Invalid."""
    if Channel.VOICE in channels and len(body) > LONGEST_SAID:
        raise Invalid(
            f"A notice that is said may have up to {LONGEST_SAID} characters: shorten it, or leave voice out.",
            fields={"body": "too_long"},
        )
