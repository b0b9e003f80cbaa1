"""Leads, as SQL inside the caller's transaction.

Rule: who works with leads sees those of `holding.seen_by`; a lead is held (its row locked, its
version compared) before it is changed, and an end is an end.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.customers.tables import Customer, CustomerPhone, Territory
from crm_core.customers.visibility import within_scope
from crm_core.errors import Conflict, NotFound
from crm_core.leads import finding, holding
from crm_core.leads.commands import HandOver, LeadQuery, LeadState, NewLead
from crm_core.leads.holding import seen_by
from crm_core.leads.tables import Lead, LeadHandover
from crm_core.leads.views import CallersLead, HandoverView, LeadDetail, LeadView, Suggestion
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Actor
from crm_core.search_text import search_text

ENTITY = "lead"
_OPEN = (LeadState.NEW, LeadState.CONTACTED)
_SUGGESTED = 5


class LeadClosed(Conflict):
    code = "lead_closed"


class LeadNotLost(Conflict):
    code = "lead_not_lost"


async def add(session: AsyncSession, actor: Actor, new: NewLead, now: datetime) -> int:
    values = new.model_dump() | {"created_by": actor.user_id, "created_at": now}
    found_by = {"search_text": search_text(new.name)}
    made = insert(Lead).values(values | found_by).returning(Lead.id)
    lead_id: int | None = await session.scalar(made)
    assert lead_id is not None
    await trail.record(session, actor.user_id, "lead.create", ENTITY, lead_id, after=values)
    return lead_id


async def held(session: AsyncSession, actor: Actor, lead_id: int, version: int) -> LeadView:
    """Raises NotFound, Conflict (edited since), LeadClosed."""
    await _lock(session, lead_id)
    lead = await read(session, actor, lead_id)
    _check_version(lead, version)
    _check_open(lead)
    return lead


async def held_lost(session: AsyncSession, actor: Actor, lead_id: int, version: int) -> LeadView:
    """Raises NotFound, Conflict (edited since), LeadNotLost."""
    await _lock(session, lead_id)
    lead = await read(session, actor, lead_id)
    _check_version(lead, version)
    if lead.state != LeadState.LOST:
        raise LeadNotLost(
            f"This lead is {lead.state}: only a lost one is reopened.",
            fields={"state": lead.state},
        )
    return lead


async def held_of_caller(session: AsyncSession, lead_id: int, number: str) -> LeadView:
    """Of whoever is on the telephone, whoever has it. Raises NotFound (also with another number), LeadClosed."""
    await _lock(session, lead_id)
    lead = await read(session, SYSTEM, lead_id)
    if lead.phone != number:
        raise NotFound(f"There is no lead {lead_id} with the caller's number.")
    _check_open(lead)
    return lead


async def _lock(session: AsyncSession, lead_id: int) -> None:
    await session.execute(select(Lead.id).where(Lead.id == lead_id).with_for_update())


def _check_version(lead: LeadView, version: int) -> None:
    if lead.version != version:
        raise Conflict(
            "Somebody else has changed this lead since you opened it: look at it again.",
            fields={"version": lead.version},
        )


def _check_open(lead: LeadView) -> None:
    if lead.state not in _OPEN:
        raise LeadClosed(
            f"This lead is {lead.state}: enter a new one.", fields={"state": lead.state}
        )


async def write(
    session: AsyncSession, actor: Actor, lead: LeadView, action: str, values: Mapping[str, Any]
) -> None:
    """A lead that is held becomes so."""
    was, became = trail.changes({key: getattr(lead, key) for key in values}, values)
    found_by = {"search_text": search_text(values["name"])} if "name" in values else {}
    await session.execute(
        update(Lead)
        .where(Lead.id == lead.id)
        .values(**values, **found_by, version=lead.version + 1)
    )
    await trail.record(
        session, actor.user_id, f"lead.{action}", ENTITY, lead.id, before=was, after=became
    )


async def hand_over(
    session: AsyncSession,
    actor: Actor,
    lead: LeadView,
    given: HandOver,
    *,
    channels: Collection[str],
    now: datetime,
) -> None:
    """Raises Invalid (a person, not a dealer), NotFound (the dealer)."""
    values = await holding.checked(session, actor, given)
    await write(session, actor, lead, "hand_over", values)
    await _tell(session, actor, lead, values, given.note, channels=channels, now=now)


async def reopen(
    session: AsyncSession,
    actor: Actor,
    lead: LeadView,
    reason: str,
    *,
    channels: Collection[str],
    now: datetime,
) -> None:
    """One that was lost goes on with whoever had it, who is told as if it were handed over again."""
    again = {"state": LeadState.NEW, "lost_reason": None, "closed_at": None}
    await write(session, actor, lead, "reopen", again)
    values = {"owner_id": lead.owner_id, "dealer_customer_id": lead.dealer_customer_id}
    await _tell(session, actor, lead, values, reason, channels=channels, now=now)


async def _tell(
    session: AsyncSession,
    actor: Actor,
    lead: LeadView,
    values: dict[str, int | None],
    note: str | None,
    *,
    channels: Collection[str],
    now: datetime,
) -> None:
    await holding.hand_over(
        session,
        actor,
        Lead,
        lead.id,
        values,
        note=note,
        customer_id=None,
        had_by=lead.owner_id or lead.created_by,
        channels=channels,
        now=now,
    )


async def read(holder: AsyncSession | AsyncConnection, actor: Actor, lead_id: int) -> LeadView:
    """Raises NotFound, also for one that is somebody else's."""
    row = (
        await holder.execute(_leads().where(Lead.id == lead_id, seen_by(Lead, actor)))
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no lead {lead_id}.")
    return LeadView(*row)


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: LeadQuery, zone: tzinfo
) -> tuple[LeadView, ...]:
    """The newest first. Raises Forbidden, Invalid."""
    found = _leads().where(*finding.conditions(actor, wanted, zone))
    rows = await connection.execute(found.order_by(Lead.id.desc()).limit(wanted.limit))
    return tuple(LeadView(*row) for row in rows)


async def of_caller(connection: AsyncConnection, number: str) -> tuple[CallersLead, ...]:
    """The open leads with this number, the newest first."""
    query = _leads().where(Lead.phone == number, Lead.state.in_(_OPEN))
    rows = await connection.execute(query.order_by(Lead.id.desc()).limit(_SUGGESTED))
    views = [LeadView(*row) for row in rows]
    return tuple(
        CallersLead(
            each.id,
            each.name,
            each.source,
            each.state,
            each.interest,
            each.owner_name,
            each.dealer_name,
        )
        for each in views
    )


async def detail(connection: AsyncConnection, actor: Actor, lead_id: int) -> LeadDetail:
    """With whom it was, who might have it, and who has the same number. Raises NotFound."""
    lead = await read(connection, actor, lead_id)
    rows = await connection.execute(
        select(
            LeadHandover.owner_id,
            LeadHandover.dealer_customer_id,
            LeadHandover.note,
            LeadHandover.actor_id,
            LeadHandover.at,
        )
        .where(LeadHandover.lead_id == lead_id)
        .order_by(LeadHandover.id)
    )
    same = await connection.scalars(
        select(Lead.id)
        .where(
            Lead.phone == lead.phone,
            Lead.id != lead.id,
            Lead.state.in_(_OPEN),
            seen_by(Lead, actor),
        )
        .order_by(Lead.id)
        .limit(_SUGGESTED)
    )
    return LeadDetail(
        lead,
        tuple(HandoverView(*row) for row in rows),
        await _suggestions(connection, actor, lead),
        tuple(same.all()) if lead.phone else (),
        await known_as(connection, actor, lead),
    )


async def known_as(
    holder: AsyncSession | AsyncConnection, actor: Actor, lead: LeadView
) -> int | None:
    """The customer who has the lead's number, when the actor may see them."""
    found: int | None = await holder.scalar(
        select(Customer.id)
        .join(CustomerPhone, CustomerPhone.customer_id == Customer.id)
        .where(CustomerPhone.number == lead.phone, within_scope(actor))
    )
    return found


async def _suggestions(
    connection: AsyncConnection, actor: Actor, lead: LeadView
) -> tuple[Suggestion, ...]:
    """Dealers who sell where the lead is; those of the city before those of the province."""
    if lead.province is None:
        return ()
    where = or_(Territory.city.is_(None), Territory.city == lead.city)
    rows = await connection.execute(
        select(Customer.id, Customer.name, User.id, User.name)
        .join(Territory, Territory.customer_id == Customer.id)
        .outerjoin(User, User.id == Customer.salesperson_id)
        .where(
            Territory.province == lead.province,
            where,
            Customer.merged_into_id.is_(None),
            within_scope(actor),
        )
        .order_by(Territory.city.is_(None), Customer.id)
        .limit(_SUGGESTED)
    )
    return tuple(Suggestion(*row) for row in rows)


def _leads() -> Select[*tuple[Any, ...]]:
    dealer = aliased(Customer)
    return (
        select(
            Lead.id, Lead.source, Lead.name, Lead.phone, Lead.province, Lead.city, Lead.interest,
            Lead.note, Lead.call_id, Lead.state, Lead.lost_reason, Lead.owner_id,
            User.name.label("owner_name"), Lead.dealer_customer_id,
            dealer.name.label("dealer_name"), Lead.customer_id, Lead.created_by,
            Lead.created_at, Lead.closed_at, Lead.version,
        )
        .outerjoin(User, User.id == Lead.owner_id)
        .outerjoin(dealer, dealer.id == Lead.dealer_customer_id)
    )  # fmt: skip
