"""Insight: contribution, segments and health of customers, and the rules they come from.

Rule: whose customers and which figures a reader sees is decided by the service; a page's next one begins
after its last customer.
"""

from datetime import datetime
from decimal import Decimal

from crm_core.insight.commands import ContributionQuery, PageQuery, RulesEdit, VersionQuery
from crm_core.insight.rules import InsightRules
from crm_core.insight.service import InsightService, RulesAndProgress
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import View


class ContributionSearch(ContributionQuery, Model):
    """Of which days, summed up by what."""


class InsightPage(PageQuery, Model):
    """Which part of a list."""


class RulesVersionSearch(VersionQuery, Model):
    """Which part of the list."""


class WantedRules(RulesEdit, Model):
    """The rules as they are to be."""


class NamedView(View):
    code: str
    name_zh: str
    name_en: str


class WarningView(View):
    code: str
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    severity: str


class FigureView(View):
    metric: str
    value: Decimal | int | None


class QuarterView(View):
    orders: int
    revenue: Decimal


class TriedView(View):
    metric: str
    operator: str
    bound: Decimal
    value: Decimal | int | None
    held: bool


class AdviceView(View):
    zh: str
    en: str


class RuleTriedView(View):
    kind: str
    code: str
    name_zh: str
    name_en: str
    held: bool
    chosen: bool
    tried: tuple[TriedView, ...]
    advice: AdviceView


class InsightOfCustomer(View):
    customer_id: int
    r: int
    f: int
    m: int
    segment: NamedView
    strategy_zh: str
    strategy_en: str
    grade: NamedView
    warnings: tuple[WarningView, ...]
    figures: tuple[FigureView, ...]
    quarters: tuple[QuarterView, ...]
    first_order_at: datetime | None
    last_order_at: datetime | None
    last_contact_at: datetime | None
    rules: tuple[RuleTriedView, ...]
    rules_version: int
    computed_at: datetime | None
    next_due_at: datetime | None
    pending: bool


class InsightAnswer(View):
    insight: InsightOfCustomer


class ContributionItem(View):
    place: int
    rank: int
    code: str | None
    name_zh: str | None
    name_en: str | None
    customers: int
    orders: int
    revenue: Decimal
    share_percent: Decimal


class ContributionAnswer(View):
    items: tuple[ContributionItem, ...]
    orders: int
    revenue: Decimal


class SegmentItem(View):
    code: str
    name_zh: str
    name_en: str
    strategy_zh: str
    strategy_en: str
    customers: int
    orders_12m: int
    revenue_12m: Decimal


class SegmentList(View):
    items: tuple[SegmentItem, ...]


class HealthItem(View):
    code: str
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    severity: str
    customers: int


class HealthList(View):
    items: tuple[HealthItem, ...]


class InsightCustomer(View):
    customer_id: int
    customer_name: str
    level_code: str
    province: str | None
    city: str | None
    salesperson_id: int | None
    segment_code: str | None
    grade_code: str | None
    r: int
    f: int
    m: int
    orders_12m: int
    revenue_12m: Decimal
    last_order_at: datetime | None
    last_contact_at: datetime | None
    warnings: tuple[str, ...]
    computed_at: datetime


class InsightCustomerList(View):
    items: tuple[InsightCustomer, ...]


class ProgressView(View):
    customers: int
    current: int
    queued: int
    due: int


class RulesAnswer(View):
    version: int
    at: datetime
    actor_id: int | None
    rules: InsightRules
    progress: ProgressView


class RulesVersionItem(View):
    version: int
    at: datetime
    actor_id: int | None
    actor_name: str | None


class RulesVersionList(View):
    items: tuple[RulesVersionItem, ...]


class RulesVersionAnswer(View):
    version: int
    at: datetime
    actor_id: int | None
    rules: InsightRules


async def customer(asked: Asked[Nothing, Nothing]) -> InsightAnswer:
    """One customer as of now: segment, grade, warnings, and each rule with figure and bound."""
    found = await _service(asked).customer(asked.principal, int(asked.id))
    return InsightAnswer(insight=InsightOfCustomer.model_validate(found))


async def contribution(asked: Asked[Nothing, ContributionSearch]) -> ContributionAnswer:
    """Who brought how much from one day to another, the greatest first."""
    found = await _service(asked).contribution(asked.principal, asked.query)
    return ContributionAnswer.model_validate(found)


async def segments(asked: Asked[Nothing, Nothing]) -> SegmentList:
    """Every segment, how many are in it and what they brought in twelve months."""
    found = await _service(asked).segments(asked.principal)
    return SegmentList(items=tuple(map(SegmentItem.model_validate, found)))


async def in_segment(asked: Asked[Nothing, InsightPage]) -> InsightCustomerList:
    """Customers of a segment, the greatest revenue first."""
    found = await _service(asked).in_segment(asked.principal, asked.id, asked.query)
    return InsightCustomerList(items=tuple(map(InsightCustomer.model_validate, found)))


async def health(asked: Asked[Nothing, Nothing]) -> HealthList:
    """Every warning, and how many customers give it."""
    found = await _service(asked).health(asked.principal)
    return HealthList(items=tuple(map(HealthItem.model_validate, found)))


async def warned(asked: Asked[Nothing, InsightPage]) -> InsightCustomerList:
    """Customers who give a warning, the greatest revenue first."""
    found = await _service(asked).warned(asked.principal, asked.id, asked.query)
    return InsightCustomerList(items=tuple(map(InsightCustomer.model_validate, found)))


async def rules(asked: Asked[Nothing, Nothing]) -> RulesAnswer:
    """The rules in force, and how many customers are worked out by them already."""
    return _rules(await _service(asked).rules(asked.principal))


async def change_rules(asked: Asked[WantedRules, Nothing]) -> RulesAnswer:
    """Replace the rules; everybody is worked out anew in the background."""
    return _rules(await _service(asked).change_rules(asked.principal, asked.body))


async def recompute(asked: Asked[Nothing, Nothing]) -> RulesAnswer:
    """Have everybody worked out anew, in the background; `progress` says how far it is."""
    await _service(asked).recompute_all(asked.principal)
    return _rules(await _service(asked).rules(asked.principal))


async def versions(asked: Asked[Nothing, RulesVersionSearch]) -> RulesVersionList:
    """Every set of rules that was ever in force, the newest first."""
    found = await _service(asked).versions(asked.principal, asked.query)
    return RulesVersionList(items=tuple(map(RulesVersionItem.model_validate, found)))


async def version(asked: Asked[Nothing, Nothing]) -> RulesVersionAnswer:
    """The rules of a version, as they were."""
    found = await _service(asked).version(asked.principal, int(asked.id))
    return RulesVersionAnswer.model_validate(found)


def _rules(found: RulesAndProgress) -> RulesAnswer:
    return RulesAnswer(
        version=found.book.version,
        at=found.book.at,
        actor_id=found.book.actor_id,
        rules=found.book.rules,
        progress=ProgressView.model_validate(found.progress),
    )


def _service(asked: Asked[Model, Model]) -> InsightService:
    return asked.services.crm.insight


_VIEW, _RULES = needs(Right.INSIGHT_VIEW), needs(Right.RULES_MANAGE)
_ROOM = "/api/insight"

ROUTES = (
    Route(
        "GET",
        f"{_ROOM}/customers/{NUMBER}",
        customer,
        needs(Right.CUSTOMER_VIEW),
        answer=InsightAnswer,
    ),
    Route(
        "GET",
        f"{_ROOM}/contribution",
        contribution,
        _VIEW,
        query=ContributionSearch,
        answer=ContributionAnswer,
    ),
    Route("GET", f"{_ROOM}/segments", segments, _VIEW, answer=SegmentList),
    Route(
        "GET",
        f"{_ROOM}/segments/{CODE}/customers",
        in_segment,
        _VIEW,
        query=InsightPage,
        answer=InsightCustomerList,
    ),
    Route("GET", f"{_ROOM}/health", health, _VIEW, answer=HealthList),
    Route(
        "GET",
        f"{_ROOM}/health/{CODE}/customers",
        warned,
        _VIEW,
        query=InsightPage,
        answer=InsightCustomerList,
    ),
    Route("GET", f"{_ROOM}/rules", rules, _RULES, answer=RulesAnswer),
    Route(
        "GET",
        f"{_ROOM}/rules/versions",
        versions,
        _RULES,
        query=RulesVersionSearch,
        answer=RulesVersionList,
    ),
    Route("GET", f"{_ROOM}/rules/versions/{NUMBER}", version, _RULES, answer=RulesVersionAnswer),
    Route("POST", f"{_ROOM}/recompute", recompute, _RULES, answer=RulesAnswer, status=202),
    Route("PUT", f"{_ROOM}/rules", change_rules, _RULES, WantedRules, answer=RulesAnswer),
)
