"""Own delivery's routes, vehicles and drivers."""

from crm_core.rights import Right
from orders.delivery.fleet_service import FleetService
from orders.delivery.run_commands import PutDriver, PutRoute, PutVehicle
from webui.asked import Asked, Model, Nothing
from webui.routing import CODE, Route, needs
from webui.views import View


class WantedRoute(PutRoute, Model):
    """Version 0 makes a new route."""


class WantedVehicle(PutVehicle, Model):
    """Version 0 makes a new vehicle."""


class WantedDriver(PutDriver, Model):
    """Version 0 makes a new driver."""


class RouteItem(View):
    """`customer_ids` are its stops in the order of visits; `weekdays` 1 is Monday."""

    code: str
    name_zh: str
    name_en: str
    areas: tuple[str, ...]
    weekdays: tuple[int, ...]
    customer_ids: tuple[int, ...]
    active: bool
    version: int


class VehicleItem(View):
    code: str
    plate: str
    name: str | None
    capacity_g: int
    capacity_ml: int
    active: bool
    version: int


class DriverItem(View):
    code: str
    name: str
    phone: str
    user_id: int | None
    active: bool
    version: int


class RouteList(View):
    items: tuple[RouteItem, ...]


class RouteAnswer(View):
    route: RouteItem


class VehicleList(View):
    items: tuple[VehicleItem, ...]


class VehicleAnswer(View):
    vehicle: VehicleItem


class DriverList(View):
    items: tuple[DriverItem, ...]


class DriverAnswer(View):
    driver: DriverItem


async def routes(asked: Asked[Nothing, Nothing]) -> RouteList:
    """All routes, the inactive ones too."""
    found = await _service(asked).routes(asked.principal)
    return RouteList(items=tuple(map(RouteItem.model_validate, found)))


async def put_route(asked: Asked[WantedRoute, Nothing]) -> RouteAnswer:
    """Enter a route, or change it as a whole."""
    made = await _service(asked).put_route(asked.principal, asked.id, asked.body)
    return RouteAnswer(route=RouteItem.model_validate(made))


async def vehicles(asked: Asked[Nothing, Nothing]) -> VehicleList:
    """All vehicles, the inactive ones too."""
    found = await _service(asked).vehicles(asked.principal)
    return VehicleList(items=tuple(map(VehicleItem.model_validate, found)))


async def put_vehicle(asked: Asked[WantedVehicle, Nothing]) -> VehicleAnswer:
    """Enter a vehicle, or change it as a whole."""
    made = await _service(asked).put_vehicle(asked.principal, asked.id, asked.body)
    return VehicleAnswer(vehicle=VehicleItem.model_validate(made))


async def drivers(asked: Asked[Nothing, Nothing]) -> DriverList:
    """All drivers, the inactive ones too."""
    found = await _service(asked).drivers(asked.principal)
    return DriverList(items=tuple(map(DriverItem.model_validate, found)))


async def put_driver(asked: Asked[WantedDriver, Nothing]) -> DriverAnswer:
    """Enter a driver, or change it as a whole."""
    made = await _service(asked).put_driver(asked.principal, asked.id, asked.body)
    return DriverAnswer(driver=DriverItem.model_validate(made))


def _service(asked: Asked[Model, Model]) -> FleetService:
    return asked.services.trade.fleet


_VIEW, _MANAGE = needs(Right.DELIVERY_VIEW), needs(Right.DELIVERY_MANAGE)
_ROUTES, _VEHICLES, _DRIVERS = (
    f"/api/delivery/{name}" for name in ("routes", "vehicles", "drivers")
)

ROUTES = (
    Route("GET", _ROUTES, routes, _VIEW, answer=RouteList),
    Route("PUT", f"{_ROUTES}/{CODE}", put_route, _MANAGE, WantedRoute, answer=RouteAnswer),
    Route("GET", _VEHICLES, vehicles, _VIEW, answer=VehicleList),
    Route("PUT", f"{_VEHICLES}/{CODE}", put_vehicle, _MANAGE, WantedVehicle, answer=VehicleAnswer),
    Route("GET", _DRIVERS, drivers, _VIEW, answer=DriverList),
    Route("PUT", f"{_DRIVERS}/{CODE}", put_driver, _MANAGE, WantedDriver, answer=DriverAnswer),
)
