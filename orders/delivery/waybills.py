"""Waybills as SQL inside the caller's transaction. Rule: whoever makes one holds the order's row, whoever
changes one holds the waybill's, and then the order's; so nobody waits in a circle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Select, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import must_see, within_scope
from crm_core.rights import Actor
from orders.catalogue.tables import Product, ProductPack
from orders.delivery import choice, consignees, couriers, numbers, standing
from orders.delivery.choice import Choice, Offer, Parcel
from orders.delivery.codes import Check, State, Way, WaybillKind
from orders.delivery.commands import MakeWaybills, UnsortedQuery, WaybillQuery
from orders.delivery.errors import (
    NoCourier,
    OnLoadList,
    UnknownWaybill,
    WaybillExists,
    WaybillState,
)
from orders.delivery.run_tables import DeliveryRun, RunStop
from orders.delivery.tables import Courier, Waybill
from orders.delivery.views import ConsigneeView, UnsortedView, WaybillView
from orders.errors import MoveNotAllowed, UnknownOrder
from orders.reasons import Reason
from orders.sales.flow import Status
from orders.sales.tables import Order, OrderedLine

ENTITY = "waybill"
_SENT = {
    Status.SHIPPED,
    Status.IN_TRANSIT,
    Status.DELIVERED,
    Status.REFUSED,
    Status.RETURNED,
    Status.EXCHANGED,
}
_MOST = 2_000_000_000
_ORDER_CHANGED = "the order was changed"
_NEVER = frozenset({"no_cod", "cod_too_much"})
_COLUMNS = (
    Waybill.id, Waybill.order_id, Order.number.label("order_number"),
    Order.status.label("order_status"), Order.customer_id, Customer.name.label("customer_name"),
    Waybill.courier_code, Courier.name_zh.label("courier_zh"), Courier.name_en.label("courier_en"),
    Waybill.number, Waybill.kind, Waybill.state, Waybill.weight_g, Waybill.volume_ml,
    Waybill.freight, Waybill.cod_amount, Waybill.cod_fee, Waybill.collected, Waybill.why,
    Waybill.reason, Waybill.created_at, Waybill.printed_at, Waybill.handed_over_at, Waybill.due_at,
    Waybill.late_at, Waybill.state_at, Waybill.voided_reason, standing.outdated().label("outdated"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measures:
    """What an order weighs; `unknown` are products that nobody has weighed, which count nothing."""

    weight_g: int
    volume_ml: int
    unknown: tuple[str, ...]

    @property
    def pair(self) -> tuple[int, int]:
        return self.weight_g, self.volume_ml


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order as the choice of its courier sees it."""

    order: Order
    consignee: ConsigneeView
    measures: Measures
    choice: Choice
    cod_amount: Decimal


def selected() -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS)
        .join(Order, Order.id == Waybill.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Courier, Courier.code == Waybill.courier_code)
    )


def view(row: Any) -> WaybillView:
    values = dict(row._mapping)  # noqa: SLF001
    why = tuple(Reason(each["code"], each["params"]) for each in values.pop("why"))
    return WaybillView(**values, why=why)


async def read(
    holder: AsyncSession | AsyncConnection, actor: Actor, waybill_id: int
) -> WaybillView:
    """Raises UnknownWaybill, also for one of a customer whom the actor may not see."""
    found = selected().where(Waybill.id == waybill_id, within_scope(actor))
    row = (await holder.execute(found)).one_or_none()
    if row is None:
        raise UnknownWaybill(f"There is no waybill {waybill_id}.")
    return view(row)


async def listed(
    connection: AsyncConnection, actor: Actor, query: WaybillQuery
) -> tuple[WaybillView, ...]:
    found = selected().where(within_scope(actor)).order_by(Waybill.id.desc()).limit(query.limit)
    for column, value in (
        (Waybill.order_id, query.order_id),
        (Waybill.courier_code, query.courier_code),
        (Waybill.number, query.number),
        (Waybill.state, query.state),
    ):
        if value is not None:
            found = found.where(column == value)
    if query.late:
        found = found.where(Waybill.late_at.is_not(None))
    if query.before is not None:
        found = found.where(Waybill.id < query.before)
    return tuple(view(row) for row in await connection.execute(found))


async def on_their_way(
    holder: AsyncSession | AsyncConnection, order_ids: Collection[int]
) -> Sequence[WaybillView]:
    """Those that carry these orders to the customer."""
    found = selected().where(
        Waybill.order_id.in_(order_ids),
        Waybill.kind == WaybillKind.OUTWARD,
        Waybill.state != State.VOID,
    )
    return [view(row) for row in await holder.execute(found.order_by(Waybill.id))]


async def hold(session: AsyncSession, actor: Actor, waybill_id: int) -> Waybill:
    """Its row, locked. Raises UnknownWaybill."""
    found = await session.scalar(select(Waybill).where(Waybill.id == waybill_id).with_for_update())
    if found is None:
        raise UnknownWaybill(f"There is no waybill {waybill_id}.")
    await read(session, actor, waybill_id)
    return found


async def wanted(
    session: AsyncSession, actor: Actor, order_id: int, weight_g: int | None = None, *, back: bool
) -> Wanted:
    """The order's row, locked, and who could carry it. Raises UnknownOrder, Invalid (no address)."""
    order = await session.scalar(select(Order).where(Order.id == order_id).with_for_update())
    if order is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    await must_see(session, actor, order.customer_id)
    return await considered(session, order, weight_g, back=back)


async def considered(
    session: AsyncSession, order: Order, weight_g: int | None = None, *, back: bool
) -> Wanted:
    """Raises Invalid (no address)."""
    consignee = await consignees.read(session, order.id)
    measured = (await measures(session, (order.id,)))[order.id]
    if weight_g is not None:
        measured = Measures(weight_g, measured.volume_ml, ())
    owed = await session.scalar(select(standing.due()).where(Order.id == order.id))
    amount = Decimal(0) if back or owed is None else owed
    parcel = Parcel(
        Way(consignee.way), consignee.province, consignee.city, measured.weight_g, amount
    )
    chosen = choice.choose(parcel, await couriers.carriers(session))
    return Wanted(order, consignee, measured, chosen, amount)


async def make(
    session: AsyncSession, actor: Actor, order_id: int, command: MakeWaybills, now: datetime
) -> int:
    """The new waybill's id; it takes the place of one that no longer holds.

    Raises UnknownOrder, MoveNotAllowed, Invalid (no address), NoCourier, NumbersUsedUp, BadWaybillNumber,
    WaybillExists, OnLoadList.
    """
    back = command.kind is WaybillKind.RETURN
    old = None if back else await session.scalar(_outward(order_id).with_for_update())
    asked = await wanted(session, actor, order_id, command.weight_g, back=back)
    status = asked.order.status
    if status not in (_SENT if back else {Status.PICKING}):
        raise MoveNotAllowed(status, Status.SHIPPED)
    if not back:
        await _replace(session, actor, order_id, old, now)
    offer = _offer(asked, command.courier_code)
    courier = await couriers.read(session, offer.code)
    await consignees.keep(session, order_id)
    why = [*offer.why, *(Reason("weight_unknown", {"sku": sku}) for sku in asked.measures.unknown)]
    values: dict[str, object] = {
        "order_id": order_id,
        "order_version": asked.order.version,
        "courier_code": offer.code,
        "kind": command.kind,
        "weight_g": asked.measures.weight_g,
        "volume_ml": asked.measures.volume_ml,
        "freight": offer.freight,
        "cod_amount": asked.cod_amount,
        "cod_fee": offer.cod_fee,
        "days": offer.days,
        "why": [asdict(each) for each in why],
        "reason": command.reason,
        "created_by": actor.user_id,
        "created_at": now,
        "state_at": now,
    }
    waybill_id, number = await _insert(
        session, values, offer.code, Check(courier.number_check), command.number
    )
    told = {"order": asked.order.number, "courier": offer.code, "number": number}
    await trail.record(
        session, actor.user_id, "waybill.create", ENTITY, waybill_id,
        after=told | {"freight": offer.freight, "cod_amount": asked.cod_amount, "chosen": command.courier_code is None},
    )  # fmt: skip
    return waybill_id


async def void(
    session: AsyncSession, actor: Actor, waybill_id: int, reason: str, now: datetime
) -> None:
    """Before it is handed over; the order may then have another one. Raises WaybillState, OnLoadList."""
    await _void(session, actor, await hold(session, actor, waybill_id), reason, now)


async def printed(session: AsyncSession, waybill_ids: Sequence[int], now: datetime) -> None:
    """Their papers were made."""
    await session.execute(
        update(Waybill)
        .where(Waybill.id.in_(waybill_ids), Waybill.printed_at.is_(None))
        .values(printed_at=now)
    )


def _outward(order_id: int) -> Select[Waybill]:
    """What carries the order to the customer, or will."""
    return select(Waybill).where(
        Waybill.order_id == order_id,
        Waybill.kind == WaybillKind.OUTWARD,
        Waybill.state != State.VOID,
    )


async def _replace(
    session: AsyncSession, actor: Actor, order_id: int, old: Waybill | None, now: datetime
) -> None:
    """`old` was held before the order. Raises WaybillExists, OnLoadList."""
    there = await session.scalar(_outward(order_id))
    if there is None:
        return
    if there is not old or not await standing.outdated_of(session, (there.id,)):
        raise WaybillExists(
            f"The order has waybill {there.number}: void it before you make another one.",
            fields={"number": there.number},
        )
    await _void(session, actor, there, _ORDER_CHANGED, now)


async def _void(
    session: AsyncSession, actor: Actor, waybill: Waybill, reason: str, now: datetime
) -> None:
    """Its row is held."""
    if waybill.state != State.CREATED:
        raise WaybillState(waybill.number, waybill.state)
    run = await session.scalar(
        select(DeliveryRun.number)
        .join(RunStop, RunStop.run_id == DeliveryRun.id)
        .where(RunStop.waybill_id == waybill.id, RunStop.open)
    )
    if run is not None:
        raise OnLoadList(waybill.number, run)
    waybill.state, waybill.state_at, waybill.voided_reason = State.VOID, now, reason
    await session.flush()
    await trail.record(
        session, actor.user_id, "waybill.void", ENTITY, waybill.id, after={"reason": reason}
    )


def _offer(asked: Wanted, named: str | None) -> Offer:
    """The chosen courier's, or that of the one a person names."""
    found = asked.choice.chosen if named is None else asked.choice.of(named)
    refused = found is not None and any(each.code in _NEVER for each in found.why)
    if found is None or refused or asked.consignee.way == Way.SELF_COLLECTION:
        raise NoCourier(
            "No courier can carry this order: look at the reasons, and change address, way or tariffs.",
            fields={
                offer.code: ", ".join(each.code for each in offer.why)
                for offer in asked.choice.offers
            },
        )
    return found


async def _insert(
    session: AsyncSession, values: dict[str, object], courier: str, check: Check, typed: str | None
) -> tuple[int, str]:
    """A number that somebody had typed before is passed over when it is drawn."""
    while True:
        number = (
            numbers.read(check, typed) if typed else await couriers.draw(session, courier, check)
        )
        made = await session.scalar(
            upsert(Waybill)
            .values(values | {"number": number})
            .on_conflict_do_nothing(index_elements=["courier_code", "number"])
            .returning(Waybill.id)
        )
        if made is not None:
            return made, number
        if typed:
            raise WaybillExists(f"{number} is another parcel's number.", fields={"number": "taken"})


async def measures(session: AsyncSession, order_ids: Sequence[int]) -> Mapping[int, Measures]:
    """Of those orders that have lines."""

    def measure(pack: Any, unit: Any) -> Any:
        of_pack = pack * OrderedLine.quantity
        return func.coalesce(of_pack, unit * OrderedLine.base_quantity)

    weight = measure(cast(ProductPack.weight_g, BigInteger), cast(Product.weight_g, BigInteger))
    volume = measure(cast(ProductPack.volume_ml, BigInteger), cast(Product.volume_ml, BigInteger))
    rows = await session.execute(
        select(
            OrderedLine.order_id,
            func.coalesce(func.sum(weight), 0),
            func.coalesce(func.sum(volume), 0),
            func.array_agg(OrderedLine.sku.distinct()).filter(weight.is_(None)),
        )
        .join(Product, Product.sku == OrderedLine.sku)
        .outerjoin(
            ProductPack,
            (ProductPack.sku == OrderedLine.sku) & (ProductPack.unit == OrderedLine.unit),
        )
        .where(OrderedLine.order_id.in_(order_ids))
        .group_by(OrderedLine.order_id)
    )
    return {
        row[0]: Measures(min(int(row[1]), _MOST), min(int(row[2]), _MOST), tuple(row[3] or ()))
        for row in rows
    }


async def unsorted(
    connection: AsyncConnection, actor: Actor, query: UnsortedQuery
) -> tuple[UnsortedView, ...]:
    """Orders that are being picked and have no waybill that holds."""
    sorted_ = (
        select(Waybill.id)
        .where(
            Waybill.order_id == Order.id,
            Waybill.kind == WaybillKind.OUTWARD,
            Waybill.state != State.VOID,
            ~standing.outdated(),
        )
        .exists()
    )
    found = (
        orders_seen(actor)
        .add_columns(Order.customer_id, Customer.name, Order.total, Order.placed_at)
        .where(Order.status == Status.PICKING, Order.id > (query.after or 0), ~sorted_)
    )
    rows = await connection.execute(found.order_by(Order.id).limit(query.limit))
    return tuple(UnsortedView(*row) for row in rows)


def orders_seen(actor: Actor) -> Select[int, str]:
    """Orders of customers whom the actor may see."""
    return (
        select(Order.id, Order.number)
        .join(Customer, Customer.id == Order.customer_id)
        .where(within_scope(actor))
    )
