"""Waybills, as the rest of Zongji uses them: made, handed over, followed, void.

Rule: one waybill, one transaction, also where many are asked for at once; each is answered for by itself.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import trail
from crm_core.bus import Bus
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import DomainError
from crm_core.rights import Actor, Right
from orders.delivery import (
    consignees,
    couriers,
    events,
    feedback,
    feedback_files,
    following,
    standing,
    waybills,
)
from orders.delivery.codes import Check, Outcome, Source, State
from orders.delivery.commands import (
    ConflictQuery,
    MakeWaybills,
    PutConsignee,
    Report,
    Reports,
    UnsortedQuery,
    VoidWaybill,
    WaybillIds,
    WaybillQuery,
)
from orders.delivery.errors import WaybillOutdated, WaybillState
from orders.delivery.feedback import DUPLICATE, Hearing, Word
from orders.delivery.numbers import read as read_number
from orders.delivery.views import (
    ConsigneeView,
    CourierView,
    EventView,
    FileTaken,
    RefusedRow,
    Reported,
    Sorted,
    UnsortedView,
    WaybillView,
)
from orders.errors import MoveNotAllowed, UnknownOrder
from orders.sales import moving
from orders.sales.commands import ENTITY
from orders.sales.tables import Order
from orders.stock import batches

log = structlog.get_logger(__name__)

REFUSED = "refused"
Progress = Callable[[int, int], None]


class WaybillService:
    """`channels` are those that have a notifier, `zone` is the company's. Every method may raise Forbidden
    and DatabaseUnavailable.
    """

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

    async def consignee(self, actor: Actor, order_id: int) -> ConsigneeView:
        """Raises UnknownOrder, NotFound, Invalid (there is no address)."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading_entities() as session:
            await _see_order(session, actor, order_id)
            return await consignees.read(session, order_id)

    async def put_consignee(
        self, actor: Actor, order_id: int, content: PutConsignee
    ) -> ConsigneeView:
        """Until the goods are on their way; the order is another version of itself then. Without `phone` the number
        stays, which not everybody sees.

        Raises UnknownOrder, NotFound, MoveNotAllowed, Conflict.
        """
        actor.require(Right.DELIVERY_MANAGE)
        actor.require_read("customer", ("addresses",))
        actor.require_write(ENTITY, ["address"])
        async with self._database.begin() as session:
            order = await moving.held(session, order_id, actor)
            if order.status not in ("backordered", "review", "placed", "reviewed", "picking"):
                raise MoveNotAllowed(order.status, "another address")
            await consignees.put(session, order_id, content)
            order.version += 1
            await trail.record(session, actor.user_id, "order.consignee", ENTITY, order_id)
            return await consignees.read(session, order_id)

    async def unsorted(self, actor: Actor, query: UnsortedQuery) -> tuple[UnsortedView, ...]:
        """Orders that are being picked and have no waybill, or one that no longer holds."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await waybills.unsorted(connection, actor, query)

    async def make(
        self, actor: Actor, command: MakeWaybills, progress: Progress | None = None
    ) -> tuple[Sorted, ...]:
        """One for each order, or the reason why it has none."""
        actor.require(Right.DELIVERY_MANAGE)
        done: list[Sorted] = []
        for order_id in dict.fromkeys(command.order_ids):
            done.append(await self._make(actor, order_id, command))
            if progress is not None:
                progress(len(done), len(command.order_ids))
        made = sum(each.waybill is not None for each in done)
        log.info("waybills_made", made=made, refused=len(done) - made, by=actor.user_id)
        return tuple(done)

    async def hand_over(self, actor: Actor, command: WaybillIds) -> tuple[Sorted, ...]:
        """The courier has them: the orders are shipped, the customers told. Those that no longer hold are refused."""
        actor.require(Right.DELIVERY_MANAGE)
        return tuple(
            [await self._hand_over(actor, each) for each in dict.fromkeys(command.waybill_ids)]
        )

    async def void(self, actor: Actor, waybill_id: int, command: VoidWaybill) -> WaybillView:
        """Before it is handed over. Raises UnknownWaybill, WaybillState, OnLoadList."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            await waybills.void(session, actor, waybill_id, command.reason, self._clock())
            return await waybills.read(session, actor, waybill_id)

    async def list(self, actor: Actor, query: WaybillQuery) -> tuple[WaybillView, ...]:
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await waybills.listed(connection, actor, query)

    async def get(self, actor: Actor, waybill_id: int) -> tuple[WaybillView, Sequence[EventView]]:
        """With all that was said of it. Raises UnknownWaybill."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            found = await waybills.read(connection, actor, waybill_id)
            return found, await events.of_waybill(connection, waybill_id)

    async def conflicts(self, actor: Actor, query: ConflictQuery) -> tuple[EventView, ...]:
        """What could not be followed and nobody has dealt with."""
        actor.require(Right.DELIVERY_VIEW)
        async with self._database.reading() as connection:
            return await events.conflicts(connection, actor, query)

    async def resolve(self, actor: Actor, event_id: int) -> None:
        """A person has dealt with it. Raises NotFound."""
        actor.require(Right.DELIVERY_MANAGE)
        async with self._database.begin() as session:
            await events.resolve(session, actor, event_id, self._clock())
            await trail.record(
                session, actor.user_id, "waybill.conflict_resolved", "waybill_event", event_id
            )

    async def report(
        self, actor: Actor, said: Reports, source: Source = Source.API
    ) -> tuple[Reported, ...]:
        """What a courier says, in this order. Raises UnknownCourier."""
        actor.require(Right.DELIVERY_REPORT)
        async with self._database.reading() as connection:
            courier = await couriers.read(connection, said.courier_code)
        return tuple([await self._hear(actor, courier, each, source) for each in said.reports])

    async def take_file(self, actor: Actor, courier_code: str, path: Path) -> FileTaken:
        """A courier's file, row by row. Raises UnknownCourier, Invalid (no such table)."""
        actor.require(Right.DELIVERY_REPORT)
        async with self._database.reading() as connection:
            courier = await couriers.read(connection, courier_code)
        rows = await asyncio.to_thread(feedback_files.read, path, courier, self._zone)
        refused, outcomes = list(rows.refused), []
        for row in rows.good:
            heard = await self._hear(actor, courier, row.report, Source.IMPORT)
            outcomes.append(heard.outcome)
            if heard.outcome == REFUSED:
                refused.append(RefusedRow(row.row, row.cells, heard.message or ""))
        log.info(
            "feedback_file_taken", courier=courier_code, rows=len(rows.good) + len(rows.refused)
        )
        return FileTaken(
            len(rows.good) + len(rows.refused),
            outcomes.count(Outcome.APPLIED),
            outcomes.count(Outcome.NOTED),
            outcomes.count(DUPLICATE),
            outcomes.count(Outcome.CONFLICT),
            tuple(sorted(refused, key=lambda each: each.row)),
        )

    async def _make(self, actor: Actor, order_id: int, command: MakeWaybills) -> Sorted:
        try:
            async with self._database.begin() as session:
                made = await waybills.make(session, actor, order_id, command, self._clock())
                return Sorted(order_id, await waybills.read(session, actor, made))
        except DomainError as error:
            return _refused(order_id, error)

    async def _hand_over(self, actor: Actor, waybill_id: int) -> Sorted:
        try:
            async with self._database.begin() as session:
                now = self._clock()
                held = await waybills.hold(session, actor, waybill_id)
                if held.state != State.CREATED:
                    raise WaybillState(held.number, held.state)
                way = await following.way(session, held, State.HANDED_OVER)
                if way.path is None:
                    raise MoveNotAllowed(way.order.status, "shipped")
                if old := await standing.outdated_of(session, (waybill_id,)):
                    raise WaybillOutdated(old)
                moved = await following.go(
                    session, held, State.HANDED_OVER, way.path,
                    at=now, actor_id=actor.user_id, channels=self._channels, now=now,
                    zone=self._zone,
                )  # fmt: skip
                await trail.record(
                    session, actor.user_id, "waybill.hand_over", waybills.ENTITY, waybill_id
                )
                view = await waybills.read(session, actor, waybill_id)
                taken = await batches.went_out(session, view.order_id)
        except DomainError as error:
            return _refused(waybill_id, error)
        following.publish(self._bus, moved)
        return Sorted(view.order_id, view, batches=taken)

    async def _hear(
        self, actor: Actor, courier: CourierView, report: Report, source: Source
    ) -> Reported:
        word = Word(**report.model_dump(exclude={"number"}))
        hearing = Hearing(source, actor.user_id, self._channels, self._clock(), self._zone)
        try:
            number = read_number(Check(courier.number_check), report.number)
            async with self._database.begin() as session:
                waybill = await feedback.find(session, courier.code, number)
                heard = await feedback.hear(session, waybill, word, hearing)
        except DomainError as error:
            return Reported(report.number, REFUSED, error.code, error.message)
        if heard.moved:
            log.info("parcel_moved", courier=courier.code, number=number, code=str(report.code))
        following.publish(self._bus, heard.moved)
        return Reported(number, heard.outcome, heard.why)


async def _see_order(session: AsyncSession, actor: Actor, order_id: int) -> None:
    order = await session.get(Order, order_id)
    if order is None:
        raise UnknownOrder("There is no such order.", fields={"order_id": order_id})
    await must_see(session, actor, order.customer_id)


def _refused(asked: int, error: DomainError) -> Sorted:
    return Sorted(asked, None, error.code, error.message)
