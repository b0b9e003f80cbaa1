"""Applications to become a dealer, as SQL inside the caller's transaction.

Rule: an application is decided once; the one who approves makes the customer in the same transaction, so
that there is never one without the other.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers import cards
from crm_core.customers import service as customers
from crm_core.customers.fields import (
    CustomerFields,
    NewCustomer,
    PhoneEntry,
    TerritoryEntry,
    field_code,
)
from crm_core.customers.visibility import concerns_seen, must_see
from crm_core.dealers import views
from crm_core.dealers.channel import check_dealer_level
from crm_core.dealers.commands import (
    ApplicationState,
    DealerApplicationEdit,
    DealerApplicationQuery,
    DealerApproval,
    DealerRefusal,
    NewDealerApplication,
)
from crm_core.dealers.tables import DealerApplication
from crm_core.dealers.views import DealerApplicationView
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import SYSTEM, Actor

ENTITY = "dealer_application"


class Decided(Conflict):
    code = "application_state"


class AppliedAlready(Conflict):
    code = "application_open"


async def add(
    session: AsyncSession, actor: Actor, new: NewDealerApplication, now: datetime
) -> DealerApplicationView:
    """Raises Invalid (level), AppliedAlready."""
    await check_dealer_level(session, new.level_code)
    values = new.model_dump() | {"created_by_id": actor.user_id, "created_at": now}
    try:
        application_id = (
            await session.execute(
                insert(DealerApplication).values(**values).returning(DealerApplication.id)
            )
        ).scalar_one()
    except IntegrityError as error:
        raise _taken(error) from error
    await trail.record(
        session,
        actor.user_id,
        f"{ENTITY}.create",
        ENTITY,
        application_id,
        after=new.model_dump(),
    )
    return await read(session, SYSTEM, application_id)


async def change(
    session: AsyncSession, actor: Actor, application_id: int, edit: DealerApplicationEdit
) -> DealerApplicationView:
    """Raises NotFound, Decided, Conflict (edited since), Invalid (level), AppliedAlready."""
    before = await _held(session, actor, application_id, edit.version)
    values = edit.model_dump(exclude_unset=True, exclude={"version"})
    if "level_code" in values:
        await check_dealer_level(session, edit.level_code)
    try:
        return await _write(session, actor, before, "update", values)
    except IntegrityError as error:
        raise _taken(error) from error


async def approve(
    session: AsyncSession,
    actor: Actor,
    application_id: int,
    given: DealerApproval,
    now: datetime,
) -> DealerApplicationView:
    """Raises NotFound (also the parent or the customer), Decided, Conflict, NumberTaken (by whom: name that
    customer), Forbidden, Invalid.
    """
    before = await _held(session, actor, application_id, given.version)
    if given.parent_id is not None:
        await must_see(session, actor, given.parent_id)
    await check_dealer_level(session, given.level_code or before.level_code)
    if given.customer_id is None:
        new = _customer(before, given)
        written = {
            *map(field_code, new.model_fields_set),
            *(f"custom.{code}" for code in new.custom),
        }
        actor.require_write("customer", sorted(written))
        customer_id = (await customers.enter(session, actor, new)).id
    else:
        customer_id = await _moved(session, actor, before, given, given.customer_id)
    decided = {"state": ApplicationState.APPROVED, "customer_id": customer_id}
    return await _write(session, actor, before, "approve", _by(actor, now) | decided)


async def refuse(
    session: AsyncSession,
    actor: Actor,
    application_id: int,
    given: DealerRefusal,
    now: datetime,
) -> DealerApplicationView:
    """Raises NotFound, Decided, Conflict (edited since)."""
    before = await _held(session, actor, application_id, given.version)
    decided = {"state": ApplicationState.REFUSED, "reason": given.reason}
    return await _write(session, actor, before, "refuse", _by(actor, now) | decided)


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: DealerApplicationQuery
) -> tuple[DealerApplicationView, ...]:
    """The newest first."""
    query = _seen(actor).order_by(DealerApplication.id.desc()).limit(wanted.limit)
    if wanted.state is not None:
        query = query.where(DealerApplication.state == wanted.state)
    if wanted.before is not None:
        query = query.where(DealerApplication.id < wanted.before)
    return tuple(DealerApplicationView(*row) for row in await connection.execute(query))


async def read(
    holder: AsyncSession | AsyncConnection, actor: Actor, application_id: int
) -> DealerApplicationView:
    """Raises NotFound, also for one that became a customer beyond the actor's scope."""
    query = _seen(actor).where(DealerApplication.id == application_id)
    row = (await holder.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no application {application_id}.")
    return DealerApplicationView(*row)


def _seen(actor: Actor) -> Select[*tuple[Any, ...]]:
    return views.applications().where(concerns_seen(DealerApplication.customer_id, actor))


async def _held(
    session: AsyncSession, actor: Actor, application_id: int, version: int
) -> DealerApplicationView:
    """The application, locked and still to be decided. Raises NotFound, Decided, Conflict."""
    await session.execute(
        select(DealerApplication.id).where(DealerApplication.id == application_id).with_for_update()
    )
    found = await read(session, actor, application_id)
    if found.state != ApplicationState.NEW:
        raise Decided(f"This application is {found.state} already.", fields={"state": found.state})
    if found.version != version:
        raise Conflict(
            "Somebody else has changed this application since you opened it: look at it as it is "
            "now.",
            fields={"version": found.version},
        )
    return found


async def _write(
    session: AsyncSession,
    actor: Actor,
    before: DealerApplicationView,
    action: str,
    values: dict[str, object],
) -> DealerApplicationView:
    await session.execute(
        update(DealerApplication)
        .where(DealerApplication.id == before.id)
        .values(**values, version=before.version + 1)
    )
    was, became = trail.changes({name: getattr(before, name) for name in values}, values)
    await trail.record(
        session,
        actor.user_id,
        f"{ENTITY}.{action}",
        ENTITY,
        before.id,
        before=was,
        after=became,
    )
    return await read(session, SYSTEM, before.id)


def _customer(wanted: DealerApplicationView, given: DealerApproval) -> NewCustomer:
    """Sells where it applied for; only what is known is written."""
    known: dict[str, object] = {
        "name": wanted.name,
        "phones": (PhoneEntry(number=wanted.phone),),
        "level_code": given.level_code or wanted.level_code,
        "parent_id": given.parent_id,
        "salesperson_id": given.salesperson_id,
        "province": wanted.province,
        "city": wanted.city,
        "note": wanted.note,
        "custom": given.custom or None,
    }
    if wanted.province is not None:
        known["territories"] = (TerritoryEntry(province=wanted.province, city=wanted.city),)
    return NewCustomer.model_validate({k: v for k, v in known.items() if v is not None})


async def _moved(
    session: AsyncSession,
    actor: Actor,
    wanted: DealerApplicationView,
    given: DealerApproval,
    customer_id: int,
) -> int:
    """A customer already: the level, the place in the channel and the territory change, nothing besides."""
    seen = await must_see(session, actor, customer_id)
    card = await cards.read_card(session, seen)
    assert card is not None
    change: dict[str, object] = {
        "level_code": given.level_code or wanted.level_code,
        "parent_id": given.parent_id,
        "salesperson_id": given.salesperson_id,
    }
    if wanted.province is not None:
        sold = {(each.province, each.city) for each in card.territories}
        change["territories"] = tuple(
            TerritoryEntry(province=province, city=city)
            for province, city in sorted(
                sold | {(wanted.province, wanted.city)}, key=lambda each: (each[0], each[1] or "")
            )
        )
    fields = CustomerFields.model_validate({k: v for k, v in change.items() if v is not None})
    await customers.apply(session, actor, seen, card.version, fields)
    return seen


def _by(actor: Actor, now: datetime) -> dict[str, object]:
    return {"decided_by_id": actor.user_id, "decided_at": now}


def _taken(error: IntegrityError) -> Exception:
    if "uq_dealer_applications_open" in str(error.orig):
        return AppliedAlready(
            "There is an open application with this telephone number already.",
            fields={"phone": "taken"},
        )
    if "fk_dealer_applications_level_code" in str(error.orig):
        return Invalid("There is no such level.", fields={"level_code": "unknown"})
    return error
