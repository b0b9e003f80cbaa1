"""The do-not-call lists as people keep them, and as callees refuse.

Rule: every change leaves an entry in the audit trail, in the transaction that makes it; what is ringing is told.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import Invalid, NotFound
from crm_core.numbers import mask, shown
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Actor, Right
from dialer import standing
from dialer.do_not_call import refusing
from dialer.do_not_call.commands import (
    CallRefusal,
    Check,
    Lift,
    NewRefusal,
    RefusalQuery,
    Source,
)
from dialer.do_not_call.refusing import ENTITY, Refusal
from dialer.do_not_call.tables import DoNotCall, DoNotCallList
from dialer.do_not_call.views import CheckView, ListView, RefusalView
from dialer.errors import LiftedRefusal
from dialer.events import NumberRefused
from dialer.law import Law
from dialer.rules import words
from dialer.tables import Attempt, Campaign, CampaignContact

log = structlog.get_logger(__name__)

_BY_KEYPAD = "来电按键拒绝 / refused by keypad on a call that came in"


class DoNotCallService:
    """One method, one transaction."""

    def __init__(
        self, database: Database, bus: Bus, *, clock: Callable[[], datetime], law: Law
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._law = law

    async def add(
        self, actor: Actor, command: NewRefusal, *, source: Source = "api"
    ) -> RefusalView:
        """Never dial this number again. Raises Forbidden, Invalid (no such campaign)."""
        actor.require(Right.CAMPAIGN_MANAGE)
        return await self._add(
            actor,
            Refusal(
                command.number,
                source,
                command.reason,
                campaign_id=command.campaign_id,
                added_by=actor.user_id,
            ),
        )

    async def refuse(
        self, actor: Actor, number: str | None, call_id: str, command: CallRefusal
    ) -> RefusalView:
        """What the other side of an agent's call said. Raises Forbidden, Invalid (number hidden, no campaign's call)."""
        actor.require(Right.AGENT_WORK)
        if number is None:
            raise Invalid("The number of this call is hidden: nobody can be kept from dialling it.")
        async with self._database.reading() as connection:
            source, campaign_id = await _origin(connection, call_id)
        if command.only_campaign and campaign_id is None:
            raise Invalid(
                "This call belongs to no campaign.", fields={"only_campaign": "no_campaign"}
            )
        return await self._add(
            actor,
            Refusal(
                number,
                source,
                command.reason,
                campaign_id=campaign_id if command.only_campaign else None,
                call_id=call_id,
                added_by=actor.user_id,
            ),
        )

    async def refused_by_caller(self, number: str, call_id: str) -> RefusalView:
        """Whoever called from this number chose so by keypad. Raises DatabaseUnavailable."""
        return await self._add(SYSTEM, Refusal(number, "inbound", _BY_KEYPAD, call_id=call_id))

    async def lift(self, actor: Actor, refusal_id: int, command: Lift) -> RefusalView:
        """The number may be dialled again. Raises Forbidden, NotFound, LiftedRefusal."""
        actor.require(Right.CAMPAIGN_MANAGE)
        async with self._database.begin() as session:
            number = await session.scalar(
                update(DoNotCall)
                .where(DoNotCall.id == refusal_id, DoNotCall.lifted_at.is_(None))
                .values(lifted_at=self._clock(), lifted_by=actor.user_id, lifted_why=command.reason)
                .returning(DoNotCall.number)
            )
            view = await _entry(session, actor, refusal_id)
            if number is None:
                raise LiftedRefusal("This entry was lifted before.")
            told = {"number": mask(number), "reason": command.reason}
            await trail.record(
                session, actor.user_id, "do_not_call.lift", ENTITY, refusal_id, after=told
            )
        log.info("do_not_call_lifted", by=actor.user_id, entry=refusal_id)
        return view

    async def entries(self, actor: Actor, query: RefusalQuery) -> tuple[RefusalView, ...]:
        actor.require(Right.CAMPAIGN_MANAGE)
        found = _ENTRIES.order_by(DoNotCall.id.desc()).limit(query.limit)
        if query.number is not None:
            found = found.where(DoNotCall.number == query.number)
        if not query.lifted:
            found = found.where(DoNotCall.lifted_at.is_(None))
        if query.before is not None:
            found = found.where(DoNotCall.id < query.before)
        async with self._database.reading() as connection:
            rows = (await connection.execute(found)).all()
        return tuple(_view(row, actor) for row in rows)

    async def lists(self, actor: Actor) -> tuple[ListView, ...]:
        """Those that were imported, by name."""
        actor.require(Right.CAMPAIGN_MANAGE)
        table = DoNotCallList
        async with self._database.reading() as connection:
            rows = await connection.execute(
                select(
                    table.id,
                    table.name,
                    table.covers,
                    table.numbers,
                    table.imported_at,
                    table.job_id,
                ).order_by(table.name)
            )
            return tuple(ListView(**row._mapping) for row in rows)  # noqa: SLF001

    async def check(self, actor: Actor, command: Check) -> CheckView:
        """Whether the number may be dialled now, and why not; with an agent reserved for it."""
        actor.require(Right.CAMPAIGN_MANAGE)
        now, purpose = self._clock(), command.purpose
        wanted = self._law.wanted(purpose, now, command.campaign_id)
        async with self._database.reading() as connection:
            known = (await standing.read(connection, [command.number], wanted))[command.number]
        verdict = self._law.verdict(purpose, now, known)
        return CheckView(
            number=shown(command.number, unmasked=actor.may(Right.NUMBER_UNMASK)),
            allowed=verdict.allowed,
            reason=verdict.reason,
            words_zh=words.ZH[verdict.reason],
            words_en=words.EN[verdict.reason],
            retry_at=verdict.retry_at,
            rules=self._law.words(purpose, known),
        )

    async def _add(self, actor: Actor, refusal: Refusal) -> RefusalView:
        async with self._database.begin() as session:
            if refusal.campaign_id is not None:
                await _must_exist(session, refusal.campaign_id)
            made = await refusing.add(session, refusal, self._clock())
            view = await _entry(session, actor, made)
        log.info("do_not_call", by=actor.user_id, entry=made, source=refusal.source)
        self._bus.publish(NumberRefused(refusal.number, refusal.campaign_id))
        return view


async def _origin(connection: AsyncConnection, call_id: str) -> tuple[Source, int | None]:
    """Which side began the call, and the campaign for which it was dialled."""
    dialled = await connection.execute(
        select(CampaignContact.campaign_id)
        .select_from(Attempt)
        .outerjoin(CampaignContact, CampaignContact.id == Attempt.contact_id)
        .where(Attempt.call_id == call_id)
    )
    if (ours := dialled.one_or_none()) is not None:
        return "agent", ours.campaign_id
    return "inbound", None


async def _must_exist(session: AsyncSession, campaign_id: int) -> None:
    if await session.get(Campaign, campaign_id) is None:
        raise Invalid("There is no such campaign.", fields={"campaign_id": "unknown"})


_Adder, _Lifter = aliased(User), aliased(User)
_ENTRIES: Select[*tuple[Any, ...]] = (
    select(
        DoNotCall.id,
        DoNotCall.number,
        DoNotCall.campaign_id,
        DoNotCall.source,
        DoNotCall.reason,
        DoNotCall.call_id,
        _Adder.name.label("added_by"),
        DoNotCall.added_at,
        DoNotCall.lifted_at,
        _Lifter.name.label("lifted_by"),
        DoNotCall.lifted_why,
    )
    .outerjoin(_Adder, _Adder.id == DoNotCall.added_by)
    .outerjoin(_Lifter, _Lifter.id == DoNotCall.lifted_by)
)


async def _entry(session: AsyncSession, actor: Actor, refusal_id: int) -> RefusalView:
    row = (await session.execute(_ENTRIES.where(DoNotCall.id == refusal_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such entry of the do-not-call list.")
    return _view(row, actor)


def _view(row: Any, actor: Actor) -> RefusalView:
    number = shown(row.number, unmasked=actor.may(Right.NUMBER_UNMASK))
    return RefusalView(**{**row._mapping, "number": number})  # noqa: SLF001
