"""What a rule still has to make to-dos of, as one statement.

Rule: an occasion has one reference, whatever the time of looking; what has a to-do of this reference, or
came with a merged customer's to-do, is not found again.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Subquery,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.care.facts import celebrations, of_levels
from crm_core.care.occasions import (
    Days,
    Due,
    Occasion,
    Span,
    days_to_look,
    due_after,
    due_on,
    span_to_look,
)
from crm_core.care.ports import CareSources
from crm_core.care.views import CareRuleView
from crm_core.customers.tables import Customer
from crm_core.todos.tables import Todo

SOURCE = "care"
_NEVER: ColumnElement[Any] = literal_column("NULL::timestamptz")
_NO_DAY: ColumnElement[Any] = literal_column("NULL::date")
_NO_NUMBER: ColumnElement[Any] = literal_column("NULL::integer")
_NO_TEXT: ColumnElement[Any] = literal_column("NULL::text")


@dataclass(frozen=True, slots=True)
class DueCare:
    """An occasion without a to-do. `day` where one is celebrated, `at` where something has happened."""

    customer_id: int
    reference: str
    day: date | None
    at: datetime | None
    years: int | None
    contact_name: str | None
    order_number: str | None
    customer_name: str
    salesperson_id: int | None

    def due(self, rule: CareRuleView, sources: CareSources) -> Due:
        if self.day is not None:
            return due_on(self.day, rule.local_hour or 0, sources.zone)
        assert self.at is not None
        return due_after(self.at, rule.hours_after or 0, rule.lead_hours or 0)


Place = tuple[int, str]


async def missing(
    session: AsyncSession,
    rule: CareRuleView,
    sources: CareSources,
    now: datetime,
    *,
    after: Place,
    limit: int,
) -> tuple[DueCare, ...]:
    """By customer and reference, beginning after a place in this order."""
    occasions = _occasions(rule, sources, now)
    c = occasions.c
    query = (
        select(
            c.customer_id,
            c.reference,
            c.day,
            c.at,
            c.years,
            c.contact_name,
            c.order_number,
            Customer.name,
            Customer.salesperson_id,
        )
        .join(Customer, Customer.id == c.customer_id)
        .where(~_has_todo(c.reference), ~_came_by_merging(occasions))
        .where(tuple_(c.customer_id, c.reference) > tuple_(*map(literal, after)))
        .order_by(c.customer_id, c.reference)
        .limit(limit)
    )
    rows = await session.execute(of_levels(query, rule.level_codes))
    return tuple(DueCare(*row) for row in rows)


def _occasions(rule: CareRuleView, sources: CareSources, now: datetime) -> Subquery:
    if rule.occasion == Occasion.AFTER_DELIVERY:
        span = span_to_look(now, rule.active_since, rule.looked_at)
        return deliveries(rule, sources, span)
    told_until = rule.looked_at or rule.active_since
    days = days_to_look(now, told_until, rule.days_before or 0, sources.zone)
    return celebrated(rule, sources, days)


def celebrated(rule: CareRuleView, sources: CareSources, days: Days) -> Subquery:
    found = celebrations(Occasion(rule.occasion), days, sources).c
    whose = case((found.part > 0, literal(":") + cast(found.part, String)), else_="")
    day = func.to_char(found.day, "YYYY-MM-DD")
    return select(
        found.customer_id,
        func.concat(rule.code, ":", found.customer_id, ":", day, whose).label("reference"),
        func.concat(day, whose).label("occasion"),
        found.day,
        _NEVER.label("at"),
        found.years,
        found.contact_name,
        _NO_TEXT.label("order_number"),
    ).subquery("occasions")


def deliveries(rule: CareRuleView, sources: CareSources, span: Span) -> Subquery:
    """An order keeps its number whoever its customer becomes, which is reference enough."""
    found = sources.deliveries.between(span).subquery("deliveries").c
    return select(
        found.customer_id,
        func.concat(rule.code, ":", found.order_number).label("reference"),
        found.order_number.label("occasion"),
        _NO_DAY.label("day"),
        found.delivered_at.label("at"),
        _NO_NUMBER.label("years"),
        _NO_TEXT.label("contact_name"),
        found.order_number,
    ).subquery("occasions")


def _has_todo(reference: ColumnElement[str]) -> ColumnElement[bool]:
    return (
        select(Todo.id)
        .where(Todo.source_kind == SOURCE, Todo.source_reference == reference)
        .exists()
    )


def _came_by_merging(occasions: Subquery) -> ColumnElement[bool]:
    """The same occasion of the same rule, told of the record that became part of this one."""
    c = occasions.c
    rule, told = (func.split_part(each, ":", 1) for each in (c.reference, Todo.source_reference))
    same: Select[*tuple[Any, ...]] = select(Todo.id).where(
        Todo.customer_id == c.customer_id,
        Todo.source_kind == SOURCE,
        told == rule,
        func.regexp_replace(Todo.source_reference, "^[^:]*:[^:]*:", "") == c.occasion,
    )
    return same.exists()
