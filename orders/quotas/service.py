"""Quotas and order windows, as those who keep them use them. Rule: every change is one transaction with its
audit entry; what a customer may still order is worked out by the code that checks orders.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any

import structlog
from sqlalchemy import Row, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from crm_core.audit import trail
from crm_core.customers.visibility import concerns_seen, must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor, Right
from orders.quotas import checking
from orders.quotas.checking import Asked
from orders.quotas.commands import (
    ChangedQuota,
    ChangedWindow,
    NewGrant,
    NewQuota,
    NewWindow,
    QuotaQuery,
)
from orders.quotas.limits import Standing
from orders.quotas.tables import OrderWindow, Quota, QuotaGrant

log = structlog.get_logger(__name__)

_QUOTA, _WINDOW = "quota", "order_window"
_VIEW = select(
    Quota.id, Quota.sku, Quota.category_code, Quota.customer_id, Quota.level_code, Quota.route_code, Quota.together,
    Quota.period, Quota.quantity, Quota.valid_from, Quota.valid_until, Quota.active, Quota.version,
)  # fmt: skip
_WINDOW_VIEW = select(
    OrderWindow.id, OrderWindow.name_zh, OrderWindow.name_en, OrderWindow.level_code, OrderWindow.route_code,
    OrderWindow.weekdays, OrderWindow.opens, OrderWindow.closes, OrderWindow.active,
    OrderWindow.version,
)  # fmt: skip
_UNKNOWN = {
    "sku": "There is no such product.",
    "category_code": "There is no such category.",
    "level_code": "There is no such level.",
    "route_code": "There is no such delivery route.",
}
_BUYER_KEYS = text("""
SELECT 'all' UNION ALL SELECT 'customer:' || CAST(:customer_id AS int)
UNION ALL SELECT 'level:' || level_code FROM customers WHERE id = CAST(:customer_id AS int)
UNION ALL SELECT 'route:' || route_code FROM delivery_route_customers
WHERE customer_id = CAST(:customer_id AS int)
""")
_OF_CUSTOMER = text("""
SELECT q.id, q.goods_key, q.buyer_key, q.together, q.period, q.quantity, q.valid_from
FROM quotas q JOIN customers c ON c.id = :customer_id
WHERE q.active AND q.valid_from <= :today AND coalesce(q.valid_until >= :today, true)
  AND (q.buyer_key IN ('all', 'level:' || c.level_code, 'customer:' || c.id)
       OR q.route_code IN (SELECT route_code FROM delivery_route_customers WHERE customer_id = c.id))
ORDER BY q.id LIMIT 500
""")


@dataclass(frozen=True, slots=True)
class QuotaView:
    id: int
    sku: str | None
    category_code: str | None
    customer_id: int | None
    level_code: str | None
    route_code: str | None
    together: bool
    period: str
    quantity: int
    valid_from: date
    valid_until: date | None
    active: bool
    version: int


@dataclass(frozen=True, slots=True)
class WindowView:
    id: int
    name_zh: str
    name_en: str
    level_code: str | None
    route_code: str | None
    weekdays: tuple[int, ...]
    opens: time
    closes: time
    active: bool
    version: int


class QuotaService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def search(self, actor: Actor, query: QuotaQuery) -> tuple[QuotaView, ...]:
        actor.require(Right.ORDER_VIEW)
        wanted = query.model_dump(exclude_none=True, exclude={"before", "limit"})
        found = _VIEW.where(*(getattr(Quota, name) == value for name, value in wanted.items()))
        if query.before is not None:
            found = found.where(Quota.id < query.before)
        found = found.where(concerns_seen(Quota.customer_id, actor))
        async with self._database.reading() as connection:
            rows = await connection.execute(found.order_by(Quota.id.desc()).limit(query.limit))
            return tuple(map(_quota, rows))

    async def of_customer(self, actor: Actor, customer_id: int) -> tuple[Standing, ...]:
        """What this customer may still order of everything that is limited, today."""
        actor.require(Right.ORDER_VIEW)
        today = self._clock().astimezone(self._zone).date()
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            rows = await connection.execute(_OF_CUSTOMER, {"customer_id": seen, "today": today})
            asked = Asked((), {}, today, self._zone)
            quotas = [checking.terms(dict(row._mapping)) for row in rows.all()]  # noqa: SLF001
            return tuple([await checking.stand(connection, quota, seen, asked) for quota in quotas])

    async def add(self, actor: Actor, new: NewQuota) -> QuotaView:
        """Raises Invalid (product, category, level), NotFound (customer)."""
        actor.require(Right.QUOTA_MANAGE)
        async with self._database.begin() as session:
            await _check(session, actor, new.customer_id)
            values = new.model_dump() | {"changed_at": self._clock()}
            made = await _written(session, insert(Quota).values(values).returning(Quota.id))
            view = await _read(session, made or 0)
            await trail.record(
                session, actor.user_id, "quota.create", _QUOTA, view.id, after=asdict(view)
            )
        log.info("quota_added", quota=view.id, by=actor.user_id)
        return view

    async def change(self, actor: Actor, quota_id: int, content: ChangedQuota) -> QuotaView:
        """Raises NotFound, Conflict (edited since), Invalid."""
        actor.require(Right.QUOTA_MANAGE)
        async with self._database.begin() as session:
            before = await _read(session, quota_id)
            await _check(session, actor, before.customer_id)
            await _check(session, actor, content.customer_id)
            values = content.model_dump(exclude={"version"}) | {
                "version": content.version + 1,
                "changed_at": self._clock(),
            }
            changed = await _written(
                session,
                update(Quota)
                .where(Quota.id == quota_id, Quota.version == content.version)
                .values(values)
                .returning(Quota.id),
            )
            if changed is None:
                raise _edited_since(before.version)
            view = await _read(session, quota_id)
            was, became = trail.changes(asdict(before), asdict(view))
            await trail.record(
                session, actor.user_id, "quota.update", _QUOTA, quota_id, before=was, after=became
            )
        return view

    async def grant(self, actor: Actor, quota_id: int, given: NewGrant) -> Standing:
        """Give a customer more of a quota in one period, or take some back; how it then stands.

        Raises NotFound, Invalid (the quota is not for this customer).
        """
        actor.require(Right.QUOTA_MANAGE)
        today = given.on or self._clock().astimezone(self._zone).date()
        async with self._database.begin() as session:
            customer_id = await must_see(session, actor, given.customer_id)
            row = (
                await session.execute(select(Quota).where(Quota.id == quota_id))
            ).scalar_one_or_none()
            if row is None:
                raise NotFound(f"There is no quota {quota_id}.")
            found = await session.scalars(_BUYER_KEYS, {"customer_id": customer_id})
            if row.buyer_key not in found.all():
                raise Invalid(
                    "This quota is not for this customer.", fields={"customer_id": "other"}
                )
            quota = checking.terms(vars(row))
            values = {
                "quota_id": quota_id,
                "customer_id": customer_id,
                "period_begins": quota.begins(today),
                "quantity": given.quantity,
                "reason": given.reason,
                "given_by": actor.user_id,
                "given_at": self._clock(),
            }
            await session.execute(insert(QuotaGrant).values(values))
            await trail.record(
                session, actor.user_id, "quota.grant", _QUOTA, quota_id, after=values
            )
            asked = Asked((), {}, today, self._zone)
            return await checking.stand(session, quota, customer_id, asked)

    async def windows(self, actor: Actor) -> tuple[WindowView, ...]:
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            rows = await connection.execute(
                _WINDOW_VIEW.order_by(OrderWindow.active.desc(), OrderWindow.id)
            )
            return tuple(_window(row) for row in rows)

    async def windows_of_customer(self, actor: Actor, customer_id: int) -> tuple[WindowView, ...]:
        """When this customer may order; none at all: always. Raises NotFound."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            keys = (await connection.scalars(_BUYER_KEYS, {"customer_id": seen})).all()
            theirs = (
                or_(column.is_(None), func.concat(kind, column).in_(keys))
                for kind, column in (
                    ("level:", OrderWindow.level_code),
                    ("route:", OrderWindow.route_code),
                )
            )
            rows = await connection.execute(
                _WINDOW_VIEW.where(OrderWindow.active, *theirs).order_by(OrderWindow.id)
            )
            return tuple(_window(row) for row in rows)

    async def add_window(self, actor: Actor, new: NewWindow) -> WindowView:
        """Raises Invalid (level)."""
        actor.require(Right.QUOTA_MANAGE)
        async with self._database.begin() as session:
            statement = insert(OrderWindow).values(_window_values(new)).returning(OrderWindow.id)
            view = await _read_window(session, await _written(session, statement) or 0)
            await trail.record(
                session, actor.user_id, "order_window.create", _WINDOW, view.id, after=asdict(view)
            )
        return view

    async def change_window(
        self, actor: Actor, window_id: int, content: ChangedWindow
    ) -> WindowView:
        """Raises NotFound, Conflict (edited since), Invalid (level)."""
        actor.require(Right.QUOTA_MANAGE)
        async with self._database.begin() as session:
            before = await _read_window(session, window_id)
            changed = await _written(
                session,
                update(OrderWindow)
                .where(OrderWindow.id == window_id, OrderWindow.version == content.version)
                .values(_window_values(content) | {"version": content.version + 1})
                .returning(OrderWindow.id),
            )
            if changed is None:
                raise _edited_since(before.version)
            view = await _read_window(session, window_id)
            was, became = trail.changes(asdict(before), asdict(view))
            await trail.record(
                session, actor.user_id, "order_window.update", _WINDOW, window_id,
                before=was, after=became,
            )  # fmt: skip
        return view


async def _check(session: AsyncSession, actor: Actor, customer_id: int | None) -> None:
    if customer_id is not None:
        await must_see(session, actor, customer_id)


def _window_values(content: NewWindow | ChangedWindow) -> dict[str, Any]:
    values = content.model_dump(exclude={"version"})
    return values | {"weekdays": sorted(content.weekdays)}


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


def _edited_since(version: int) -> Conflict:
    return Conflict(
        "Somebody else has changed this since you opened it: look at it as it is now.",
        fields={"version": version},
    )


async def _read(holder: AsyncSession | AsyncConnection, quota_id: int) -> QuotaView:
    row = (await holder.execute(_VIEW.where(Quota.id == quota_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no quota {quota_id}.")
    return _quota(row)


async def _read_window(holder: AsyncSession | AsyncConnection, window_id: int) -> WindowView:
    row = (await holder.execute(_WINDOW_VIEW.where(OrderWindow.id == window_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no order window {window_id}.")
    return _window(row)


def _quota(row: Row[*tuple[Any, ...]]) -> QuotaView:
    return QuotaView(*tuple(row))


def _window(row: Row[*tuple[Any, ...]]) -> WindowView:
    return WindowView(
        row.id, row.name_zh, row.name_en, row.level_code, row.route_code, tuple(row.weekdays), row.opens,
        row.closes, row.active, row.version,
    )  # fmt: skip
