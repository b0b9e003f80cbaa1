"""The keypad log's SQL. Rule: a page is the beginning of an index, found again by its last call and not by counting;
what is counted is read from the calls, whose steps may have expired.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ColumnExpressionArgument,
    Integer,
    Row,
    Select,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from acd.log.commands import BranchQuery, LogSearch
from acd.log.views import Branches, KeyCount, LoggedCall, LoggedStep, MenuCount, PathCount
from acd.tables import Call, CallStep
from crm_core.customers.visibility import concerns_seen
from crm_core.numbers import normalise
from crm_core.rights import Actor

Range = tuple[datetime, datetime]
Mark = tuple[datetime, str]
"""Where a page ended: when its last call began, and its id."""
KEYPAD = (
    "menu_answered",
    "key",
    "wrong_key",
    "no_key",
    "digits",
    "service",
    "service_done",
)
MOST_PATHS = 200
_LEFT = "left_in_menu"
_SERVED = literal_column("calls.services <> '[]'", Boolean)
_CALL = select(
    Call.id,
    Call.started_at,
    Call.ended_at,
    Call.caller,
    Call.did,
    Call.medium,
    Call.customer_id,
    Call.customer_name,
    Call.menu_path,
    Call.last_menu,
    Call.wrong_keys,
    Call.services,
    Call.line_version,
    Call.queue,
    Call.agent_id,
    Call.outcome,
)


def conditions(search: LogSearch, within: Range, actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """Of the calls that are wanted and seen."""
    found = [*_counted(search, within, actor)]
    if search.caller is not None:
        found.append(Call.caller == (normalise(search.caller) or search.caller))
    if search.menu is not None:
        found.append(Call.walk.has_key(search.menu))
    if search.keys is not None:
        found += (
            Call.menu_path[place].astext == key for place, key in enumerate(search.keys.split("-"))
        )
    if search.outcome is not None:
        found.append(Call.outcome == search.outcome)
    if search.wrong_keys is not None:
        found += (Call.wrong_keys > 0, Call.wrong_keys >= search.wrong_keys)
    if search.service is not None:
        found += (_SERVED, Call.services.has_key(search.service))
    if search.left_at is not None:
        found += (Call.outcome == _LEFT, Call.last_menu == search.left_at)
    return tuple(found)


def page(
    wanted: Sequence[ColumnElement[bool]], after: Mark | None, limit: int
) -> Select[*tuple[Any, ...]]:
    """The newest first."""
    query = _CALL.where(*wanted).order_by(Call.started_at.desc(), Call.id.desc()).limit(limit)
    if after is None:
        return query
    return query.where(tuple_(Call.started_at, Call.id) < tuple_(*map(literal, after)))


async def calls(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]]
) -> tuple[LoggedCall, ...]:
    """With their keypad steps."""
    rows = (await connection.execute(query)).all()
    steps: dict[str, list[LoggedStep]] = {row.id: [] for row in rows}
    found = await connection.execute(
        select(CallStep.call_id, CallStep.at, CallStep.kind, CallStep.detail)
        .where(CallStep.call_id.in_(steps), CallStep.kind.in_(KEYPAD))
        .order_by(CallStep.call_id, CallStep.seq)
    )
    for step in found:
        steps[step.call_id].append(LoggedStep(step.at, step.kind, step.detail))
    return tuple(_call(row, steps[row.id]) for row in rows)


async def branches(
    connection: AsyncConnection, query: BranchQuery, within: Range, actor: Actor
) -> Branches:
    """How many callers took which branch, and where they gave up."""
    wanted = (*_counted(query, within, actor), Call.walk.is_not(None))
    total = await connection.scalar(select(func.count()).select_from(Call).where(*wanted))
    return Branches(
        *within,
        total or 0,
        tuple(MenuCount(*row) for row in await connection.execute(_menus(wanted))),
        tuple(KeyCount(*row) for row in await connection.execute(_keys(wanted))),
        tuple(
            PathCount(tuple(keys), *counts)
            for keys, *counts in await connection.execute(_paths(wanted))
        ),
    )


def _call(row: Row[*tuple[Any, ...]], steps: Sequence[LoggedStep]) -> LoggedCall:
    told = {
        "menu_path": tuple(row.menu_path),
        "services": tuple(row.services or ()),
        "steps": tuple(steps),
    }
    return LoggedCall(**(dict(row._mapping) | told))  # noqa: SLF001 - public in spite of its name


def _counted(
    query: LogSearch | BranchQuery, within: Range, actor: Actor
) -> tuple[ColumnElement[bool], ...]:
    since, until = within
    found = [Call.started_at >= since, Call.started_at < until]
    if query.did is not None:
        found.append(Call.did == query.did)
    if query.version is not None:
        found.append(Call.line_version == query.version)
    return (*found, concerns_seen(Call.customer_id, actor))


def _menus(wanted: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    menu = func.jsonb_each(Call.walk).table_valued("key", "value", name="menu")
    value = cast(menu.c.value, Call.walk.type)
    gave_up = (Call.outcome == _LEFT) & (Call.last_menu == menu.c.key)
    return (
        select(
            Call.line_version,
            menu.c.key,
            func.count(),
            func.count().filter(gave_up),
            func.sum(cast(value["wrong"].astext, Integer)),
            func.sum(cast(value["silent"].astext, Integer)),
        )
        .select_from(Call)
        .join(menu, literal(value=True))
        .where(*wanted)
        .group_by(Call.line_version, menu.c.key)
        .order_by(Call.line_version.desc().nulls_last(), func.count().desc(), menu.c.key)
    )


def _keys(wanted: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    menu = func.jsonb_each(Call.walk).table_valued("key", "value", name="menu")
    pressed = cast(menu.c.value, Call.walk.type)["keys"]
    key = func.jsonb_each_text(pressed).table_valued("key", "value", name="pressed")
    return (
        select(
            Call.line_version,
            menu.c.key,
            key.c.key,
            func.count(),
            func.sum(cast(key.c.value, Integer)),
        )
        .select_from(Call)
        .join(menu, literal(value=True))
        .join(key, literal(value=True))
        .where(*wanted)
        .group_by(Call.line_version, menu.c.key, key.c.key)
        .order_by(Call.line_version.desc().nulls_last(), menu.c.key, key.c.key)
    )


def _paths(wanted: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    def those(condition: ColumnExpressionArgument[bool]) -> ColumnElement[int]:
        return func.count().filter(condition)

    return (
        select(
            Call.menu_path,
            func.count(),
            those(Call.answered_at.is_not(None)),
            those(Call.outcome == "abandoned"),
            those(Call.outcome == _LEFT),
        )
        .where(*wanted)
        .group_by(Call.menu_path)
        .order_by(func.count().desc(), Call.menu_path)
        .limit(MOST_PATHS)
    )
