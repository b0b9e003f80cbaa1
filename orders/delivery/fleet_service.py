"""Routes, vehicles and drivers, as those who keep them use them. Rule: every change is one transaction with
its audit entry.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.delivery import fleet
from orders.delivery.run_commands import PutDriver, PutRoute, PutVehicle
from orders.delivery.run_views import DriverView, RouteView, VehicleView

log = structlog.get_logger(__name__)

ViewT = TypeVar("ViewT", RouteView, VehicleView, DriverView)
_Read = Callable[[AsyncSession | AsyncConnection, str | None], Awaitable[tuple[ViewT, ...]]]


class FleetService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def routes(self, actor: Actor) -> tuple[RouteView, ...]:
        return await self._all(actor, fleet.routes)

    async def vehicles(self, actor: Actor) -> tuple[VehicleView, ...]:
        return await self._all(actor, fleet.vehicles)

    async def drivers(self, actor: Actor) -> tuple[DriverView, ...]:
        return await self._all(actor, fleet.drivers)

    async def put_route(self, actor: Actor, code: str, content: PutRoute) -> RouteView:
        """Raises Conflict (edited since, code taken), NotFound (a customer)."""

        async def write(session: AsyncSession) -> None:
            await fleet.put_route(session, actor, code, content)

        return await self._put(actor, "delivery_route", code, fleet.routes, write)

    async def put_vehicle(self, actor: Actor, code: str, content: PutVehicle) -> VehicleView:
        """Raises Conflict (edited since, code or plate taken)."""

        async def write(session: AsyncSession) -> None:
            await fleet.put_vehicle(session, code, content)

        return await self._put(actor, "vehicle", code, fleet.vehicles, write)

    async def put_driver(self, actor: Actor, code: str, content: PutDriver) -> DriverView:
        """Raises Conflict (edited since, code taken, another driver's person), Invalid (the person)."""

        async def write(session: AsyncSession) -> None:
            await fleet.put_driver(session, code, content)

        return await self._put(actor, "driver", code, fleet.drivers, write)

    async def _all(self, actor: Actor, read: _Read[ViewT]) -> tuple[ViewT, ...]:
        """The inactive ones too."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await read(connection, None)

    async def _put(
        self,
        actor: Actor,
        entity: str,
        code: str,
        read: _Read[ViewT],
        write: Callable[[AsyncSession], Awaitable[None]],
    ) -> ViewT:
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            there = await read(session, code)
            await write(session)
            (now,) = await read(session, code)
            was, became = trail.changes(asdict(there[0]) if there else {}, asdict(now))
            action = f"{entity}.update" if there else f"{entity}.create"
            await trail.record(
                session, actor.user_id, action, entity, code, before=was or None, after=became
            )
        log.info("fleet_changed", entity=entity, code=code, by=actor.user_id)
        return now
