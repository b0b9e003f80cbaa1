"""Leads, as SQL inside the caller's transaction.

Rule: who works with leads sees those of `holding.seen_by`; a lead is held (its row locked, its
version compared) before it is changed, and an end is an end.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.customers.tables import Customer, CustomerPhone, Territory
from crm_core.customers.visibility import within_scope
from crm_core.errors import Conflict, NotFound
from crm_core.leads import holding
from crm_core.leads.commands import HandOver, LeadQuery, LeadScope, LeadState, NewLead
from crm_core.leads.holding import seen_by, with_me, with_nobody
from crm_core.leads.tables import Lead, LeadHandover
from crm_core.leads.views import HandoverView, LeadDetail, LeadView, Suggestion
from crm_core.people.tables import User
from crm_core.rights import Actor

ENTITY = "lead"
_OPEN = (LeadState.NEW, LeadState.CONTACTED)
_SUGGESTED = 5


class LeadClosed(Conflict):
    code = "lead_closed"


async def add(session: AsyncSession, actor: Actor, new: NewLead, now: datetime) -> int:
    values = new.model_dump() | {"created_by": actor.user_id, "created_at": now}
    lead_id: int | None = await session.scalar(insert(Lead).values(values).returning(Lead.id))
    assert lead_id is not None
    await trail.record(session, actor.user_id, "lead.create", ENTITY, lead_id, after=values)
    return lead_id


async def held(session: AsyncSession, actor: Actor, lead_id: int, version: int) -> LeadView:
    """Raises NotFound, Conflict (edited since), LeadClosed."""
    locked = select(Lead.id).where(Lead.id == lead_id).with_for_update()
    await session.execute(locked)
    lead = await read(session, actor, lead_id)
    if lead.version != version:
        raise Conflict(
            "Somebody else has changed this lead since you opened it: look at it again.",
            fields={"version": lead.version},
        )
    if lead.state not in _OPEN:
        raise LeadClosed(
            f"This lead is {lead.state}: enter a new one.", fields={"state": lead.state}
        )
    return lead


async def write(
    session: AsyncSession, actor: Actor, lead: LeadView, action: str, values: Mapping[str, Any]
) -> None:
    """A lead that is held becomes so."""
    was, became = trail.changes({key: getattr(lead, key) for key in values}, values)
    await session.execute(
        update(Lead).where(Lead.id == lead.id).values(**values, version=lead.version + 1)
    )
    await trail.record(
        session, actor.user_id, f"lead.{action}", ENTITY, lead.id, before=was, after=became
    )


async def hand_over(
    session: AsyncSession, actor: Actor, lead: LeadView, given: HandOver, now: datetime
) -> None:
    """Raises Invalid (a person, not a dealer), NotFound (the dealer)."""
    values = await holding.checked(session, actor, given)
    await write(session, actor, lead, "hand_over", values)
    await holding.hand_over(
        session, actor, Lead, lead.id, values, note=given.note, customer_id=None, now=now
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
    connection: AsyncConnection, actor: Actor, wanted: LeadQuery
) -> tuple[LeadView, ...]:
    """The newest first."""
    query = _leads().where(seen_by(Lead, actor)).order_by(Lead.id.desc()).limit(wanted.limit)
    if wanted.scope is LeadScope.MINE:
        query = query.where(with_me(Lead, actor))
    elif wanted.scope is LeadScope.UNASSIGNED:
        query = query.where(with_nobody(Lead))
    if wanted.state is not None:
        query = query.where(Lead.state == wanted.state)
    if wanted.before is not None:
        query = query.where(Lead.id < wanted.before)
    return tuple(LeadView(*row) for row in await connection.execute(query))


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
