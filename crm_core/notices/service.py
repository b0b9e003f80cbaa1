"""Notices (通知) to dealers and other customers: written, sent by several channels, told to callers, counted.

Rule: to whom a notice goes is decided in the one transaction that sends it, by what its sender may see;
from then on it is never changed. Each customer is told once, whoever does it.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.customers.search import clauses
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.notices import reading, sending
from crm_core.notices.commands import (
    Channel,
    NewNotice,
    NoticeEdit,
    NoticeQuery,
    NoticeState,
    NoticeStep,
    RecipientQuery,
    Told,
)
from crm_core.notices.ports import NeverCalled, nobody_refuses
from crm_core.notices.tables import Notice, NoticeRecipient
from crm_core.notices.views import (
    Audience,
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

    async def create(self, actor: Actor, new: NewNotice) -> NoticeView:
        """A draft. Raises Invalid (a condition, a channel the house does not have)."""
        actor.require(Right.NOTICE_SEND)
        self._check_channels(new.channels)
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
            return await self._change(
                session, actor, notice_id, "edit", version=edit.version, values=values
            )

    async def cancel(self, actor: Actor, notice_id: int, step: NoticeStep) -> NoticeView:
        """A draft is not to be sent; one that is being sent is stopped: what has gone out has gone.

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

    async def send(self, actor: Actor, notice_id: int, step: NoticeStep) -> NoticeView:
        """To everybody who fits now; a worker prepares the messages.

        Raises NotFound, Conflict (edited since), NoticeNotDraft (sent before), Invalid (nobody fits).
        """
        actor.require(Right.NOTICE_SEND)
        values = {
            "state": NoticeState.SENDING,
            "sent_at": self._clock(),
            "sent_by": actor.user_id,
        }
        async with self._database.begin() as session:
            sent = await self._change(
                session, actor, notice_id, "send", version=step.version, values=values
            )
            where = await clauses(session, actor, sent.conditions)
            whom = select(literal(notice_id), Customer.id).where(*where).order_by(Customer.id)
            await session.execute(
                insert(NoticeRecipient).from_select(["notice_id", "customer_id"], whom)
            )
            many = await session.scalar(
                select(func.count()).where(NoticeRecipient.notice_id == notice_id)
            )
            if not many:
                raise Invalid(
                    "No customer fits these conditions: change them.",
                    fields={"conditions": "nobody"},
                )
        log.info("notice_sent", notice=notice_id, recipients=many, by=actor.user_id)
        return sent

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
        """A draft, or one to be stopped, as it becomes. Raises NotFound, Conflict, NoticeNotDraft."""
        before = await session.get(Notice, notice_id, with_for_update=True)
        if before is None:
            raise NotFound(f"There is no notice {notice_id}.")
        if before.version != version:
            raise Conflict(
                "Somebody else has changed this notice since you opened it: look at it again.",
                fields={"version": before.version},
            )
        may_stop = action == "cancel" and before.state == NoticeState.SENDING
        if before.state != NoticeState.DRAFT and not may_stop:
            raise NoticeNotDraft(
                "Only a draft can be changed, sent or cancelled: write a new notice instead.",
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
