"""Coupons for everybody who fits the conditions of a search: asked for, followed, stopped."""

from datetime import datetime

from crm_core.benefits.commands import CouponRunQuery, NewCouponRun
from crm_core.benefits.service import BenefitService
from crm_core.rights import Right
from webui.asked import Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedCouponRun(NewCouponRun, Model):
    """Which coupon, and who gets it."""


class CouponRunSearch(CouponRunQuery, Model):
    """Which part of the list."""


class CouponRunItem(View):
    id: int
    kind_code: str
    reason: str | None
    state: str
    total: int
    done: int
    issued: int
    error: str | None
    created_by: int | None
    created_at: datetime
    ended_at: datetime | None


class CouponRunAnswer(View):
    run: CouponRunItem


class CouponRunList(View):
    items: tuple[CouponRunItem, ...]


async def begin(asked: Asked[WantedCouponRun, Nothing]) -> CouponRunAnswer:
    """Begin to issue coupons in the background; the run says how far it is."""
    found = await _service(asked).begin_run(asked.principal, asked.body)
    return CouponRunAnswer(run=CouponRunItem.model_validate(found))


async def search(asked: Asked[Nothing, CouponRunSearch]) -> CouponRunList:
    """Runs, the newest first."""
    found = await _service(asked).runs(asked.principal, asked.query)
    return CouponRunList(items=tuple(map(CouponRunItem.model_validate, found)))


async def show(asked: Asked[Nothing, Nothing]) -> CouponRunAnswer:
    """How far a run is."""
    found = await _service(asked).run(asked.principal, int(asked.id))
    return CouponRunAnswer(run=CouponRunItem.model_validate(found))


async def cancel(asked: Asked[Nothing, Nothing]) -> CouponRunAnswer:
    """Issue no more; what was issued stays."""
    found = await _service(asked).cancel_run(asked.principal, int(asked.id))
    return CouponRunAnswer(run=CouponRunItem.model_validate(found))


def _service(asked: Asked[Model, Model]) -> BenefitService:
    return asked.services.crm.benefits


_ISSUE = needs(Right.BENEFIT_ISSUE)
_ALL = "/api/coupon-runs"
_ONE = f"{_ALL}/{NUMBER}"

ROUTES = (
    Route("GET", _ALL, search, _ISSUE, query=CouponRunSearch, answer=CouponRunList),
    Route(
        "POST", _ALL, begin, _ISSUE, WantedCouponRun, answer=CouponRunAnswer, status=202, once=True
    ),
    Route("GET", _ONE, show, _ISSUE, answer=CouponRunAnswer),
    Route("POST", f"{_ONE}/cancel", cancel, _ISSUE, answer=CouponRunAnswer),
)
