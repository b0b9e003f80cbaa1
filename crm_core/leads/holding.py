"""Who has a lead or an opportunity, and what changes when it is handed on.

Rule: what is with a dealer is seen and worked on by the dealer's own salesperson, by everybody when the dealer
has none; whoever is given something is told by a to-do, which is done when he has begun.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.dealer_levels import is_dealer
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import concerns_seen, is_seen_by, must_see
from crm_core.errors import Invalid
from crm_core.leads import telling
from crm_core.leads.commands import HandOver
from crm_core.leads.tables import Lead, LeadHandover, Opportunity, OpportunityHandover
from crm_core.people.holders import holders
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.todos import writing
from crm_core.todos.commands import TodoSource


def with_me(table: type[Lead | Opportunity], actor: Actor) -> ColumnElement[bool]:
    """The actor's own, or with a dealer whose salesperson he is."""
    return or_(table.owner_id == actor.user_id, _dealer_is(table, _salesperson(actor.user_id)))


def with_nobody(table: type[Lead | Opportunity]) -> ColumnElement[bool]:
    return table.owner_id.is_(None) & table.dealer_customer_id.is_(None)


def is_with_dealer(table: type[Lead | Opportunity], dealer_id: int) -> ColumnElement[bool]:
    """Given to this dealer, or to one that was merged into it."""
    return _dealer_is(table, _Live.id == dealer_id)


def seen_by(table: type[Lead | Opportunity], actor: Actor) -> ColumnElement[bool]:
    """Of those, what became of a customer beyond the actor's scope is not seen."""
    held: ColumnElement[bool] = true()
    if not actor.may(Right.LEAD_MANAGE):
        free = _dealer_is(table, _salesperson(None))
        held = or_(with_me(table, actor), with_nobody(table), free)
    return and_(held, concerns_seen(table.customer_id, actor))


_Live = aliased(Customer)


def _salesperson(user_id: int | None) -> ColumnElement[bool]:
    return _Live.salesperson_id.is_not_distinct_from(user_id)


def _dealer_is(
    table: type[Lead | Opportunity], condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    """The dealer, or the customer into which it was merged."""
    asked = aliased(Customer)
    return exists().where(
        asked.id == table.dealer_customer_id,
        _Live.id == func.coalesce(asked.merged_into_id, asked.id),
        condition,
    )


async def checked(session: AsyncSession, actor: Actor, given: HandOver) -> dict[str, int | None]:
    """The columns of who has it. Raises Invalid (a person, not a dealer), NotFound (the dealer)."""
    if given.owner_id is not None:
        able = holders(Right.LEAD_WORK).where(User.id == given.owner_id)
        if (await session.execute(able)).first() is None:
            raise Invalid(
                "This person is not at work here or has no leads: choose somebody else.",
                fields={"owner_id": "unknown"},
            )
    dealer = given.dealer_customer_id
    if dealer is not None:
        dealer = await must_see(session, actor, dealer)
        found = select(Customer.id).where(Customer.id == dealer, is_dealer())
        if await session.scalar(found) is None:
            raise Invalid(
                "This customer buys for itself: choose a dealer.",
                fields={"dealer_customer_id": "not a dealer"},
            )
    return {"owner_id": given.owner_id, "dealer_customer_id": dealer}


async def standing(session: AsyncSession, dealer_id: int) -> tuple[int, int | None]:
    """The dealer as it is now, maybe merged into another one, and its salesperson."""
    asked = aliased(Customer)
    row = (
        await session.execute(
            select(Customer.id, Customer.salesperson_id)
            .join(asked, Customer.id == func.coalesce(asked.merged_into_id, asked.id))
            .where(asked.id == dealer_id)
        )
    ).one()
    return row.id, row.salesperson_id


async def hand_over(
    session: AsyncSession,
    actor: Actor,
    record: type[Lead | Opportunity],
    record_id: int,
    values: dict[str, Any],
    *,
    note: str | None,
    customer_id: int | None,
    had_by: int | None,
    channels: Collection[str],
    now: datetime,
) -> None:
    """Keep the way of the record and tell who has it now; `had_by` is who had it until now.

    Raises Invalid (may not see the customer).
    """
    kind, kept, column = _KEPT[record]
    receiver, dealer = values["owner_id"], values["dealer_customer_id"]
    if dealer is not None:
        dealer, receiver = await standing(session, dealer)
    if receiver is not None and customer_id is not None:
        await _check_sees(session, receiver, customer_id)
    await begun(session, actor, record, record_id, now)
    handover_id: int = (
        await session.execute(
            insert(kept)
            .values(**values, **{column: record_id}, note=note, actor_id=actor.user_id, at=now)
            .returning(kept.id)
        )
    ).scalar_one()
    source = TodoSource(kind=kind, reference=f"{record_id}:{handover_id}")
    if receiver is not None and receiver != actor.user_id:
        await telling.receiver(session, receiver, source, customer_id, now)
    if receiver is None and dealer is not None:
        await telling.supervisor(session, had_by or actor.user_id, source, customer_id, now)
        if record is Lead:
            step = str(handover_id)
            await telling.dealer(session, dealer, record_id, channels, now, step=step)


async def begun(
    session: AsyncSession,
    actor: Actor,
    record: type[Lead | Opportunity],
    record_id: int,
    now: datetime,
) -> None:
    """What the latest hand-over asked for is done."""
    kind, kept, column = _KEPT[record]
    last = await session.scalar(select(func.max(kept.id)).where(getattr(kept, column) == record_id))
    if last is not None:
        source = TodoSource(kind=kind, reference=f"{record_id}:{last}")
        await writing.settle(session, actor, source, now)


_KEPT: dict[type[Lead | Opportunity], tuple[str, type[LeadHandover | OpportunityHandover], str]] = {
    Lead: ("lead", LeadHandover, "lead_id"),
    Opportunity: ("opportunity", OpportunityHandover, "opportunity_id"),
}


async def _check_sees(session: AsyncSession, user_id: int, customer_id: int) -> None:
    if not await is_seen_by(session, user_id, customer_id):
        raise Invalid(
            "Whoever would have it may not see this customer: give the customer to him first.",
            fields={"owner_id": "customer out of scope"},
        )
