"""Kinds of coupons and packages, as operations keep them.

Rule: an edit names the version it was made from (0 makes a new one); a kind is never removed, only made
inactive, and what was issued stays as it is.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.benefits.commands import CouponKindContent, PackageKindContent
from crm_core.benefits.tables import CouponKind, PackageItem, PackageKind, ReferralRule
from crm_core.benefits.views import CouponKindView, PackageItemView, PackageKindView
from crm_core.errors import Conflict, Invalid
from crm_core.rights import Actor
from crm_core.versioned import put


class KindInUse(Conflict):
    code = "coupon_kind_in_use"


_COUPON = (
    CouponKind.code, CouponKind.name_zh, CouponKind.name_en, CouponKind.what, CouponKind.value,
    CouponKind.least_total, CouponKind.most_discount, CouponKind.level_codes,
    CouponKind.valid_days, CouponKind.active, CouponKind.version,
)  # fmt: skip
_PACKAGE = (
    PackageKind.code, PackageKind.purpose, PackageKind.name_zh, PackageKind.name_en,
    PackageKind.price, PackageKind.months, PackageKind.most_in_90_days, PackageKind.active,
    PackageKind.version,
)  # fmt: skip
_SEEDS = (
    ("welcome", "新客立减券", "Welcome", "amount", 20, 200, 30),
    ("thanks", "老客推荐券", "Thanks for referring", "amount", 30, 200, 90),
    ("sorry", "致歉券", "With our apology", "amount", 20, 0, 90),
)


async def seed_benefits(session: AsyncSession) -> None:
    """The usual coupons, and what a referral brings; nothing that is there is changed."""
    names = ("code", "name_zh", "name_en", "what", "value", "least_total", "valid_days")
    rows = [dict(zip(names, seed, strict=True)) for seed in _SEEDS]
    await session.execute(upsert(CouponKind).values(rows).on_conflict_do_nothing())
    rule = {"id": 1, "referrer_kind_code": "thanks", "referred_kind_code": "welcome"}
    await session.execute(upsert(ReferralRule).values(rule).on_conflict_do_nothing())


async def coupon_kinds(connection: AsyncConnection) -> tuple[CouponKindView, ...]:
    rows = await connection.execute(select(*_COUPON).order_by(CouponKind.code))
    return tuple(CouponKindView(*row[:7], tuple(row[7]), *row[8:]) for row in rows)


async def package_kinds(connection: AsyncConnection) -> tuple[PackageKindView, ...]:
    items: dict[str, list[PackageItemView]] = {}
    table = PackageItem
    for row in await connection.execute(
        select(
            table.kind_code, table.name_zh, table.name_en, table.many, table.coupon_kind_code
        ).order_by(table.kind_code, table.place)
    ):
        items.setdefault(row.kind_code, []).append(PackageItemView(*row[1:]))
    rows = await connection.execute(select(*_PACKAGE).order_by(PackageKind.code))
    return tuple(PackageKindView(*row, tuple(items.get(row.code, ()))) for row in rows)


async def put_coupon_kind(
    session: AsyncSession, actor: Actor, code: str, version: int, content: CouponKindContent
) -> None:
    """Raises Conflict (edited since, code taken), KindInUse (made inactive while something names it)."""
    values = content.model_dump() | {"level_codes": list(content.level_codes)}
    await put(session, CouponKind, code, version, values)
    if not content.active:
        await _check_unused(session, code)
    await _note(session, actor, "coupon_kind", code, values)


async def put_package_kind(
    session: AsyncSession, actor: Actor, code: str, version: int, content: PackageKindContent
) -> None:
    """Raises Conflict (edited since, code taken), Invalid (a coupon that is not issued)."""
    values = content.model_dump(exclude={"items"})
    if content.active:
        named = [each.coupon_kind_code for each in content.items if each.coupon_kind_code]
        await check_active(session, named, "coupon_kind_code")
    await put(session, PackageKind, code, version, values)
    await session.execute(delete(PackageItem).where(PackageItem.kind_code == code))
    rows = [
        each.model_dump() | {"kind_code": code, "place": place}
        for place, each in enumerate(content.items)
    ]
    try:
        await session.execute(insert(PackageItem), rows)
    except IntegrityError as error:
        raise Invalid(
            "There is no such kind of coupon: choose one of the list.",
            fields={"coupon_kind_code": "unknown"},
        ) from error
    await _note(session, actor, "package_kind", code, content.model_dump(mode="json"))


async def check_active(session: AsyncSession, codes: Sequence[str], field: str) -> None:
    """Kinds of coupons that can be issued, and stay so until the end of the transaction. Raises Invalid."""
    found = await session.scalars(
        select(CouponKind.code)
        .where(CouponKind.code.in_(codes), CouponKind.active)
        .order_by(CouponKind.code)
        .with_for_update(read=True)
    )
    if set(codes) - set(found):
        raise Invalid(
            "There is no such kind of coupon: choose one of the list.", fields={field: "unknown"}
        )


async def _check_unused(session: AsyncSession, code: str) -> None:
    """Raises KindInUse naming what promises such coupons."""
    rule, item = ReferralRule, PackageItem
    named = await session.scalar(
        select(rule.id).where(or_(rule.referrer_kind_code == code, rule.referred_kind_code == code))
    )
    packages = await session.scalars(
        select(PackageKind.code)
        .join(item, item.kind_code == PackageKind.code)
        .where(item.coupon_kind_code == code, PackageKind.active)
        .distinct()
        .order_by(PackageKind.code)
    )
    users = [*(["the referral rule"] if named is not None else []), *packages]
    if users:
        raise KindInUse(
            f"These coupons are promised by {', '.join(users)}: change that first.",
            fields={"active": "in use"},
        )


async def _note(
    session: AsyncSession, actor: Actor, entity: str, code: str, after: dict[str, Any]
) -> None:
    await trail.record(session, actor.user_id, f"{entity}.put", entity, code, after=after)
