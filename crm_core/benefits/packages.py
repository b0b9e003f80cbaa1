"""Packages granted and used up, as SQL inside the caller's transaction.

Rule: an entitlement is used by one statement that the table refuses beyond what it allows; a package's
coupons are issued with it, once.
"""

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.benefits import coupons
from crm_core.benefits.commands import Grant, UseEntitlement
from crm_core.benefits.tables import (
    Entitlement,
    EntitlementUse,
    Package,
    PackageItem,
    PackageKind,
)
from crm_core.benefits.views import EntitlementView, PackageView
from crm_core.complaints.tables import Complaint
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor

ENTITY = "package"
_LIMIT_DAYS = 90


class UsedUp(Conflict):
    code = "entitlement_used_up"


def months_later(day: date, months: int) -> date:
    """The same day of the month, or the month's last one."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


async def grant(
    session: AsyncSession,
    actor: Actor,
    customer_id: int,
    given: Grant,
    *,
    now: datetime,
    today: date,
) -> int:
    """The new package's id. Raises Invalid (kind, complaint), Conflict (too many of it lately)."""
    await session.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update())
    kind = await session.get(PackageKind, given.kind_code)
    if kind is None or not kind.active:
        raise Invalid(
            "There is no such package: choose one of the list.", fields={"kind_code": "unknown"}
        )
    await _check_complaint(session, customer_id, given.complaint_id)
    await _check_limit(session, kind, customer_id, now)
    starts = given.starts_on or await _next_start(session, kind.code, customer_id, today)
    values = given.model_dump(exclude={"starts_on"}) | {
        "customer_id": customer_id,
        "starts_on": starts,
        "ends_on": months_later(starts, kind.months) - timedelta(days=1),
        "granted_by": actor.user_id,
        "granted_at": now,
    }
    package_id: int | None = await session.scalar(
        insert(Package).values(values).returning(Package.id)
    )
    assert package_id is not None
    await _fill(session, actor, package_id, now)
    await trail.record(session, actor.user_id, "package.grant", ENTITY, package_id, after=values)
    return package_id


async def cancel(session: AsyncSession, actor: Actor, package_id: int, now: datetime) -> int:
    """Whose it was. Raises NotFound, Conflict (cancelled before)."""
    package = await session.get(Package, package_id, with_for_update=True)
    if package is None:
        raise NotFound(f"There is no package {package_id}.")
    if package.cancelled_at is not None:
        raise Conflict("This package is cancelled already.")
    customer_id = package.customer_id
    await session.execute(update(Package).where(Package.id == package_id).values(cancelled_at=now))
    await trail.record(session, actor.user_id, "package.cancel", ENTITY, package_id)
    return customer_id


async def use(
    session: AsyncSession,
    actor: Actor,
    entitlement_id: int,
    given: UseEntitlement,
    *,
    now: datetime,
    today: date,
) -> int:
    """The use's id. Raises NotFound (also outside its time), UsedUp."""
    package_id = await session.scalar(
        select(Package.id)
        .join(Entitlement, Entitlement.package_id == Package.id)
        .where(
            Entitlement.id == entitlement_id,
            Package.cancelled_at.is_(None),
            Package.starts_on <= today,
            Package.ends_on >= today,
        )
        .with_for_update(of=Package, read=True)
    )
    if package_id is None:
        raise NotFound("This service is not part of a package that is valid today.")
    used = await session.scalar(
        update(Entitlement)
        .where(
            Entitlement.id == entitlement_id,
            (Entitlement.allowed.is_(None)) | (Entitlement.used < Entitlement.allowed),
        )
        .values(used=Entitlement.used + 1)
        .returning(Entitlement.used)
    )
    if used is None:
        raise UsedUp("This service is used up: offer another one, or renew the package.")
    values = {"entitlement_id": entitlement_id, "note": given.note, "used_by": actor.user_id}
    use_id: int | None = await session.scalar(
        insert(EntitlementUse).values(**values, used_at=now).returning(EntitlementUse.id)
    )
    assert use_id is not None
    await trail.record(session, actor.user_id, "package.use", ENTITY, package_id, after=values)
    return use_id


async def undo(session: AsyncSession, actor: Actor, use_id: int, now: datetime) -> None:
    """It was not given after all. Raises NotFound (also when it was undone before)."""
    entitlement_id = await session.scalar(
        update(EntitlementUse)
        .where(EntitlementUse.id == use_id, EntitlementUse.undone_at.is_(None))
        .values(undone_at=now, undone_by=actor.user_id)
        .returning(EntitlementUse.entitlement_id)
    )
    if entitlement_id is None:
        raise NotFound(f"There is no use {use_id} that could be undone.")
    package_id = await session.scalar(
        update(Entitlement)
        .where(Entitlement.id == entitlement_id)
        .values(used=Entitlement.used - 1)
        .returning(Entitlement.package_id)
    )
    assert package_id is not None
    await trail.record(
        session, actor.user_id, "package.undo_use", ENTITY, package_id, after={"use_id": use_id}
    )


async def of_customer(
    connection: AsyncConnection, customer_id: int, today: date, limit: int
) -> tuple[PackageView, ...]:
    """The one that ends last comes first."""
    query = _packages(today).where(Package.customer_id == customer_id)
    return await _views(connection, query.order_by(Package.ends_on.desc(), Package.id).limit(limit))


async def ending(
    connection: AsyncConnection, today: date, days: int, limit: int, *seen: Any
) -> tuple[PackageView, ...]:
    """Service packages that end within so many days and have no follower, the next one first."""
    later = Package.__table__.alias()
    followed = (
        select(later.c.id)
        .where(
            later.c.customer_id == Package.customer_id,
            later.c.kind_code == Package.kind_code,
            later.c.ends_on > Package.ends_on,
            later.c.cancelled_at.is_(None),
        )
        .exists()
    )
    query = _packages(today).where(
        PackageKind.purpose == "service",
        Package.cancelled_at.is_(None),
        Package.ends_on.between(today, today + timedelta(days=days)),
        ~followed,
        *seen,
    )
    return await _views(connection, query.order_by(Package.ends_on, Package.id).limit(limit))


def _packages(today: date) -> Select[*tuple[Any, ...]]:
    state = case(
        (Package.cancelled_at.is_not(None), "cancelled"),
        (Package.starts_on > today, "coming"),
        (Package.ends_on < today, "expired"),
        else_="active",
    ).label("state")
    return (
        select(
            Package.id, Package.kind_code, PackageKind.purpose, PackageKind.name_zh,
            PackageKind.name_en, Package.customer_id, Package.starts_on, Package.ends_on, state,
            Package.complaint_id, Package.reason, Package.granted_at,
        )
        .join(PackageKind, PackageKind.code == Package.kind_code)
        .join(Customer, Customer.id == Package.customer_id)
    )  # fmt: skip


async def _views(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]]
) -> tuple[PackageView, ...]:
    rows = (await connection.execute(query)).mappings().all()
    held: dict[int, list[EntitlementView]] = {}
    table = Entitlement
    for row in await connection.execute(
        select(table.package_id, table.id, table.name_zh, table.name_en, table.allowed, table.used)
        .where(table.package_id.in_([row["id"] for row in rows]))
        .order_by(table.id)
    ):
        held.setdefault(row.package_id, []).append(EntitlementView(*row[1:]))
    return tuple(PackageView(**row, entitlements=tuple(held.get(row["id"], ()))) for row in rows)


async def _fill(session: AsyncSession, actor: Actor, package_id: int, now: datetime) -> None:
    """What the package holds becomes the customer's."""
    package = await session.get_one(Package, package_id)
    items: Sequence[PackageItem] = (
        await session.scalars(
            select(PackageItem)
            .where(PackageItem.kind_code == package.kind_code)
            .order_by(PackageItem.place)
        )
    ).all()
    for item in items:
        if item.coupon_kind_code is None:
            values = {"name_zh": item.name_zh, "name_en": item.name_en, "allowed": item.many}
            await session.execute(insert(Entitlement).values(package_id=package_id, **values))
            continue
        many = [package.customer_id] * (item.many or 0)
        await coupons.issue(
            session, actor, item.coupon_kind_code, many, reason=item.name_zh, now=now
        )


async def _check_complaint(
    session: AsyncSession, customer_id: int, complaint_id: int | None
) -> None:
    if complaint_id is None:
        return
    theirs = select(Complaint.id).where(
        Complaint.id == complaint_id, Complaint.customer_id == customer_id
    )
    if await session.scalar(theirs) is None:
        raise Invalid(
            "This complaint is not one of the customer's.", fields={"complaint_id": "unknown"}
        )


async def _check_limit(
    session: AsyncSession, kind: PackageKind, customer_id: int, now: datetime
) -> None:
    if kind.most_in_90_days is None:
        return
    lately = await session.scalar(
        select(func.count()).where(
            Package.customer_id == customer_id,
            Package.kind_code == kind.code,
            Package.cancelled_at.is_(None),
            Package.granted_at > now - timedelta(days=_LIMIT_DAYS),
        )
    )
    if (lately or 0) >= kind.most_in_90_days:
        raise Conflict(
            f"This customer was given {lately} of these within {_LIMIT_DAYS} days: that is the limit.",
            fields={"kind_code": "limit"},
        )


async def _next_start(session: AsyncSession, kind_code: str, customer_id: int, today: date) -> date:
    ends = await session.scalar(
        select(func.max(Package.ends_on)).where(
            Package.customer_id == customer_id,
            Package.kind_code == kind_code,
            Package.cancelled_at.is_(None),
        )
    )
    return max(today, ends + timedelta(days=1)) if ends else today
