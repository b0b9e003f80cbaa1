"""Rules and facts for the tests of insight, made by hand and by hypothesis."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from crm_core.insight.conditions import Condition, Metric, Operator
from crm_core.insight.metrics import Facts
from crm_core.insight.ports import SalesDay
from crm_core.insight.rules import InsightRules
from crm_core.insight.usual_rules import usual_rules

USUAL = usual_rules(frozenset({"consumer"}))
TODAY = date(2026, 5, 20)


def sale(day: date, revenue: str | Decimal = "100", orders: int = 1) -> SalesDay:
    at = datetime.combine(day, time(4), UTC)
    return SalesDay(1, day, orders, Decimal(revenue), at, at)


def ago(days: int, revenue: str | Decimal = "100", orders: int = 1) -> SalesDay:
    return sale(TODAY - timedelta(days=days), revenue, orders)


def facts(*sales: SalesDay, contact: int = 0, **more: object) -> Facts:
    values = {"customer_id": 1, "level_code": "retailer"} | more
    contact_on = TODAY - timedelta(days=contact)
    ordered = tuple(sorted(sales, key=lambda each: each.day))
    return Facts(contact_on=contact_on, sales=ordered, **values)  # type: ignore[arg-type]


def condition(metric: str, operator: str, value: object) -> Condition:
    return Condition.model_validate({"metric": metric, "operator": operator, "value": str(value)})


def rules(**more: object) -> InsightRules:
    """The usual rules with some parts replaced."""
    return InsightRules.model_validate(USUAL.model_dump() | more)


_money = st.decimals(min_value=0, max_value=300_000, places=2)
_bounds = st.lists(st.integers(1, 400), min_size=4, max_size=4, unique=True).map(sorted)
_conditions = st.lists(
    st.builds(
        Condition,
        metric=st.sampled_from(Metric),
        operator=st.sampled_from(Operator),
        value=st.integers(0, 400).map(Decimal)
        | st.decimals(min_value=0, max_value=8, places=2)
        | _money,
    ),
    min_size=1,
    max_size=3,
)
_named = {"name_zh": "名", "name_en": "name"}


@st.composite
def any_rules(draw: st.DrawFn) -> InsightRules:
    """Rules with conditions on any figure."""
    segments = draw(st.lists(_conditions, max_size=4))
    health = draw(st.lists(_conditions, max_size=4))
    return rules(
        rfm={
            "r_days": draw(_bounds),
            "f_orders": draw(_bounds),
            "m_revenue": draw(_bounds),
        },
        segments=[
            *({"code": f"s{n}", "when": when} | _named for n, when in enumerate(segments)),
            {"code": "rest"} | _named,
        ],
        health=[{"code": f"h{n}", "when": when} | _named for n, when in enumerate(health)],
    )


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """A customer with sales over three years, some of them after `TODAY`."""
    days = draw(st.lists(st.integers(-30, 1000), max_size=12, unique=True))
    sales = [ago(day, draw(_money), draw(st.integers(1, 30))) for day in days]
    limit = draw(st.sampled_from([0, 1000]))
    return facts(
        *sales,
        contact=draw(st.integers(-5, 500)),
        level_code=draw(st.sampled_from(["retailer", "consumer"])),
        credit_limit=Decimal(limit),
        credit_used=draw(st.integers(0, limit)) * Decimal(1),
        credit_overdue=draw(st.sampled_from([Decimal(0), Decimal("0.01")])),
    )
