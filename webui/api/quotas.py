"""Quotas: how much customers may order in a period; and the windows in which orders are taken."""

from datetime import date, time

from crm_core.fields import Id
from crm_core.rights import Right
from orders.quotas.commands import (
    ChangedQuota,
    ChangedWindow,
    NewGrant,
    NewQuota,
    NewWindow,
    QuotaQuery,
)
from orders.quotas.limits import Standing
from orders.quotas.service import QuotaService
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedQuota(NewQuota, Model):
    """A quota to enter."""


class EditedQuota(ChangedQuota, Model):
    """The whole quota anew."""


class QuotaSearch(QuotaQuery, Model):
    """Which quotas to list."""


class WantedGrant(NewGrant, Model):
    """How much more, or less."""


class WantedWindow(NewWindow, Model):
    """A window to enter."""


class EditedWindow(ChangedWindow, Model):
    """The whole window anew."""


class OfCustomer(Model):
    """Whose."""

    customer_id: Id


class QuotaItem(View):
    id: int
    sku: str | None
    category_code: str | None
    customer_id: int | None
    level_code: str | None
    route_code: str | None
    together: bool
    period: str
    quantity: int
    valid_from: date
    valid_until: date | None
    active: bool
    version: int


class QuotaList(View):
    items: tuple[QuotaItem, ...]


class QuotaAnswer(View):
    quota: QuotaItem


class StandingItem(View):
    """How a quota stands for a customer in the period that begins on `begins`, in base units."""

    quota_id: int
    goods_key: str
    together: bool
    period: str
    begins: date
    allowed: int
    used: int
    left: int


class StandingList(View):
    items: tuple[StandingItem, ...]


class StandingAnswer(View):
    standing: StandingItem


class WindowItem(View):
    id: int
    name_zh: str
    name_en: str
    level_code: str | None
    route_code: str | None
    weekdays: tuple[int, ...]
    opens: time
    closes: time
    active: bool
    version: int


class WindowList(View):
    items: tuple[WindowItem, ...]


class WindowAnswer(View):
    window: WindowItem


async def search(asked: Asked[Nothing, QuotaSearch]) -> QuotaList:
    """Quotas, the newest first."""
    found = await _service(asked).search(asked.principal, asked.query)
    return QuotaList(items=tuple(map(QuotaItem.model_validate, found)))


async def standing(asked: Asked[Nothing, OfCustomer]) -> StandingList:
    """What a customer may still order of everything that is limited."""
    found = await _service(asked).of_customer(asked.principal, asked.query.customer_id)
    return StandingList(items=tuple(map(_standing, found)))


async def add(asked: Asked[WantedQuota, Nothing]) -> QuotaAnswer:
    """Enter a quota; it holds for orders from now on, and counts those of its period."""
    return _quota(await _service(asked).add(asked.principal, asked.body))


async def change(asked: Asked[EditedQuota, Nothing]) -> QuotaAnswer:
    """Change a quota, or end it."""
    return _quota(await _service(asked).change(asked.principal, int(asked.id), asked.body))


async def grant(asked: Asked[WantedGrant, Nothing]) -> StandingAnswer:
    """Give a customer more in one period, or take some back."""
    stands = await _service(asked).grant(asked.principal, int(asked.id), asked.body)
    return StandingAnswer(standing=_standing(stands))


async def windows(asked: Asked[Nothing, Nothing]) -> WindowList:
    """When orders are taken; a customer for whom no window is entered may order always."""
    found = await _service(asked).windows(asked.principal)
    return WindowList(items=tuple(map(WindowItem.model_validate, found)))


async def add_window(asked: Asked[WantedWindow, Nothing]) -> WindowAnswer:
    """Enter a window."""
    made = await _service(asked).add_window(asked.principal, asked.body)
    return WindowAnswer(window=WindowItem.model_validate(made))


async def change_window(asked: Asked[EditedWindow, Nothing]) -> WindowAnswer:
    """Change a window, or end it."""
    made = await _service(asked).change_window(asked.principal, int(asked.id), asked.body)
    return WindowAnswer(window=WindowItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> QuotaService:
    return asked.services.trade.quotas


def _quota(found: object) -> QuotaAnswer:
    return QuotaAnswer(quota=QuotaItem.model_validate(found))


def _standing(found: Standing) -> StandingItem:
    quota = found.quota
    return StandingItem(
        quota_id=quota.id,
        goods_key=quota.goods_key,
        together=quota.together,
        period=quota.period,
        begins=found.begins,
        allowed=found.allowed,
        used=found.used,
        left=found.left,
    )


_SEE = needs(Right.ORDER_VIEW)
_MANAGE = needs(Right.QUOTA_MANAGE)
_QUOTA = f"/api/quotas/{NUMBER}"
_WINDOWS = "/api/order-windows"

ROUTES = (
    Route("GET", "/api/quotas", search, _SEE, query=QuotaSearch, answer=QuotaList),
    Route(
        "POST", "/api/quotas", add, _MANAGE, WantedQuota, answer=QuotaAnswer, status=201, once=True
    ),
    Route("GET", "/api/quotas/standing", standing, _SEE, query=OfCustomer, answer=StandingList),
    Route("PUT", _QUOTA, change, _MANAGE, EditedQuota, answer=QuotaAnswer),
    Route(
        "POST",
        f"{_QUOTA}/grants",
        grant,
        _MANAGE,
        WantedGrant,
        answer=StandingAnswer,
        status=201,
        once=True,
    ),
    Route("GET", _WINDOWS, windows, _SEE, answer=WindowList),
    Route(
        "POST",
        _WINDOWS,
        add_window,
        _MANAGE,
        WantedWindow,
        answer=WindowAnswer,
        status=201,
        once=True,
    ),
    Route("PUT", f"{_WINDOWS}/{NUMBER}", change_window, _MANAGE, EditedWindow, answer=WindowAnswer),
)
