"""Levels and rules of exceptions, as a business keeps them. Rule: a level that nobody has described is the usual one;
of the rules that fit the highest level counts, and without one the first.
"""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer, Level
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor
from orders.aftersales.exceptions.commands import ChangedRule, LevelContent, NewRule
from orders.aftersales.exceptions.tables import ExceptionLevel, ExceptionRule
from orders.aftersales.exceptions.views import LevelView, RuleView
from orders.sales.tables import Order

Holder = AsyncSession | AsyncConnection
_LEVEL, _RULE = "exception_level", "exception_rule"
USUAL: Mapping[int, LevelView] = {
    1: LevelView(1, "一般", "Minor", 24, Decimal(50), 0),
    2: LevelView(2, "严重", "Serious", 8, Decimal(500), 0),
    3: LevelView(3, "重大", "Grave", 4, None, 0),
}
_LEVELS = select(*(getattr(ExceptionLevel, name) for name in LevelView.__dataclass_fields__))
_RULES = select(*(getattr(ExceptionRule, name) for name in RuleView.__dataclass_fields__))


async def levels(holder: Holder) -> dict[int, LevelView]:
    """All three."""
    rows = await holder.execute(_LEVELS)
    return {**USUAL, **{row.level: LevelView(*row) for row in rows}}


async def put_level(session: AsyncSession, actor: Actor, level: int, content: LevelContent) -> None:
    """Raises NotFound, Conflict (edited since)."""
    if level not in USUAL:
        raise NotFound(f"There are the levels 1 to {max(USUAL)}.")
    table, values = ExceptionLevel, content.model_dump(exclude={"version"})
    if content.version:
        statement: Any = (
            update(table)
            .where(table.level == level, table.version == content.version)
            .values(**values, version=content.version + 1)
        )
    else:
        statement = upsert(table).values(level=level, **values).on_conflict_do_nothing()
    if (await session.execute(statement.returning(table.level))).first() is None:
        raise _edited_since()
    await trail.record(session, actor.user_id, f"{_LEVEL}.put", _LEVEL, level, after=values)


async def level_for(session: AsyncSession, order: Order, kind: str) -> int:
    """On which level an exception of an order begins."""
    rule = ExceptionRule
    found = await session.scalar(
        select(func.max(rule.level))
        .join(Customer, Customer.id == order.customer_id)
        .outerjoin(Level, Level.code == Customer.level_code)
        .where(
            rule.active,
            or_(rule.kind.is_(None), rule.kind == kind),
            rule.least_total <= order.total,
            or_(rule.level_code.is_(None), rule.level_code == Customer.level_code),
            or_(~rule.vip, func.coalesce(Level.is_vip, False)),
        )
    )
    return found or min(USUAL)


async def rules(holder: Holder) -> tuple[RuleView, ...]:
    """The active ones first."""
    rows = await holder.execute(_RULES.order_by(ExceptionRule.active.desc(), ExceptionRule.id))
    return tuple(RuleView(*row) for row in rows)


async def add_rule(session: AsyncSession, actor: Actor, new: NewRule) -> RuleView:
    """Raises Invalid (level of customers)."""
    made = await _written(
        session, insert(ExceptionRule).values(new.model_dump()).returning(ExceptionRule.id)
    )
    view = await _rule(session, made or 0)
    await trail.record(
        session, actor.user_id, f"{_RULE}.create", _RULE, view.id, after=asdict(view)
    )
    return view


async def change_rule(
    session: AsyncSession, actor: Actor, rule_id: int, content: ChangedRule
) -> RuleView:
    """Raises NotFound, Conflict (edited since), Invalid (level of customers)."""
    before = await _rule(session, rule_id)
    values = content.model_dump(exclude={"version"}) | {"version": content.version + 1}
    changed = await _written(
        session,
        update(ExceptionRule)
        .where(ExceptionRule.id == rule_id, ExceptionRule.version == content.version)
        .values(values)
        .returning(ExceptionRule.id),
    )
    if changed is None:
        raise _edited_since()
    view = await _rule(session, rule_id)
    was, became = trail.changes(asdict(before), asdict(view))
    await trail.record(
        session, actor.user_id, f"{_RULE}.update", _RULE, rule_id, before=was, after=became
    )
    return view


async def _rule(session: AsyncSession, rule_id: int) -> RuleView:
    row = (await session.execute(_RULES.where(ExceptionRule.id == rule_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no rule {rule_id}.")
    return RuleView(*row)


async def _written(session: AsyncSession, statement: Any) -> int | None:
    try:
        made: int | None = (await session.execute(statement)).scalar_one_or_none()
    except IntegrityError as error:
        if "level_code" not in str(error.orig):
            raise
        raise Invalid(
            "There is no such level of customers.", fields={"level_code": "unknown"}
        ) from error
    return made


def _edited_since() -> Conflict:
    return Conflict(
        "Somebody else has changed this since you opened it: look at it as it is now.",
        fields={"version": "old"},
    )
