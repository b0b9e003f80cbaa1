"""Orders: placed once for each Idempotency-Key, and looked up."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from aiohttp import web
from pydantic import Field

from crm_core.fields import CallId, Id, Text
from crm_core.rights import Right
from orders.buyers import InvoiceWish
from orders.methods import Method
from orders.sales.commands import (
    Day,
    EditOrder,
    MoveOrder,
    OrderQuery,
    PlaceOrder,
    SplitOrder,
)
from orders.sales.views import OrderView
from orders.stock.commands import WarehouseCode
from webui.api.buyers import BuyerItem, masked
from webui.api.products import CouponCodes, CouponTakenItem, WantedLines
from webui.asked import Asked, Model, Nothing
from webui.once import KEY, key_of
from webui.routing import NUMBER, Route, json_answer, needs
from webui.views import ReasonView, View


class WantedOrder(Model):
    customer_id: Id
    lines: WantedLines
    call_id: CallId | None = None
    address: Annotated[Text, Field(max_length=300)] | None = None
    note: Annotated[Text, Field(max_length=500)] | None = None
    payment: Method | None = None
    coupon_codes: CouponCodes = ()
    urgent: bool = False
    wanted_on: Day | None = None
    backorder: bool = False
    warehouse: WarehouseCode | None = None
    invoice: InvoiceWish | None = None


class WantedOrderEdit(EditOrder, Model):
    """What is ordered instead."""


class WantedOrderSplit(SplitOrder, Model):
    """What goes a way of its own."""


class WantedOrderMove(MoveOrder, Model):
    """Which status it comes to."""


class OrderSearch(OrderQuery, Model):
    """Which orders to list."""


class OrderedLineView(View):
    """Prices, which with the total tell the discount, are not seen by whom it is hidden from."""

    ENTITY = "order"
    SAME_FIELD: ClassVar = {"unit_price": "discount", "line_total": "discount", "why": "discount"}

    line_no: int
    sku: str
    name_zh: str
    name_en: str
    unit: str
    factor: int
    quantity: int
    unit_price: Decimal | None = None
    line_total: Decimal | None = None
    tax_rate: Decimal
    why: tuple[ReasonView, ...] = ()


class MessageItem(View):
    channel: str
    recipient_masked: str
    status: str


class StatusItem(View):
    from_status: str | None
    to_status: str
    at: datetime
    actor_id: int | None
    reason: str | None


class OrderPartItem(View):
    id: int
    number: str
    status: str
    total: Decimal


class InvoiceWantedItem(BuyerItem):
    """The invoice that is wanted of an order; `asked_at`: since then it is listed with the order's invoices."""

    kind: str
    electronic: bool
    asked_at: datetime | None


class BatchPartItem(View):
    sku: str
    batch_no: str
    expires_on: date
    quantity: int


class OrderItem(View):
    id: int
    number: str
    status: str
    total: Decimal
    placed_at: datetime
    customer_id: int
    customer_name: str
    call_id: str | None
    lines: tuple[OrderedLineView, ...]


class OrderDetail(OrderItem):
    ENTITY = "order"
    SAME_FIELD: ClassVar = {"discount_why": "discount", "coupons": "discount"}

    address: str | None = None
    note: str | None = None
    payment: str | None
    warehouse: str
    discount: Decimal | None = None
    discount_why: tuple[ReasonView, ...] = ()
    coupons: tuple[CouponTakenItem, ...] = ()
    history: tuple[StatusItem, ...]
    messages: tuple[MessageItem, ...]
    placed_by: int | None
    urgent: bool
    medium: str | None
    wanted_on: date | None
    review: str
    review_why: tuple[ReasonView, ...]
    version: int
    split_from: OrderPartItem | None
    parts: tuple[OrderPartItem, ...]
    invoice: InvoiceWantedItem | None
    batches: tuple[BatchPartItem, ...]
    allowed: tuple[str, ...]


class OrderList(View):
    items: tuple[OrderItem, ...]


class OrderAnswer(View):
    order: OrderDetail
    warnings: tuple[ReasonView, ...] = ()


async def place(asked: Asked[WantedOrder, Nothing]) -> web.Response:
    """Place an order: 201, or 200 with the same order when the same key came before."""
    body = asked.body
    call = asked.services.acd.record(body.call_id) if body.call_id else None
    placed = await asked.services.trade.orders.place(
        asked.principal,
        PlaceOrder(
            key=key_of(asked.request),
            customer_id=body.customer_id,
            lines=tuple(line.line() for line in body.lines),
            call_id=body.call_id,
            address=body.address,
            note=body.note,
            payment=body.payment,
            coupon_codes=body.coupon_codes,
            warehouse=body.warehouse,
            urgent=body.urgent,
            medium=call.row.medium if call else None,
            wanted_on=body.wanted_on,
            backorder=body.backorder,
            invoice=body.invoice,
        ),
    )
    answer = OrderAnswer.model_validate(placed)
    answer = answer.model_copy(update={"order": detail(asked, placed.order)})
    return json_answer(answer, 201 if placed.created else 200, hidden=asked.hidden)


async def show(asked: Asked[Nothing, Nothing]) -> OrderAnswer:
    """One order with its lines, history and messages."""
    return _answer(asked, await asked.services.trade.orders.get(asked.principal, int(asked.id)))


async def search(asked: Asked[Nothing, OrderSearch]) -> OrderList:
    """Orders, the newest first, of customers whom one may see."""
    found = await asked.services.trade.orders.search(asked.principal, asked.query)
    return OrderList(items=tuple(OrderItem.model_validate(each) for each in found))


async def edit(asked: Asked[WantedOrderEdit, Nothing]) -> OrderAnswer:
    """Change what is ordered, before it is picked; it is reviewed anew."""
    changes = asked.services.trade.changes
    return _answer(asked, await changes.edit(asked.principal, int(asked.id), asked.body))


async def split(asked: Asked[WantedOrderSplit, Nothing]) -> OrderAnswer:
    """Make a part of some lines: to be sent by itself, or when goods have come. The answer is the part."""
    changes = asked.services.trade.changes
    return _answer(asked, await changes.split(asked.principal, int(asked.id), asked.body))


async def move(asked: Asked[WantedOrderMove, Nothing]) -> OrderAnswer:
    """Move the order along the status table: approve, hold, reject (cancel), pick, ship …"""
    wanted = asked.body
    moved = await asked.services.trade.orders.move_and_read(
        int(asked.id), wanted.to, asked.principal, reason=wanted.reason
    )
    return _answer(asked, moved)


def detail(asked: Asked[Any, Any], found: OrderView) -> OrderDetail:
    """The buyer's number masked where it has to be."""
    order = OrderDetail.model_validate(found)
    if order.invoice is None:
        return order
    return order.model_copy(update={"invoice": masked(asked, order.invoice)})


def _answer(asked: Asked[Any, Any], found: OrderView) -> OrderAnswer:
    return OrderAnswer(order=detail(asked, found))


_ONE = f"/api/orders/{NUMBER}"

ROUTES = (
    Route(
        "POST",
        "/api/orders",
        place,
        needs(Right.ORDER_PLACE),
        WantedOrder,
        answer=OrderAnswer,
        status=201,
        headers=(KEY,),
    ),
    Route(
        "GET",
        "/api/orders",
        search,
        needs(Right.ORDER_VIEW),
        query=OrderSearch,
        answer=OrderList,
    ),
    Route(
        "GET",
        _ONE,
        show,
        needs(Right.ORDER_VIEW),
        answer=OrderAnswer,
    ),
    Route("PUT", _ONE, edit, needs(Right.ORDER_PLACE), WantedOrderEdit, answer=OrderAnswer),
    Route(
        "POST",
        f"{_ONE}/split",
        split,
        needs(Right.ORDER_REVIEW),
        WantedOrderSplit,
        answer=OrderAnswer,
        status=201,
        once=True,
    ),
    Route(
        "POST",
        f"{_ONE}/move",
        move,
        needs(Right.ORDER_PLACE, Right.ORDER_REVIEW),
        WantedOrderMove,
        answer=OrderAnswer,
    ),
)
