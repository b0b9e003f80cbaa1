"""What lies in the warehouses: balances, batches, the ledger, in and out; where the goods of a batch went."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from crm_core.rights import Right
from orders.stock.commands import (
    BatchQuery,
    ChangedBatch,
    ComparisonQuery,
    MoveQuery,
    StockQuery,
)
from orders.stock.service import StockService
from webui.asked import Asked, Model, Nothing
from webui.present import masked_text
from webui.routing import NUMBER, Route, needs
from webui.views import View


class StockSearch(StockQuery, Model):
    """Which balances to list; `after` and `after_warehouse` are those of the page's last."""


class StockBatchSearch(BatchQuery, Model):
    """Which batches to list; `after` is the last id of the page before."""


class MoveSearch(MoveQuery, Model):
    """Which lines of the ledger to list; `before` is the last id of the page before."""


class ComparisonSearch(ComparisonQuery, Model):
    """Which days to compare, and of which goods."""


class WantedBatchChange(ChangedBatch, Model):
    """The batch's last day and whether it may be sold, made from `version`."""


class StockItem(View):
    sku: str
    name_zh: str
    name_en: str
    unit: str
    warehouse: str
    on_hand: int
    reserved: int
    blocked: int
    available: int
    value: Decimal
    average_cost: Decimal | None
    on_the_way: int


class StockList(View):
    items: tuple[StockItem, ...]


class StockBatchItem(View):
    id: int
    sku: str
    warehouse: str
    batch_no: str
    made_on: date | None
    expires_on: date
    on_hand: int
    blocked: bool
    blocked_reason: str | None
    version: int


class StockBatchList(View):
    items: tuple[StockBatchItem, ...]


class StockBatchAnswer(View):
    batch: StockBatchItem


class StockMoveItem(View):
    id: int
    at: datetime
    sku: str
    warehouse: str
    kind: str
    on_hand_change: int
    reserved_change: int
    blocked_change: int
    value_change: Decimal
    order_id: int | None
    document_id: int | None
    actor_id: int | None


class StockMoveList(View):
    items: tuple[StockMoveItem, ...]


class InOutItem(View):
    sku: str
    name_zh: str
    name_en: str
    warehouse: str
    opening: int
    opening_value: Decimal
    came_in: dict[str, int]
    went_out: dict[str, int]
    closing: int
    closing_value: Decimal


class InOutList(View):
    items: tuple[InOutItem, ...]


class RecalledItem(View):
    """`phone` is masked for those who may not see numbers."""

    ENTITY = "customer"
    SAME_FIELD: ClassVar = {"phone": "phones"}

    order_id: int
    number: str
    status: str
    placed_at: datetime
    customer_id: int
    customer_name: str
    phone: str | None = None
    quantity: int


class RecalledList(View):
    items: tuple[RecalledItem, ...]


async def levels(asked: Asked[Nothing, StockSearch]) -> StockList:
    """Balances of this moment, in the order of product and warehouse."""
    found = await _service(asked).levels(asked.principal, asked.query)
    return StockList(items=tuple(map(StockItem.model_validate, found)))


async def batches(asked: Asked[Nothing, StockBatchSearch]) -> StockBatchList:
    """Batches that hold something, what expires first first."""
    found = await _service(asked).batches(asked.principal, asked.query)
    return StockBatchList(items=tuple(map(StockBatchItem.model_validate, found)))


async def change_batch(asked: Asked[WantedBatchChange, Nothing]) -> StockBatchAnswer:
    """Block a batch, free it, or correct its last day."""
    made = await _service(asked).change_batch(asked.principal, int(asked.id), asked.body)
    return StockBatchAnswer(batch=StockBatchItem.model_validate(made))


async def recall(asked: Asked[Nothing, Nothing]) -> RecalledList:
    """The orders that took goods of this batch, from whatever warehouse, and whose they are."""
    found = await asked.services.trade.recalls.orders_of(asked.principal, int(asked.id))
    return RecalledList(
        items=tuple(
            RecalledItem(
                order_id=each.order_id,
                number=each.number,
                status=each.status,
                placed_at=each.placed_at,
                customer_id=each.customer_id,
                customer_name=each.customer_name,
                phone=masked_text(each.phone, asked.principal.rights),
                quantity=each.quantity,
            )
            for each in found
        )
    )


async def moves(asked: Asked[Nothing, MoveSearch]) -> StockMoveList:
    """The ledger, the newest first."""
    found = await _service(asked).moves(asked.principal, asked.query)
    return StockMoveList(items=tuple(map(StockMoveItem.model_validate, found)))


async def compare(asked: Asked[Nothing, ComparisonSearch]) -> InOutList:
    """What was there, came in, went out and is left, of each product in each warehouse."""
    found = await _service(asked).compare(asked.principal, asked.query)
    return InOutList(items=tuple(map(InOutItem.model_validate, found)))


def _service(asked: Asked[Model, Model]) -> StockService:
    return asked.services.trade.stock


_VIEW, _MANAGE = needs(Right.STOCK_VIEW), needs(Right.STOCK_MANAGE)
_BATCHES = "/api/stock/batches"

ROUTES = (
    Route("GET", "/api/stock", levels, _VIEW, query=StockSearch, answer=StockList),
    Route("GET", _BATCHES, batches, _VIEW, query=StockBatchSearch, answer=StockBatchList),
    Route(
        "PUT",
        f"{_BATCHES}/{NUMBER}",
        change_batch,
        _MANAGE,
        WantedBatchChange,
        answer=StockBatchAnswer,
    ),
    Route("GET", f"{_BATCHES}/{NUMBER}/orders", recall, _MANAGE, answer=RecalledList),
    Route("GET", "/api/stock/moves", moves, _VIEW, query=MoveSearch, answer=StockMoveList),
    Route(
        "GET",
        "/api/stock/comparison",
        compare,
        _VIEW,
        query=ComparisonSearch,
        answer=InOutList,
    ),
)
