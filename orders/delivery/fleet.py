"""Routes, vehicles and drivers, as SQL inside the caller's transaction. Rule: nothing is removed, only made
inactive, so that old load lists stay true.
"""

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.customers.visibility import must_see
from crm_core.errors import Conflict, Invalid
from crm_core.rights import Actor
from crm_core.versioned import put
from orders.delivery.run_commands import PutDriver, PutRoute, PutVehicle
from orders.delivery.run_tables import DeliveryRoute, Driver, RouteCustomer, Vehicle
from orders.delivery.run_views import DriverView, RouteView, VehicleView

_STOPS = (
    select(func.array_agg(aggregate_order_by(RouteCustomer.customer_id, RouteCustomer.place)))
    .where(RouteCustomer.route_code == DeliveryRoute.code)
    .scalar_subquery()
)
_TAKEN = {
    "uq_vehicles_plate": ("plate", "Another vehicle has this plate."),
    "uq_drivers_user_id": ("user_id", "Another driver logs in as this person."),
}


async def routes(
    holder: AsyncSession | AsyncConnection, code: str | None = None
) -> tuple[RouteView, ...]:
    table = DeliveryRoute
    found = select(
        table.code,
        table.name_zh,
        table.name_en,
        table.areas,
        table.weekdays,
        _STOPS.label("stops"),
        table.active,
        table.version,
    ).order_by(table.code)
    if code is not None:
        found = found.where(table.code == code)
    return tuple(
        RouteView(
            row.code,
            row.name_zh,
            row.name_en,
            tuple(row.areas),
            tuple(row.weekdays),
            tuple(row.stops or ()),
            row.active,
            row.version,
        )
        for row in await holder.execute(found)
    )


async def vehicles(
    holder: AsyncSession | AsyncConnection, code: str | None = None
) -> tuple[VehicleView, ...]:
    table = Vehicle
    found = select(
        table.code,
        table.plate,
        table.name,
        table.capacity_g,
        table.capacity_ml,
        table.active,
        table.version,
    ).order_by(table.code)
    if code is not None:
        found = found.where(table.code == code)
    return tuple(VehicleView(*row) for row in await holder.execute(found))


async def drivers(
    holder: AsyncSession | AsyncConnection, code: str | None = None
) -> tuple[DriverView, ...]:
    table = Driver
    found = select(
        table.code, table.name, table.phone, table.user_id, table.active, table.version
    ).order_by(table.code)
    if code is not None:
        found = found.where(table.code == code)
    return tuple(DriverView(*row) for row in await holder.execute(found))


async def put_route(session: AsyncSession, actor: Actor, code: str, content: PutRoute) -> None:
    """Raises Conflict (edited since, code taken), NotFound (a customer)."""
    kept = [await must_see(session, actor, each) for each in content.customer_ids]
    values = content.model_dump(exclude={"version", "customer_ids"})
    values |= {"areas": list(content.areas), "weekdays": sorted(content.weekdays)}
    await put(session, DeliveryRoute, code, content.version, values)
    await session.execute(delete(RouteCustomer).where(RouteCustomer.route_code == code))
    rows = [
        {"route_code": code, "customer_id": customer_id, "place": place}
        for place, customer_id in enumerate(dict.fromkeys(kept), 1)
    ]
    if rows:
        await session.execute(insert(RouteCustomer), rows)


async def put_vehicle(session: AsyncSession, code: str, content: PutVehicle) -> None:
    """Raises Conflict (edited since, code or plate taken)."""
    await _put(session, Vehicle, code, content)


async def put_driver(session: AsyncSession, code: str, content: PutDriver) -> None:
    """Raises Conflict (edited since, code taken, another driver's person), Invalid (the person)."""
    await _put(session, Driver, code, content)


async def _put(
    session: AsyncSession, table: type[Vehicle | Driver], code: str, content: PutVehicle | PutDriver
) -> None:
    try:
        await put(session, table, code, content.version, content.model_dump(exclude={"version"}))
    except IntegrityError as error:
        for name, (field, sentence) in _TAKEN.items():
            if name in str(error.orig):
                raise Conflict(sentence, fields={field: "taken"}) from error
        raise Invalid("There is no such person.", fields={"user_id": "unknown"}) from error
