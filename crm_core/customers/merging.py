"""Two records of one customer become one, and can become two again.

Rule: nothing is lost. Whatever refers to the dropped customer comes to the kept one and is noted, row by
row, for the way back; what both have only once, and what says something of the two of them, stays with
the dropped record, and the audit trail says how much that is. Credit that is in use is
never copied: it is the sum of what the rows that now belong to a customer hold. Nor is what is overdue, but for what
was entered by hand, of which no more goes back than is still there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.audit import trail
from crm_core.customers import tree
from crm_core.customers.insight_queue import touch
from crm_core.customers.references import Reference, credit_columns, movable
from crm_core.customers.tables import (
    Customer,
    CustomerAddress,
    CustomerMerge,
    CustomerPhone,
    CustomValue,
    Level,
    Territory,
)
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor, Right

log = structlog.get_logger(__name__)

_FILLED = (
    "email", "fax", "wecom", "wecom_group", "language", "birthday", "anniversary", "note", "area_code",
    "province", "city",
)  # fmt: skip
_CLIMB = text(
    "UPDATE customers SET"
    " parent_id = CASE WHEN id = ANY (:children) THEN :above ELSE parent_id END,"
    " path = CAST(:path AS integer[]) || path[array_position(path, :below) + 1:]"
    " WHERE id = ANY (:children) OR path && CAST(:children AS integer[])"
)


@dataclass(frozen=True, slots=True)
class MergeView:
    id: int
    kept_id: int
    dropped_id: int
    at: datetime
    actor_id: int | None
    undone_at: datetime | None


class MergeService:
    """Merging, and undoing it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def merge(
        self, actor: Actor, kept: tuple[int, int], dropped: tuple[int, int]
    ) -> MergeView:
        """Both as (id, version). Raises Forbidden, NotFound, Conflict (edited since), Invalid."""
        actor.require(Right.CUSTOMER_MERGE)
        if kept[0] == dropped[0]:
            raise Invalid("Choose two different customers.", fields={"dropped_id": "same"})
        async with self._database.begin() as session:
            await tree.lock(session)
            for customer_id, _ in (kept, dropped):
                await must_see(session, actor, customer_id)
            rows = await _lock(session, dict((kept, dropped)))
            merge_id = await _merge(session, actor, rows[kept[0]], rows[dropped[0]])
            found = await _get(session, merge_id)
        log.info("customers_merged", kept=kept[0], dropped=dropped[0], by=actor.user_id)
        return found

    async def undo(self, actor: Actor, merge_id: int) -> MergeView:
        """What came with the dropped customer goes back; what came since stays.

        Raises Forbidden, NotFound, Conflict (undone already, or merged further).
        """
        actor.require(Right.CUSTOMER_MERGE)
        async with self._database.begin() as session:
            await tree.lock(session)
            merge = await session.get(CustomerMerge, merge_id, with_for_update=True)
            if merge is None:
                raise NotFound(f"There is no merge {merge_id}.")
            if merge.undone_at is not None:
                raise Conflict("This merge is undone already.")
            await must_see(session, actor, merge.kept_id)
            await _undo(session, actor, merge)
            found = await _get(session, merge_id)
        log.info("customers_parted", kept=found.kept_id, dropped=found.dropped_id)
        return found

    async def of_customer(self, actor: Actor, customer_id: int) -> tuple[MergeView, ...]:
        """The merges this customer took part in, the latest first. Raises Forbidden, NotFound."""
        actor.require(Right.CUSTOMER_VIEW)
        async with self._database.reading() as connection:
            seen = await must_see(connection, actor, customer_id)
            part = or_(
                CustomerMerge.kept_id == seen,
                CustomerMerge.dropped_id.in_((seen, customer_id)),
            )
            rows = await connection.execute(_VIEW.where(part).order_by(CustomerMerge.id.desc()))
            return tuple(MergeView(*row) for row in rows)


_VIEW = select(
    CustomerMerge.id,
    CustomerMerge.kept_id,
    CustomerMerge.dropped_id,
    CustomerMerge.at,
    CustomerMerge.actor_id,
    CustomerMerge.undone_at,
)


async def _merge(session: AsyncSession, actor: Actor, kept: Customer, dropped: Customer) -> int:
    if dropped.id in kept.path:
        raise Invalid(
            "The customer to drop stands above the one to keep: keep that one, or move this one first.",
            fields={"dropped_id": "above"},
        )
    if not await tree.fits_above(session, dropped.id, kept.level_code):
        raise Invalid(
            "Customers below the one to drop have a higher level than the one to keep: keep that one, or move "
            "them first.",
            fields={"dropped_id": "level"},
        )
    moved = await _make_room(session, dropped.id, kept.id)
    moved["customers.parent_id"] = await _children(session, dropped.id)
    await _climb(session, moved["customers.parent_id"], dropped, kept)
    left: dict[str, int] = {}
    for each in movable():
        if each.name != "customers.parent_id":
            moved[each.name] = await _repoint(session, each, dropped.id, kept.id)
            left[each.name] = await _left(session, each, dropped.id)
    filled = {
        name: _plain(getattr(dropped, name))
        for name in _FILLED
        if getattr(kept, name) is None and getattr(dropped, name) is not None
    }
    values = {name: getattr(dropped, name) for name in filled}
    refused = sorted(set(dropped.opt_outs) - set(kept.opt_outs))
    values["opt_outs"] = sorted({*kept.opt_outs, *refused})
    entered = kept.overdue_entered + dropped.overdue_entered
    await _set(session, kept, overdue_entered=entered, **values)
    await _set(session, dropped, merged_into_id=kept.id, overdue_entered=Decimal(0))
    await _settle_credit(session, kept.id, dropped.id)
    await touch(session, (kept.id, dropped.id))
    merge_id: int = (
        await session.execute(
            insert(CustomerMerge)
            .values(
                kept_id=kept.id,
                dropped_id=dropped.id,
                moved={name: keys for name, keys in moved.items() if keys},
                filled=filled
                | {"overdue_entered": str(dropped.overdue_entered), "opt_outs": refused},
                actor_id=actor.user_id,
            )
            .returning(CustomerMerge.id)
        )
    ).scalar_one()
    for one, other, role in ((kept, dropped, "dropped_id"), (dropped, kept, "kept_id")):
        told = {"merge_id": merge_id, role: other.id, "left": {k: n for k, n in left.items() if n}}
        await trail.record(session, actor.user_id, "customer.merge", "customer", one.id, after=told)
    return merge_id


async def _undo(session: AsyncSession, actor: Actor, merge: CustomerMerge) -> None:
    rows = await _lock(session, {merge.kept_id: None, merge.dropped_id: None})
    kept, dropped = rows[merge.kept_id], rows[merge.dropped_id]
    if dropped.merged_into_id != kept.id or kept.merged_into_id is not None:
        raise Conflict("The customer was merged further since: undo that merge first.")
    moved = merge.moved
    children = [child for child in moved.get("customers.parent_id", []) if isinstance(child, int)]
    await _check_place(session, dropped)
    still = await _returning(session, children, kept, dropped)
    entered = min(Decimal(str(merge.filled["overdue_entered"])), kept.overdue_entered)
    await _set(session, dropped, merged_into_id=None, overdue_entered=entered)
    await _climb(session, still, kept, dropped)
    for each in movable():
        if each.name in moved and each.name != "customers.parent_id":
            await _give_back(session, each, moved[each.name], merge)
    await _restore_main(session, merge)
    emptied = {
        name: None
        for name, value in merge.filled.items()
        if name in _FILLED and _plain(getattr(kept, name)) == value
    }
    came = merge.filled.get("opt_outs", [])
    assert isinstance(came, list)
    stays = [each for each in kept.opt_outs if each not in came]
    left = kept.overdue_entered - entered
    await _set(session, kept, overdue_entered=left, opt_outs=stays, **emptied)
    await _settle_credit(session, kept.id, dropped.id)
    await touch(session, (kept.id, dropped.id))
    await session.execute(
        update(CustomerMerge).where(CustomerMerge.id == merge.id).values(undone_at=func.now())
    )
    for customer_id in (kept.id, dropped.id):
        await trail.record(
            session,
            actor.user_id,
            "customer.unmerge",
            "customer",
            customer_id,
            after={"merge_id": merge.id},
        )


async def _lock(
    session: AsyncSession, versions: Mapping[int, int | None]
) -> Mapping[int, Customer]:
    """Both rows, in the order of their ids; without a version any is right."""
    found = await session.scalars(
        select(Customer).where(Customer.id.in_(versions)).order_by(Customer.id).with_for_update()
    )
    rows = {row.id: row for row in found}
    session.expunge_all()
    for customer_id, version in versions.items():
        row = rows.get(customer_id)
        if row is None:
            raise NotFound(f"There is no customer {customer_id}.")
        if version is not None and (row.version != version or row.merged_into_id is not None):
            raise Conflict(
                "One of the two was changed or merged since you opened it: look again.",
                fields={"version": row.version},
            )
    return rows


async def _children(session: AsyncSession, customer_id: int) -> list[object]:
    found = await session.scalars(select(Customer.id).where(Customer.parent_id == customer_id))
    return list(found)


async def _returning(
    session: AsyncSession, children: Iterable[int], kept: Customer, dropped: Customer
) -> list[object]:
    """Those who came along, still stand there, and may stand below the dropped customer again."""
    merged = Customer.merged_into_id.is_not(None)
    fits = merged | (Level.rank >= await tree.rank(session, dropped.level_code))
    found = await session.scalars(
        select(Customer.id)
        .join(Level, Level.code == Customer.level_code)
        .where(
            Customer.id.in_(children),
            Customer.parent_id == kept.id,
            Customer.id.not_in(dropped.path),
            fits,
        )
    )
    return list(found)


async def _check_place(session: AsyncSession, dropped: Customer) -> None:
    """What stands above the dropped customer may have changed while it was no customer of its own."""
    if dropped.parent_id is None:
        return
    above = (
        await session.execute(
            select(Customer.name, Level.rank)
            .join(Level, Level.code == Customer.level_code)
            .where(Customer.id == dropped.parent_id)
        )
    ).one()
    if above.rank > await tree.rank(session, dropped.level_code):
        raise Conflict(
            f"{above.name}, above the dropped customer, stands further out in the channel now: change its "
            "level first.",
            fields={"parent_id": "level"},
        )


async def _climb(
    session: AsyncSession, children: Iterable[object], below: Customer, above: Customer
) -> None:
    """Move these, with everybody under them, from one customer to another."""
    ids = list(children)
    if ids:
        await session.execute(
            _CLIMB,
            {
                "children": ids,
                "above": above.id,
                "below": below.id,
                "path": [*above.path, above.id],
            },
        )


async def _repoint(
    session: AsyncSession, each: Reference, from_id: int, to_id: int
) -> list[object]:
    """The keys of the rows that came along."""
    rows = await session.execute(
        update(each.table)
        .where(each.column == from_id, _fits(each, to_id))
        .values({each.column: to_id})
        .returning(*each.keys)
    )
    return [_key(row) for row in rows]


async def _left(session: AsyncSession, each: Reference, dropped_id: int) -> int:
    """How many rows did not fit and stay with the dropped record."""
    query = select(func.count()).select_from(each.table).where(each.column == dropped_id)
    return (await session.scalar(query)) or 0


async def _give_back(
    session: AsyncSession, each: Reference, keys: Iterable[object], merge: CustomerMerge
) -> None:
    """Those of the rows that are still with the kept customer."""
    for key in keys:
        values = key if isinstance(key, list) else [key]
        same = and_(*(column == value for column, value in zip(each.keys, values, strict=True)))
        await session.execute(
            update(each.table)
            .where(same, each.column == merge.kept_id)
            .values({each.column: merge.dropped_id})
        )


def _fits(each: Reference, to_id: int) -> ColumnElement[bool]:
    """Rows of which a customer has only one stay where the other one has its own, and so do those that
    would name the same customer twice.
    """
    if each.table is CustomValue.__table__:
        own = aliased(CustomValue)
        return ~exists().where(own.customer_id == to_id, own.field_id == CustomValue.field_id)
    if each.table is Territory.__table__:
        there = aliased(Territory)
        same = there.city.is_not_distinct_from(Territory.city)
        return ~exists().where(
            there.customer_id == to_id, there.province == Territory.province, same
        )
    fits = true() if each.other is None else each.other != to_id
    if each.alone_by is not None:
        own_rows = each.table.alias()
        alike = (own_rows.c[column.name] == column for column in each.alone_by)
        fits = and_(fits, ~exists().where(own_rows.c[each.column.name] == to_id, *alike))
    return fits


_MAIN: tuple[type[CustomerPhone | CustomerAddress], ...] = (CustomerPhone, CustomerAddress)


async def _make_room(session: AsyncSession, from_id: int, to_id: int) -> dict[str, list[object]]:
    """A main entry stays the main one only where there is none yet; the ids of those that do not."""
    demoted: dict[str, list[object]] = {}
    for table in _MAIN:
        there = aliased(table)
        ids = await session.scalars(
            update(table)
            .where(
                table.customer_id == from_id,
                table.is_main,
                exists().where(there.customer_id == to_id, there.is_main),
            )
            .values(is_main=False)
            .returning(table.id)
        )
        demoted[f"{table.__tablename__}.is_main"] = list(ids)
    return demoted


async def _restore_main(session: AsyncSession, merge: CustomerMerge) -> None:
    """What was the main entry of the dropped customer is it again, unless it has another one now."""
    for table in _MAIN:
        there = aliased(table)
        own = there.customer_id == merge.dropped_id
        await session.execute(
            update(table)
            .where(
                table.id.in_(merge.moved.get(f"{table.__tablename__}.is_main", [])),
                table.customer_id == merge.dropped_id,
                ~exists().where(own, there.is_main),
            )
            .values(is_main=True)
        )


async def _settle_credit(session: AsyncSession, *customers: int) -> None:
    """Credit in use is what the customer's rows hold."""
    held = [
        select(func.coalesce(func.sum(money), 0)).where(named == Customer.id).scalar_subquery()
        for money, named in credit_columns()
    ]
    if held:
        total = held[0]
        for more in held[1:]:
            total = total + more  # type: ignore[assignment]
        await session.execute(
            update(Customer).where(Customer.id.in_(customers)).values(credit_used=total)
        )


async def _set(session: AsyncSession, customer: Customer, **values: Any) -> None:
    await session.execute(
        update(Customer)
        .where(Customer.id == customer.id)
        .values(**values, version=customer.version + 1, updated_at=func.now())
    )


async def _get(session: AsyncSession, merge_id: int) -> MergeView:
    return MergeView(*(await session.execute(_VIEW.where(CustomerMerge.id == merge_id))).one())


def _key(row: Any) -> object:
    return row[0] if len(row) == 1 else list(row)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str) else str(value)
