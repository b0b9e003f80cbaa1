"""How much stock there should be: policies, alarms, forecasts with their errors, restocking advice."""

from datetime import date, datetime
from decimal import Decimal

from crm_core.rights import Right
from orders.stock.planning.commands import AdviceQuery, AlarmQuery, PlanQuery, Policy
from orders.stock.planning.service import PlanningService
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import ReasonView, View


class WantedPolicy(Policy, Model):
    """How much of a product a warehouse should hold, made from `version`."""


class PlanSearch(PlanQuery, Model):
    """Which to list; `after` and `after_warehouse` are those of the page's last."""


class AdviceSearch(AdviceQuery, Model):
    """Which to list, and how safe it is to be."""


class AlarmSearch(AlarmQuery, Model):
    """Which alarms to list; `before` is the last id of the page before."""


class PolicyItem(View):
    sku: str
    warehouse: str
    min_quantity: int
    target_quantity: int
    lead_days: int
    lot: int | None
    version: int


class PolicyList(View):
    items: tuple[PolicyItem, ...]


class PolicyAnswer(View):
    policy: PolicyItem


class AlarmItem(View):
    id: int
    kind: str
    sku: str
    name_zh: str
    name_en: str
    warehouse: str
    batch_id: int | None
    batch_no: str | None
    quantity: int
    bound: int
    raised_at: datetime
    ended_at: datetime | None


class AlarmList(View):
    items: tuple[AlarmItem, ...]


class ForecastErrorItem(View):
    method: str
    mae: float
    wape: float | None
    mase: float | None


class ForecastItem(View):
    sku: str
    warehouse: str
    made_on: date
    history_days: int
    horizon_days: int
    method: str
    expected: Decimal
    deviation: Decimal
    origins: int
    errors: tuple[ForecastErrorItem, ...]


class ForecastList(View):
    items: tuple[ForecastItem, ...]


class AdviceItem(View):
    sku: str
    name_zh: str
    name_en: str
    warehouse: str
    quantity: int
    why: tuple[ReasonView, ...]


class AdviceList(View):
    items: tuple[AdviceItem, ...]


async def policies(asked: Asked[Nothing, PlanSearch]) -> PolicyList:
    """What is wanted of each product in each warehouse."""
    found = await _service(asked).policies(asked.principal, asked.query)
    return PolicyList(items=tuple(map(PolicyItem.model_validate, found)))


async def set_policy(asked: Asked[WantedPolicy, Nothing]) -> PolicyAnswer:
    """Say how much of a product a warehouse should hold."""
    made = await _service(asked).set_policy(asked.principal, asked.body)
    return PolicyAnswer(policy=PolicyItem.model_validate(made))


async def alarms(asked: Asked[Nothing, AlarmSearch]) -> AlarmList:
    """What is short or near its end, the newest first."""
    found = await _service(asked).alarms(asked.principal, asked.query)
    return AlarmList(items=tuple(map(AlarmItem.model_validate, found)))


async def forecasts(asked: Asked[Nothing, PlanSearch]) -> ForecastList:
    """What is expected to be sold, and how wrong each method was in the past."""
    found = await _service(asked).forecasts(asked.principal, asked.query)
    return ForecastList(items=tuple(map(ForecastItem.model_validate, found)))


async def advice(asked: Asked[Nothing, AdviceSearch]) -> AdviceList:
    """How much to restock, and why."""
    found = await _service(asked).advice(asked.principal, asked.query)
    return AdviceList(items=tuple(map(AdviceItem.model_validate, found)))


def _service(asked: Asked[Model, Model]) -> PlanningService:
    return asked.services.trade.stock_planning


_VIEW = needs(Right.STOCK_VIEW)
_POLICIES = "/api/stock/policies"

ROUTES = (
    Route("GET", _POLICIES, policies, _VIEW, query=PlanSearch, answer=PolicyList),
    Route(
        "PUT", _POLICIES, set_policy, needs(Right.STOCK_MANAGE), WantedPolicy, answer=PolicyAnswer
    ),
    Route("GET", "/api/stock/alarms", alarms, _VIEW, query=AlarmSearch, answer=AlarmList),
    Route("GET", "/api/stock/forecasts", forecasts, _VIEW, query=PlanSearch, answer=ForecastList),
    Route("GET", "/api/stock/advice", advice, _VIEW, query=AdviceSearch, answer=AdviceList),
)
