"""Price rules: prices by customer, level, quantity and day, and promotions."""

from datetime import date, datetime
from decimal import Decimal

from crm_core.rights import Right
from orders.pricing.commands import ChangedRule, NewRule, RuleQuery
from orders.pricing.service import PriceRuleService
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedPriceRule(NewRule, Model):
    """A rule to enter."""


class WantedPriceRuleChange(ChangedRule, Model):
    """The whole rule anew, made from `version`."""


class PriceRuleSearch(RuleQuery, Model):
    """Which rules to list; `before` is the last id of the page before, `on` the day they hold."""


class PriceRuleItem(View):
    id: int
    kind: str
    name_zh: str | None
    name_en: str | None
    sku: str | None
    category_code: str | None
    unit: str | None
    customer_id: int | None
    level_code: str | None
    min_quantity: int
    min_total: Decimal | None
    value: Decimal
    free_sku: str | None
    free_quantity: int | None
    free_most: int | None
    stackable: bool
    priority: int
    valid_from: date | None
    valid_until: date | None
    active: bool
    version: int
    created_by: int | None
    changed_at: datetime


class PriceRuleList(View):
    items: tuple[PriceRuleItem, ...]


class PriceRuleAnswer(View):
    rule: PriceRuleItem


async def search(asked: Asked[Nothing, PriceRuleSearch]) -> PriceRuleList:
    """Rules, the newest first."""
    found = await _service(asked).search(asked.principal, asked.query)
    return PriceRuleList(items=tuple(map(PriceRuleItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> PriceRuleAnswer:
    """One rule."""
    found = await _service(asked).get(asked.principal, int(asked.id))
    return PriceRuleAnswer(rule=PriceRuleItem.model_validate(found))


async def create(asked: Asked[WantedPriceRule, Nothing]) -> PriceRuleAnswer:
    """Enter a rule; it counts for every order placed from now on."""
    made = await _service(asked).add(asked.principal, asked.body)
    return PriceRuleAnswer(rule=PriceRuleItem.model_validate(made))


async def change(asked: Asked[WantedPriceRuleChange, Nothing]) -> PriceRuleAnswer:
    """Change or end a rule; orders keep the prices they have."""
    made = await _service(asked).change(asked.principal, int(asked.id), asked.body)
    return PriceRuleAnswer(rule=PriceRuleItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> PriceRuleService:
    return asked.services.trade.price_rules


_MANAGE = needs(Right.PRICE_MANAGE)
_PATH = "/api/price-rules"

ROUTES = (
    Route("GET", _PATH, search, _MANAGE, query=PriceRuleSearch, answer=PriceRuleList),
    Route(
        "POST",
        _PATH,
        create,
        _MANAGE,
        WantedPriceRule,
        answer=PriceRuleAnswer,
        status=201,
        once=True,
    ),
    Route("GET", f"{_PATH}/{NUMBER}", show, _MANAGE, answer=PriceRuleAnswer),
    Route(
        "PUT",
        f"{_PATH}/{NUMBER}",
        change,
        _MANAGE,
        WantedPriceRuleChange,
        answer=PriceRuleAnswer,
    ),
)
