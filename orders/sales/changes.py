"""Orders looked into, changed and split, as people ask for it. Rule: one method, one transaction; events go out after
the commit.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, tzinfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.sales import editing, reading, splitting
from orders.sales.commands import EditOrder, SplitOrder
from orders.sales.events import OrderChanged
from orders.sales.placing import Setting
from orders.sales.report import report
from orders.sales.report_views import CarriedBy, ReviewReport
from orders.sales.tables import Order
from orders.sales.views import OrderView
from orders.stock.events import StockChanged

log = structlog.get_logger(__name__)

GoesTo = Callable[[AsyncSession, int, str | None], Awaitable[None]]


class OrderChanges:
    """Every method may raise Forbidden, UnknownOrder, EditNotAllowed, ChangedMeanwhile and
    DatabaseUnavailable.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str],
        zone: tzinfo,
        goes_to: GoesTo,
        carried_by: CarriedBy,
    ) -> None:
        """`goes_to` is told, in the transaction, that an order was edited to go to another address; `carried_by`
        says how an order gets there.
        """
        self._goes_to = goes_to
        self._carried_by = carried_by
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)
        self._zone = zone

    async def edit(self, actor: Actor, order_id: int, content: EditOrder) -> OrderView:
        """Raises UnknownProduct, UnknownUnit, BadOrder, OutOfStock, OverQuota, OrderWindowClosed, ReviewRejected,
        CouponRefused.
        """
        async with self._database.begin() as session:
            # Whoever changes the address changes the version, which `edit` compares under its lock.
            address = select(Order.address).where(Order.id == order_id)
            was = await session.scalar(address)
            changed = await editing.edit(session, order_id, content, self._setting(actor))
            became = await session.scalar(address)
            if became != was:
                await self._goes_to(session, order_id, became)
            session.expire_all()
            view = await reading.order(session, order_id, actor)
        self._tell(view, changed)
        return view

    async def split(self, actor: Actor, order_id: int, wanted: SplitOrder) -> OrderView:
        """The part that was made. Raises BadOrder."""
        async with self._database.begin() as session:
            part_id, changed = await splitting.split(
                session, order_id, wanted, self._setting(actor)
            )
            session.expire_all()
            whole = await reading.order(session, order_id, actor)
            part = await reading.order(session, part_id, actor)
        self._tell(whole, changed)
        self._tell(part, ())
        return part

    async def report(self, actor: Actor, order_id: int) -> ReviewReport:
        """Whether it can be fulfilled and by when, what it costs, and what the rules of review say now."""
        actor.require(Right.ORDER_REVIEW)
        async with self._database.reading_entities() as session:
            return await report(
                session,
                order_id,
                actor,
                now=self._clock(),
                zone=self._zone,
                carried_by=self._carried_by,
            )

    def _setting(self, actor: Actor) -> Setting:
        return Setting(actor, self._channels, self._clock(), self._zone)

    def _tell(self, view: OrderView, stock: Sequence[StockChanged]) -> None:
        log.info("order_changed", number=view.number, status=view.status, total=str(view.total))
        self._bus.publish(
            OrderChanged(view.id, view.number, view.customer_id, view.status, self._clock())
        )
        for change in stock:
            self._bus.publish(change)
