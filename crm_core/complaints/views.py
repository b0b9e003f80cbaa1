"""Complaints as people see them, and the columns they are read from.

Rule: a view's fields stand in the order of its columns; whether a complaint is overdue is asked of
the time that the caller gives.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import aliased

from crm_core.complaints.tables import Complaint, ComplaintCategory, ComplaintStep
from crm_core.customers.tables import Customer
from crm_core.people.tables import User


@dataclass(frozen=True, slots=True)
class CategoryView:
    code: str
    parent_code: str | None
    name_zh: str
    name_en: str
    handling_hours: int
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class ComplaintView:
    """`overdue`: not handled in time and not handled yet. `entered_by_id` None: Zongji itself."""

    id: int
    customer_id: int
    customer_name: str
    category_code: str
    category_zh: str
    category_en: str
    severity: int
    channel: str
    description: str
    call_id: str | None
    order_number: str | None
    state: str
    handler_id: int | None
    handler_name: str | None
    entered_by_id: int | None
    entered_by_name: str | None
    due_at: datetime
    overdue: bool
    resolution: str | None
    compensation: str | None
    satisfaction: int | None
    reopened: int
    version: int
    created_at: datetime
    started_at: datetime
    handled_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ComplaintBrief:
    """A line of the customer's card; `handled_at` None: it waits."""

    id: int
    category_code: str
    category_zh: str
    category_en: str
    severity: int
    state: str
    due_at: datetime
    overdue: bool
    handler_id: int | None
    handler_name: str | None
    handled_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepView:
    """One step in a complaint's log."""

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


Handler, Author = aliased(User), aliased(User)


def is_overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Complaint.handled_at.is_(None), Complaint.due_at < now)


def categories() -> Select[*tuple[Any, ...]]:
    """The columns of CategoryView."""
    table = ComplaintCategory
    return select(
        table.code,
        table.parent_code,
        table.name_zh,
        table.name_en,
        table.handling_hours,
        table.active,
        table.version,
    )


def complaints(now: datetime) -> Select[*tuple[Any, ...]]:
    """The columns of ComplaintView."""
    return (
        select(
            Complaint.id,
            Complaint.customer_id,
            Customer.name,
            Complaint.category_code,
            ComplaintCategory.name_zh,
            ComplaintCategory.name_en,
            Complaint.severity,
            Complaint.channel,
            Complaint.description,
            Complaint.call_id,
            Complaint.order_number,
            Complaint.state,
            Complaint.handler_id,
            Handler.name,
            Complaint.entered_by_id,
            Author.name,
            Complaint.due_at,
            is_overdue(now),
            Complaint.resolution,
            Complaint.compensation,
            Complaint.satisfaction,
            Complaint.reopened,
            Complaint.version,
            Complaint.created_at,
            Complaint.started_at,
            Complaint.handled_at,
            Complaint.closed_at,
            Complaint.updated_at,
        )
        .join(Customer, Customer.id == Complaint.customer_id)
        .join(ComplaintCategory, ComplaintCategory.code == Complaint.category_code)
        .outerjoin(Handler, Handler.id == Complaint.handler_id)
        .outerjoin(Author, Author.id == Complaint.entered_by_id)
    )


def briefs(now: datetime) -> Select[*tuple[Any, ...]]:
    """The columns of ComplaintBrief."""
    return (
        select(
            Complaint.id,
            Complaint.category_code,
            ComplaintCategory.name_zh,
            ComplaintCategory.name_en,
            Complaint.severity,
            Complaint.state,
            Complaint.due_at,
            is_overdue(now),
            Complaint.handler_id,
            Handler.name,
            Complaint.handled_at,
        )
        .join(ComplaintCategory, ComplaintCategory.code == Complaint.category_code)
        .outerjoin(Handler, Handler.id == Complaint.handler_id)
    )


def steps() -> Select[*tuple[Any, ...]]:
    """The columns of StepView."""
    return (
        select(
            ComplaintStep.id,
            ComplaintStep.at,
            ComplaintStep.actor_id,
            Author.name,
            ComplaintStep.kind,
            ComplaintStep.from_state,
            ComplaintStep.to_state,
            ComplaintStep.to_user_id,
            Handler.name,
            ComplaintStep.text,
        )
        .outerjoin(Author, Author.id == ComplaintStep.actor_id)
        .outerjoin(Handler, Handler.id == ComplaintStep.to_user_id)
    )
