"""Warehouses and what lies in them, as those who keep them use it. Rule: one method, one transaction."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.stock import comparison, holding, reading, warehouses
from orders.stock.commands import (
    BatchQuery,
    ChangedBatch,
    ChangedWarehouse,
    ComparisonQuery,
    MoveQuery,
    NewWarehouse,
    StockQuery,
)
from orders.stock.ledger import Cause
from orders.stock.views import BatchView, InOut, MoveView, StockLevel
from orders.stock.warehouses import WarehouseView

log = structlog.get_logger(__name__)


class StockService:
    """Every method may raise Forbidden and DatabaseUnavailable."""

    def __init__(
        self, database: Database, bus: Bus, *, clock: Callable[[], datetime], zone: ZoneInfo
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._zone = zone

    async def warehouses(self, actor: Actor) -> tuple[WarehouseView, ...]:
        """The closed ones too."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await warehouses.all_of_them(connection)

    async def add_warehouse(self, actor: Actor, new: NewWarehouse) -> WarehouseView:
        """Raises Conflict (code taken), Invalid (keeper)."""
        actor.require(Right.STOCK_MANAGE)
        async with self._database.begin() as session:
            await warehouses.store(session, new)
            made = await warehouses.read(session, new.code)
            await trail.record(
                session, actor.user_id, "warehouse.create", "warehouse", made.code,
                after=asdict(made),
            )  # fmt: skip
        return made

    async def change_warehouse(
        self, actor: Actor, code: str, content: ChangedWarehouse
    ) -> WarehouseView:
        """Raises NotFound, Conflict (edited since), Invalid (keeper, the main warehouse closed)."""
        actor.require(Right.STOCK_MANAGE)
        async with self._database.begin() as session:
            before = await warehouses.read(session, code)
            await warehouses.change(session, before, content)
            now = await warehouses.read(session, code)
            was, became = trail.changes(asdict(before), asdict(now))
            await trail.record(
                session, actor.user_id, "warehouse.update", "warehouse", code,
                before=was, after=became,
            )  # fmt: skip
        return now

    async def levels(self, actor: Actor, query: StockQuery) -> tuple[StockLevel, ...]:
        """The balances of this moment."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.levels(connection, query)

    async def batches(self, actor: Actor, query: BatchQuery) -> tuple[BatchView, ...]:
        """Those that hold something, what expires first first."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.batches(connection, query)

    async def moves(self, actor: Actor, query: MoveQuery) -> tuple[MoveView, ...]:
        """The ledger, the newest first."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.moves(connection, query)

    async def compare(self, actor: Actor, query: ComparisonQuery) -> tuple[InOut, ...]:
        """What came in and went out between two days."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await comparison.compare(connection, query, self._zone)

    async def change_batch(self, actor: Actor, batch_id: int, content: ChangedBatch) -> BatchView:
        """Block it, free it, correct its last day.

        Raises NotFound, Conflict (edited since), Invalid (expired goods freed).
        """
        actor.require(Right.STOCK_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            view, changed = await holding.change(
                session,
                batch_id,
                content,
                Cause(now, actor_id=actor.user_id),
                now.astimezone(self._zone).date(),
            )
        log.info("batch_changed", batch=batch_id, blocked=view.blocked, by=actor.user_id)
        for each in changed:
            self._bus.publish(each)
        return view
