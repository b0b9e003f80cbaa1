"""SQL of the dialler. Rule: an item is taken by one conditional statement, so that no number is dialled twice; under the
number's lock the rules are asked and the attempt is written, both before the number goes out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from acd.tickets import KeptPlace
from crm_core.clock import has_come
from crm_core.customers.tables import Customer
from crm_core.db import Database
from crm_core.errors import DatabaseUnavailable, Invalid, NotFound
from crm_core.faxes.views import FaxResult
from crm_core.faxes.writing import went_out
from crm_core.notices.commands import Channel
from crm_core.notices.reading import SUBJECT as NOTICE
from crm_core.outbox.tables import OutboxMessage
from crm_core.statement import Statement
from dialer import standing, unreachable
from dialer.do_not_call import refusing
from dialer.do_not_call.refusing import Refusal
from dialer.errors import CallbackExists
from dialer.events import CallbackView
from dialer.law import Law
from dialer.policy import (
    CALLBACK_ATTEMPTS,
    FURTHEST_ASKED,
    FURTHEST_PUT_OFF,
    Purpose,
    Result,
    retry_for,
)
from dialer.rules.verdict import Standing, Verdict
from dialer.standing import NEVER_CALLED, Wanted
from dialer.tables import OPEN_CALLBACK, Attempt, Callback, Campaign, CampaignContact

_KEPT_PLACE = Statement.of(
    select(Callback.joined_at, Callback.priority).where(
        Callback.number == bindparam("number"),
        Callback.status.in_([literal_column(f"'{status}'") for status in OPEN_CALLBACK]),
        Callback.joined_at <= bindparam("now"),
    )
)
_TRY_AGAIN_S = 1.0
_BY_KEY = "按 9 不再接听 / pressed 9 not to be called again"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class DueItem:
    """Something to dial; a campaign's names it."""

    purpose: Purpose
    id: int
    number: str
    queue: str
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A call-back that is due, with its place in the line; `agent_id` when it must be that agent."""

    id: int
    number: str
    queue: str
    agent_id: int | None
    joined_at: datetime
    priority: int
    preferred_agent: int | None
    skills_by: str | None

    @property
    def item(self) -> DueItem:
        return DueItem("callback", self.id, self.number, self.queue)


@dataclass(frozen=True, slots=True)
class NewCallback:
    number: str
    queue: str
    source: str
    due_at: datetime
    joined_at: datetime
    customer_id: int | None = None
    agent_id: int | None = None
    origin_call_id: str | None = None
    note: str | None = None
    priority: int = 0
    preferred_agent_id: int | None = None
    skills_by: str | None = None


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
    """A number that an earlier daemon dialled, for this agent."""

    call_id: str
    item: DueItem
    agent_id: int | None


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
            return await _seen(session, ids.all())

    async def add_abandoned(
        self, since: datetime, waits: Mapping[str, float | None]
    ) -> list[CallbackView]:
        """A call-back for each caller who gave up after `since` and was not spoken to afterwards.

        `waits`: for each queue how many seconds at least such a caller must have waited, None: nobody is called back.
        Read from the records of calls, so that none is forgotten, whichever daemon saw it.
        """
        asked = {"since": since, "queues": list(waits), "waits": list(waits.values())}
        async with self._database.begin() as session:
            ids = await session.scalars(_ADD_ABANDONED, asked)
            return await _seen(session, ids.all())

    async def due_callbacks(self, now: datetime) -> list[DueCallback]:
        """All that are due."""
        wanted = select(
            Callback.id,
            Callback.number,
            Callback.queue,
            Callback.agent_id,
            Callback.joined_at,
            Callback.priority,
            Callback.preferred_agent_id,
            Callback.skills_by,
        ).where(Callback.status == "waiting", _is_due(now))
        async with self._database.reading() as connection:
            rows = await connection.execute(wanted)
            return [DueCallback(*row) for row in rows]

    async def kept_place(self, number: str, now: datetime) -> KeptPlace | None:
        """What somebody who is to be called back has waited for already."""
        rows = await self._database.fetch(_KEPT_PLACE, {"number": number, "now": now})
        return KeptPlace(*rows[0]) if rows else None

    async def due_contacts(self, now: datetime, *, limit: int) -> list[DueItem]:
        """Contacts of running campaigns."""
        wanted = (
            select(CampaignContact.id, CampaignContact.number, Campaign.queue, Campaign.id)
            .join(Campaign)
            .where(
                Campaign.status == "running",
                CampaignContact.status == "waiting",
                has_come(CampaignContact.next_at, now, FURTHEST_PUT_OFF),
            )
            .order_by(CampaignContact.next_at, CampaignContact.id)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            rows = await connection.execute(wanted)
            return [DueItem("campaign", *row) for row in rows]

    async def standings(self, numbers: Collection[str], wanted: Wanted) -> dict[str, Standing]:
        """What the rules want to know of these numbers, by number."""
        if not numbers:
            return {}
        async with self._database.reading() as connection:
            return await standing.read(connection, numbers, wanted)

    async def begin_attempt(
        self, item: DueItem, call_id: str, agent_id: int, law: Law, now: datetime
    ) -> Verdict | None:
        """Take the item and write the ledger, if the rules allow it at this moment; else nothing is written.

        None when somebody else has the item already, or it was put off meanwhile.
        """
        is_callback = item.purpose == "callback"
        async with self._database.begin() as session:
            wanted = law.wanted(item.purpose, now, item.campaign_id)
            known = await standing.to_dial(session, item.number, wanted)
            verdict = law.verdict(item.purpose, now, known)
            if not verdict.allowed:
                return verdict
            if not await _take(session, item, now):
                return None
            await session.execute(
                insert(Attempt).values(
                    call_id=call_id,
                    number=item.number,
                    callback_id=item.id if is_callback else None,
                    contact_id=None if is_callback else item.id,
                    agent_id=agent_id,
                    rules=law.words(item.purpose, known),
                    at=now,
                )
            )
            return verdict

    async def begin_message_attempt(
        self, call_id: str, token: str, number: str, law: Law, now: datetime, *, said: bool
    ) -> Verdict:
        """Write the ledger for a call that says (`said`) or faxes a message, if the rules allow it at this moment."""
        async with self._database.begin() as session:
            known = await standing.to_dial(session, number, law.wanted("message", now))
            if said and await session.scalar(_refused(token)) is not None:
                known = replace(known, opted_out=True)
            verdict = law.verdict("message", now, known)
            if verdict.allowed:
                await session.execute(
                    insert(Attempt).values(
                        call_id=call_id,
                        number=number,
                        message_token=token,
                        rules=law.words("message", known),
                        at=now,
                    )
                )
            return verdict

    async def is_notice(self, token: str) -> bool:
        """Whether a message is of a kind that nobody asked for."""
        found = select(OutboxMessage.id).where(
            OutboxMessage.token == token, OutboxMessage.subject == NOTICE
        )
        async with self._database.reading() as connection:
            return await connection.scalar(found) is not None

    async def refused_by_key(self, number: str, call_id: str, now: datetime) -> None:
        """The callee pressed the key that puts the number on the do-not-call list."""
        refusal = Refusal(number, "key", _BY_KEY, call_id=call_id)
        async with self._database.begin() as session:
            await refusing.add(session, refusal, now)

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
                update(Attempt)
                .where(Attempt.call_id == call_id, Attempt.result.is_(None))
                .values(answered_at=now)
            )

    async def fax_ended(
        self, call_id: str, token: str, number: str, *, result: FaxResult, at: datetime
    ) -> None:
        """What became of a message that was faxed. Raises DatabaseUnavailable."""
        async with self._database.begin() as session:
            await went_out(session, call_id, token, number, result=result, at=at)

    async def end_attempt(
        self,
        call_id: str,
        result: Result,
        now: datetime,
        *,
        cause: int | None,
        tech: str | None,
        agent_at: datetime | None = None,
    ) -> CallbackView | None:
        """Write the result once and give the item back by its redial rule; `agent_at`: when an agent spoke."""
        async with self._database.begin() as session:
            ended = (
                await session.execute(
                    update(Attempt)
                    .where(Attempt.call_id == call_id, Attempt.result.is_(None))
                    .values(
                        result=result, ended_at=now, cause=cause, tech_cause=tech, agent_at=agent_at
                    )
                    .returning(Attempt.callback_id, Attempt.contact_id)
                )
            ).one_or_none()
            if ended is None:
                return None
            if ended.callback_id is not None:
                await _give_back(session, Callback, ended.callback_id, result, now)
                view = await _view(session, ended.callback_id)
                if view.status == "closed":
                    await unreachable.ask(session, view, now)
                return view
            if ended.contact_id is not None:
                await _give_back(session, CampaignContact, ended.contact_id, result, now)
            return None

    async def postpone(
        self, purpose: Purpose, ids: Collection[int], until: datetime | None, reason: str
    ) -> list[CallbackView]:
        """The rules do not allow them now; without `until` they never will. The call-backs among them, as they are."""
        table = Callback if purpose == "callback" else CampaignContact
        values: dict[str, Any] = {"next_at": until} if until else {"status": "closed"}
        if until is None and table is Callback:
            values["closed_at"] = func.now()
        async with self._database.begin() as session:
            changed = await session.scalars(
                update(table)
                .where(table.id.in_(ids), table.status == "waiting")
                .values(last_result=reason, **values)
                .returning(table.id)
            )
            return await _seen(session, changed.all()) if table is Callback else []

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
                    Attempt.agent_id,
                    Attempt.callback_id,
                    func.coalesce(Attempt.callback_id, Attempt.contact_id),
                    Attempt.number,
                    func.coalesce(Callback.queue, Campaign.queue),
                )
                .outerjoin(Callback, Callback.id == Attempt.callback_id)
                .outerjoin(CampaignContact, CampaignContact.id == Attempt.contact_id)
                .outerjoin(Campaign, Campaign.id == CampaignContact.campaign_id)
                .where(Attempt.result.is_(None), Attempt.message_token.is_(None))
                .order_by(Attempt.at)
            )
            return [
                OpenAttempt(
                    call_id,
                    DueItem("campaign" if callback is None else "callback", item, number, queue),
                    agent_id,
                )
                for call_id, agent_id, callback, item, number, queue in rows
            ]

    async def add_campaign(
        self,
        name: str,
        queue: str,
        numbers: Sequence[str],
        *,
        max_attempts: int = 3,
        needs_consent: bool = False,
    ) -> int:
        """A draft campaign over the numbers, each once; known customers are linked."""
        async with self._database.begin() as session:
            campaign = await session.execute(
                insert(Campaign)
                .values(
                    name=name,
                    queue=queue,
                    max_attempts=max_attempts,
                    needs_consent=needs_consent,
                )
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


_ADD_ABANDONED = text(f"""
    INSERT INTO callbacks (number, customer_id, queue, source, origin_call_id, requested_at, due_at,
        next_at, joined_at, priority)
    SELECT DISTINCT ON (c.caller) c.caller, p.id, c.queue, 'abandoned', c.id,
        c.ended_at, c.ended_at, c.ended_at, coalesce(c.queued_at, c.ended_at), coalesce(c.priority, 0)
    FROM calls c LEFT JOIN customers p ON p.id = c.customer_id
    LEFT JOIN unnest(CAST(:queues AS text[]), CAST(:waits AS float8[])) AS w (queue, least_s)
        ON w.queue = c.queue
    WHERE c.outcome = 'abandoned' AND c.ended_at > :since AND c.direction = 'inbound'
        AND c.queue IS NOT NULL AND length(c.caller) > 6
        AND (w.queue IS NULL OR extract(epoch FROM c.ended_at - c.queued_at) >= w.least_s)
        AND NOT EXISTS (SELECT FROM ({NEVER_CALLED}) AS n WHERE n.number = c.caller)
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
    Callback.origin_call_id,
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


async def _seen(session: AsyncSession, ids: Collection[int]) -> list[CallbackView]:
    if not ids:
        return []
    return [CallbackView(*row) for row in await session.execute(_views(Callback.id.in_(ids)))]


def _refused(token: str) -> Select[int]:
    return (
        select(OutboxMessage.id)
        .join(Customer, Customer.id == OutboxMessage.customer_id)
        .where(
            OutboxMessage.token == token,
            OutboxMessage.subject == NOTICE,
            Customer.opt_outs.contains([Channel.CALL.value]),
        )
    )


async def _take(session: AsyncSession, item: DueItem, now: datetime) -> bool:
    table = Callback if item.purpose == "callback" else CampaignContact
    is_due = _is_due(now) if table is Callback else has_come(table.next_at, now, FURTHEST_PUT_OFF)
    taken = await session.scalar(
        update(table)
        .where(table.id == item.id, table.status == "waiting", is_due)
        .values(status="dialling", attempts=table.attempts + 1)
        .returning(table.id)
    )
    return taken is not None


def _is_due(now: datetime) -> ColumnElement[bool]:
    """A time that somebody asked for may lie far ahead, one that a rule set may not."""
    put_off = and_(
        Callback.next_at > Callback.due_at, has_come(Callback.next_at, now, FURTHEST_PUT_OFF)
    )
    return or_(put_off, has_come(Callback.next_at, now, FURTHEST_ASKED))


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
        if retry.after is not None and not retry.keeps_place:
            values["joined_at"] = now + retry.after
    if retry.after is None:
        ended = "done" if table is Callback else "reached"
        values["status"] = {"reached": ended, "unknown": "unknown"}.get(result, "closed")
    else:
        values["status"] = case((made < most, "waiting"), else_="closed")
        values["next_at"] = now + retry.after
    await session.execute(update(table).where(table.id == item_id).values(values))
