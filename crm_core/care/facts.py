"""Who has an occasion, as queries. Rule: set-based; a day's celebrations are found by the index of their
day of the year, and a customer who was merged into another one, or erased, has none.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    Subquery,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from crm_core.care.occasions import Days, Occasion, month_days, past_spans
from crm_core.care.ports import CareSources
from crm_core.customers.month_day import month_day
from crm_core.customers.tables import Customer, CustomerContact
from crm_core.customers.visibility import there

READS: Mapping[Occasion, str | None] = {
    Occasion.BIRTHDAY: "birthday",
    Occasion.CONTACT_BIRTHDAY: "contacts",
    Occasion.ANNIVERSARY: "anniversary",
    Occasion.FIRST_ORDER: None,
}
"""The field of the customer's record that an occasion tells of."""

_ALONE = literal_column("0", Integer)
_NO_NAME: ColumnElement[str | None] = literal_column("NULL::text", String)


def celebrations(occasion: Occasion, days: Days, sources: CareSources) -> Subquery:
    """Columns customer_id, day, years, part and contact_name of those that fall into these days."""
    looked = _days(days)
    customer_id, began, part, contact_name = _beginnings(occasion, days, sources)
    years = cast(func.extract("year", looked.c.day) - func.extract("year", began), Integer)
    return (
        select(
            customer_id.label("customer_id"),
            looked.c.day.label("day"),
            years.label("years"),
            part.label("part"),
            contact_name.label("contact_name"),
        )
        .where(month_day(began) == looked.c.number, began.is_not(None), years > 0)
        .subquery("celebrations")
    )


def _beginnings(
    occasion: Occasion, days: Days, sources: CareSources
) -> tuple[ColumnElement[Any], ColumnElement[Any], ColumnElement[Any], ColumnElement[Any]]:
    if occasion is Occasion.CONTACT_BIRTHDAY:
        who = CustomerContact
        return _sql(who.customer_id), _sql(who.birthday), _sql(who.id), _sql(who.name)
    if occasion is Occasion.FIRST_ORDER:
        zone = sources.zone
        first = sources.first_orders.within(past_spans(days, zone)).subquery("first_orders")
        day = cast(func.timezone(zone.key, first.c.placed_at), Date)
        return first.c.customer_id, day, _ALONE, _NO_NAME
    began = Customer.birthday if occasion is Occasion.BIRTHDAY else Customer.anniversary
    return _sql(Customer.id), _sql(began), _ALONE, _NO_NAME


def _sql(attribute: Any) -> ColumnElement[Any]:
    found: ColumnElement[Any] = attribute
    return found


def _days(days: Days) -> Any:
    """The days with the days of the year that are celebrated on each."""
    pairs = [(day, number) for day in days for number in month_days(day)]
    found = func.unnest(
        cast(literal([day for day, _ in pairs], ARRAY(Date)), ARRAY(Date)),
        cast(literal([number for _, number in pairs], ARRAY(Integer)), ARRAY(Integer)),
    ).table_valued(column("day", Date), column("number", Integer))
    return found.render_derived(name="looked")


def of_levels(query: Select[*tuple[Any, ...]], level_codes: list[str]) -> Select[*tuple[Any, ...]]:
    """Only customers of these levels, of all where none is named; nobody who was merged or erased."""
    query = query.where(*there())
    return query.where(Customer.level_code.in_(level_codes)) if level_codes else query
