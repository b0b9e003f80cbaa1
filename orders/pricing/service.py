"""Price rules, as those who set prices use them. Rule: every change is one transaction with its audit
entry; a rule is never deleted, it ends or is made inactive, and orders keep the price they have.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal

import structlog
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from crm_core.audit import trail
from crm_core.customers.visibility import concerns_seen, must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor, Right
from orders.catalogue.tables import Product, ProductPack
from orders.pricing.commands import ChangedRule, NewRule, RuleContent, RuleQuery
from orders.pricing.tables import PriceRule

log = structlog.get_logger(__name__)

_ENTITY = "price_rule"
_UNKNOWN = {
    "free_sku": "There is no such product to come free.",
    "sku": "There is no such product.",
    "category_code": "There is no such category.",
    "level_code": "There is no such level.",
}


@dataclass(frozen=True, slots=True)
class RuleView:
    id: int
    kind: str
    name_zh: str | None
    name_en: str | None
    sku: str | None
    category_code: str | None
    unit: str | None
    customer_id: int | None
    level_code: str | None
    min_quantity: int
    min_total: Decimal | None
    value: Decimal
    free_sku: str | None
    free_quantity: int | None
    free_most: int | None
    stackable: bool
    priority: int
    valid_from: date | None
    valid_until: date | None
    active: bool
    version: int
    created_by: int | None
    changed_at: datetime


_RULES = select(*(PriceRule.__table__.c[name] for name in RuleView.__dataclass_fields__))


class PriceRuleService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def search(self, actor: Actor, query: RuleQuery) -> tuple[RuleView, ...]:
        """Raises NotFound for a customer one may not see."""
        actor.require(Right.PRICE_MANAGE)
        wanted = query.model_dump(
            include={"kind", "sku", "category_code", "customer_id", "level_code"}, exclude_none=True
        )
        table = PriceRule
        found = _RULES.where(*(getattr(table, name) == value for name, value in wanted.items()))
        if query.on is not None:
            found = found.where(
                table.active,
                func.coalesce(table.valid_from <= query.on, True),
                func.coalesce(table.valid_until >= query.on, True),
            )
        if query.before is not None:
            found = found.where(table.id < query.before)
        found = found.where(concerns_seen(table.customer_id, actor))
        async with self._database.reading() as connection:
            if query.customer_id is not None:
                await must_see(connection, actor, query.customer_id)
            rows = await connection.execute(found.order_by(table.id.desc()).limit(query.limit))
            return tuple(RuleView(*row) for row in rows)

    async def get(self, actor: Actor, rule_id: int) -> RuleView:
        """Raises NotFound."""
        actor.require(Right.PRICE_MANAGE)
        async with self._database.reading() as connection:
            return await _seen(connection, actor, rule_id)

    async def add(self, actor: Actor, new: NewRule) -> RuleView:
        """Raises Invalid (product, unit, category, level), NotFound (customer)."""
        actor.require(Right.PRICE_MANAGE)
        async with self._database.begin() as session:
            await _check(session, actor, new)
            values = new.model_dump() | {
                "created_by": actor.user_id,
                "changed_at": self._clock(),
            }
            made = await _written(session, insert(PriceRule).values(values).returning(PriceRule.id))
            view = await _read(session, made or 0)
            await trail.record(
                session, actor.user_id, f"{_ENTITY}.create", _ENTITY, view.id, after=_told(view)
            )
        log.info("price_rule_added", rule=view.id, kind=view.kind, by=actor.user_id)
        return view

    async def change(self, actor: Actor, rule_id: int, content: ChangedRule) -> RuleView:
        """Raises NotFound, Conflict (edited since), Invalid."""
        actor.require(Right.PRICE_MANAGE)
        async with self._database.begin() as session:
            before = await _seen(session, actor, rule_id)
            await _check(session, actor, content)
            values = content.model_dump(exclude={"version"}) | {
                "version": content.version + 1,
                "changed_at": self._clock(),
            }
            changed = await _written(
                session,
                update(PriceRule)
                .where(PriceRule.id == rule_id, PriceRule.version == content.version)
                .values(values)
                .returning(PriceRule.id),
            )
            if changed is None:
                raise Conflict(
                    "Somebody else has changed this rule since you opened it: look at it again.",
                    fields={"version": before.version},
                )
            view = await _read(session, rule_id)
            was, became = trail.changes(_told(before), _told(view))
            await trail.record(
                session, actor.user_id, f"{_ENTITY}.update", _ENTITY, rule_id,
                before=was, after=became,
            )  # fmt: skip
        log.info("price_rule_changed", rule=rule_id, by=actor.user_id)
        return view


async def _check(session: AsyncSession, actor: Actor, content: RuleContent) -> None:
    if content.customer_id is not None:
        await must_see(session, actor, content.customer_id)
    if content.unit is None:
        return
    base = select(Product.unit).where(Product.sku == content.sku)
    packs = select(ProductPack.unit).where(ProductPack.sku == content.sku)
    if content.unit not in (await session.scalars(base.union(packs))).all():
        raise Invalid("The product has no such unit.", fields={"unit": "unknown"})


async def _written(
    session: AsyncSession, statement: ReturningInsert[int] | ReturningUpdate[int]
) -> int | None:
    try:
        return (await session.execute(statement)).scalar_one_or_none()
    except IntegrityError as error:
        for name, sentence in _UNKNOWN.items():
            if f"_{name}_" in str(error.orig):
                raise Invalid(sentence, fields={name: "unknown"}) from error
        raise


async def _seen(holder: AsyncSession | AsyncConnection, actor: Actor, rule_id: int) -> RuleView:
    """Raises NotFound, also for a rule of a customer whom this person may not see."""
    view = await _read(holder, rule_id)
    if view.customer_id is not None:
        await must_see(holder, actor, view.customer_id)
    return view


async def _read(holder: AsyncSession | AsyncConnection, rule_id: int) -> RuleView:
    row = (await holder.execute(_RULES.where(PriceRule.id == rule_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no price rule {rule_id}.")
    return RuleView(*row)


def _told(view: RuleView) -> dict[str, object]:
    return {n: v for n, v in asdict(view).items() if n not in {"version", "changed_at"}}
