"""What an empty database needs before anybody works: roles with their rights, levels, policies.

Rule: a seed adds what is missing and changes nothing that is there, so that it may run at each start
and never undoes an administrator's decision.
"""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits.kinds import seed_benefits
from crm_core.care.rules import seed_care
from crm_core.complaints.categories import seed_complaints
from crm_core.customers.tables import Level, PaymentTerms, PricePolicy
from crm_core.insight.rule_book import seed_insight
from crm_core.knowledge.categories import seed_knowledge
from crm_core.leads.opportunities import seed_leads
from crm_core.people.tables import Role, RoleRight
from crm_core.rights import ROLES

_LEVELS = (
    ("national", "全国总代", "National agent", 1, True),
    ("provincial", "省级代理", "Provincial agent", 2, True),
    ("city", "市级代理", "City agent", 3, False),
    ("county", "县级代理", "County agent", 4, False),
    ("retailer", "零售商", "Retailer", 5, False),
    ("consumer", "消费者", "Consumer", 6, False),
)
_POLICIES = (
    ("list", "标价", "List price", Decimal(1)),
    ("off5", "95折", "5 % off", Decimal("0.95")),
    ("off10", "9折", "10 % off", Decimal("0.90")),
    ("off15", "85折", "15 % off", Decimal("0.85")),
    ("off20", "8折", "20 % off", Decimal("0.80")),
)


_TERMS = (
    ("prepaid", "款到发货", "Paid before delivery", 0, True),
    ("cod", "货到付款", "Cash on delivery", 0, False),
    ("net30", "月结30天", "30 days", 30, False),
    ("net60", "月结60天", "60 days", 60, False),
)


async def seed_roles(session: AsyncSession) -> None:
    """The roles of `rights.ROLES`; a role that is there already keeps the rights it has."""
    there = set(await session.scalars(select(Role.code)))
    for code, seed in ROLES.items():
        if code in there:
            continue
        await session.execute(
            upsert(Role)
            .values(code=code, name_zh=seed.name_zh, name_en=seed.name_en)
            .on_conflict_do_nothing()
        )
        await session.execute(
            upsert(RoleRight)
            .values([{"role_code": code, "right_code": str(right)} for right in seed.rights])
            .on_conflict_do_nothing()
        )


async def seed_channel(session: AsyncSession) -> None:
    """The usual levels of a sales channel, discounts, terms of payment; categories of
    complaints and of the knowledge base; rules of insight and of care.
    """
    await session.execute(
        upsert(Level)
        .values(
            [
                {"code": code, "name_zh": zh, "name_en": en, "rank": rank, "is_vip": is_vip}
                for code, zh, en, rank, is_vip in _LEVELS
            ]
        )
        .on_conflict_do_nothing()
    )
    await session.execute(
        upsert(PricePolicy)
        .values(
            [
                {"code": code, "name_zh": zh, "name_en": en, "discount": discount}
                for code, zh, en, discount in _POLICIES
            ]
        )
        .on_conflict_do_nothing()
    )
    await session.execute(
        upsert(PaymentTerms)
        .values(
            [
                {"code": code, "name_zh": zh, "name_en": en, "days": days, "prepaid": prepaid}
                for code, zh, en, days, prepaid in _TERMS
            ]
        )
        .on_conflict_do_nothing()
    )
    await seed_complaints(session)
    await seed_knowledge(session)
    await seed_insight(session)
    await seed_care(session)
    await seed_benefits(session)
    await seed_leads(session)
