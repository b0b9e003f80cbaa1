"""The SQL of the report of adverts: inbound calls, and orders with the calls that brought them.

Rule: an order belongs to the advert and the moment of its call, without one to the medium it names and the moment it
was placed; what belongs to no advert is not told. Parts of a split order are one order.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    and_,
    cast,
    distinct,
    func,
    null,
    or_,
    select,
)

from acd.tables import Call
from crm_core.customers.visibility import concerns_seen
from crm_core.rights import Actor
from ivr.media.commands import Grouping, MediaQuery
from orders.sales.sales_source import NO_SALE
from orders.sales.tables import Order

_Column = SQLColumnExpression[Any]
KEYS = ("by_medium", "by_did", "by_day", "by_hour")
Key = tuple[Any, Any, Any, Any]


def calls(
    query: MediaQuery, since: datetime, until: datetime, zone: tzinfo, actor: Actor
) -> Select[*tuple[Any, ...]]:
    """KEYS, then calls, callers, answered, abandoned, left_in_menu."""
    keys = _keys(query.by, Call.medium, Call.did, Call.started_at, zone)
    return (
        select(
            *keys,
            func.count(),
            func.count(distinct(Call.caller)),
            func.count(Call.answered_at),
            func.count().filter(Call.outcome == "abandoned"),
            func.count().filter(Call.outcome == "left_in_menu"),
        )
        .where(
            Call.direction == "inbound",
            Call.started_at >= since,
            Call.started_at < until,
            *_only(query, Call.medium, Call.did),
            concerns_seen(Call.customer_id, actor),
        )
        .group_by(*KEYS)
    )


def orders(
    query: MediaQuery, since: datetime, until: datetime, zone: tzinfo, actor: Actor
) -> Select[*tuple[Any, ...]]:
    """KEYS, then orders, cancelled, revenue."""
    medium = func.coalesce(Call.medium, Order.medium)
    at = func.coalesce(Call.started_at, Order.placed_at)
    keys = _keys(query.by, medium, Call.did, at, zone)
    one = distinct(func.coalesce(Order.split_from, Order.id))
    sold = Order.status.not_in(NO_SALE)
    return (
        select(
            *keys,
            func.count(one).filter(sold),
            func.count(one).filter(~sold, Order.split_from.is_(None)),
            func.coalesce(func.sum(Order.total - Order.given_back).filter(sold), 0),
        )
        .outerjoin(Call, and_(Call.id == Order.call_id, Call.direction == "inbound"))
        .where(
            or_(Call.id.is_not(None), Order.medium.is_not(None)),
            Order.placed_at >= since,
            at >= since,
            at < until,
            *_only(query, medium, Call.did),
            concerns_seen(Order.customer_id, actor),
        )
        .group_by(*KEYS)
    )


def _only(query: MediaQuery, medium: _Column, did: _Column) -> tuple[ColumnElement[bool], ...]:
    wanted = ((medium, query.medium), (did, query.did))
    return tuple(column == value for column, value in wanted if value is not None)


def _keys(
    by: Sequence[Grouping],
    medium: _Column,
    did: _Column,
    at: _Column,
    zone: tzinfo,
) -> tuple[ColumnElement[Any], ...]:
    """Nothing where it is not grouped by."""
    local = func.timezone(str(zone), at)
    made: tuple[tuple[Grouping, ColumnElement[Any]], ...] = (
        (Grouping.MEDIUM, cast(medium, String)),
        (Grouping.DID, cast(did, String)),
        (Grouping.DAY, cast(local, Date)),
        (Grouping.HOUR, cast(func.extract("hour", local), Integer)),
    )
    return tuple(
        (column if each in by else cast(null(), column.type)).label(name)
        for name, (each, column) in zip(KEYS, made, strict=True)
    )
