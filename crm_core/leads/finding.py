"""What leads are found by. Rule: a role that does not see a field of leads, or of customers, searches no lead by it, and who
sees masked numbers finds by the digits that are seen, or by the whole number.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import ColumnElement

from crm_core.customers.criteria import number_holds
from crm_core.errors import Forbidden, Invalid
from crm_core.leads.commands import LeadQuery, LeadScope
from crm_core.leads.holding import is_with_dealer, seen_by, with_me, with_nobody
from crm_core.leads.tables import Lead
from crm_core.rights import Actor, Right
from crm_core.search_text import contains

_ASKED_FOR = {"number": "phone", "province": "province", "city": "city"}


def conditions(actor: Actor, wanted: LeadQuery, zone: tzinfo) -> Iterator[ColumnElement[bool]]:
    """All of them hold. Raises Forbidden (a hidden field), Invalid (too little to look for)."""
    _check_seen(actor, wanted)
    yield seen_by(Lead, actor)
    if wanted.scope is LeadScope.MINE:
        yield with_me(Lead, actor)
    elif wanted.scope is LeadScope.UNASSIGNED:
        yield with_nobody(Lead)
    if wanted.name:
        yield _named(wanted.name)
    if wanted.number:
        yield _numbered(actor, wanted.number)
    equal = {
        Lead.state: wanted.state,
        Lead.source: wanted.source,
        Lead.province: wanted.province,
        Lead.city: wanted.city,
        Lead.owner_id: wanted.owner_id,
    }
    for column, value in equal.items():
        if value is not None:
            yield column == value
    if wanted.dealer_customer_id is not None:
        yield is_with_dealer(Lead, wanted.dealer_customer_id)
    yield from entered(wanted.since, wanted.until, zone)
    if wanted.before is not None:
        yield Lead.id < wanted.before


def entered(since: date | None, until: date | None, zone: tzinfo) -> Iterator[ColumnElement[bool]]:
    """On these days of the company's zone, both ends among them."""
    if since is not None:
        yield Lead.created_at >= datetime.combine(since, time(), zone)
    if until is not None:
        yield Lead.created_at < datetime.combine(until + timedelta(days=1), time(), zone)


def _named(name: str) -> ColumnElement[bool]:
    found = contains(Lead.search_text, name)
    if found is None:
        said = "write at least one Chinese sign or two letters"
        raise Invalid(f"name: {said}.", fields={"name": said})
    return found


def _numbered(actor: Actor, number: str) -> ColumnElement[bool]:
    try:
        return number_holds(Lead.phone, number, unmasked=actor.may(Right.NUMBER_UNMASK))
    except ValueError as error:
        raise Invalid(f"number: {error}.", fields={"number": str(error)}) from error


def _check_seen(actor: Actor, wanted: LeadQuery) -> None:
    hidden = [
        asked
        for asked, field in _ASKED_FOR.items()
        if getattr(wanted, asked) and not actor.may_read("lead", field)
    ]
    if hidden:
        raise Forbidden(
            f"Your role does not see {', '.join(hidden)}, so it cannot search by it.",
            fields=dict.fromkeys(hidden, "forbidden"),
        )
