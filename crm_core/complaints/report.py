"""The report on complaints, grouped by PostgreSQL.

Rule: a complaint counts in the period in which it was entered, in the half-open range asked for.
Handling hours run from entering to the last resolution; what was rejected has none. Overdue is what
was handled after its due time, and what is not handled although that has passed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Interval,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crm_core.complaints import categories
from crm_core.complaints.commands import Grouping, ReportQuery
from crm_core.complaints.flow import State
from crm_core.complaints.tables import Complaint, ComplaintCategory
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import concerns_seen
from crm_core.errors import Forbidden, Invalid
from crm_core.people.tables import User
from crm_core.rights import Actor

_KEYS = ("category", "state", "severity", "handler", "salesperson", "province", "city", "period")
_LONGEST = timedelta(days=731)
_MOST_LINES = 2000
_CATEGORIES = (Grouping.CATEGORY, Grouping.TOP_CATEGORY)
_PERIODS = (Grouping.DAY, Grouping.WEEK, Grouping.MONTH)
_PLACES = (Grouping.PROVINCE, Grouping.CITY)
_TELLS = {
    Grouping.SALESPERSON: ("salesperson",),
    Grouping.PROVINCE: ("province",),
    Grouping.CITY: ("province", "city"),
}
"""The customer's fields that a grouping tells of."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """What was not grouped by is None. `overdue_share` is between 0 and 1."""

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
    satisfaction: float | None


async def report(
    connection: AsyncConnection, actor: Actor, wanted: ReportQuery, now: datetime
) -> tuple[ReportLine, ...]:
    """Of the customers this person may see.

    Raises Invalid (range, groupings, too many lines), Forbidden (grouped by what the role may not see).
    """
    check(wanted)
    _check_seen(actor, wanted.by)
    rows = (await connection.execute(_grouped(actor, wanted, now))).all()
    if len(rows) > _MOST_LINES:
        raise Invalid(
            f"This makes more than {_MOST_LINES} lines: choose a shorter range or fewer groupings.",
            fields={"by": "too_many"},
        )
    return tuple(ReportLine(*row) for row in rows)


def check(wanted: ReportQuery) -> None:
    """Raises Invalid."""
    if not wanted.since < wanted.until <= wanted.since + _LONGEST:
        raise Invalid(
            f"The range begins before it ends and has at most {_LONGEST.days} days.",
            fields={"until": "range"},
        )
    kinds = [_kind(each) for each in wanted.by]
    if len(set(kinds)) != len(kinds):
        raise Invalid(
            "Group by each once, and by one kind of category, one period and one kind of place.",
            fields={"by": "twice"},
        )


def _kind(by: Grouping) -> tuple[Grouping, ...]:
    """Those of which only one can be grouped by at a time."""
    alike = (each for each in (_CATEGORIES, _PERIODS, _PLACES) if by in each)
    return next(alike, (by,))


def _check_seen(actor: Actor, by: Sequence[Grouping]) -> None:
    """Raises Forbidden."""
    for each in by:
        if not all(actor.may_read("customer", field) for field in _TELLS.get(each, ())):
            raise Forbidden(
                f"Your role does not see the {each} of customers: group by something else.",
                fields={"by": "forbidden"},
            )


def _grouped(actor: Actor, wanted: ReportQuery, now: datetime) -> Select[*tuple[Any, ...]]:
    facts = _facts(actor, wanted, now).subquery()
    handler, salesperson = aliased(User), aliased(User)
    keys: tuple[ColumnElement[Any], ...] = tuple(facts.c[name] for name in _KEYS)
    lines = (
        select(
            *keys,
            func.count().label("count"),
            func.count().filter(facts.c.is_unhandled).label("unhandled"),
            func.count().filter(facts.c.is_overdue).label("overdue"),
            func.avg(facts.c.hours).label("hours"),
            func.avg(cast(facts.c.satisfaction, Float)).label("satisfaction"),
        )
        .group_by(*keys)
        .subquery()
    )
    share = cast(lines.c.overdue, Float) / lines.c.count
    return (
        select(
            lines.c.category,
            ComplaintCategory.name_zh,
            ComplaintCategory.name_en,
            lines.c.state,
            lines.c.severity,
            lines.c.handler,
            handler.name,
            lines.c.salesperson,
            salesperson.name,
            lines.c.province,
            lines.c.city,
            lines.c.period,
            lines.c.count,
            lines.c.unhandled,
            lines.c.overdue,
            share,
            lines.c.hours,
            lines.c.satisfaction,
        )
        .outerjoin(ComplaintCategory, ComplaintCategory.code == lines.c.category)
        .outerjoin(handler, handler.id == lines.c.handler)
        .outerjoin(salesperson, salesperson.id == lines.c.salesperson)
        .order_by(lines.c.period, *(lines.c[name] for name in _KEYS))
        .limit(_MOST_LINES + 1)
    )


def _facts(actor: Actor, wanted: ReportQuery, now: datetime) -> Select[*tuple[Any, ...]]:
    """One row for each complaint: the keys it is grouped by, and what is counted."""
    roots = categories.roots()
    unhandled = Complaint.handled_at.is_(None)
    late = or_(Complaint.handled_at > Complaint.due_at, and_(unhandled, Complaint.due_at < now))
    spent = cast(func.extract("epoch", Complaint.handled_at - Complaint.created_at), Float) / 3600
    return (
        select(
            _category(wanted.by, roots.c.root).label("category"),
            _period(wanted).label("period"),
            *_others(wanted.by),
            unhandled.label("is_unhandled"),
            late.label("is_overdue"),
            case((Complaint.state != State.REJECTED, spent)).label("hours"),
            Complaint.satisfaction,
        )
        .join(roots, roots.c.code == Complaint.category_code)
        .join(Customer, Customer.id == Complaint.customer_id)
        .where(
            Complaint.created_at >= wanted.since,
            Complaint.created_at < wanted.until,
            concerns_seen(Complaint.customer_id, actor),
        )
    )


def _others(by: Sequence[Grouping]) -> Iterator[ColumnElement[Any]]:
    """The rest of `_KEYS`, nothing where they are not grouped by."""
    city = Grouping.CITY in by
    for name, column, wanted in (
        ("state", Complaint.state, Grouping.STATE in by),
        ("severity", Complaint.severity, Grouping.SEVERITY in by),
        ("handler", Complaint.handler_id, Grouping.HANDLER in by),
        ("salesperson", Customer.salesperson_id, Grouping.SALESPERSON in by),
        ("province", Customer.province, city or Grouping.PROVINCE in by),
        ("city", Customer.city, city),
    ):
        yield (column.expression if wanted else cast(null(), column.type)).label(name)


def _category(by: Sequence[Grouping], root: ColumnElement[str]) -> ColumnElement[Any]:
    if Grouping.TOP_CATEGORY in by:
        return root
    return Complaint.category_code.expression if Grouping.CATEGORY in by else _nothing()


def _period(wanted: ReportQuery) -> ColumnElement[Any]:
    """The beginning of the period in the zone of `since`, as a moment."""
    unit = next((each for each in wanted.by if each in _PERIODS), None)
    if unit is None:
        return _nothing()
    offset = literal(wanted.since.utcoffset(), Interval)
    local = func.timezone("UTC", Complaint.created_at + offset)
    return func.timezone("UTC", func.date_trunc(unit.value, local)) - offset


def _nothing() -> ColumnElement[Any]:
    return null()
