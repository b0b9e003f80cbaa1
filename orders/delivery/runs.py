"""Load lists as SQL inside the caller's transaction. Rule: whoever changes one holds its row, first of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.customers.tables import Customer
from crm_core.customers.visibility import within_scope
from crm_core.errors import Conflict, Invalid
from crm_core.rights import Actor
from orders.delivery import couriers, standing, waybills
from orders.delivery.codes import CourierKind, RunState, State, WaybillKind
from orders.delivery.commands import MakeWaybills
from orders.delivery.errors import (
    OverCapacity,
    UnknownRun,
    WaybillExists,
    WaybillOutdated,
    WaybillState,
)
from orders.delivery.errors import RunState as WrongRunState
from orders.delivery.packing import Capacity, Load
from orders.delivery.run_commands import NewRun, RunQuery
from orders.delivery.run_tables import (
    DeliveryRoute,
    DeliveryRun,
    Driver,
    RouteCustomer,
    RunReturn,
    RunStop,
    Vehicle,
)
from orders.delivery.run_views import ReturnedView, RunSummary, RunView, StopView
from orders.delivery.tables import Waybill
from orders.sales.tables import Order

ENTITY = "delivery_run"
_RUN = DeliveryRun
_CARRIED = (State.CREATED, State.HANDED_OVER, State.IN_TRANSIT)
_NUMBER = text("SELECT nextval(pg_get_serial_sequence('delivery_runs', 'id'))")
_RENUMBER = text("""
UPDATE run_stops s SET place = n.place
FROM (SELECT s.waybill_id,
             row_number() OVER (ORDER BY c.place NULLS LAST, w.order_id) AS place
      FROM run_stops s
      JOIN delivery_runs r ON r.id = s.run_id
      JOIN waybills w ON w.id = s.waybill_id
      JOIN orders o ON o.id = w.order_id
      LEFT JOIN delivery_route_customers c
        ON c.route_code = r.route_code AND c.customer_id = o.customer_id
      WHERE s.run_id = :run_id) n
WHERE s.run_id = :run_id AND s.waybill_id = n.waybill_id
""")


@dataclass(frozen=True, slots=True)
class Aboard:
    """What stands on a load list, in orders and measures."""

    order_ids: tuple[int, ...]
    used: Capacity
    capacity: Capacity

    @property
    def room(self) -> Capacity:
        return Capacity(
            self.capacity.weight_g - self.used.weight_g,
            self.capacity.volume_ml - self.used.volume_ml,
        )


async def create(
    session: AsyncSession, actor: Actor, new: NewRun, now: datetime, zone: tzinfo
) -> int:
    """Raises Invalid (courier, route, vehicle or driver), UnknownCourier."""
    courier = await couriers.read(session, new.courier_code)
    if courier.kind != CourierKind.OWN or not courier.active:
        raise Invalid("Load lists are for own drivers.", fields={"courier_code": "not_own"})
    for table, field, code in (
        (Vehicle, "vehicle_code", new.vehicle_code),
        (Driver, "driver_code", new.driver_code),
        (DeliveryRoute, "route_code", new.route_code),
    ):
        there = code is None or await session.scalar(
            select(table.code).where(table.code == code, table.active)
        )
        if not there:
            raise Invalid("Choose one that is there and active.", fields={field: "unknown"})
    run_id = int(await session.scalar(_NUMBER) or 0)
    number = f"L{now.astimezone(zone):%y%m%d}-{run_id:04d}"
    values = new.model_dump(exclude={"order_ids"})
    await session.execute(
        insert(_RUN).values(
            id=run_id, number=number, created_by=actor.user_id, created_at=now, **values
        )
    )
    await trail.record(session, actor.user_id, f"{ENTITY}.create", ENTITY, run_id, after=values)
    return run_id


async def hold(
    session: AsyncSession, run_id: int, states: Sequence[RunState], version: int | None = None
) -> DeliveryRun:
    """Its row, locked. Raises UnknownRun, WrongRunState, Conflict (edited since)."""
    run = await session.scalar(select(_RUN).where(_RUN.id == run_id).with_for_update())
    if run is None:
        raise UnknownRun(run_id)
    if run.state not in states:
        raise WrongRunState(run.number, run.state)
    if version is not None and run.version != version:
        raise Conflict(
            "Somebody else has changed this load list since you opened it: look at it as it is now.",
            fields={"version": run.version},
        )
    return run


async def aboard(session: AsyncSession, run: DeliveryRun) -> Aboard:
    vehicle = await session.get_one(Vehicle, run.vehicle_code)
    rows = (
        await session.execute(
            select(Waybill.order_id, Waybill.weight_g, Waybill.volume_ml)
            .join(RunStop, RunStop.waybill_id == Waybill.id)
            .where(RunStop.run_id == run.id)
        )
    ).all()
    used = Capacity(sum(row.weight_g for row in rows), sum(row.volume_ml for row in rows))
    capacity = Capacity(vehicle.capacity_g, vehicle.capacity_ml)
    return Aboard(tuple(row.order_id for row in rows), used, capacity)


async def loads(
    session: AsyncSession, actor: Actor, run: DeliveryRun, order_ids: Sequence[int]
) -> tuple[Load, ...]:
    """Those orders of the list that the actor may see, with their places on the route."""
    places: Mapping[int, int] = {
        row.customer_id: row.place
        for row in await session.execute(
            select(RouteCustomer.customer_id, RouteCustomer.place).where(
                RouteCustomer.route_code == run.route_code
            )
        )
    }
    seen = waybills.orders_seen(actor).where(Order.id.in_(order_ids))
    rows = await session.execute(seen.add_columns(Order.customer_id))
    measured = await waybills.measures(session, order_ids)
    return tuple(
        Load(row.id, places.get(row.customer_id), *measured[row.id].pair)
        for row in rows
        if row.id in measured
    )


async def add(
    session: AsyncSession, actor: Actor, run: DeliveryRun, order_id: int, now: datetime
) -> None:
    """The run's row is held. Raises what `waybills.make` raises, WaybillExists, WaybillState,
    OverCapacity, Conflict (it stands on another load list).
    """
    waybill = await _waybill(session, actor, run, order_id, now)
    there = await aboard(session, run)
    if waybill.weight_g > there.room.weight_g or waybill.volume_ml > there.room.volume_ml:
        raise OverCapacity(
            "The vehicle cannot carry this order too: put it on another load list.",
            fields={"weight_g": there.room.weight_g, "volume_ml": there.room.volume_ml},
        )
    try:
        await session.execute(
            insert(RunStop).values(
                run_id=run.id,
                waybill_id=waybill.id,
                place=len(there.order_ids) + 1,
                cash_due=waybill.cod_amount,
            )
        )
    except IntegrityError as error:
        raise Conflict(
            "The order stands on a load list already.", fields={"order_id": order_id}
        ) from error
    await session.execute(_RENUMBER, {"run_id": run.id})


async def refuse_outdated(session: AsyncSession, run: DeliveryRun) -> None:
    """Raises WaybillOutdated."""
    stops = (
        await session.scalars(select(RunStop.waybill_id).where(RunStop.run_id == run.id))
    ).all()
    if old := await standing.outdated_of(session, stops):
        raise WaybillOutdated(old)


async def remove(
    session: AsyncSession, actor: Actor, run: DeliveryRun, order_ids: Sequence[int]
) -> None:
    """The run's row is held; those of customers whom this person may see keep their waybills, others their places."""
    theirs = (
        select(Waybill.id)
        .join(Order, Order.id == Waybill.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Waybill.order_id.in_(order_ids), within_scope(actor))
    )
    await session.execute(
        delete(RunStop).where(RunStop.run_id == run.id, RunStop.waybill_id.in_(theirs))
    )
    await session.execute(_RENUMBER, {"run_id": run.id})


async def changed(
    session: AsyncSession, actor: Actor, run: DeliveryRun, action: str, **values: object
) -> None:
    """The run's row is held: write the values, count the version, leave an audit entry."""
    await session.execute(
        update(_RUN).where(_RUN.id == run.id).values(**values, version=_RUN.version + 1)
    )
    await trail.record(session, actor.user_id, f"{ENTITY}.{action}", ENTITY, run.id, after=values)


async def close_stops(session: AsyncSession, run: DeliveryRun) -> None:
    """Their waybills may stand on another load list."""
    await session.execute(update(RunStop).where(RunStop.run_id == run.id).values(open=False))


async def listed(connection: AsyncConnection, query: RunQuery) -> tuple[RunSummary, ...]:
    found = _summaries().order_by(_RUN.id.desc()).limit(query.limit)
    for column, value in (
        (_RUN.day, query.day),
        (_RUN.state, query.state),
        (_RUN.driver_code, query.driver_code),
    ):
        if value is not None:
            found = found.where(column == value)
    if query.before is not None:
        found = found.where(_RUN.id < query.before)
    return tuple(RunSummary(*row[:-2]) for row in await connection.execute(found))


async def read(holder: AsyncSession | AsyncConnection, actor: Actor, run_id: int) -> RunView:
    """With the stops of customers whom the actor may see. Raises UnknownRun."""
    row = (await holder.execute(_summaries().where(_RUN.id == run_id))).one_or_none()
    if row is None:
        raise UnknownRun(run_id)
    back: dict[int, list[ReturnedView]] = {}
    for each in await holder.execute(
        select(RunReturn.waybill_id, RunReturn.sku, RunReturn.quantity)
        .where(RunReturn.run_id == run_id)
        .order_by(RunReturn.sku)
    ):
        back.setdefault(each.waybill_id, []).append(ReturnedView(each.sku, each.quantity))
    stops = await holder.execute(
        select(
            Waybill.order_id, Order.number.label("order_number"), RunStop.waybill_id, Waybill.number,
            Waybill.state, RunStop.place, Customer.name.label("customer_name"), Waybill.weight_g,
            Waybill.volume_ml, RunStop.cash_due, RunStop.result, RunStop.cash_collected, RunStop.note,
        )
        .join(Waybill, Waybill.id == RunStop.waybill_id)
        .join(Order, Order.id == Waybill.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(RunStop.run_id == run_id, within_scope(actor))
        .order_by(RunStop.place)
    )  # fmt: skip
    return RunView(
        RunSummary(*row[:-2]),
        row.capacity_g,
        row.capacity_ml,
        tuple(
            StopView(**stop._mapping, returned=tuple(back.get(stop.waybill_id, ())))  # noqa: SLF001
            for stop in stops
        ),
    )


async def _waybill(
    session: AsyncSession, actor: Actor, run: DeliveryRun, order_id: int, now: datetime
) -> Waybill:
    """The order's, locked; made now when it has none that holds."""
    found = await session.scalar(
        select(Waybill)
        .where(
            Waybill.order_id == order_id,
            Waybill.kind == WaybillKind.OUTWARD,
            Waybill.state != State.VOID,
        )
        .with_for_update()
    )
    of_ours = found is not None and found.courier_code == run.courier_code
    if found is None or (of_ours and await standing.outdated_of(session, (found.id,))):
        wanted = MakeWaybills(
            order_ids=(order_id,), courier_code=run.courier_code, reason=run.number
        )
        made = await waybills.make(session, actor, order_id, wanted, now)
        return await session.get_one(Waybill, made)
    if found.courier_code != run.courier_code:
        raise WaybillExists(
            f"Another courier has the order, waybill {found.number}: void that first.",
            fields={"number": found.number},
        )
    if found.state not in _CARRIED:
        raise WaybillState(found.number, found.state)
    return found


def _summaries() -> Select[*tuple[Any, ...]]:
    of_stops = (
        select(
            RunStop.run_id,
            func.count().label("stops"),
            func.sum(Waybill.weight_g).label("weight_g"),
            func.sum(Waybill.volume_ml).label("volume_ml"),
            func.sum(RunStop.cash_due).label("cash_due"),
            func.sum(RunStop.cash_collected).label("cash_collected"),
        )
        .join(Waybill, Waybill.id == RunStop.waybill_id)
        .group_by(RunStop.run_id)
        .subquery()
    )
    sums = (
        func.coalesce(of_stops.c[name], 0)
        for name in ("stops", "weight_g", "volume_ml", "cash_due", "cash_collected")
    )
    return (
        select(
            _RUN.id, _RUN.number, _RUN.day, _RUN.courier_code, _RUN.route_code, _RUN.vehicle_code,
            Vehicle.plate, _RUN.driver_code, Driver.name, _RUN.state, _RUN.created_at, _RUN.out_at,
            _RUN.settled_at, _RUN.version, *sums, Vehicle.capacity_g, Vehicle.capacity_ml,
        )
        .join(Vehicle, Vehicle.code == _RUN.vehicle_code)
        .join(Driver, Driver.code == _RUN.driver_code)
        .outerjoin(of_stops, of_stops.c.run_id == _RUN.id)
    )  # fmt: skip
