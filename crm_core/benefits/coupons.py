"""Coupons issued, taken by orders and given back, as SQL inside the caller's transaction.

Rule: an order takes a coupon by locking its row before it knows its own total, and uses it up when it has
an id; of two orders at once the second one finds it used. A coupon that an order gives back is valid until
its old date.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.benefits.codes import new_code, read_code
from crm_core.benefits.discounts import discount
from crm_core.benefits.tables import Coupon, CouponKind
from crm_core.benefits.views import CouponView, Taken
from crm_core.customers.tables import Customer
from crm_core.errors import Conflict, Invalid, NotFound
from crm_core.rights import Actor

ENTITY = "coupon"


class CouponRefused(Invalid):
    """`fields` names the coupon."""

    code = "coupon_refused"


async def issue(
    session: AsyncSession,
    actor: Actor,
    kind_code: str,
    customer_ids: Sequence[int],
    *,
    reason: str | None,
    now: datetime,
    source: str | None = None,
) -> tuple[int, ...]:
    """One for each; their ids. With a source only once, whoever asks. Raises Invalid (the kind)."""
    whom = [(each, source) for each in customer_ids]
    return await _issue(session, actor, kind_code, whom, reason=reason, now=now)


async def issue_each(
    session: AsyncSession,
    actor: Actor,
    kind_code: str,
    customer_ids: Sequence[int],
    *,
    reason: str | None,
    now: datetime,
    run_id: int,
) -> int:
    """One for each of a run, whoever goes on with it; how many. Raises Invalid (the kind)."""
    whom = [(each, f"run:{run_id}:{each}") for each in customer_ids]
    return len(await _issue(session, actor, kind_code, whom, reason=reason, now=now)) if whom else 0


async def _issue(
    session: AsyncSession,
    actor: Actor,
    kind_code: str,
    whom: Sequence[tuple[int, str | None]],
    *,
    reason: str | None,
    now: datetime,
) -> tuple[int, ...]:
    days = await session.scalar(
        select(CouponKind.valid_days).where(CouponKind.code == kind_code, CouponKind.active)
    )
    if days is None:
        raise Invalid(
            "There is no such kind of coupon: choose one of the list.",
            fields={"kind_code": "unknown"},
        )
    common = {
        "kind_code": kind_code,
        "reason": reason,
        "issued_by": actor.user_id,
        "issued_at": now,
        "valid_from": now,
        "valid_until": now + timedelta(days=days),
    }
    rows = [
        common | {"code": new_code(), "customer_id": customer_id, "source": source}
        for customer_id, source in whom
    ]
    statement = upsert(Coupon).on_conflict_do_nothing(index_elements=["source"]).values(rows)
    made = (await session.execute(statement.returning(Coupon.id, Coupon.source))).all()
    await trail.record_many(
        session,
        [
            trail.Entry(
                actor.user_id,
                "coupon.issue",
                ENTITY,
                each.id,
                after={"kind_code": kind_code, "source": each.source},
            )
            for each in made
        ],
    )
    return tuple(each.id for each in made)


async def take(
    session: AsyncSession, codes: Sequence[str], customer_id: int, total: Decimal, now: datetime
) -> tuple[Taken, ...]:
    """Lock these coupons for an order of this total; days are said in the zone of `now`.

    Raises CouponRefused with the reason.
    """
    wanted = [_read(code) for code in codes]
    if len(set(wanted)) != len(wanted):
        raise CouponRefused("The same coupon is given twice.", fields={"coupon_codes": "double"})
    rows = await session.execute(
        _usable().where(Coupon.code.in_(wanted)).order_by(Coupon.id).with_for_update(of=Coupon)
    )
    found = {row.code: row for row in rows}
    level = await session.scalar(select(Customer.level_code).where(Customer.id == customer_id))
    left, taken = total, []
    for code in wanted:
        row = found.get(code)
        if row is None or row.customer_id != customer_id:
            raise _refused(code, "is not one of this customer's")
        _check(row, level, total, now)
        off = discount(row.what, row.value, left, most=row.most_discount)
        left -= off
        taken.append(Taken(row.id, code, row.name_zh, row.name_en, off))
    return tuple(taken)


async def use(session: AsyncSession, taken: Sequence[Taken], order_id: int, now: datetime) -> None:
    """The order that took them exists now."""
    for each in taken:
        await session.execute(
            update(Coupon)
            .where(Coupon.id == each.id, Coupon.state == "issued")
            .values(state="used", used_for=order_id, used_at=now, discount=each.discount)
        )


async def give_back(session: AsyncSession, order_id: int) -> None:
    """The order is not carried out: what it used may be used again."""
    await session.execute(
        update(Coupon)
        .where(Coupon.used_for == order_id, Coupon.state == "used")
        .values(state="issued", used_for=None, used_at=None, discount=None)
    )


async def cancel(session: AsyncSession, actor: Actor, coupon_id: int) -> None:
    """Raises NotFound, Conflict (used or cancelled before)."""
    state = await session.scalar(
        select(Coupon.state).where(Coupon.id == coupon_id).with_for_update()
    )
    if state is None:
        raise NotFound(f"There is no coupon {coupon_id}.")
    if state != "issued":
        raise Conflict(f"This coupon is {state} already.", fields={"state": state})
    await session.execute(update(Coupon).where(Coupon.id == coupon_id).values(state="cancelled"))
    await trail.record(session, actor.user_id, "coupon.cancel", ENTITY, coupon_id)


async def of_customer(
    connection: AsyncConnection, customer_id: int, now: datetime, limit: int
) -> tuple[CouponView, ...]:
    """Those that can be used first, by their end; then the others, the latest first."""
    expired = (Coupon.state == "issued") & (Coupon.valid_until <= now)
    state = case((expired, "expired"), else_=Coupon.state)
    rows = await connection.execute(
        select(
            Coupon.id, Coupon.code, Coupon.kind_code, CouponKind.name_zh, CouponKind.name_en,
            CouponKind.what, CouponKind.value, CouponKind.least_total, Coupon.customer_id,
            state.label("now"), Coupon.valid_until, Coupon.reason, Coupon.issued_at,
            Coupon.used_for, Coupon.used_at, Coupon.discount,
        )
        .join(CouponKind, CouponKind.code == Coupon.kind_code)
        .where(Coupon.customer_id == customer_id)
        .order_by(state != "issued", Coupon.valid_until, Coupon.id)
        .limit(limit)
    )  # fmt: skip
    return tuple(CouponView(*row) for row in rows)


def _usable() -> Select[*tuple[Any, ...]]:
    return select(
        Coupon.id,
        Coupon.code,
        Coupon.customer_id,
        Coupon.state,
        Coupon.valid_until,
        CouponKind.name_zh,
        CouponKind.name_en,
        CouponKind.what,
        CouponKind.value,
        CouponKind.least_total,
        CouponKind.most_discount,
        CouponKind.level_codes,
    ).join(CouponKind, CouponKind.code == Coupon.kind_code)


def _check(row: Any, level: str | None, total: Decimal, now: datetime) -> None:
    if row.state != "issued":
        raise _refused(row.code, "was used" if row.state == "used" else "is cancelled")
    if row.valid_until <= now:
        raise _refused(row.code, f"ended on {row.valid_until.astimezone(now.tzinfo):%Y-%m-%d}")
    if row.level_codes and level not in row.level_codes:
        raise _refused(row.code, "is not for this customer's level")
    if total < row.least_total:
        raise _refused(row.code, f"needs an order of at least {row.least_total}")


def _read(code: str) -> str:
    found = read_code(code)
    if found is None:
        raise _refused(code[:20], "cannot be right: a sign is wrong or missing")
    return found


def _refused(code: str, why: str) -> CouponRefused:
    return CouponRefused(f"The coupon {code} {why}.", fields={"coupon_codes": code})
