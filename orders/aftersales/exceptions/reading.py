"""SQL that reads exceptions for people. Rule: only of orders whose customers the person may see."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.errors import Invalid
from crm_core.people.tables import User
from crm_core.rights import Actor
from orders.aftersales.errors import UnknownException
from orders.aftersales.exceptions.commands import ExceptionQuery, ReportQuery
from orders.aftersales.exceptions.tables import OrderException, OrderExceptionStep
from orders.aftersales.exceptions.views import (
    ExceptionStepView,
    ExceptionSummary,
    ExceptionView,
    ReportLine,
)
from orders.sales.tables import Order

Holder = AsyncSession | AsyncConnection
_LONGEST = timedelta(days=731)


def _summaries(actor: Actor) -> Select[*tuple[Any, ...]]:
    elsewhere = {
        "order_number": Order.number,
        "order_status": Order.status,
        "customer_id": Order.customer_id,
        "customer_name": Customer.name,
    }
    columns = [
        elsewhere[name] if name in elsewhere else getattr(OrderException, name)
        for name in ExceptionSummary.__dataclass_fields__
    ]
    return (
        select(*columns)
        .join(Order, Order.id == OrderException.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(within_scope(actor))
        .order_by(OrderException.id.desc())
    )


async def one(holder: Holder, actor: Actor, exception_id: int) -> ExceptionView:
    """Raises UnknownException."""
    found = await holder.execute(_summaries(actor).where(OrderException.id == exception_id))
    row = found.one_or_none()
    if row is None:
        raise UnknownException(exception_id)
    step = OrderExceptionStep
    steps = await holder.execute(
        select(step.action, step.level, step.actor_id, User.name, step.at, step.text)
        .outerjoin(User, User.id == step.actor_id)
        .where(step.exception_id == exception_id)
        .order_by(step.id)
    )
    return ExceptionView(ExceptionSummary(*row), tuple(ExceptionStepView(*each) for each in steps))


async def listed(
    holder: Holder, actor: Actor, query: ExceptionQuery, now: datetime
) -> tuple[ExceptionSummary, ...]:
    """The newest first."""
    table, found = OrderException, _summaries(actor).limit(query.limit)
    for column, value in (
        (table.order_id, query.order_id),
        (Order.customer_id, query.customer_id),
        (table.kind, query.kind),
        (table.level, query.level),
        (table.state, query.state),
    ):
        if value is not None:
            found = found.where(column == value)
    if query.overdue:
        found = found.where(table.state == "open", table.due_at < now)
    if query.before is not None:
        found = found.where(table.id < query.before)
    return tuple(ExceptionSummary(*row) for row in await holder.execute(found))


async def report(
    holder: Holder, actor: Actor, wanted: ReportQuery, now: datetime
) -> tuple[ReportLine, ...]:
    """Of the customers this person may see. Raises Invalid (range)."""
    if not wanted.since < wanted.until <= wanted.since + _LONGEST:
        raise Invalid(
            f"The range begins before it ends and has at most {_LONGEST.days} days.",
            fields={"until": "range"},
        )
    table = OrderException
    is_open = table.state == "open"
    late = or_(table.decided_at > table.due_at, is_open & (table.due_at < now))
    rows = await holder.execute(
        select(
            table.kind,
            table.level,
            func.count(),
            func.count().filter(is_open),
            func.count().filter(table.escalated_at.is_not(None)),
            func.count().filter(late),
            func.sum(table.cost),
        )
        .join(Order, Order.id == table.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(within_scope(actor), table.raised_at >= wanted.since, table.raised_at < wanted.until)
        .group_by(table.kind, table.level)
        .order_by(table.kind, table.level)
    )
    return tuple(ReportLine(*row) for row in rows)
