"""What an agent sees of a customer's insight at once. Rule: what the worker kept, by the names of the rules
in force; nothing is worked out here, so that a pop costs two single reads.
"""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.customers.insight_tables import CustomerInsight
from crm_core.insight.conditions import SHOWS
from crm_core.insight.rules import GradeRule, HealthRule, InsightRules, SegmentRule
from crm_core.insight.views import BriefWarning, InsightBrief, Named

_KEPT = select(
    CustomerInsight.grade_code,
    CustomerInsight.segment_code,
    CustomerInsight.revenue_12m,
    CustomerInsight.orders_12m,
    CustomerInsight.last_contact_at,
    CustomerInsight.warnings,
)


async def read(
    connection: AsyncConnection, rules: InsightRules, customer_id: int
) -> InsightBrief | None:
    """None for a customer who was not looked at yet."""
    found = await connection.execute(_KEPT.where(CustomerInsight.customer_id == customer_id))
    row = found.one_or_none()
    if row is None:
        return None
    segment = next((each for each in rules.segments if each.code == row.segment_code), None)
    codes = {each["code"] for each in row.warnings}
    return InsightBrief(
        grade=_named(rules.grades, row.grade_code),
        segment=_named(rules.segments, row.segment_code),
        strategy_zh=segment.strategy_zh if segment else "",
        strategy_en=segment.strategy_en if segment else "",
        revenue_12m=Decimal(row.revenue_12m),
        orders_12m=row.orders_12m,
        last_contact_at=row.last_contact_at,
        warnings=tuple(_warning(each) for each in rules.health if each.code in codes),
    )


def _named(rules: Sequence[GradeRule] | Sequence[SegmentRule], code: str | None) -> Named | None:
    for each in rules:
        if each.code == code:
            return Named(each.code, each.name_zh, each.name_en)
    return None


def _warning(rule: HealthRule) -> BriefWarning:
    shows = dict.fromkeys(f for when in rule.when for f in SHOWS.get(when.metric, ()))
    return BriefWarning(
        rule.code,
        rule.name_zh,
        rule.name_en,
        rule.advice_zh,
        rule.advice_en,
        rule.severity,
        tuple(shows),
    )
