"""Couriers with their tariffs and numbers, as SQL inside the caller's transaction.

Rule: a courier and its tariffs are one record; a number is drawn by the statement that counts it as used, so
that no two parcels get the same.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.errors import Invalid
from crm_core.versioned import put
from orders.delivery import numbers
from orders.delivery.choice import Carrier, Tariff
from orders.delivery.codes import Check
from orders.delivery.commands import CourierContent, NewRange, PutCourier
from orders.delivery.errors import NumbersUsedUp, UnknownCourier
from orders.delivery.tables import Courier, CourierTariff, NumberRange
from orders.delivery.views import CourierView

_LISTS = ("ways", "not_served")
_PLAIN = (
    *("code", "name_zh", "name_en", "kind", "paper", "priority", "number_check", "cod"),
    *("cod_fee_percent", "cod_fee_least", "cod_most", "feedback_columns", "feedback_codes"),
    *("active", "version"),
)


async def all_of_them(holder: AsyncSession | AsyncConnection) -> tuple[CourierView, ...]:
    """By priority, the inactive ones too."""
    return await _read(holder)


async def read(holder: AsyncSession | AsyncConnection, code: str) -> CourierView:
    """Raises UnknownCourier."""
    found = await _read(holder, code)
    if not found:
        raise UnknownCourier(code)
    return found[0]


async def carriers(holder: AsyncSession | AsyncConnection) -> tuple[Carrier, ...]:
    """Those that may be chosen."""
    return tuple(carrier(each) for each in await _read(holder) if each.active)


def carrier(view: CourierView) -> Carrier:
    return Carrier(
        view.code,
        frozenset(view.ways),
        view.not_served,
        view.priority,
        view.cod,
        view.cod_fee_percent,
        view.cod_fee_least,
        view.cod_most,
        view.tariffs,
    )


async def store(session: AsyncSession, code: str, content: PutCourier) -> None:
    """Raises Conflict (edited since, code taken)."""
    values = content.model_dump(exclude={"version", "tariffs"})
    values |= {name: sorted(values[name]) for name in _LISTS}
    await put(session, Courier, code, content.version, values)
    await session.execute(delete(CourierTariff).where(CourierTariff.courier_code == code))
    if rows := _tariff_rows(code, content):
        await session.execute(insert(CourierTariff), rows)


async def add_range(
    session: AsyncSession, code: str, new: NewRange, actor_id: int | None, now: datetime
) -> int:
    """Raises UnknownCourier, Invalid (S10 says how its numbers look)."""
    courier = await read(session, code)
    if not new.fits(Check(courier.number_check)):
        raise Invalid(
            "Numbers by S10 have two letters, eight digits (the ninth is the check digit) and two"
            " letters: correct prefix, width and suffix.",
            fields={"width": "s10"},
        )
    made = await session.execute(
        insert(NumberRange)
        .values(
            courier_code=code,
            next_serial=new.first_serial,
            created_by=actor_id,
            created_at=now,
            **new.model_dump(),
        )
        .returning(NumberRange.id)
    )
    return made.scalar_one()


async def draw(session: AsyncSession, code: str, check: Check) -> str:
    """The next number. Raises NumbersUsedUp."""
    first = (
        select(NumberRange.id)
        .where(NumberRange.courier_code == code, NumberRange.next_serial <= NumberRange.last_serial)
        .order_by(NumberRange.id)
        .limit(1)
        .with_for_update()
    )
    range_id = await session.scalar(first)
    # A range that another one has just used up is passed by, and the next one looked for.
    range_id = range_id or await session.scalar(first)
    if range_id is None:
        raise NumbersUsedUp(
            f"The waybill numbers of {code} are used up: enter the next range.",
            fields={"courier_code": code},
        )
    row = (
        await session.execute(
            update(NumberRange)
            .where(NumberRange.id == range_id)
            .values(next_serial=NumberRange.next_serial + 1)
            .returning(
                NumberRange.prefix,
                NumberRange.next_serial,
                NumberRange.width,
                NumberRange.suffix,
            )
        )
    ).one()
    return numbers.made(check, row.prefix, row.next_serial - 1, row.width, row.suffix)


async def _read(
    holder: AsyncSession | AsyncConnection, code: str | None = None
) -> tuple[CourierView, ...]:
    left = (
        select(func.coalesce(func.sum(NumberRange.last_serial - NumberRange.next_serial + 1), 0))
        .where(NumberRange.courier_code == Courier.code)
        .scalar_subquery()
    )
    table = Courier.__table__
    found = select(*(table.c[name] for name in (*_PLAIN, *_LISTS)), left.label("left"))
    tariffs = select(CourierTariff.__table__)
    if code is not None:
        found, tariffs = (
            found.where(Courier.code == code),
            tariffs.where(CourierTariff.courier_code == code),
        )
    by_courier: dict[str, list[Tariff]] = {}
    for row in await holder.execute(
        tariffs.order_by(CourierTariff.courier_code, CourierTariff.place)
    ):
        by_courier.setdefault(row.courier_code, []).append(
            Tariff(
                tuple(row.areas),
                row.over_g,
                row.up_to_g,
                row.first_g,
                row.first_price,
                row.further_g,
                row.further_price,
                row.days,
            )
        )
    rows = await holder.execute(found.order_by(Courier.priority, Courier.code))
    return tuple(
        CourierView(
            **{name: getattr(row, name) for name in _PLAIN},
            ways=tuple(row.ways),
            not_served=tuple(row.not_served),
            tariffs=tuple(by_courier.get(row.code, ())),
            numbers_left=int(row.left),
        )
        for row in rows
    )


def _tariff_rows(code: str, content: CourierContent) -> Sequence[dict[str, object]]:
    return [
        each.model_dump() | {"areas": list(each.areas), "courier_code": code, "place": place}
        for place, each in enumerate(content.tariffs)
    ]
