"""What the tests of stock ask of the shop: warehouses, documents, batches."""

import itertools
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from crm_core.errors import Conflict
from crm_core.rights import SYSTEM
from orders.stock.commands import BatchQuery, ChangedBatch, NewWarehouse, StockQuery
from orders.stock.documents.commands import (
    LineQuantities,
    NewAdjustment,
    NewCount,
    NewHold,
    NewTransfer,
    NewWriteOff,
)
from orders.stock.documents.reading import DocumentView
from orders.stock.expiry import ExpiryWorker
from orders.stock.views import BatchView, StockLevel
from tests.orders.order_shop import NOW, Shop

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = NOW.astimezone(SHANGHAI).date()
_keys = itertools.count(1)


def key() -> str:
    return f"document-{next(_keys)}"


def on(days: int) -> date:
    return TODAY + timedelta(days=days)


class StockRoom:
    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.documents = shop.trade.stock_documents

    async def warehouse(self, code: str, **content: object) -> None:
        """Opened, unless it is there."""
        new = NewWarehouse(code=code, name_zh=code, name_en=code, **content)
        try:
            await self.shop.trade.stock.add_warehouse(SYSTEM, new)
        except Conflict:
            return

    async def level(self, sku: str, warehouse: str = "main") -> StockLevel:
        query = StockQuery(q=sku, warehouse=warehouse)
        (found,) = [
            each for each in await self.shop.trade.stock.levels(SYSTEM, query) if each.sku == sku
        ]
        return found

    async def batches(self, sku: str, warehouse: str = "main") -> dict[str, BatchView]:
        query = BatchQuery(sku=sku, warehouse=warehouse)
        found = await self.shop.trade.stock.batches(SYSTEM, query)
        return {each.batch_no: each for each in found}

    async def held(self, sku: str, warehouse: str = "main") -> dict[str, int]:
        """What lies in each batch."""
        found = await self.batches(sku, warehouse)
        return {number: each.on_hand for number, each in found.items()}

    async def block(self, batch: BatchView, reason: str | None = "recall") -> BatchView:
        content = ChangedBatch(
            version=batch.version, expires_on=batch.expires_on, blocked_reason=reason
        )
        return await self.shop.trade.stock.change_batch(SYSTEM, batch.id, content)

    async def expire(self) -> int:
        worker = ExpiryWorker(
            self.shop.database, self.shop.bus, clock=self.shop.clock, zone=SHANGHAI
        )
        return await worker.run_once()

    async def send(self, *lines: dict[str, object], start: str = "main", end: str) -> DocumentView:
        new = NewTransfer(warehouse=start, to_warehouse=end, lines=lines)
        return (await self.documents.send(SYSTEM, key(), new)).view

    async def arrive(self, document_id: int, **quantities: int) -> DocumentView:
        """Lines by number (`_1=9`); the others whole."""
        return (await self.documents.arrive(SYSTEM, document_id, _given(quantities))).view

    async def count(self, *skus: str, warehouse: str = "main") -> DocumentView:
        new = NewCount(warehouse=warehouse, skus=skus)
        return (await self.documents.begin_count(SYSTEM, key(), new)).view

    async def counted(self, document_id: int, **quantities: int) -> DocumentView:
        return (await self.documents.enter_count(SYSTEM, document_id, _given(quantities))).view

    async def finish(self, document_id: int) -> DocumentView:
        return (await self.documents.finish_count(SYSTEM, document_id)).view

    async def adjust(self, warehouse: str = "main", **line: object) -> DocumentView:
        new = NewAdjustment(warehouse=warehouse, reason="correction", lines=(line,))
        return (await self.documents.adjust(SYSTEM, key(), new)).view

    async def write_off(self, warehouse: str = "main", **line: object) -> DocumentView:
        new = NewWriteOff(warehouse=warehouse, reason="damaged", lines=(line,))
        return (await self.documents.write_off(SYSTEM, key(), new)).view

    async def hold(self, warehouse: str = "main", **line: object) -> DocumentView:
        new = NewHold(warehouse=warehouse, reason="damaged", lines=(line,))
        return (await self.documents.hold(SYSTEM, key(), new)).view

    async def reverse(self, document_id: int) -> DocumentView:
        return (await self.documents.reverse(SYSTEM, key(), document_id)).view

    async def shipped(self, *lines: tuple[str, int], **rest: object):
        """An order that has left the warehouse."""
        placed = await self.shop.place(*lines, **rest)
        return await self.shop.move(placed.order.id, "reviewed", "picking", "shipped")


def _given(quantities: dict[str, int]) -> LineQuantities:
    lines = ({"line_no": int(name[1:]), "quantity": n} for name, n in quantities.items())
    return LineQuantities(lines=tuple(lines))
