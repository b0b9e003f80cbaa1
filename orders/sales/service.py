"""Orders, as the rest of Zongji uses them. Rule: one method, one transaction; events go out after the
commit; the same order sent again, for whatever reason, is placed once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.benefits import coupons
from crm_core.bus import Bus
from crm_core.customers.visibility import must_see
from crm_core.db import Database
from crm_core.errors import CommitUnknown, DatabaseUnavailable
from crm_core.rights import Actor, Right
from orders.errors import OutOfStock
from orders.lines import OrderLine, merged
from orders.quotas.checking import Asked, exceeded, stand
from orders.sales import facts, listing, moving, placing, quoting, reading
from orders.sales.commands import OrderQuery, PlaceOrder
from orders.sales.events import OrderMoved, OrderPlaced
from orders.sales.flow import Status
from orders.sales.moving import Moved
from orders.sales.placing import Placing, Setting
from orders.sales.substitutes import with_substitutes
from orders.sales.tables import Order
from orders.sales.views import OrderSummary, OrderView, PlacedOrder, ProductView, Quote
from orders.stock.events import StockChanged

log = structlog.get_logger(__name__)

_TRIES = 5
_EXPLAINED = (Status.CANCELLED, Status.REFUSED)
"""Of what is not carried out the customer is told why."""


class OrderService:
    """`channels` are those that have a notifier. At most `writers` orders are written at a time: a
    rush waits here, in order of arrival, and not with locks and connections that calls need. Who has
    waited `patience_s` for a turn is refused: then the database hardly answers.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        *,
        clock: Callable[[], datetime],
        channels: Collection[str] = (),
        zone: tzinfo | None = None,
        writers: int = 12,
        patience_s: float = 10.0,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._channels = frozenset(channels)
        self._zone = zone or ZoneInfo("Asia/Shanghai")
        self._writers = asyncio.Semaphore(writers)
        self._patience_s = patience_s

    async def place(self, actor: Actor, command: PlaceOrder) -> PlacedOrder:
        """Place the order, or find the one this key placed before.

        Raises Forbidden, NotFound, UnknownProduct, OutOfStock, ReviewRejected, SameKeyOtherOrder,
        DatabaseUnavailable, and CommitUnknown when the connection broke at the commit and stayed away:
        send it again later.
        """
        actor.require(Right.ORDER_PLACE)
        async with self._turn():
            try:
                done = await self._try_to_place(actor, command)
            except CommitUnknown:
                log.warning("order_commit_unknown", key=command.key)
                done = await self._try_to_place_again(actor, command)
        if done.placed.created:
            self._tell_placed(done)
        return done.placed

    async def quote(
        self,
        actor: Actor,
        customer_id: int,
        lines: Sequence[OrderLine],
        warehouse: str | None = None,
        coupon_codes: Sequence[str] = (),
    ) -> Quote:
        """What it would cost now, from this warehouse or the one that serves the customer; a coupon that does
        not fit is a warning, and a line that is short says what could be had instead.

        Raises Forbidden, NotFound, UnknownProduct, UnknownUnit, UnknownWarehouse, BadOrder.
        """
        actor.require(Right.ORDER_PLACE)
        today = self._today()
        async with self._database.reading() as connection:
            customer_id = await must_see(connection, actor, customer_id)
            rows = await facts.read(
                connection, customer_id, merged(lines), today, warehouse=warehouse
            )
            known = await quoting.quoted(connection, rows, today)
            asked = Asked(rows, quoting.base_quantities(rows), today, self._zone)
            over = await exceeded(connection, asked)
            offered = await coupons.offered(
                connection, coupon_codes, customer_id, known.quote.total, self._clock()
            )
            quote = await with_substitutes(
                connection, quoting.with_coupons(known, *offered), rows, today, self._zone
            )
        return replace(quote, warnings=(*quote.warnings, *map(quoting.over_quota, over)))

    async def products(
        self,
        actor: Actor,
        query: str = "",
        customer_id: int | None = None,
        limit: int = 20,
        warehouse: str | None = None,
    ) -> tuple[ProductView, ...]:
        """With what is free in this warehouse or the one that serves the customer.

        Raises Forbidden, NotFound, UnknownWarehouse.
        """
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            if customer_id is not None:
                customer_id = await must_see(connection, actor, customer_id)
            return await listing.products(
                connection, query, customer_id, limit, self._today(), warehouse=warehouse
            )

    async def quota_left(self, actor: Actor, customer_id: int, sku: str) -> int | None:
        """How many base units of a product quotas leave this customer today; None when none limits it.

        Raises Forbidden, NotFound.
        """
        actor.require(Right.ORDER_VIEW)
        today = self._today()
        async with self._database.reading() as connection:
            customer_id = await must_see(connection, actor, customer_id)
            rows = await facts.read(connection, customer_id, (OrderLine(sku, 1),), today)
            asked = Asked(rows, {sku: 1}, today, self._zone)
            standing = [
                await stand(connection, quota, customer_id, asked) for quota in asked.quotas
            ]
        return min((each.left for each in standing), default=None)

    async def last_orders(self, customer_id: int, limit: int = 3) -> tuple[OrderSummary, ...]:
        """The newest first, with their lines; for the pop, whoever answers the call."""
        async with self._database.reading() as connection:
            return await reading.of_customer(connection, customer_id, limit)

    async def search(self, actor: Actor, query: OrderQuery) -> tuple[OrderSummary, ...]:
        """The newest first, of customers whom this person may see."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading() as connection:
            return await reading.found(connection, actor, query)

    async def get(self, actor: Actor, order_id: int) -> OrderView:
        """Raises Forbidden, UnknownOrder."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading_entities() as session:
            return await reading.order(session, order_id, actor)

    async def find_by_key(self, actor: Actor, key: str) -> OrderView | None:
        """The order a key placed, None when it placed none. Raises Forbidden, UnknownOrder."""
        actor.require(Right.ORDER_VIEW)
        async with self._database.reading_entities() as session:
            found = await session.scalar(select(Order.id).where(Order.key == key))
            return None if found is None else await reading.order(session, found, actor)

    async def move(
        self, order_id: int, to: str, actor: Actor, *, reason: str | None = None
    ) -> OrderMoved:
        """Raises UnknownOrder, MoveNotAllowed, ReturnNeeded, Forbidden, OverCredit, OutOfStock, BeyondLimit,
        NoReviewLimit, NotPaid, Invalid (a waiver without a reason).
        """
        async with self._database.begin() as session:
            moved = await self._move(session, order_id, to, actor, reason)
        return self._tell_moved(moved)

    async def move_and_read(
        self, order_id: int, to: str, actor: Actor, *, reason: str | None = None
    ) -> OrderView:
        """The same, and the order as it is then."""
        async with self._database.begin() as session:
            moved = await self._move(session, order_id, to, actor, reason)
            view = await reading.order(session, order_id, actor)
        self._tell_moved(moved)
        return view

    async def _move(
        self, session: AsyncSession, order_id: int, to: str, actor: Actor, reason: str | None
    ) -> Moved:
        return await moving.move(
            session,
            order_id,
            to,
            actor=actor,
            channels=self._channels,
            now=self._clock(),
            zone=self._zone,
            reason=reason,
            facts={"reason": reason} if reason and to in _EXPLAINED else None,
        )

    def _tell_moved(self, moved: Moved) -> OrderMoved:
        event = moved.event
        log.info("order_moved", number=event.number, from_status=event.from_status, to=event.status)
        self._bus.publish(event)
        self._publish(moved.stock)
        return event

    def _today(self) -> date:
        return self._clock().astimezone(self._zone).date()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience_s):
                await self._writers.acquire()
        except TimeoutError as error:
            raise DatabaseUnavailable(
                "The database is slow and other orders wait for it; nothing was changed. Try again."
            ) from error
        try:
            yield
        finally:
            self._writers.release()

    async def _try_to_place(self, actor: Actor, command: PlaceOrder) -> Placing:
        """A key that is being placed at this very moment is found by the second look; goods that somebody
        else took meanwhile are back-ordered by it.
        """
        setting = Setting(actor, self._channels, self._clock(), self._zone)
        done: Placing | None = None
        tries = _TRIES if command.backorder else 1
        while done is None:
            tries -= 1
            try:
                async with self._database.begin() as session:
                    done = await placing.place(session, command, setting)
            except OutOfStock:
                if tries < 1:
                    raise
        return done

    async def _try_to_place_again(self, actor: Actor, command: PlaceOrder) -> Placing:
        """Its key tells whether it was stored; if it was not, this stores it."""
        try:
            return await self._try_to_place(actor, command)
        except DatabaseUnavailable as error:
            raise CommitUnknown(
                "The connection broke while the order was being saved. Send the same order again: "
                "its key makes sure that it is placed once."
            ) from error

    def _tell_placed(self, done: Placing) -> None:
        order = done.placed.order
        log.info("order_placed", number=order.number, status=order.status, total=str(order.total))
        self._bus.publish(
            OrderPlaced(
                order.id,
                order.number,
                order.customer_id,
                order.call_id,
                order.total,
                order.status,
                order.placed_at,
            )
        )
        self._publish(done.stock)

    def _publish(self, changes: Sequence[StockChanged]) -> None:
        for change in changes:
            self._bus.publish(change)
