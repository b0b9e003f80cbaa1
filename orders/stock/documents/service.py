"""Stock documents, as those who keep the warehouses use them. Rule: one method, one transaction; balances that
changed are told after the commit; the same document sent again, for whatever reason, is posted once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.bus import Bus
from crm_core.db import Database
from crm_core.rights import Actor, Right
from orders.stock.documents import counting, prices, reading, reversal, simple, transfers
from orders.stock.documents.commands import (
    DocumentQuery,
    LineQuantities,
    NewAdjustment,
    NewCostChange,
    NewCount,
    NewHold,
    NewPriceChange,
    NewReceipt,
    NewTransfer,
    NewWriteOff,
)
from orders.stock.documents.reading import DocumentBrief, DocumentView
from orders.stock.documents.writing import Setting, Written

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MadeDocument:
    """`created` is False when the same key had made it before."""

    view: DocumentView
    created: bool


class DocumentService:
    """Every method may raise Forbidden and DatabaseUnavailable; those with a key SameKeyOtherDocument; those with
    a warehouse UnknownWarehouse; what moves goods OutOfStock, TooMuchStock and BadDocument.
    """

    def __init__(
        self, database: Database, bus: Bus, *, clock: Callable[[], datetime], zone: ZoneInfo
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._zone = zone

    async def search(self, actor: Actor, query: DocumentQuery) -> tuple[DocumentBrief, ...]:
        """The newest first."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.listed(connection, query)

    async def get(self, actor: Actor, document_id: int) -> DocumentView:
        """Raises UnknownDocument."""
        actor.require(Right.STOCK_VIEW)
        async with self._database.reading() as connection:
            return await reading.read(connection, document_id)

    async def receive(self, actor: Actor, key: str, new: NewReceipt) -> MadeDocument:
        """Goods came from a supplier. Raises UnknownProduct, BatchDiffers."""
        return await self._do(actor, lambda s, on: simple.receive(s, key, new, on))

    async def send(self, actor: Actor, key: str, new: NewTransfer) -> MadeDocument:
        """Goods leave for another warehouse. Raises UnknownProduct, UnknownBatch."""
        return await self._do(actor, lambda s, on: transfers.send(s, key, new, on))

    async def arrive(self, actor: Actor, document_id: int, given: LineQuantities) -> MadeDocument:
        """They have arrived. Raises UnknownDocument, DocumentClosed, BatchDiffers."""
        return await self._do(actor, lambda s, on: transfers.arrive(s, document_id, given, on))

    async def call_back(self, actor: Actor, document_id: int) -> MadeDocument:
        """They have come back. Raises UnknownDocument, DocumentClosed."""
        return await self._do(actor, lambda s, on: transfers.come_back(s, document_id, on))

    async def begin_count(self, actor: Actor, key: str, new: NewCount) -> MadeDocument:
        """What is to be counted. Raises UnknownProduct."""
        return await self._do(actor, lambda s, on: counting.begin(s, key, new, on))

    async def enter_count(
        self, actor: Actor, document_id: int, given: LineQuantities
    ) -> MadeDocument:
        """What was counted just now. Raises UnknownDocument, DocumentClosed."""
        return await self._do(actor, lambda s, on: counting.enter(s, document_id, given, on))

    async def finish_count(self, actor: Actor, document_id: int) -> MadeDocument:
        """Post the differences. Raises UnknownDocument, DocumentClosed."""
        return await self._do(actor, lambda s, on: counting.finish(s, document_id, on))

    async def give_up_count(self, actor: Actor, document_id: int) -> MadeDocument:
        """Nothing is posted. Raises UnknownDocument, DocumentClosed."""
        return await self._do(actor, lambda s, on: counting.give_up(s, document_id, on))

    async def adjust(self, actor: Actor, key: str, new: NewAdjustment) -> MadeDocument:
        """Goods were found or lost. Raises UnknownProduct, UnknownBatch."""
        return await self._do(actor, lambda s, on: simple.adjust(s, key, new, on))

    async def write_off(self, actor: Actor, key: str, new: NewWriteOff) -> MadeDocument:
        """Goods are thrown away. Raises UnknownProduct, UnknownBatch."""
        return await self._do(actor, lambda s, on: simple.write_off(s, key, new, on))

    async def hold(self, actor: Actor, key: str, new: NewHold) -> MadeDocument:
        """Goods without batches are blocked or freed. Raises UnknownProduct."""
        return await self._do(actor, lambda s, on: simple.hold(s, key, new, on))

    async def change_cost(self, actor: Actor, key: str, new: NewCostChange) -> MadeDocument:
        """Goods are worth another cost. Raises UnknownProduct."""
        return await self._do(actor, lambda s, on: simple.change_cost(s, key, new, on))

    async def change_prices(self, actor: Actor, key: str, new: NewPriceChange) -> MadeDocument:
        """New list prices. Raises UnknownProduct."""
        actor.require(Right.PRICE_MANAGE)
        return await self._do(actor, lambda s, on: prices.change(s, key, new, on))

    async def reverse(self, actor: Actor, key: str, document_id: int) -> MadeDocument:
        """Its opposite is posted. Raises UnknownDocument, DocumentClosed."""
        return await self._do(actor, lambda s, on: reversal.reverse(s, key, document_id, on))

    async def _do(
        self, actor: Actor, work: Callable[[AsyncSession, Setting], Awaitable[Written]]
    ) -> MadeDocument:
        actor.require(Right.STOCK_MANAGE)
        now = self._clock()
        setting = Setting(actor.user_id, now, now.astimezone(self._zone).date())
        async with self._database.begin() as session:
            done = await work(session, setting)
            view = await reading.read(session, done.document_id)
        head = view.document
        if done.created:
            log.info("stock_document", number=head.number, kind=head.kind, state=head.state)
        for each in done.changed:
            self._bus.publish(each)
        return MadeDocument(view, done.created)
