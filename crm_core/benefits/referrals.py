"""Who brought whom, and what both get for it, as SQL inside the caller's transaction.

Rule: one entry of a referral at a time, so that nobody closes a circle; the reward is given once, by the
one statement that notes that the first order was delivered.
"""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.benefits import coupons, kinds
from crm_core.benefits.commands import ReferralRuleContent
from crm_core.benefits.tables import Referral, ReferralRule
from crm_core.benefits.views import ReferralRuleView, ReferralView
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Invalid
from crm_core.rights import SYSTEM, Actor

log = structlog.get_logger(__name__)

ENTITY = "referral"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('zongji.referrals'))")
_ABOVE = text("""
WITH RECURSIVE above (id) AS (
    SELECT CAST(:referrer AS int)
    UNION SELECT r.referrer_customer_id FROM referrals r JOIN above a ON r.customer_id = a.id
)
SELECT EXISTS (SELECT FROM above WHERE id = :customer)
""")


async def enter(
    session: AsyncSession, actor: Actor, customer_id: int, referrer_id: int, now: datetime
) -> int:
    """Raises Invalid (a circle), Conflict (somebody brought this customer before)."""
    await session.execute(_LOCK)
    if await session.scalar(_ABOVE, {"referrer": referrer_id, "customer": customer_id}):
        raise Invalid(
            "They would have brought each other: one of them was there first.",
            fields={"referrer_customer_id": "circle"},
        )
    values = {"referrer_customer_id": referrer_id, "customer_id": customer_id}
    try:
        referral_id: int | None = await session.scalar(
            insert(Referral)
            .values(**values, entered_by=actor.user_id, entered_at=now)
            .returning(Referral.id)
        )
    except IntegrityError as error:
        raise Conflict("It is known already who brought this customer.") from error
    assert referral_id is not None
    await trail.record(session, actor.user_id, "referral.enter", ENTITY, referral_id, after=values)
    return referral_id


async def qualify(session: AsyncSession, customer_id: int, now: datetime) -> None:
    """An order of this customer was delivered; the first time rewards both."""
    row = (
        await session.execute(
            update(Referral)
            .where(Referral.customer_id == customer_id, Referral.qualified_at.is_(None))
            .values(qualified_at=now)
            .returning(Referral.id, Referral.referrer_customer_id)
        )
    ).one_or_none()
    rule = await session.get(ReferralRule, 1) if row else None
    if row is None or rule is None:
        return
    rewards = (
        (rule.referrer_kind_code, row.referrer_customer_id, "referrer"),
        (rule.referred_kind_code, customer_id, "referred"),
    )
    for kind, whom, part in rewards:
        if kind is not None:
            await _reward(session, kind, whom, f"referral:{row.id}:{part}", now)
    await trail.record(session, None, "referral.qualify", ENTITY, row.id)


async def _reward(
    session: AsyncSession, kind: str, customer_id: int, source: str, now: datetime
) -> None:
    """What cannot be issued is noted for a person to make good: the delivery goes on."""
    try:
        await coupons.issue(
            session, SYSTEM, kind, [customer_id], reason=None, now=now, source=source
        )
    except Invalid as refused:
        log.warning("referral_unrewarded", source=source, kind=kind, reason=refused.message)
        told = {"kind_code": kind, "customer_id": customer_id, "reason": refused.message}
        _, referral_id, _ = source.split(":")
        await trail.record(session, None, "referral.unrewarded", ENTITY, referral_id, after=told)


async def rule(connection: AsyncConnection) -> ReferralRuleView:
    row = (
        await connection.execute(
            select(
                ReferralRule.referrer_kind_code,
                ReferralRule.referred_kind_code,
                ReferralRule.version,
            )
        )
    ).one()
    return ReferralRuleView(*row)


async def change_rule(session: AsyncSession, actor: Actor, given: ReferralRuleContent) -> None:
    """Raises Conflict (edited since), Invalid (a kind)."""
    values: dict[str, Any] = given.model_dump(exclude={"version"})
    await kinds.check_active(session, [code for code in values.values() if code], "kind_code")
    changed = await session.scalar(
        update(ReferralRule)
        .where(ReferralRule.version == given.version)
        .values(**values, version=given.version + 1)
        .returning(ReferralRule.id)
    )
    if changed is None:
        raise Conflict("The rule was changed since you opened it: look at it as it is now.")
    await trail.record(session, actor.user_id, "referral.rule", "referral_rule", 1, after=values)


async def of_customer(
    connection: AsyncConnection, customer_id: int, limit: int
) -> tuple[ReferralView | None, tuple[ReferralView, ...]]:
    """Who brought this customer, and whom the customer brought."""
    by = (await connection.execute(_referrals().where(Referral.customer_id == customer_id))).first()
    brought = await connection.execute(
        _referrals()
        .where(Referral.referrer_customer_id == customer_id)
        .order_by(Referral.id.desc())
        .limit(limit)
    )
    return (ReferralView(*by) if by else None), tuple(ReferralView(*row) for row in brought)


def _referrals() -> Select[*tuple[Any, ...]]:
    referrer, customer = aliased(Customer), aliased(Customer)
    return (
        select(
            Referral.id,
            Referral.referrer_customer_id,
            referrer.name.label("referrer_name"),
            Referral.customer_id,
            customer.name.label("customer_name"),
            Referral.entered_at,
            Referral.qualified_at,
        )
        .join(referrer, referrer.id == Referral.referrer_customer_id)
        .join(customer, customer.id == Referral.customer_id)
    )
