"""Opportunities and their stages, as SQL inside the caller's transaction.

Rule: an opportunity moves between open stages freely; at a stage with an outcome it ends, and stays there.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.leads import holding
from crm_core.leads.commands import (
    HandOver,
    LeadScope,
    MoveOpportunity,
    OpportunityQuery,
    StageContent,
)
from crm_core.leads.holding import seen_by, with_me, with_nobody
from crm_core.leads.tables import (
    Opportunity,
    OpportunityHandover,
    OpportunityMove,
    OpportunityStage,
)
from crm_core.leads.views import (
    HandoverView,
    MoveView,
    OpportunityHistory,
    OpportunityView,
    PipelineStage,
    StageView,
)
from crm_core.people.tables import User
from crm_core.rights import SYSTEM, Actor

ENTITY = "opportunity"
_CENT = Decimal("0.01")
_SEEDS = (
    ("contact", "初步接洽", "First contact", 10, 10, None),
    ("needs", "需求确认", "Needs known", 30, 20, None),
    ("quoted", "已报价", "Quoted", 50, 30, None),
    ("negotiation", "谈判", "Negotiation", 70, 40, None),
    ("won", "赢单", "Won", 100, 90, "won"),
    ("lost", "输单", "Lost", 0, 100, "lost"),
)


class OpportunityClosed(Conflict):
    code = "opportunity_closed"


async def seed_leads(session: AsyncSession) -> None:
    """The usual stages; nothing that is there is changed."""
    names = ("code", "name_zh", "name_en", "percent", "place", "outcome")
    rows = [dict(zip(names, seed, strict=True)) for seed in _SEEDS]
    await session.execute(upsert(OpportunityStage).values(rows).on_conflict_do_nothing())


async def stages(connection: AsyncConnection) -> tuple[StageView, ...]:
    table = OpportunityStage
    rows = await connection.execute(
        select(
            table.code, table.name_zh, table.name_en, table.percent, table.place, table.outcome,
            table.active, table.version,
        ).order_by(table.place, table.code)
    )  # fmt: skip
    return tuple(StageView(*row) for row in rows)


async def put_stage(session: AsyncSession, actor: Actor, code: str, content: StageContent) -> None:
    """Raises Conflict (edited since, code taken), Invalid (one at which it ends made inactive)."""
    table, values = OpportunityStage, content.model_dump(exclude={"version"})
    if content.version == 0:
        done = await session.scalar(
            upsert(table).values(code=code, **values).on_conflict_do_nothing().returning(table.code)
        )
    else:
        ends = select(table.outcome).where(table.code == code)
        if not content.active and await session.scalar(ends) is not None:
            raise Invalid("An opportunity must be able to end: leave this stage active.")
        done = await session.scalar(
            update(table)
            .where(table.code == code, table.version == content.version)
            .values(**values, version=content.version + 1)
            .returning(table.code)
        )
    if done is None:
        raise Conflict(
            f"The stage “{code}” is there already, or was changed since you opened it: look again.",
            fields={"version": "old"},
        )
    await trail.record(
        session, actor.user_id, "opportunity_stage.put", "opportunity_stage", code, after=values
    )


async def add(session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime) -> int:
    """At the first stage. Raises Conflict (its lead has one)."""
    first = select(OpportunityStage.code).where(
        OpportunityStage.active, OpportunityStage.outcome.is_(None)
    )
    stage = await session.scalar(first.order_by(OpportunityStage.place).limit(1))
    if stage is None:
        raise Conflict("There is no stage to begin at: make one active.")
    known = {**values, "stage_code": stage, "created_by": actor.user_id, "created_at": now}
    made: int | None = await session.scalar(
        insert(Opportunity).values(known).returning(Opportunity.id)
    )
    assert made is not None
    await _moved(session, actor, made, (None, stage), now)
    await trail.record(session, actor.user_id, "opportunity.create", ENTITY, made, after=known)
    return made


async def held(
    session: AsyncSession, actor: Actor, opportunity_id: int, version: int
) -> OpportunityView:
    """Raises NotFound, Conflict (edited since), OpportunityClosed."""
    await session.execute(
        select(Opportunity.id).where(Opportunity.id == opportunity_id).with_for_update()
    )
    found = await read(session, actor, opportunity_id)
    if found.version != version:
        raise Conflict(
            "Somebody else has changed this opportunity since you opened it: look at it again.",
            fields={"version": found.version},
        )
    if found.outcome is not None:
        raise OpportunityClosed(
            f"This opportunity is {found.outcome}: enter a new one.",
            fields={"stage_code": found.stage_code},
        )
    return found


async def write(
    session: AsyncSession,
    actor: Actor,
    held_one: OpportunityView,
    action: str,
    values: Mapping[str, Any],
) -> None:
    was, became = trail.changes({key: getattr(held_one, key) for key in values}, values)
    await session.execute(
        update(Opportunity)
        .where(Opportunity.id == held_one.id)
        .values(**values, version=held_one.version + 1)
    )
    await trail.record(
        session,
        actor.user_id,
        f"opportunity.{action}",
        ENTITY,
        held_one.id,
        before=was,
        after=became,
    )


async def move(
    session: AsyncSession,
    actor: Actor,
    held_one: OpportunityView,
    given: MoveOpportunity,
    now: datetime,
) -> None:
    """Raises Invalid (the stage, a reason too many or too few)."""
    stage = await session.get(OpportunityStage, given.stage_code)
    if stage is None or not stage.active:
        raise Invalid(
            "There is no such stage: choose one of the list.", fields={"stage_code": "unknown"}
        )
    if (stage.outcome == "lost") != (given.lost_reason is not None):
        raise Invalid("Say why it was lost, and only then.", fields={"lost_reason": "lost_or_not"})
    if stage.code == held_one.stage_code:
        return
    values = {
        "stage_code": stage.code,
        "lost_reason": given.lost_reason,
        "closed_at": now if stage.outcome else None,
    }
    await write(session, actor, held_one, "move", values)
    if stage.outcome is not None:
        await holding.begun(session, actor, Opportunity, held_one.id, now)
    await _moved(session, actor, held_one.id, (held_one.stage_code, stage.code), now)


async def hand_over(
    session: AsyncSession,
    actor: Actor,
    held_one: OpportunityView,
    given: HandOver,
    *,
    channels: Collection[str],
    now: datetime,
) -> None:
    """Raises Invalid (a person, not a dealer, may not see the customer), NotFound (the dealer)."""
    values = await holding.checked(session, actor, given)
    await write(session, actor, held_one, "hand_over", values)
    await holding.hand_over(
        session,
        actor,
        Opportunity,
        held_one.id,
        values,
        note=given.note,
        customer_id=held_one.customer_id,
        had_by=held_one.owner_id,
        channels=channels,
        now=now,
    )


async def history(
    connection: AsyncConnection, actor: Actor, opportunity_id: int
) -> OpportunityHistory:
    """The stages it came to and with whom it was, the first ones first. Raises NotFound."""
    found = await read(connection, actor, opportunity_id)
    move = OpportunityMove
    moves = await connection.execute(
        select(move.from_stage, move.to_stage, move.actor_id, move.at)
        .where(move.opportunity_id == opportunity_id)
        .order_by(move.id)
    )
    over = OpportunityHandover
    handovers = await connection.execute(
        select(over.owner_id, over.dealer_customer_id, over.note, over.actor_id, over.at)
        .where(over.opportunity_id == opportunity_id)
        .order_by(over.id)
    )
    return OpportunityHistory(
        found,
        tuple(MoveView(*row) for row in moves),
        tuple(HandoverView(*row) for row in handovers),
    )


async def win(
    session: AsyncSession, opportunity_id: int, actor_id: int | None, now: datetime
) -> None:
    """An order came of it; one that had ended before stays as it ended."""
    stage = await session.scalar(
        select(OpportunityStage.code).where(OpportunityStage.outcome == "won")
    )
    found = await session.get(Opportunity, opportunity_id, with_for_update=True)
    if found is None or found.closed_at is not None or stage is None:
        return
    before = found.stage_code
    await session.execute(
        update(Opportunity)
        .where(Opportunity.id == opportunity_id)
        .values(stage_code=stage, closed_at=now, version=Opportunity.version + 1)
    )
    await session.execute(
        insert(OpportunityMove).values(
            opportunity_id=opportunity_id,
            from_stage=before,
            to_stage=stage,
            actor_id=actor_id,
            at=now,
        )
    )
    await holding.begun(session, SYSTEM, Opportunity, opportunity_id, now)
    await trail.record(
        session,
        actor_id,
        "opportunity.move",
        ENTITY,
        opportunity_id,
        before={"stage_code": before},
        after={"stage_code": stage},
    )


async def read(
    holder: AsyncSession | AsyncConnection, actor: Actor, opportunity_id: int
) -> OpportunityView:
    """Raises NotFound, also for one that is somebody else's."""
    query = _opportunities(actor).where(Opportunity.id == opportunity_id)
    row = (await holder.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no opportunity {opportunity_id}.")
    return OpportunityView(*row)


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: OpportunityQuery
) -> tuple[OpportunityView, ...]:
    """The newest first."""
    query = _opportunities(actor).order_by(Opportunity.id.desc()).limit(wanted.limit)
    if wanted.scope is LeadScope.MINE:
        query = query.where(with_me(Opportunity, actor))
    elif wanted.scope is LeadScope.UNASSIGNED:
        query = query.where(with_nobody(Opportunity))
    if wanted.open_only:
        query = query.where(Opportunity.closed_at.is_(None))
    if wanted.customer_id is not None:
        query = query.where(Opportunity.customer_id == wanted.customer_id)
    if wanted.stage_code is not None:
        query = query.where(Opportunity.stage_code == wanted.stage_code)
    if wanted.before is not None:
        query = query.where(Opportunity.id < wanted.before)
    return tuple(OpportunityView(*row) for row in await connection.execute(query))


async def pipeline(
    connection: AsyncConnection, actor: Actor, owner_id: int | None
) -> tuple[PipelineStage, ...]:
    """Open ones by stage, of one person or of all whom the actor sees."""
    query = (
        select(
            Opportunity.stage_code,
            func.count(),
            func.sum(Opportunity.amount),
            func.sum(Opportunity.amount * OpportunityStage.percent) / 100,
        )
        .join(OpportunityStage, OpportunityStage.code == Opportunity.stage_code)
        .join(Customer, Customer.id == Opportunity.customer_id)
        .where(Opportunity.closed_at.is_(None), seen_by(Opportunity, actor))
        .group_by(Opportunity.stage_code, OpportunityStage.place)
        .order_by(OpportunityStage.place)
    )
    if owner_id is not None:
        query = query.where(Opportunity.owner_id == owner_id)
    return tuple(
        PipelineStage(code, many, amount, Decimal(weighted).quantize(_CENT, ROUND_HALF_UP))
        for code, many, amount, weighted in await connection.execute(query)
    )


async def _moved(
    session: AsyncSession,
    actor: Actor,
    opportunity_id: int,
    stages_: tuple[str | None, str],
    now: datetime,
) -> None:
    values = {"from_stage": stages_[0], "to_stage": stages_[1], "actor_id": actor.user_id}
    await session.execute(
        insert(OpportunityMove).values(**values, opportunity_id=opportunity_id, at=now)
    )


def _opportunities(actor: Actor) -> Select[*tuple[Any, ...]]:
    dealer = aliased(Customer)
    return (
        select(
            Opportunity.id, Opportunity.customer_id, Customer.name, Opportunity.lead_id,
            Opportunity.title, Opportunity.note, Opportunity.stage_code,
            OpportunityStage.percent, OpportunityStage.outcome, Opportunity.amount,
            Opportunity.close_on, Opportunity.lost_reason, Opportunity.owner_id,
            User.name.label("owner_name"), Opportunity.dealer_customer_id,
            dealer.name.label("dealer_name"), Opportunity.created_at, Opportunity.closed_at, Opportunity.version,
        )
        .join(OpportunityStage, OpportunityStage.code == Opportunity.stage_code)
        .join(Customer, Customer.id == Opportunity.customer_id)
        .outerjoin(User, User.id == Opportunity.owner_id)
        .outerjoin(dealer, dealer.id == Opportunity.dealer_customer_id)
        .where(seen_by(Opportunity, actor))
    )  # fmt: skip
