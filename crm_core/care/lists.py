"""Lists of care. Rule: one statement each, with a page's end; nobody sees a customer, or a field of one,
that the role keeps from him.
"""

from datetime import date, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_core.care import due
from crm_core.care.commands import CareHistoryQuery, Key, UpcomingQuery
from crm_core.care.facts import READS, celebrations, of_levels
from crm_core.care.occasions import Days, Occasion, Span, local_day, midnight
from crm_core.care.ports import CareSources
from crm_core.care.views import CarePreview, CareRuleView, Upcoming
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import must_see, there, within_scope
from crm_core.errors import Forbidden, Invalid
from crm_core.people.tables import User
from crm_core.rights import Actor, Right
from crm_core.todos import views as todo_views
from crm_core.todos.commands import TodoKind
from crm_core.todos.tables import Todo
from crm_core.todos.views import TodoView

_WEEK = 7


async def upcoming(
    connection: AsyncConnection,
    actor: Actor,
    wanted: UpcomingQuery,
    sources: CareSources,
    now: datetime,
) -> tuple[Upcoming, ...]:
    """By day, then by customer. Raises Forbidden (a field the role may not see), Invalid (after)."""
    occasion = Occasion(wanted.occasion)
    _check_reads(actor, occasion)
    today = local_day(now, sources.zone)
    days = Days(today, today + timedelta(days=wanted.days))
    found = celebrations(occasion, days, sources).c
    place = (found.day, found.customer_id, found.part)
    query = (
        select(
            *place,
            Customer.name,
            Customer.level_code,
            Customer.salesperson_id,
            User.name,
            found.contact_name,
            found.years,
        )
        .join(Customer, Customer.id == found.customer_id)
        .outerjoin(User, User.id == Customer.salesperson_id)
        .where(within_scope(actor), *there())
        .order_by(*place)
        .limit(wanted.limit)
    )
    if wanted.after is not None:
        end = _key(wanted.after)
        query = query.where(
            tuple_(*place) > tuple_(*map(literal, (end.day, end.customer_id, end.part)))
        )
    return tuple(Upcoming(*row) for row in await connection.execute(query))


async def preview(
    connection: AsyncConnection, rule: CareRuleView, sources: CareSources, now: datetime
) -> CarePreview:
    """Counts what the rule finds, whether a to-do was made of it or not."""
    today = local_day(now, sources.zone)
    if rule.occasion == Occasion.AFTER_DELIVERY:
        begins = midnight(today, sources.zone)
        spans = (Span(begins, now), Span(begins - timedelta(days=_WEEK - 1), now))
        found = [due.deliveries(rule, sources, span) for span in spans]
    else:
        first = today + timedelta(days=rule.days_before or 0)
        ends = (first, first + timedelta(days=_WEEK - 1))
        found = [due.celebrated(rule, sources, Days(first, end)) for end in ends]
    counts = [await connection.scalar(_count(each, rule)) or 0 for each in found]
    return CarePreview(*counts)


async def history(
    connection: AsyncConnection, actor: Actor, wanted: CareHistoryQuery, now: datetime
) -> tuple[TodoView, ...]:
    """What was done for a customer by rule, and what is to be done. Raises NotFound."""
    customer_id = await must_see(connection, actor, wanted.customer_id)
    query = (
        todo_views.todos(now)
        .where(Todo.customer_id == customer_id, Todo.source_kind == due.SOURCE)
        .where(Todo.kind != TodoKind.NOTE_TO_SUPERVISOR)
        .order_by(Todo.id.desc())
        .limit(wanted.limit)
    )
    if wanted.before is not None:
        query = query.where(Todo.id < wanted.before)
    return tuple(TodoView(*row) for row in await connection.execute(query))


def _count(found: Any, rule: CareRuleView) -> Select[*tuple[Any, ...]]:
    query = (
        select(func.count()).select_from(found).join(Customer, Customer.id == found.c.customer_id)
    )
    return of_levels(query, rule.level_codes)


def _check_reads(actor: Actor, occasion: Occasion) -> None:
    field = READS[occasion]
    if field is None:
        actor.require(Right.ORDER_VIEW)
    elif not actor.may_read("customer", field):
        raise Forbidden(
            f"Your role may not see the customers' {field}: ask an administrator.",
            fields={field: "forbidden"},
        )


def _key(after: str) -> Key:
    """Raises Invalid."""
    day, customer_id, part = after.split(":")
    try:
        return Key(day=date.fromisoformat(day), customer_id=int(customer_id), part=int(part))
    except (ValueError, ValidationError) as error:
        raise Invalid(
            "Give the key of the page's last line.", fields={"after": "unknown"}
        ) from error
