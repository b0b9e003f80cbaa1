"""Consents to be called: given with their proof, over by their time, withdrawn at any moment.

Rule: a consent of a customer is shown to who sees the customer; a withdrawal holds the locks of the numbers concerned, so
that from its commit on none of them is dialled on the strength of it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.customers.tables import CustomerPhone
from crm_core.customers.visibility import concerns_seen, must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.numbers import mask
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from dialer import standing
from dialer.consents.commands import ConsentQuery, NewConsent, Withdrawal
from dialer.consents.tables import CallConsent
from dialer.consents.views import ConsentView
from dialer.tables import Campaign

log = structlog.get_logger(__name__)

_ENTITY = "call_consent"
_SKEW = timedelta(minutes=5)


class ConsentService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def give(self, actor: Actor, command: NewConsent) -> ConsentView:
        """Raises NotFound (the customer), Invalid (no such campaign, given in the future)."""
        actor.require(Right.CUSTOMER_EDIT)
        now = self._clock()
        if command.given_at > now + _SKEW:
            raise Invalid("A consent is given before it is entered.", fields={"given_at": "ahead"})
        async with self._database.begin() as session:
            values = command.model_dump() | {"recorded_by": actor.user_id, "recorded_at": now}
            values["customer_id"] = await _whose(session, actor, command)
            if command.campaign_id and await session.get(Campaign, command.campaign_id) is None:
                raise Invalid("There is no such campaign.", fields={"campaign_id": "unknown"})
            made: int = (
                await session.execute(insert(CallConsent).values(values).returning(CallConsent.id))
            ).scalar_one()
            told = values | {"number": command.number and mask(command.number)}
            await trail.record(session, actor.user_id, "consent.give", _ENTITY, made, after=told)
            view = await _one(session, actor, made, now)
        log.info("consent_given", by=actor.user_id, consent=made)
        return view

    async def withdraw(self, actor: Actor, consent_id: int, command: Withdrawal) -> ConsentView:
        """Raises NotFound, Conflict (withdrawn before)."""
        actor.require(Right.CUSTOMER_EDIT)
        now = self._clock()
        async with self._database.begin() as session:
            given = await _one(session, actor, consent_id, now)
            for number in await _numbers(session, given):
                await standing.lock_number(session, number)
            changed = await session.scalar(
                update(CallConsent)
                .where(CallConsent.id == consent_id, CallConsent.withdrawn_at.is_(None))
                .values(withdrawn_at=now, withdrawn_by=actor.user_id, withdrawn_why=command.reason)
                .returning(CallConsent.id)
            )
            if changed is None:
                raise Conflict("This consent was withdrawn before.")
            after = {"reason": command.reason}
            await trail.record(
                session, actor.user_id, "consent.withdraw", _ENTITY, consent_id, after=after
            )
            view = await _one(session, actor, consent_id, now)
        log.info("consent_withdrawn", by=actor.user_id, consent=consent_id)
        return view

    async def listed(self, actor: Actor, query: ConsentQuery) -> tuple[ConsentView, ...]:
        actor.require(Right.CUSTOMER_VIEW)
        now, consent = self._clock(), CallConsent
        found = _seen(actor).order_by(consent.id.desc()).limit(query.limit)
        if query.number is not None:
            found = found.where(consent.number == query.number)
        if query.customer_id is not None:
            found = found.where(consent.customer_id == query.customer_id)
        if query.before is not None:
            found = found.where(consent.id < query.before)
        if not query.over:
            found = found.where(_holds(now))
        async with self._database.reading() as connection:
            return tuple(_view(row, now) for row in await connection.execute(found))


async def _whose(session: AsyncSession, actor: Actor, command: NewConsent) -> int | None:
    """The customer, who may be known by the number alone. Raises NotFound."""
    customer_id = command.customer_id
    if customer_id is None:
        customer_id = await session.scalar(
            select(CustomerPhone.customer_id).where(CustomerPhone.number == command.number)
        )
    return None if customer_id is None else await must_see(session, actor, customer_id)


async def _numbers(session: AsyncSession, given: ConsentView) -> Sequence[str]:
    """Those that it concerns, in the order in which they are locked."""
    if given.number is not None:
        return (given.number,)
    found = select(CustomerPhone.number).where(CustomerPhone.customer_id == given.customer_id)
    return (await session.scalars(found.order_by(CustomerPhone.number))).all()


def _holds(now: datetime) -> ColumnElement[bool]:
    consent = CallConsent
    return and_(
        consent.withdrawn_at.is_(None),
        or_(consent.expires_at.is_(None), consent.expires_at > now),
    )


_Recorder, _Withdrawer = aliased(User), aliased(User)
_CONSENTS: Select[*tuple[Any, ...]] = (
    select(
        CallConsent.id,
        CallConsent.number,
        CallConsent.customer_id,
        CallConsent.campaign_id,
        CallConsent.proof,
        CallConsent.call_id,
        CallConsent.reference,
        CallConsent.given_at,
        CallConsent.expires_at,
        _Recorder.name.label("recorded_by"),
        CallConsent.recorded_at,
        CallConsent.withdrawn_at,
        _Withdrawer.name.label("withdrawn_by"),
        CallConsent.withdrawn_why,
    )
    .outerjoin(_Recorder, _Recorder.id == CallConsent.recorded_by)
    .outerjoin(_Withdrawer, _Withdrawer.id == CallConsent.withdrawn_by)
)


def _seen(actor: Actor) -> Select[*tuple[Any, ...]]:
    return _CONSENTS.where(concerns_seen(CallConsent.customer_id, actor))


async def _one(session: AsyncSession, actor: Actor, consent_id: int, now: datetime) -> ConsentView:
    found = _seen(actor).where(CallConsent.id == consent_id)
    row = (await session.execute(found)).one_or_none()
    if row is None:
        raise NotFound("There is no such consent.")
    return _view(row, now)


def _view(row: Row[*tuple[Any, ...]], now: datetime) -> ConsentView:
    over = row.expires_at is not None and row.expires_at <= now
    holds = row.withdrawn_at is None and not over
    return ConsentView(**row._mapping, holds=holds)  # noqa: SLF001
