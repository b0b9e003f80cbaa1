"""Load lists, as the warehouse and the drivers' desk use them: planned, loaded, out, settled.

Rule: each order of a list is one transaction, and what was done is not done again: a list that was
interrupted on its way goes on when it is asked for once more.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.errors import DomainError, Invalid
from crm_core.rights import Actor, Right
from orders.delivery import feedback, following, packing, runs
from orders.delivery.codes import EventCode, RunState, Source, StopResult
from orders.delivery.errors import OverCapacity
from orders.delivery.feedback import Hearing, Word
from orders.delivery.run_commands import (
    MoveRun,
    NewRun,
    RunOrders,
    RunQuery,
    SettleRun,
    StopOutcome,
)
from orders.delivery.run_tables import RunReturn, RunStop
from orders.delivery.run_views import LeftOut, RunSummary, RunView
from orders.delivery.tables import Waybill
from orders.sales.tables import OrderedLine

log = structlog.get_logger(__name__)

_ENDS: Mapping[StopResult, EventCode] = {
    StopResult.DELIVERED: EventCode.DELIVERED,
    StopResult.REFUSED: EventCode.REFUSED,
    StopResult.NOT_DELIVERED: EventCode.NOT_DELIVERED,
}


class RunService:
    """Every method may raise Forbidden, UnknownRun, RunState and DatabaseUnavailable."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str],
        zone: tzinfo,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)
        self._zone = zone

    async def list(self, actor: Actor, query: RunQuery) -> tuple[RunSummary, ...]:
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await runs.listed(connection, query)

    async def get(self, actor: Actor, run_id: int) -> RunView:
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await runs.read(connection, actor, run_id)

    async def create(self, actor: Actor, new: NewRun) -> RunView:
        """Its orders are taken as far as they fit. Raises UnknownCourier, Invalid."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            run_id = await runs.create(session, actor, new, self._clock(), self._zone)
        log.info("run_created", run=run_id, by=actor.user_id)
        return await self._fill(actor, run_id, new.order_ids)

    async def add(self, actor: Actor, run_id: int, wanted: RunOrders) -> RunView:
        """Orders that do not fit, or cannot go, are named with the reason. Raises Conflict (edited since)."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.PLANNED,), wanted.version)
            await runs.changed(session, actor, run, "add")
        return await self._fill(actor, run_id, wanted.order_ids)

    async def remove(self, actor: Actor, run_id: int, wanted: RunOrders) -> RunView:
        """The orders keep their waybills. Raises Conflict (edited since)."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.PLANNED,), wanted.version)
            await runs.remove(session, actor, run, wanted.order_ids)
            await runs.changed(session, actor, run, "remove")
            return await runs.read(session, actor, run_id)

    async def load(self, actor: Actor, run_id: int, command: MoveRun) -> RunView:
        """The goods are on the vehicle. Raises Conflict (edited since), Invalid (nothing on it), WaybillOutdated."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.PLANNED,), command.version)
            if not (await runs.aboard(session, run)).order_ids:
                raise Invalid("There is no order on this load list.", fields={"stops": "none"})
            await runs.refuse_outdated(session, run)
            await runs.changed(session, actor, run, "load", state=RunState.LOADED)
            return await runs.read(session, actor, run_id)

    async def unload(self, actor: Actor, run_id: int, command: MoveRun) -> RunView:
        """It may be changed again. Raises Conflict (edited since)."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.LOADED,), command.version)
            await runs.changed(session, actor, run, "unload", state=RunState.PLANNED)
            return await runs.read(session, actor, run_id)

    async def cancel(self, actor: Actor, run_id: int, command: MoveRun) -> RunView:
        """Before it is out; its orders may go otherwise. Raises Conflict (edited since)."""
        actor.require(Right.DELIVERY_MANAGE)
        before = (RunState.PLANNED, RunState.LOADED)
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, before, command.version)
            await runs.close_stops(session, run)
            await runs.changed(session, actor, run, "cancel", state=RunState.CANCELLED)
            return await runs.read(session, actor, run_id)

    async def depart(self, actor: Actor, run_id: int, command: MoveRun) -> RunView:
        """The driver leaves: its orders are shipped and in transit. Raises Conflict (edited since), WaybillOutdated."""
        actor.require(Right.DELIVERY_MANAGE)
        now = self._clock()
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.LOADED, RunState.OUT))
            if run.state == RunState.LOADED:
                await runs.hold(session, run_id, (RunState.LOADED,), command.version)
                await runs.refuse_outdated(session, run)
                await runs.changed(session, actor, run, "depart", state=RunState.OUT, out_at=now)
            stops = await _stops(session, run_id)
        for waybill_id, _ in stops:
            word = Word(EventCode.OUT_FOR_DELIVERY, now, key=f"run:{run_id}:out")
            async with self._database.begin() as session:
                waybill = await session.get_one(Waybill, waybill_id, with_for_update=True)
                heard = await feedback.hear(session, waybill, word, self._hearing(actor, now))
            following.publish(self._bus, heard.moved)
        log.info("run_out", run=run_id, stops=len(stops), by=actor.user_id)
        return await self.get(actor, run_id)

    async def settle(self, actor: Actor, run_id: int, command: SettleRun) -> RunView:
        """The driver is back: how each stop ended, and the cash. Raises Conflict (edited since), Invalid
        (a stop is missing or unknown, cash for goods that were not delivered, goods that were not sent).
        """
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            await runs.hold(session, run_id, (RunState.OUT,), command.version)
            stops = await _stops(session, run_id)
            outcomes = _matched(stops, command.stops)
            await _check_returns(session, outcomes)
        for waybill_id, outcome in outcomes.items():
            await self._end(actor, run_id, waybill_id, outcome)
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.OUT,), command.version)
            await runs.changed(
                session, actor, run, "settle", state=RunState.SETTLED, settled_at=self._clock()
            )
        log.info("run_settled", run=run_id, stops=len(stops), by=actor.user_id)
        return await self.get(actor, run_id)

    async def _fill(self, actor: Actor, run_id: int, order_ids: Sequence[int]) -> RunView:
        wanted = tuple(dict.fromkeys(order_ids))
        async with self._database.begin() as session:
            run = await runs.hold(session, run_id, (RunState.PLANNED,))
            loads = await runs.loads(session, actor, run, wanted)
            there = await runs.aboard(session, run)
        packed = packing.pack(
            [each for each in loads if each.order_id not in there.order_ids], there.room
        )
        left = [
            LeftOut(each.order_id, OverCapacity.code, "The vehicle cannot carry this order too.")
            for each in packed.left
        ]
        seen = {each.order_id for each in loads}
        left += [
            LeftOut(order_id, "unknown_order", "There is no such order.")
            for order_id in wanted
            if order_id not in seen
        ]
        for load in packed.taken:
            try:
                async with self._database.begin() as session:
                    run = await runs.hold(session, run_id, (RunState.PLANNED,))
                    await runs.add(session, actor, run, load.order_id, self._clock())
            except DomainError as error:
                left.append(LeftOut(load.order_id, error.code, error.message))
        view = await self.get(actor, run_id)
        return RunView(view.run, view.capacity_g, view.capacity_ml, view.stops, tuple(left))

    async def _end(self, actor: Actor, run_id: int, waybill_id: int, outcome: StopOutcome) -> None:
        """One stop, once."""
        now = self._clock()
        delivered = outcome.result is StopResult.DELIVERED
        word = Word(
            _ENDS[outcome.result],
            now,
            signer=outcome.signer,
            note=outcome.note,
            collected=outcome.cash_collected if delivered else None,
            key=f"run:{run_id}:end",
        )
        async with self._database.begin() as session:
            await runs.hold(session, run_id, (RunState.OUT,))
            stop = await session.get_one(RunStop, (run_id, waybill_id))
            if stop.result is not None:
                return
            waybill = await session.get_one(Waybill, waybill_id, with_for_update=True)
            heard = await feedback.hear(session, waybill, word, self._hearing(actor, now))
            stop.result, stop.open, stop.note = outcome.result, False, outcome.note
            stop.cash_collected = outcome.cash_collected
            rows = [
                {"run_id": run_id, "waybill_id": waybill_id, **each.model_dump()}
                for each in outcome.returned
            ]
            if rows:
                await session.execute(insert(RunReturn), rows)
        following.publish(self._bus, heard.moved)

    def _hearing(self, actor: Actor, now: datetime) -> Hearing:
        return Hearing(Source.DRIVER, actor.user_id, self._channels, now, self._zone)


async def _stops(session: AsyncSession, run_id: int) -> Sequence[tuple[int, int]]:
    """Each waybill and its order, in the order of visits."""
    rows = await session.execute(
        select(RunStop.waybill_id, Waybill.order_id)
        .join(Waybill, Waybill.id == RunStop.waybill_id)
        .where(RunStop.run_id == run_id)
        .order_by(RunStop.place)
    )
    return [(row.waybill_id, row.order_id) for row in rows]


def _matched(
    stops: Sequence[tuple[int, int]], told: Sequence[StopOutcome]
) -> Mapping[int, StopOutcome]:
    """Raises Invalid."""
    by_order = {each.order_id: each for each in told}
    wanted = {order_id for _, order_id in stops}
    if len(told) != len(by_order) or set(by_order) != wanted:
        wrong = sorted(wanted ^ set(by_order))
        raise Invalid(
            "Say of every order of the load list, and of no other, how it ended, once.",
            fields={"stops": wrong[:20]},
        )
    for each in told:
        if each.cash_collected and each.result is not StopResult.DELIVERED:
            raise Invalid(
                "Cash is taken only for goods that were delivered.",
                fields={"order_id": each.order_id, "cash_collected": "not_delivered"},
            )
    return {waybill_id: by_order[order_id] for waybill_id, order_id in stops}


async def _check_returns(session: AsyncSession, outcomes: Mapping[int, StopOutcome]) -> None:
    """Raises Invalid when more comes back than was sent."""
    order_ids = [each.order_id for each in outcomes.values() if each.returned]
    sent: dict[tuple[int, str], int] = {}
    for row in await session.execute(
        select(OrderedLine.order_id, OrderedLine.sku, OrderedLine.base_quantity).where(
            OrderedLine.order_id.in_(order_ids)
        )
    ):
        key = row.order_id, row.sku
        sent[key] = sent.get(key, 0) + row.base_quantity
    for outcome in outcomes.values():
        skus = [each.sku for each in outcome.returned]
        too_many = [
            each.sku
            for each in outcome.returned
            if each.quantity > sent.get((outcome.order_id, each.sku), 0)
        ]
        if too_many or len(set(skus)) != len(skus):
            raise Invalid(
                "More comes back of an order than was sent with it.",
                fields={"order_id": outcome.order_id, "returned": (too_many or skus)[:20]},
            )
