"""Complaints: entered, handled, listed and reported on.

Rule: who sees and may do what is decided by the service; `allowed` tells the page which buttons to show.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import Field

from crm_core.complaints import flow
from crm_core.complaints.commands import (
    Assign,
    Close,
    Comment,
    ComplaintEdit,
    ComplaintQuery,
    Grouping,
    NewComplaint,
    OverdueQuery,
    Reason,
    ReportQuery,
    Resolve,
    StepQuery,
)
from crm_core.complaints.flow import State
from crm_core.complaints.service import ComplaintService
from crm_core.complaints.views import ComplaintView
from crm_core.rights import Principal, Right
from webui.asked import PARTED, Asked, Model, Nothing
from webui.routing import NUMBER, Route, needs
from webui.views import View


class WantedComplaint(NewComplaint, Model):
    """A complaint to enter."""


class WantedComplaintEdit(ComplaintEdit, Model):
    """Only what is given is changed."""


class WantedComplaintComment(Comment, Model):
    """Words for the log."""


class WantedComplaintAssign(Assign, Model):
    """Who is to handle it."""


class WantedComplaintResolve(Resolve, Model):
    """How it was settled."""


class WantedComplaintClose(Close, Model):
    """What the customer says of it."""


class WantedComplaintReason(Reason, Model):
    """Why."""


class ComplaintSearch(ComplaintQuery, Model):
    """Which complaints to list."""


class ComplaintOverdueSearch(OverdueQuery, Model):
    """Which overdue complaints to list."""


class ComplaintStepSearch(StepQuery, Model):
    """Which part of the log to list."""


class ComplaintReportSearch(ReportQuery, Model):
    """`by`: category or top_category, state, severity, handler, salesperson, province or city, and day, week or
    month; up to three, parted by commas.

    Periods begin in the zone in which `since` is given.
    """

    by: Annotated[tuple[Grouping, ...], Field(max_length=3), PARTED] = (Grouping.CATEGORY,)


class ComplaintItem(View):
    ENTITY = "complaint"

    id: int
    customer_id: int
    customer_name: str
    category_code: str
    category_zh: str
    category_en: str
    severity: int
    channel: str
    description: str = ""
    call_id: str | None
    order_number: str | None
    state: str
    handler_id: int | None
    handler_name: str | None
    entered_by_id: int | None
    entered_by_name: str | None
    due_at: datetime
    overdue: bool
    resolution: str | None = None
    compensation: str | None = None
    satisfaction: int | None = None
    reopened: int
    version: int
    created_at: datetime
    started_at: datetime
    handled_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime
    allowed: tuple[str, ...]


class ComplaintList(View):
    items: tuple[ComplaintItem, ...]


class ComplaintAnswer(View):
    complaint: ComplaintItem


class ComplaintStepItem(View):
    id: int
    at: datetime
    actor_id: int | None
    actor_name: str | None
    kind: str
    from_state: str | None
    to_state: str | None
    to_user_id: int | None
    to_user_name: str | None
    text: str | None

    def own_fields(self) -> frozenset[str]:
        """How it was settled is said in the step that settles it."""
        settles = self.to_state in (State.RESOLVED, State.REJECTED) and self.text is not None
        return frozenset({"complaint.resolution"}) if settles else frozenset()


class ComplaintStepList(View):
    items: tuple[ComplaintStepItem, ...]


class ComplaintReportItem(View):
    ENTITY = "complaint"

    category_code: str | None
    category_zh: str | None
    category_en: str | None
    state: str | None
    severity: int | None
    handler_id: int | None
    handler_name: str | None
    salesperson_id: int | None
    salesperson_name: str | None
    province: str | None
    city: str | None
    period_start: datetime | None
    count: int
    unhandled: int
    overdue: int
    overdue_share: float
    handling_hours: float | None
    satisfaction: float | None = None


class ComplaintReportAnswer(View):
    lines: tuple[ComplaintReportItem, ...]


async def search(asked: Asked[Nothing, ComplaintSearch]) -> ComplaintList:
    """Complaints, the newest first; a category stands for all below it, too."""
    return _list(asked, await _service(asked).listed(asked.principal, asked.query))


async def overdue(asked: Asked[Nothing, ComplaintOverdueSearch]) -> ComplaintList:
    """Complaints that are not handled although their time has passed, the oldest first."""
    return _list(asked, await _service(asked).overdue(asked.principal, asked.query))


async def report(asked: Asked[Nothing, ComplaintReportSearch]) -> ComplaintReportAnswer:
    """Counts, handling hours, satisfaction and the overdue share of those entered in a range of time."""
    lines = await _service(asked).report(asked.principal, asked.query)
    return ComplaintReportAnswer(lines=tuple(map(ComplaintReportItem.model_validate, lines)))


async def show(asked: Asked[Nothing, Nothing]) -> ComplaintAnswer:
    """One complaint."""
    return _answer(asked, await _service(asked).get(asked.principal, int(asked.id)))


async def steps(asked: Asked[Nothing, ComplaintStepSearch]) -> ComplaintStepList:
    """What was done to a complaint, oldest first."""
    found = await _service(asked).steps(asked.principal, int(asked.id), asked.query)
    return ComplaintStepList(items=tuple(map(ComplaintStepItem.model_validate, found)))


async def create(asked: Asked[WantedComplaint, Nothing]) -> ComplaintAnswer:
    """Enter a complaint; it is due after the hours of its category."""
    return _changed(asked, await _service(asked).create(asked.principal, asked.body))


async def edit(asked: Asked[WantedComplaintEdit, Nothing]) -> ComplaintAnswer:
    """Correct what was entered, until it is handled."""
    made = await _service(asked).edit(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def comment(asked: Asked[WantedComplaintComment, Nothing]) -> None:
    """Add to the log."""
    await _service(asked).comment(asked.principal, int(asked.id), asked.body)


async def take(asked: Asked[Nothing, Nothing]) -> ComplaintAnswer:
    """Become its handler."""
    return _changed(asked, await _service(asked).take(asked.principal, int(asked.id)))


async def assign(asked: Asked[WantedComplaintAssign, Nothing]) -> ComplaintAnswer:
    """Give it to a handler, or to another one."""
    made = await _service(asked).assign(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def resolve(asked: Asked[WantedComplaintResolve, Nothing]) -> ComplaintAnswer:
    """It is settled, with what was agreed."""
    made = await _service(asked).resolve(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def close(asked: Asked[WantedComplaintClose, Nothing]) -> ComplaintAnswer:
    """The customer has been asked whether that was good."""
    made = await _service(asked).close(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def reopen(asked: Asked[WantedComplaintReason, Nothing]) -> ComplaintAnswer:
    """It is not settled after all; it is due anew."""
    made = await _service(asked).reopen(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


async def reject(asked: Asked[WantedComplaintReason, Nothing]) -> ComplaintAnswer:
    """It is none of ours, or none at all."""
    made = await _service(asked).reject(asked.principal, int(asked.id), asked.body)
    return _changed(asked, made)


def _service(asked: Asked[Model, Model]) -> ComplaintService:
    return asked.services.crm.complaints


def _item(who: Principal, complaint: ComplaintView) -> ComplaintItem:
    allowed = flow.allowed(who, complaint.state, complaint.handler_id)
    return ComplaintItem.model_validate(asdict(complaint) | {"allowed": allowed})


def _answer(asked: Asked[Model, Model], complaint: ComplaintView) -> ComplaintAnswer:
    return ComplaintAnswer(complaint=_item(asked.principal, complaint))


def _changed(asked: Asked[Model, Model], complaint: ComplaintView) -> ComplaintAnswer:
    """The pops of its customer show it, too."""
    asked.door.live.customer_changed(complaint.customer_id)
    return _answer(asked, complaint)


def _list(asked: Asked[Model, Model], found: Iterable[ComplaintView]) -> ComplaintList:
    return ComplaintList(items=tuple(_item(asked.principal, each) for each in found))


_WORK, _MANAGE = needs(Right.COMPLAINT_WORK), needs(Right.COMPLAINT_MANAGE)
_ALL = "/api/complaints"
_ONE = f"{_ALL}/{NUMBER}"

ROUTES = (
    Route("GET", _ALL, search, _WORK, query=ComplaintSearch, answer=ComplaintList),
    Route(
        "POST", _ALL, create, _WORK, WantedComplaint, answer=ComplaintAnswer, status=201, once=True
    ),
    Route(
        "GET", f"{_ALL}/overdue", overdue, _WORK, query=ComplaintOverdueSearch, answer=ComplaintList
    ),
    Route(
        "GET",
        f"{_ALL}/report",
        report,
        _MANAGE,
        query=ComplaintReportSearch,
        answer=ComplaintReportAnswer,
    ),
    Route("GET", _ONE, show, _WORK, answer=ComplaintAnswer),
    Route("PATCH", _ONE, edit, _WORK, WantedComplaintEdit, answer=ComplaintAnswer),
    Route(
        "GET", f"{_ONE}/steps", steps, _WORK, query=ComplaintStepSearch, answer=ComplaintStepList
    ),
    Route("POST", f"{_ONE}/comment", comment, _WORK, WantedComplaintComment, status=204, once=True),
    Route("POST", f"{_ONE}/take", take, _WORK, answer=ComplaintAnswer),
    Route("POST", f"{_ONE}/assign", assign, _MANAGE, WantedComplaintAssign, answer=ComplaintAnswer),
    Route(
        "POST", f"{_ONE}/resolve", resolve, _WORK, WantedComplaintResolve, answer=ComplaintAnswer
    ),
    Route("POST", f"{_ONE}/close", close, _WORK, WantedComplaintClose, answer=ComplaintAnswer),
    Route("POST", f"{_ONE}/reopen", reopen, _WORK, WantedComplaintReason, answer=ComplaintAnswer),
    Route("POST", f"{_ONE}/reject", reject, _MANAGE, WantedComplaintReason, answer=ComplaintAnswer),
)
