"""SQL of the dialler. Rule: an item is taken by one conditional statement, so that no number is
dialled twice, and the attempt is in the ledger before the number goes out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, Invalid, NotFound
from dialer.errors import CallbackExists
from dialer.events import CallbackView
from dialer.policy import CALLBACK_ATTEMPTS, Purpose, Result, retry_for
from dialer.tables import OPEN_CALLBACK, Attempt, Callback, Campaign, CampaignContact, DoNotCall

_TRY_AGAIN_S = 1.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DueItem:
    """Something to dial: `agent_id` when it must be that agent, `max_attempts` for a campaign."""

    purpose: Purpose
    id: int
    number: str
    queue: str
    agent_id: int | None
    max_attempts: int | None


@dataclass(frozen=True, slots=True)
class NewCallback:
    number: str
    queue: str
    source: str
    due_at: datetime
    customer_id: int | None = None
    agent_id: int | None = None
    origin_call_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """How far a campaign is: numbers by what has become of them."""

    id: int
    name: str
    queue: str
    status: str
    waiting: int
    reached: int
    closed: int


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    call_id: str
    purpose: Purpose
    item_id: int
    number: str


_CONTACTS = text("""
INSERT INTO campaign_contacts (campaign_id, number, customer_id)
SELECT :campaign_id, n.number, p.customer_id
FROM unnest(CAST(:numbers AS text[])) WITH ORDINALITY AS n (number, place)
LEFT JOIN customer_phones p ON p.number = n.number
ORDER BY n.place
""")


async def until_stored(write: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat a write until the database is there; what happened on the line is not forgotten."""
    while True:
        try:
            return await write()
        except DatabaseUnavailable:
            await asyncio.sleep(_TRY_AGAIN_S)


class DialerStore:
    """One method, one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_callback(self, new: NewCallback) -> CallbackView:
        """Raises CallbackExists when the number already waits."""
        values = {name: getattr(new, name) for name in new.__slots__} | {"next_at": new.due_at}
        try:
            async with self._database.begin() as session:
                made = await session.execute(insert(Callback).values(values).returning(Callback.id))
                return await _view(session, made.scalar_one())
        except IntegrityError as error:
            if "uq_callbacks_open_number" not in str(error.orig):
                raise Invalid(
                    "There is no such agent or customer: choose one from the list."
                ) from error
            raise CallbackExists(
                "This number already waits for a call-back: close or change that one."
            ) from error

    async def callbacks(self, *, limit: int = 100) -> list[CallbackView]:
        """The open ones first, by due time; then those whose fate nobody knows."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _views(Callback.status.in_((*OPEN_CALLBACK, "unknown")))
                .order_by(Callback.due_at)
                .limit(limit)
            )
            return [CallbackView(*row) for row in rows]

    async def callback(self, callback_id: int) -> CallbackView:
        async with self._database.reading_entities() as session:
            return await _view(session, callback_id)

    async def close_callback(self, callback_id: int, now: datetime) -> CallbackView:
        async with self._database.begin() as session:
            await session.execute(
                update(Callback)
                .where(Callback.id == callback_id, Callback.status.in_(("waiting", "unknown")))
                .values(status="closed", closed_at=now)
            )
            return await _view(session, callback_id)

    async def close_answered(self, numbers: Collection[str], now: datetime) -> list[CallbackView]:
        """These customers were spoken to meanwhile: what waited for their numbers is done."""
        async with self._database.begin() as session:
            ids = await session.scalars(
                update(Callback)
                .where(Callback.number.in_(numbers), Callback.status == "waiting")
                .values(status="done", last_result="called_again", closed_at=now)
                .returning(Callback.id)
            )
            return [await _view(session, each) for each in ids.all()]

    async def add_abandoned(self, since: datetime) -> list[CallbackView]:
        """A call-back for each caller who gave up after `since` and was not spoken to afterwards.

        Read from the records of calls, so that none is forgotten, whichever daemon saw it.
        """
        async with self._database.begin() as session:
            ids = await session.scalars(_ADD_ABANDONED, {"since": since})
            return [await _view(session, each) for each in ids.all()]

    async def due(self, now: datetime, *, limit: int) -> list[DueItem]:
        """Call-backs that are due, oldest first, then contacts of running campaigns."""
        async with self._database.reading() as connection:
            callbacks = await connection.execute(
                select(Callback.id, Callback.number, Callback.queue, Callback.agent_id)
                .where(Callback.status == "waiting", Callback.next_at <= now)
                .order_by(Callback.next_at)
                .limit(limit)
            )
            contacts = await connection.execute(
                select(
                    CampaignContact.id,
                    CampaignContact.number,
                    Campaign.queue,
                    Campaign.max_attempts,
                )
                .join(Campaign)
                .where(
                    Campaign.status == "running",
                    CampaignContact.status == "waiting",
                    CampaignContact.next_at <= now,
                )
                .order_by(CampaignContact.next_at, CampaignContact.id)
                .limit(limit)
            )
            return [DueItem("callback", *row, None) for row in callbacks] + [
                DueItem("campaign", id_, number, queue, None, most)
                for id_, number, queue, most in contacts
            ]

    async def history(self, number: str, now: datetime) -> tuple[bool, list[datetime]]:
        """Whether the number is on the do-not-call list, and when it was dialled in the last day."""
        async with self._database.reading() as connection:
            listed = await connection.scalar(
                select(DoNotCall.number).where(DoNotCall.number == number)
            )
            times = await connection.scalars(
                select(Attempt.at).where(
                    Attempt.number == number, Attempt.at > now - timedelta(days=1)
                )
            )
            return listed is not None, list(times)

    async def begin_attempt(
        self, item: DueItem, call_id: str, agent_id: int, rules: str, now: datetime
    ) -> bool:
        """Take the item and write the ledger; False when somebody else has it already, or when the
        number has come onto the do-not-call list.
        """
        table = Callback if item.purpose == "callback" else CampaignContact
        listed = exists().where(DoNotCall.number == item.number)
        async with self._database.begin() as session:
            taken = await session.scalar(
                update(table)
                .where(table.id == item.id, table.status == "waiting", ~listed)
                .values(status="dialling", attempts=table.attempts + 1)
                .returning(table.id)
            )
            if taken is None:
                return False
            await session.execute(
                insert(Attempt).values(
                    call_id=call_id,
                    number=item.number,
                    callback_id=item.id if item.purpose == "callback" else None,
                    contact_id=item.id if item.purpose == "campaign" else None,
                    agent_id=agent_id,
                    rules=rules,
                    at=now,
                )
            )
            return True

    async def begin_message_attempt(
        self, call_id: str, token: str, number: str, rules: str, now: datetime
    ) -> None:
        """Write the ledger for a call that says or faxes a message."""
        async with self._database.begin() as session:
            await session.execute(
                insert(Attempt).values(
                    call_id=call_id, number=number, message_token=token, rules=rules, at=now
                )
            )

    async def close_message_attempts(self, now: datetime) -> None:
        """An earlier daemon ended while they were out: nobody knows what became of them."""
        async with self._database.begin() as session:
            await session.execute(
                update(Attempt)
                .where(Attempt.message_token.is_not(None), Attempt.result.is_(None))
                .values(result="unknown", ended_at=now)
            )

    async def attempt_answered(self, call_id: str, now: datetime) -> None:
        async with self._database.begin() as session:
            await session.execute(
                update(Attempt).where(Attempt.call_id == call_id).values(answered_at=now)
            )

    async def end_attempt(
        self, call_id: str, result: Result, now: datetime, *, cause: int | None, tech: str | None
    ) -> CallbackView | None:
        """Write the result once and give the item back by its redial rule."""
        async with self._database.begin() as session:
            ended = (
                await session.execute(
                    update(Attempt)
                    .where(Attempt.call_id == call_id, Attempt.result.is_(None))
                    .values(result=result, ended_at=now, cause=cause, tech_cause=tech)
                    .returning(Attempt.callback_id, Attempt.contact_id)
                )
            ).one_or_none()
            if ended is None:
                return None
            if ended.callback_id is not None:
                await _give_back(session, Callback, ended.callback_id, result, now)
                return await _view(session, ended.callback_id)
            if ended.contact_id is not None:
                await _give_back(session, CampaignContact, ended.contact_id, result, now)
            return None

    async def postpone(self, item: DueItem, until: datetime | None, reason: str) -> None:
        """The rules do not allow it now; without `until` they never will."""
        table = Callback if item.purpose == "callback" else CampaignContact
        values: dict[str, Any] = {"next_at": until} if until else {"status": "closed"}
        if until is None and table is Callback:
            values["closed_at"] = func.now()
        async with self._database.begin() as session:
            await session.execute(
                update(table)
                .where(table.id == item.id, table.status == "waiting")
                .values(last_result=reason, **values)
            )

    async def make_due(self, callback_id: int, agent_id: int, now: datetime) -> CallbackView:
        """An agent takes the call-back now."""
        async with self._database.begin() as session:
            await session.execute(
                update(Callback)
                .where(Callback.id == callback_id, Callback.status.in_(("waiting", "unknown")))
                .values(status="waiting", agent_id=agent_id, next_at=now)
            )
            return await _view(session, callback_id)

    async def open_attempts(self) -> list[OpenAttempt]:
        """Attempts without a result: a daemon ended while they were out."""
        async with self._database.reading() as connection:
            rows = await connection.execute(
                select(
                    Attempt.call_id,
                    Attempt.callback_id,
                    func.coalesce(Attempt.callback_id, Attempt.contact_id),
                    Attempt.number,
                )
                .where(Attempt.result.is_(None), Attempt.message_token.is_(None))
                .order_by(Attempt.at)
            )
            return [
                OpenAttempt(
                    call_id, "campaign" if callback is None else "callback", item_id, number
                )
                for call_id, callback, item_id, number in rows
            ]

    async def forbid(self, number: str, reason: str, added_by: int | None) -> None:
        """Put a number on the do-not-call list; a second time changes nothing."""
        async with self._database.begin() as session:
            await session.execute(
                upsert(DoNotCall)
                .values(number=number, reason=reason, added_by=added_by)
                .on_conflict_do_nothing()
            )

    async def add_campaign(
        self, name: str, queue: str, numbers: Sequence[str], *, max_attempts: int = 3
    ) -> int:
        """A draft campaign over the numbers, each once; known customers are linked."""
        async with self._database.begin() as session:
            campaign = await session.execute(
                insert(Campaign)
                .values(name=name, queue=queue, max_attempts=max_attempts)
                .returning(Campaign.id)
            )
            campaign_id = campaign.scalar_one()
            await session.execute(
                _CONTACTS, {"campaign_id": campaign_id, "numbers": list(dict.fromkeys(numbers))}
            )
            return campaign_id

    async def set_campaign_status(self, campaign_id: int, status: str) -> None:
        """Raises NotFound."""
        async with self._database.begin() as session:
            changed = await session.scalar(
                update(Campaign)
                .where(Campaign.id == campaign_id)
                .values(status=status)
                .returning(Campaign.id)
            )
            if changed is None:
                raise NotFound(f"There is no campaign {campaign_id}.")

    async def campaigns(self) -> list[CampaignProgress]:
        """Every campaign, the newest first."""

        def count(*statuses: str) -> ColumnElement[int]:
            return func.count().filter(CampaignContact.status.in_(statuses))

        async with self._database.begin() as session:
            rows = await session.execute(
                select(
                    Campaign.id,
                    Campaign.name,
                    Campaign.queue,
                    Campaign.status,
                    count("waiting", "dialling"),
                    count("reached"),
                    count("closed", "unknown"),
                )
                .outerjoin(CampaignContact)
                .group_by(Campaign.id)
                .order_by(Campaign.id.desc())
            )
            return [CampaignProgress(*row) for row in rows]


_ADD_ABANDONED = text("""
    INSERT INTO callbacks
        (number, customer_id, queue, source, origin_call_id, requested_at, due_at, next_at)
    SELECT DISTINCT ON (c.caller) c.caller, p.id, c.queue, 'abandoned', c.id,
        c.ended_at, c.ended_at, c.ended_at
    FROM calls c LEFT JOIN customers p ON p.id = c.customer_id
    WHERE c.outcome = 'abandoned' AND c.ended_at > :since AND c.direction = 'inbound'
        AND c.queue IS NOT NULL AND length(c.caller) > 6
        AND NOT EXISTS (SELECT FROM do_not_call d WHERE d.number = c.caller)
        AND NOT EXISTS (SELECT FROM callbacks b WHERE b.number = c.caller
            AND (b.closed_at IS NULL OR b.closed_at > c.ended_at))
        AND NOT EXISTS (SELECT FROM calls a WHERE a.caller = c.caller
            AND a.started_at > c.started_at AND a.answered_at > c.ended_at)
    ORDER BY c.caller, c.ended_at DESC
    ON CONFLICT DO NOTHING
    RETURNING id
""")

_VIEW_COLUMNS = (
    Callback.id,
    Callback.number,
    Callback.customer_id,
    Customer.name,
    Callback.queue,
    Callback.agent_id,
    Callback.source,
    Callback.note,
    Callback.requested_at,
    Callback.due_at,
    Callback.next_at,
    Callback.status,
    Callback.attempts,
    Callback.last_result,
)


def _views(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(*_VIEW_COLUMNS)
        .outerjoin(Customer, Customer.id == Callback.customer_id)
        .where(*conditions)
    )


async def _view(session: AsyncSession, callback_id: int) -> CallbackView:
    row = (await session.execute(_views(Callback.id == callback_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no call-back {callback_id}.")
    return CallbackView(*row)


async def _give_back(
    session: AsyncSession,
    table: type[Callback | CampaignContact],
    item_id: int,
    result: Result,
    now: datetime,
) -> None:
    """By the redial rule: wait for the next time, or be done, closed, or left to a person."""
    retry = retry_for(result)
    made = table.attempts - (0 if retry.counts else 1)
    most: ColumnElement[int] = literal(CALLBACK_ATTEMPTS)
    if table is CampaignContact:
        most = (
            select(Campaign.max_attempts)
            .where(Campaign.id == CampaignContact.campaign_id)
            .scalar_subquery()
        )
    values: dict[str, Any] = {"last_result": result, "attempts": made}
    if table is Callback:
        over = retry.after is None
        values["closed_at"] = now if over else case((made < most, null()), else_=now)
    if retry.after is None:
        ended = "done" if table is Callback else "reached"
        values["status"] = {"reached": ended, "unknown": "unknown"}.get(result, "closed")
    else:
        values["status"] = case((made < most, "waiting"), else_="closed")
        values["next_at"] = now + retry.after
    await session.execute(update(table).where(table.id == item_id).values(values))
