"""Rules and limits of review, as those who keep them use them. Rule: every change is one transaction with
its audit entry.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.people.tables import Role
from crm_core.rights import Actor, Right
from orders.review.commands import ChangedReviewRule, NewReviewRule, ReviewLimit
from orders.review.tables import OrderReviewLimit, OrderReviewRule

log = structlog.get_logger(__name__)

_RULE, _LIMIT = "review_rule", "review_limit"
_TABLE = OrderReviewRule
_RULES = select(
    _TABLE.id, _TABLE.kind, _TABLE.says, _TABLE.name_zh, _TABLE.name_en, _TABLE.value,
    _TABLE.words, _TABLE.active, _TABLE.version,
)  # fmt: skip
_LIMITS = select(
    OrderReviewLimit.role_code,
    OrderReviewLimit.most_total,
    OrderReviewLimit.most_beyond_credit,
    OrderReviewLimit.most_discount,
    OrderReviewLimit.most_waived,
    OrderReviewLimit.version,
)


@dataclass(frozen=True, slots=True)
class ReviewRuleView:
    id: int
    kind: str
    says: str
    name_zh: str
    name_en: str
    value: Decimal
    words: tuple[str, ...]
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class ReviewLimitView:
    role_code: str
    most_total: Decimal | None
    most_beyond_credit: Decimal
    most_discount: Decimal | None
    most_waived: Decimal
    version: int


class ReviewRuleService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def rules(self, actor: Actor) -> tuple[ReviewRuleView, ...]:
        """The active ones first."""
        actor.require(Right.ORDER_REVIEW)
        async with self._database.reading() as connection:
            rows = await connection.execute(_RULES.order_by(_TABLE.active.desc(), _TABLE.id))
            return tuple(_rule(row) for row in rows)

    async def add(self, actor: Actor, new: NewReviewRule) -> ReviewRuleView:
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            values = new.model_dump() | {"changed_at": self._clock()}
            made = await session.scalar(insert(_TABLE).values(values).returning(_TABLE.id))
            view = await _read(session, made or 0)
            await trail.record(
                session, actor.user_id, f"{_RULE}.create", _RULE, view.id, after=asdict(view)
            )
        log.info("review_rule_added", rule=view.id, kind=view.kind, by=actor.user_id)
        return view

    async def change(
        self, actor: Actor, rule_id: int, content: ChangedReviewRule
    ) -> ReviewRuleView:
        """Raises NotFound, Conflict (edited since)."""
        actor.require(Right.RULES_MANAGE)
        async with self._database.begin() as session:
            before = await _read(session, rule_id)
            changed = await session.execute(
                update(_TABLE)
                .where(_TABLE.id == rule_id, _TABLE.version == content.version)
                .values(
                    **content.model_dump(exclude={"version"}),
                    version=content.version + 1,
                    changed_at=self._clock(),
                )
                .returning(_TABLE.id)
            )
            if changed.first() is None:
                raise _edited_since(before.version)
            view = await _read(session, rule_id)
            was, became = trail.changes(asdict(before), asdict(view))
            await trail.record(
                session, actor.user_id, f"{_RULE}.update", _RULE, rule_id, before=was, after=became
            )
        return view

    async def limits(self, actor: Actor) -> tuple[ReviewLimitView, ...]:
        actor.require(Right.ORDER_REVIEW)
        async with self._database.reading() as connection:
            rows = await connection.execute(_LIMITS.order_by(OrderReviewLimit.role_code))
            return tuple(ReviewLimitView(*row) for row in rows)

    async def limit(self, actor: Actor, role_code: str, limit: ReviewLimit) -> ReviewLimitView:
        """Set what a role may approve and give. Raises Invalid (no such role), Conflict (edited since)."""
        actor.require(Right.ROLE_MANAGE)
        async with self._database.begin() as session:
            if await session.get(Role, role_code) is None:
                raise Invalid(f"There is no role {role_code}.", fields={"role_code": "unknown"})
            values = limit.model_dump(exclude={"version"})
            done = await session.scalar(_set_limit(role_code, values, limit.version))
            if done is None:
                raise _edited_since(limit.version or 0)
            await trail.record(
                session, actor.user_id, f"{_LIMIT}.set", _LIMIT, role_code, after=values
            )
            row = await session.execute(_LIMITS.where(OrderReviewLimit.role_code == role_code))
            return ReviewLimitView(*row.one())


def _set_limit(
    role_code: str, values: dict[str, Any], version: int | None
) -> ReturningInsert[str] | ReturningUpdate[str]:
    table = OrderReviewLimit
    if version is None:
        made = upsert(table).values(role_code=role_code, **values).on_conflict_do_nothing()
        return made.returning(table.role_code)
    return (
        update(table)
        .where(table.role_code == role_code, table.version == version)
        .values(**values, version=version + 1)
        .returning(table.role_code)
    )


def _edited_since(version: int) -> Conflict:
    return Conflict(
        "Somebody else has changed this since you opened it: look at it as it is now.",
        fields={"version": version},
    )


async def _read(holder: AsyncSession | AsyncConnection, rule_id: int) -> ReviewRuleView:
    row = (await holder.execute(_RULES.where(_TABLE.id == rule_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no review rule {rule_id}.")
    return _rule(row)


def _rule(row: Any) -> ReviewRuleView:
    return ReviewRuleView(
        row.id, row.kind, row.says, row.name_zh, row.name_en, row.value, tuple(row.words),
        row.active, row.version,
    )  # fmt: skip
