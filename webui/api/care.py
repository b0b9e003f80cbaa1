"""Customer care: whose day is coming, what was done for a customer by rule, and the rules.

Rule: a care rule is never deleted; one that is switched off makes no to-dos.
"""

from datetime import date, datetime
from typing import ClassVar

from crm_core.care.commands import CareHistoryQuery, CareRuleEdit, NewCareRule, UpcomingQuery
from crm_core.care.service import CareService
from crm_core.rights import Right
from webui.api.todos import TodoItem, TodoList
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, Route, needs
from webui.views import View


class WantedCareRule(NewCareRule, Model):
    """A rule to enter."""


class WantedCareRuleEdit(CareRuleEdit, Model):
    """Only what is given is changed."""


class UpcomingSearch(UpcomingQuery, Model):
    """Whose days to list."""


class CareHistorySearch(CareHistoryQuery, Model):
    """Which customer's care to list."""


class CareRuleItem(View):
    code: str
    name_zh: str
    name_en: str
    occasion: str
    days_before: int | None
    local_hour: int | None
    hours_after: int | None
    lead_hours: int | None
    level_codes: tuple[str, ...]
    assign_to: str
    assignee_id: int | None
    assignee_name: str | None
    title_zh: str
    title_en: str
    priority: str
    active: bool
    version: int
    active_since: datetime
    looked_at: datetime | None


class CareRuleList(View):
    items: tuple[CareRuleItem, ...]


class CareRuleAnswer(View):
    rule: CareRuleItem


class CarePreviewView(View):
    today: int
    seven_days: int


class UpcomingItem(View):
    """`key` is where the next page begins."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {
        "level_code": "level",
        "salesperson_id": "salesperson",
        "salesperson_name": "salesperson",
        "contact_name": "contacts",
    }

    key: str
    day: date
    customer_id: int
    customer_name: str
    years: int
    level_code: str | None = None
    salesperson_id: int | None = None
    salesperson_name: str | None = None
    contact_name: str | None = None


class UpcomingList(View):
    items: tuple[UpcomingItem, ...]


async def upcoming(asked: Asked[Nothing, UpcomingSearch]) -> UpcomingList:
    """Whose birthday or anniversary is today or in the coming days; first orders need order.view."""
    found = await _service(asked).upcoming(asked.principal, asked.query)
    return UpcomingList(items=tuple(map(UpcomingItem.model_validate, found)))


async def history(asked: Asked[Nothing, CareHistorySearch]) -> TodoList:
    """The to-dos that rules made for a customer, newest first."""
    found = await _service(asked).history(asked.principal, asked.query)
    return TodoList(items=tuple(map(TodoItem.model_validate, found)))


async def rules(asked: Asked[Nothing, Nothing]) -> CareRuleList:
    """All rules, those that are switched off too."""
    found = await _service(asked).rules(asked.principal)
    return CareRuleList(items=tuple(map(CareRuleItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> CareRuleAnswer:
    """One rule."""
    found = await _service(asked).rule(asked.principal, asked.id)
    return CareRuleAnswer(rule=CareRuleItem.model_validate(found))


async def create(asked: Asked[WantedCareRule, Nothing]) -> CareRuleAnswer:
    """Enter a rule; it looks from now on."""
    made = await _service(asked).add_rule(asked.principal, asked.body)
    return CareRuleAnswer(rule=CareRuleItem.model_validate(made))


async def edit(asked: Asked[WantedCareRuleEdit, Nothing]) -> CareRuleAnswer:
    """Change a rule; the to-dos it made stay as they are."""
    made = await _service(asked).edit_rule(asked.principal, asked.id, asked.body)
    return CareRuleAnswer(rule=CareRuleItem.model_validate(made))


async def preview(asked: Asked[Nothing, Nothing]) -> CarePreviewView:
    """How many to-dos a rule makes today and in seven days (of deliveries: in the past seven)."""
    found = await _service(asked).preview(asked.principal, asked.id)
    return CarePreviewView.model_validate(found)


def _service(asked: Asked[Model, Model]) -> CareService:
    return asked.services.crm.care


_VIEW, _WORK = needs(Right.CUSTOMER_VIEW), needs(Right.TODO_WORK)
_MANAGE = needs(Right.RULES_MANAGE)
_RULES = "/api/care/rules"
_ONE = f"{_RULES}/{CODE}"

ROUTES = (
    Route("GET", "/api/care/upcoming", upcoming, _VIEW, query=UpcomingSearch, answer=UpcomingList),
    Route("GET", "/api/care/history", history, _WORK, query=CareHistorySearch, answer=TodoList),
    Route("GET", _RULES, rules, _MANAGE, answer=CareRuleList),
    Route(
        "POST",
        _RULES,
        create,
        _MANAGE,
        WantedCareRule,
        answer=CareRuleAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _ONE, show, _MANAGE, answer=CareRuleAnswer),
    Route("PATCH", _ONE, edit, _MANAGE, WantedCareRuleEdit, answer=CareRuleAnswer),
    Route("GET", f"{_ONE}/preview", preview, _MANAGE, answer=CarePreviewView),
)
