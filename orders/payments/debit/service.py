"""Bank debit (代扣): a batch of what is due goes to the bank as a file, and its answer is read back. Rule: an order
waits in one batch at most, the file of a batch never changes, and an answer may be handed in any number of times.
"""

from collections.abc import Callable, Collection
from datetime import datetime

import structlog
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Conflict
from crm_core.rights import Actor, Right
from orders.payments.booking import Occasion
from orders.payments.debit import answering, file, store
from orders.payments.debit.commands import BatchQuery, NewBatch, NewDebitAccount
from orders.payments.debit.file import Answer, BadFile
from orders.payments.debit.tables import DebitAccount, DebitLine
from orders.payments.debit.views import (
    AccountView,
    AnswerReport,
    BatchView,
    LineView,
    RefusedRow,
    masked,
    number_of,
)
from orders.payments.errors import BadDebitFile

log = structlog.get_logger(__name__)

_ENTITY = "debit_batch"


class DebitService:
    """Every method may raise Forbidden, UnknownPayment and DatabaseUnavailable. `merchant` is our number at the
    bank.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        merchant: str,
        channels: Collection[str] = (),
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._merchant = merchant
        self._channels = frozenset(channels)

    async def add_account(
        self, actor: Actor, customer_id: int, new: NewDebitAccount
    ) -> tuple[AccountView, ...]:
        """The account that is debited from now on; the same one again is brought up to date."""
        actor.require(Right.PAYMENT_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            seen = await must_see(session, actor, customer_id)
            table, values = DebitAccount, new.model_dump()
            await session.execute(
                update(table).where(table.customer_id == seen).values(active=False)
            )
            await session.execute(
                insert(table)
                .values(
                    customer_id=seen,
                    created_by=actor.user_id,
                    created_at=now,
                    active=True,
                    **values,
                )
                .on_conflict_do_update(
                    constraint="uq_debit_accounts_customer_account", set_=values | {"active": True}
                )
            )
            told = values | {"account_no": masked(new.account_no)}
            await trail.record(
                session, actor.user_id, "debit_account.set", "customer", seen, after=told
            )
            return await store.accounts(session, seen)

    async def accounts(self, actor: Actor, customer_id: int) -> tuple[AccountView, ...]:
        """Raises NotFound."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await store.accounts(connection, await must_see(connection, actor, customer_id))

    async def make(self, actor: Actor, new: NewBatch) -> BatchView:
        """Raises Conflict when nothing is due."""
        actor.require(Right.PAYMENT_MANAGE)
        now = self._clock()
        try:
            async with self._database.begin() as session:
                due = await store.due(session, actor, new.order_ids)
                if not due:
                    raise Conflict(
                        "No order to be paid by debit is due, or its customer has no account.",
                        fields={"order_ids": "nothing"},
                    )
                batch_id = await store.add(session, new.due_on, due, actor.user_id, now)
                view = await store.batch(session, batch_id)
                told = {"count": view.count, "total": view.total, "due_on": new.due_on}
                await trail.record(
                    session, actor.user_id, "debit_batch.create", _ENTITY, batch_id, after=told
                )
        except IntegrityError as error:
            if "uq_debit_lines_waiting" not in str(error.orig):
                raise
            raise Conflict(
                "Somebody makes a batch of these orders just now: look again."
            ) from error
        log.info("debit_batch_made", batch=view.number, count=view.count, total=str(view.total))
        return view

    async def cancel(self, actor: Actor, batch_id: int) -> BatchView:
        """Only while the bank has not got it. Raises Conflict."""
        actor.require(Right.PAYMENT_MANAGE)
        async with self._database.begin() as session:
            batch = await store.held(session, actor, batch_id)
            if batch.state != "made":
                raise Conflict(f"This batch is {batch.state}: it cannot be cancelled any more.")
            batch.state = "cancelled"
            await session.execute(
                update(DebitLine).where(DebitLine.batch_id == batch_id).values(state="dropped")
            )
            await session.flush()
            await trail.record(session, actor.user_id, "debit_batch.cancel", _ENTITY, batch_id)
            return await store.batch(session, batch_id)

    async def fetch(self, actor: Actor, batch_id: int) -> tuple[str, bytes]:
        """Name and content of the file for the bank; from now on the batch counts as sent."""
        actor.require(Right.PAYMENT_MANAGE)
        async with self._database.begin() as session:
            batch = await store.held(session, actor, batch_id)
            if batch.state == "cancelled":
                raise Conflict("This batch is cancelled: make a new one.")
            if batch.state == "made":
                batch.state, batch.sent_at = "sent", self._clock()
            debits = await store.debits(session, batch_id)
            await trail.record(session, actor.user_id, "debit_batch.fetch", _ENTITY, batch_id)
        content = file.write(self._merchant, number_of(batch_id), batch.due_on, debits)
        return f"DK{number_of(batch_id)}.txt", content

    async def answer(self, actor: Actor, batch_id: int, content: bytes) -> AnswerReport:
        """What the bank did. Raises BadDebitFile (nothing was taken), Conflict (never sent)."""
        actor.require(Right.PAYMENT_MANAGE)
        async with self._database.reading() as connection:
            batch = await store.batch(connection, batch_id)
            await store.must_see_all(connection, actor, batch_id)
        if batch.state not in ("sent", "answered"):
            raise Conflict(f"This batch is {batch.state}: the bank cannot answer it.")
        try:
            answers, unreadable = file.read_answer(content, self._merchant, batch.number)
        except BadFile as error:
            raise BadDebitFile(
                f"This is no answer to batch {batch.number}: {error}.", fields={"body": "file"}
            ) from error
        now = self._clock()
        rows = [RefusedRow(each.line_no, each.row, "unreadable", now) for each in unreadable]
        done = {"paid": 0, "failed": 0, "same": 0}
        for each in answers:
            what = await self._take(batch_id, each, now)
            if what in done:
                done[what] += 1
            else:
                rows.append(RefusedRow(each.row_no, each.row, what, now))
        async with self._database.begin() as session:
            await store.refuse(session, batch_id, rows)
            await store.finish(session, batch_id)
            await trail.record(
                session, actor.user_id, "debit_batch.answer", _ENTITY, batch_id,
                after=done | {"refused": len(rows)},
            )  # fmt: skip
            batch = await store.batch(session, batch_id)
        log.info("debit_batch_answered", batch=batch.number, refused=len(rows), **done)
        return AnswerReport(batch, **done, refused=tuple(rows))

    async def get(
        self, actor: Actor, batch_id: int
    ) -> tuple[BatchView, tuple[LineView, ...], tuple[RefusedRow, ...]]:
        """A batch with its lines and the rows of answers that were refused."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            batch = await store.batch(connection, batch_id)
            return (
                batch,
                await store.lines(connection, actor, batch_id),
                await store.refused(connection, actor, batch_id),
            )

    async def listed(self, actor: Actor, query: BatchQuery) -> tuple[BatchView, ...]:
        """The newest first."""
        actor.require(Right.PAYMENT_VIEW)
        async with self._database.reading() as connection:
            return await store.batches(connection, query.before, query.limit)

    async def _take(self, batch_id: int, answer: Answer, now: datetime) -> str:
        async with self._database.begin() as session:
            taken = await answering.take(session, batch_id, answer, Occasion(self._channels, now))
        if taken.booked is not None:
            self._bus.publish(taken.booked.event)
        return taken.what
