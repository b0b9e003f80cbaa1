"""Lists of complaints. Rule: one statement each, with a page's end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.complaints import categories, views
from crm_core.complaints.commands import ComplaintQuery, OverdueQuery, StepQuery
from crm_core.complaints.tables import Complaint, ComplaintStep
from crm_core.complaints.views import ComplaintBrief, ComplaintView, StepView
from crm_core.complaints.writing import ENTITY
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import concerns_seen
from crm_core.rights import Actor

_ON_THE_CARD, _HANDLED_ON_THE_CARD = 5, 3
_LATELY = timedelta(days=90)


async def listed(
    connection: AsyncConnection, actor: Actor, wanted: ComplaintQuery, now: datetime
) -> tuple[ComplaintView, ...]:
    """The newest first."""
    query = views.complaints(now).where(concerns_seen(Complaint.customer_id, actor))
    if wanted.customer_id is not None:
        query = query.where(Complaint.customer_id == wanted.customer_id)
    if wanted.category_code is not None:
        tree = categories.below(wanted.category_code)
        query = query.where(Complaint.category_code.in_(select(tree.c.code)))
    if wanted.state is not None:
        query = query.where(Complaint.state == wanted.state)
    if wanted.severity is not None:
        query = query.where(Complaint.severity == wanted.severity)
    if wanted.text is not None:
        query = query.where(_says(actor, wanted.text))
    if wanted.since is not None:
        query = query.where(Complaint.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Complaint.created_at < wanted.until)
    if wanted.open:
        query = query.where(Complaint.handled_at.is_(None))
    if wanted.handler_id is not None:
        query = query.where(Complaint.handler_id == wanted.handler_id)
    if wanted.before is not None:
        query = query.where(Complaint.id < wanted.before)
    rows = await connection.execute(query.order_by(Complaint.id.desc()).limit(wanted.limit))
    return tuple(ComplaintView(*row) for row in rows)


def _says(actor: Actor, text: str) -> ColumnElement[bool]:
    """Whether the text stands in what the actor may see."""
    words = (Complaint.description, Complaint.resolution)
    seen = [each for each in words if actor.may_read(ENTITY, each.key)]
    columns = (Complaint.order_number, Customer.name, *seen)
    return or_(*(each.icontains(text, autoescape=True) for each in columns))


async def overdue(
    connection: AsyncConnection, actor: Actor, wanted: OverdueQuery, now: datetime
) -> tuple[ComplaintView, ...]:
    """The longest overdue first."""
    seen = concerns_seen(Complaint.customer_id, actor)
    query = views.complaints(now).where(views.is_overdue(now), seen)
    if wanted.handler_id is not None:
        query = query.where(Complaint.handler_id == wanted.handler_id)
    if wanted.after is not None:
        last = select(Complaint.due_at, Complaint.id).where(Complaint.id == wanted.after)
        end = last.correlate(None).scalar_subquery()
        query = query.where(tuple_(Complaint.due_at, Complaint.id) > end)
    rows = await connection.execute(
        query.order_by(Complaint.due_at, Complaint.id).limit(wanted.limit)
    )
    return tuple(ComplaintView(*row) for row in rows)


async def on_card(
    connection: AsyncConnection, customer_id: int, now: datetime
) -> tuple[ComplaintBrief, ...]:
    """What a customer waits for, the gravest first; then what was handled lately, the latest first."""
    briefs = views.briefs(now).where(Complaint.customer_id == customer_id)
    waiting = (
        briefs.where(Complaint.handled_at.is_(None))
        .order_by(Complaint.severity.desc(), Complaint.due_at, Complaint.id)
        .limit(_ON_THE_CARD)
    )
    handled = (
        briefs.where(Complaint.handled_at > now - _LATELY)
        .order_by(Complaint.handled_at.desc(), Complaint.id.desc())
        .limit(_HANDLED_ON_THE_CARD)
    )
    rows = [row for query in (waiting, handled) for row in await _rows(connection, query)]
    return tuple(ComplaintBrief(*row) for row in rows)


async def _rows(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]]
) -> Sequence[Row[*tuple[Any, ...]]]:
    return (await connection.execute(query)).all()


async def steps(
    connection: AsyncConnection, complaint_id: int, wanted: StepQuery
) -> tuple[StepView, ...]:
    """The oldest first."""
    query = views.steps().where(ComplaintStep.complaint_id == complaint_id)
    if wanted.after is not None:
        query = query.where(ComplaintStep.id > wanted.after)
    rows = await connection.execute(query.order_by(ComplaintStep.id).limit(wanted.limit))
    return tuple(StepView(*row) for row in rows)
