"""The rules by which orders are reviewed, and how much each role may approve."""

from datetime import date
from decimal import Decimal
from typing import ClassVar

from crm_core.rights import Right
from orders.review.commands import ChangedReviewRule, NewReviewRule, ReviewLimit
from orders.review.service import ReviewRuleService
from webui.api.orders import OrderDetail, detail
from webui.api.products import SubstituteItem
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, NUMBER, Route, needs
from webui.views import ReasonView, View


class WantedReviewRule(NewReviewRule, Model):
    """A rule to enter."""


class EditedReviewRule(ChangedReviewRule, Model):
    """The whole rule anew."""


class WantedReviewLimit(ReviewLimit, Model):
    """How much the role may approve."""


class LineStockItem(View):
    ENTITY = "order"

    sku: str
    name_zh: str
    name_en: str
    wanted: int
    reserved: int
    available: int
    short: int
    cost: Decimal | None = None
    there_on: date | None
    substitutes: tuple[SubstituteItem, ...]
    on_sale: bool


class CustomerStandingItem(View):
    """What the customer owes and may owe; a role that may not see credit sees none of it."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "overdue": "credit_overdue",
        "held": "credit_used",
        "beyond": "credit_available",
        "terms_code": "payment_terms",
        "terms_days": "payment_terms",
        "prepaid": "payment_terms",
    }

    credit_limit: Decimal | None = None
    credit_used: Decimal | None = None
    overdue: Decimal | None = None
    held: Decimal | None = None
    beyond: Decimal | None = None
    terms_code: str | None = None
    terms_days: int | None = None
    prepaid: bool | None = None
    orders_before: int
    bad_before: int


class ReviewReportAnswer(View):
    ENTITY = "order"

    order: OrderDetail
    can_be_fulfilled: bool
    ready_on: date | None
    arrives_on: date | None
    wished_day_holds: bool | None
    courier: str | None
    freight: Decimal | None
    cost: Decimal | None = None
    margin: Decimal | None = None
    lines: tuple[LineStockItem, ...]
    standing: CustomerStandingItem
    verdict: str
    why: tuple[ReasonView, ...]
    findings: tuple[ReasonView, ...]


class ReviewRuleItem(View):
    id: int
    kind: str
    says: str
    name_zh: str
    name_en: str
    value: Decimal
    words: tuple[str, ...]
    active: bool
    version: int


class ReviewRuleList(View):
    items: tuple[ReviewRuleItem, ...]


class ReviewRuleAnswer(View):
    rule: ReviewRuleItem


class ReviewLimitItem(View):
    role_code: str
    most_total: Decimal | None
    most_beyond_credit: Decimal
    most_discount: Decimal | None
    most_waived: Decimal
    version: int


class ReviewLimitList(View):
    items: tuple[ReviewLimitItem, ...]


class ReviewLimitAnswer(View):
    limit: ReviewLimitItem


async def report(asked: Asked[Nothing, Nothing]) -> ReviewReportAnswer:
    """Whether the order can be fulfilled, and by when: stock, cost, courier, credit, terms, history, and what the
    rules say; what nobody knows is null and among the findings.
    """
    found = await asked.services.trade.changes.report(asked.principal, int(asked.id))
    answer = ReviewReportAnswer.model_validate(found)
    return answer.model_copy(update={"order": detail(asked, found.order)})


async def rules(asked: Asked[Nothing, Nothing]) -> ReviewRuleList:
    """The rules, the active ones first."""
    found = await _service(asked).rules(asked.principal)
    return ReviewRuleList(items=tuple(map(ReviewRuleItem.model_validate, found)))


async def add(asked: Asked[WantedReviewRule, Nothing]) -> ReviewRuleAnswer:
    """Enter a rule; it holds for orders from now on."""
    made = await _service(asked).add(asked.principal, asked.body)
    return ReviewRuleAnswer(rule=ReviewRuleItem.model_validate(made))


async def change(asked: Asked[EditedReviewRule, Nothing]) -> ReviewRuleAnswer:
    """Change a rule, or end it."""
    made = await _service(asked).change(asked.principal, int(asked.id), asked.body)
    return ReviewRuleAnswer(rule=ReviewRuleItem.model_validate(made))


async def limits(asked: Asked[Nothing, Nothing]) -> ReviewLimitList:
    """How much each role may approve; one that is not listed approves no order that was held."""
    found = await _service(asked).limits(asked.principal)
    return ReviewLimitList(items=tuple(map(ReviewLimitItem.model_validate, found)))


async def limit(asked: Asked[WantedReviewLimit, Nothing]) -> ReviewLimitAnswer:
    """Set how much a role may approve, how far beyond the customer's credit, its most discount in quotes, and how
    much of an order it may settle unpaid.
    """
    made = await _service(asked).limit(asked.principal, asked.id, asked.body)
    return ReviewLimitAnswer(limit=ReviewLimitItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> ReviewRuleService:
    return asked.services.trade.review_rules


_SEE = needs(Right.ORDER_REVIEW)
_MANAGE = needs(Right.RULES_MANAGE)
_RULES = "/api/order-review-rules"
_LIMITS = "/api/order-review-limits"

ROUTES = (
    Route(
        "GET",
        f"/api/orders/{NUMBER}/review",
        report,
        _SEE,
        answer=ReviewReportAnswer,
    ),
    Route("GET", _RULES, rules, _SEE, answer=ReviewRuleList),
    Route(
        "POST",
        _RULES,
        add,
        _MANAGE,
        WantedReviewRule,
        answer=ReviewRuleAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", f"{_RULES}/{NUMBER}", change, _MANAGE, EditedReviewRule, answer=ReviewRuleAnswer),
    Route("GET", _LIMITS, limits, _SEE, answer=ReviewLimitList),
    Route(
        "PUT",
        f"{_LIMITS}/{CODE}",
        limit,
        needs(Right.ROLE_MANAGE),
        WantedReviewLimit,
        answer=ReviewLimitAnswer,
    ),
)
