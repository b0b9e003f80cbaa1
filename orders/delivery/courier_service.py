"""Couriers, as those who keep them use them, and which of them would carry a parcel.

Rule: every change is one transaction with its audit entry.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import structlog

from crm_core.audit import trail
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.delivery import choice, couriers, waybills
from orders.delivery.choice import Choice, Parcel
from orders.delivery.commands import AskChoice, NewRange, PutCourier
from orders.delivery.views import CourierView

log = structlog.get_logger(__name__)

_ENTITY = "courier"
_UNRECORDED = {"version", "numbers_left"}


class CourierService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def all(self, actor: Actor) -> tuple[CourierView, ...]:
        """By priority, the inactive ones too."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await couriers.all_of_them(connection)

    async def get(self, actor: Actor, code: str) -> CourierView:
        """Raises UnknownCourier."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await couriers.read(connection, code)

    async def put(self, actor: Actor, code: str, content: PutCourier) -> CourierView:
        """Raises UnknownCourier, Conflict (edited since, code taken)."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            before = {} if content.version == 0 else _told(await couriers.read(session, code))
            await couriers.store(session, code, content)
            now = await couriers.read(session, code)
            was, became = trail.changes(before, _told(now))
            action = f"{_ENTITY}.update" if before else f"{_ENTITY}.create"
            await trail.record(
                session, actor.user_id, action, _ENTITY, code, before=was or None, after=became
            )
        log.info("courier_put", courier=code, by=actor.user_id)
        return now

    async def add_numbers(self, actor: Actor, code: str, new: NewRange) -> CourierView:
        """Raises UnknownCourier, Invalid (S10 says how its numbers look)."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            await couriers.add_range(session, code, new, actor.user_id, self._clock())
            await trail.record(
                session, actor.user_id, "courier.numbers", _ENTITY, code, after=new.model_dump()
            )
            return await couriers.read(session, code)

    async def choose(self, actor: Actor, asked: AskChoice) -> Choice:
        """Who would carry such a parcel, and why not the others."""
        actor.require(Right.DELIVERY_VIEW)
        parcel = Parcel(asked.way, asked.province, asked.city, asked.weight_g, asked.cod_amount)
        async with self._database.reading() as connection:
            return choice.choose(parcel, await couriers.carriers(connection))

    async def choose_for(self, actor: Actor, order_id: int) -> Choice:
        """Who would carry an order. Raises UnknownOrder, NotFound, Invalid (no address)."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.begin() as session:
            return (await waybills.wanted(session, actor, order_id, back=False)).choice


def _told(view: CourierView) -> dict[str, object]:
    return {name: value for name, value in asdict(view).items() if name not in _UNRECORDED}
