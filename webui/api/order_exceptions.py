"""Exceptions: raised, escalated, decided, counted; and their levels and rules."""

from datetime import datetime
from decimal import Decimal

from crm_core.rights import Principal, Right
from orders.aftersales.exceptions import flow
from orders.aftersales.exceptions.commands import (
    ChangedRule,
    Closing,
    Decision,
    Escalation,
    ExceptionQuery,
    LevelContent,
    NewException,
    NewRule,
    ReportQuery,
    Withdrawal,
)
from orders.aftersales.exceptions.service import ExceptionService
from orders.aftersales.exceptions.views import ExceptionSummary, ExceptionView, LevelView
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedException(NewException, Model):
    """What went wrong with an order."""


class WantedEscalation(Escalation, Model):
    """Why somebody higher must decide."""


class WantedDecision(Decision, Model):
    """What is done about it."""


class WantedExceptionClosing(Closing, Model):
    """What was decided is done."""


class WantedWithdrawal(Withdrawal, Model):
    """Why it is none."""


class WantedExceptionLevel(LevelContent, Model):
    """A level anew."""


class WantedExceptionRule(NewRule, Model):
    """A rule to enter."""


class EditedExceptionRule(ChangedRule, Model):
    """The whole rule anew."""


class ExceptionSearch(ExceptionQuery, Model):
    """Which exceptions to list."""


class ExceptionReportSearch(ReportQuery, Model):
    """Of which time."""


class ExceptionItem(View):
    id: int
    number: str
    order_id: int
    order_number: str
    order_status: str
    customer_id: int
    customer_name: str
    kind: str
    level: int
    state: str
    description: str
    raised_by: int | None
    raised_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    resolution: str | None
    decided_by: int | None
    decided_at: datetime | None
    words: str | None
    cost: Decimal
    refund: Decimal
    coupon_id: int | None
    package_id: int | None
    return_id: int | None
    version: int
    allowed: tuple[str, ...] = ()


class ExceptionList(View):
    items: tuple[ExceptionItem, ...]


class ExceptionStepItem(View):
    action: str
    level: int
    actor_id: int | None
    actor_name: str | None
    at: datetime
    text: str | None


class ExceptionAnswer(View):
    order_exception: ExceptionItem
    steps: tuple[ExceptionStepItem, ...]


class ExceptionReportItem(View):
    kind: str
    level: int
    count: int
    open: int
    escalated: int
    late: int
    cost: Decimal


class ExceptionReportAnswer(View):
    lines: tuple[ExceptionReportItem, ...]


class ExceptionLevelItem(View):
    level: int
    name_zh: str
    name_en: str
    hours: int
    most: Decimal | None
    version: int


class ExceptionLevelList(View):
    items: tuple[ExceptionLevelItem, ...]


class ExceptionRuleItem(View):
    id: int
    kind: str | None
    least_total: Decimal
    level_code: str | None
    vip: bool
    level: int
    active: bool
    version: int


class ExceptionRuleList(View):
    items: tuple[ExceptionRuleItem, ...]


class ExceptionRuleAnswer(View):
    rule: ExceptionRuleItem


async def enter(asked: Asked[WantedException, Nothing]) -> ExceptionAnswer:
    """Something went wrong with an order: somebody is asked to decide. The same key gives the same exception."""
    key = key_of(asked.request)
    return _changed(
        asked, await _service(asked).enter(asked.principal, int(asked.id), asked.body, key)
    )


async def search(asked: Asked[Nothing, ExceptionSearch]) -> ExceptionList:
    """Exceptions, the newest first."""
    found = await _service(asked).listed(asked.principal, asked.query)
    return ExceptionList(items=tuple(_item(asked.principal, each) for each in found))


async def report(asked: Asked[Nothing, ExceptionReportSearch]) -> ExceptionReportAnswer:
    """How many of each kind and level were raised in a time, and what they cost."""
    found = await _service(asked).report(asked.principal, asked.query)
    return ExceptionReportAnswer(lines=tuple(map(ExceptionReportItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> ExceptionAnswer:
    """One exception with what was done to it."""
    return _answer(asked, await _service(asked).get(asked.principal, int(asked.id)))


async def escalate(asked: Asked[WantedEscalation, Nothing]) -> ExceptionAnswer:
    """Somebody one level higher must decide."""
    made = await _service(asked).escalate(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def decide(asked: Asked[WantedDecision, Nothing]) -> ExceptionAnswer:
    """Decide with everything that follows: return, cancellation, compensation, refund; the customer is told."""
    made = await _service(asked).decide(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def close(asked: Asked[WantedExceptionClosing, Nothing]) -> ExceptionAnswer:
    """What was decided is done."""
    made = await _service(asked).close(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def withdraw(asked: Asked[WantedWithdrawal, Nothing]) -> ExceptionAnswer:
    """It is none after all."""
    made = await _service(asked).withdraw(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def levels(asked: Asked[Nothing, Nothing]) -> ExceptionLevelList:
    """The three levels: time to decide, and the most that may be given."""
    return _levels(await _service(asked).levels(asked.principal))


async def put_level(asked: Asked[WantedExceptionLevel, Nothing]) -> ExceptionLevelList:
    """Set a level."""
    made = await _service(asked).put_level(asked.principal, int(asked.id), asked.body)
    return _levels(made)


async def rules(asked: Asked[Nothing, Nothing]) -> ExceptionRuleList:
    """Which exceptions begin on which level, the active rules first."""
    found = await _service(asked).rules(asked.principal)
    return ExceptionRuleList(items=tuple(map(ExceptionRuleItem.model_validate, found)))


async def add_rule(asked: Asked[WantedExceptionRule, Nothing]) -> ExceptionRuleAnswer:
    """Enter a rule."""
    made = await _service(asked).add_rule(asked.principal, asked.body)
    return ExceptionRuleAnswer(rule=ExceptionRuleItem.model_validate(made))


async def change_rule(asked: Asked[EditedExceptionRule, Nothing]) -> ExceptionRuleAnswer:
    """Change a rule, or end it."""
    made = await _service(asked).change_rule(asked.principal, int(asked.id), asked.body)
    return ExceptionRuleAnswer(rule=ExceptionRuleItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> ExceptionService:
    return asked.services.trade.exceptions


def _item(who: Principal, found: ExceptionSummary) -> ExceptionItem:
    allowed = flow.allowed(who, found.state, found.level)
    return ExceptionItem.model_validate(found).model_copy(update={"allowed": allowed})


def _answer(asked: Asked[Model, Model], found: ExceptionView) -> ExceptionAnswer:
    return ExceptionAnswer(
        order_exception=_item(asked.principal, found.summary),
        steps=tuple(map(ExceptionStepItem.model_validate, found.steps)),
    )


def _changed(asked: Asked[Model, Model], found: ExceptionView) -> ExceptionAnswer:
    """The pops of its customer show it, too."""
    asked.door.live.customer_changed(found.summary.customer_id)
    return _answer(asked, found)


def _levels(found: tuple[LevelView, ...]) -> ExceptionLevelList:
    return ExceptionLevelList(items=tuple(map(ExceptionLevelItem.model_validate, found)))


_SEE, _RULES = needs(Right.ORDER_VIEW), needs(Right.RULES_MANAGE)
_RAISE = needs(Right.EXCEPTION_RAISE)
_DECIDE = needs(*flow.RIGHT_OF_LEVEL.values())
_ONE = f"/api/order-exceptions/{NUMBER}"
_LEVELS, _RULE_BOOK = "/api/exception-levels", "/api/exception-rules"

ROUTES = (
    Route(
        "POST", f"/api/orders/{NUMBER}/exceptions", enter, _RAISE, WantedException,
        answer=ExceptionAnswer, status=201, headers=(KEY,),
    ),
    Route(
        "GET", "/api/order-exceptions", search, _SEE, query=ExceptionSearch, answer=ExceptionList
    ),
    Route(
        "GET", "/api/order-exceptions/report", report, _SEE, query=ExceptionReportSearch,
        answer=ExceptionReportAnswer,
    ),
    Route("GET", _ONE, show, _SEE, answer=ExceptionAnswer),
    Route("POST", f"{_ONE}/escalate", escalate, _RAISE, WantedEscalation, answer=ExceptionAnswer),
    Route("POST", f"{_ONE}/decide", decide, _DECIDE, WantedDecision, answer=ExceptionAnswer),
    Route(
        "POST", f"{_ONE}/close", close, _DECIDE, WantedExceptionClosing, answer=ExceptionAnswer
    ),
    Route("POST", f"{_ONE}/withdraw", withdraw, _RAISE, WantedWithdrawal, answer=ExceptionAnswer),
    Route("GET", _LEVELS, levels, _SEE, answer=ExceptionLevelList),
    Route(
        "PUT", f"{_LEVELS}/{NUMBER}", put_level, _RULES, WantedExceptionLevel,
        answer=ExceptionLevelList,
    ),
    Route("GET", _RULE_BOOK, rules, _SEE, answer=ExceptionRuleList),
    Route(
        "POST", _RULE_BOOK, add_rule, _RULES, WantedExceptionRule, answer=ExceptionRuleAnswer,
        status=201,
        once=True,
    ),
    Route(
        "PUT", f"{_RULE_BOOK}/{NUMBER}", change_rule, _RULES, EditedExceptionRule,
        answer=ExceptionRuleAnswer,
    ),
)  # fmt: skip
