"""Orders: placed once for each Idempotency-Key, and looked up."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_core.benefits.commands import CouponCode
from crm_core.fields import CallId, Id, Text
from crm_core.rights import Right
from orders.sales.commands import PlaceOrder
from webui.api.products import WantedLines
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
    payment: Annotated[Text, Field(max_length=20)] | None = None
    coupon_codes: Annotated[tuple[CouponCode, ...], Field(max_length=10)] = ()


class OrderSearch(Model):
    customer_id: Id | None = None
    call_id: CallId | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class OrderedLineView(View):
    sku: str
    name_zh: str
    name_en: str
    unit: str
    factor: int
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    tax_rate: Decimal
    why: tuple[ReasonView, ...]


class MessageItem(View):
    channel: str
    recipient_masked: str
    status: str


class StatusItem(View):
    from_status: str | None
    to_status: str
    at: datetime


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


class OrderCouponItem(View):
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


class OrderDetail(OrderItem):
    address: str | None
    note: str | None
    payment: str | None
    discount: Decimal
    discount_why: tuple[ReasonView, ...]
    coupons: tuple[OrderCouponItem, ...]
    history: tuple[StatusItem, ...]
    messages: tuple[MessageItem, ...]


class OrderList(View):
    items: tuple[OrderItem, ...]


class OrderAnswer(View):
    order: OrderDetail
    warnings: tuple[ReasonView, ...] = ()


async def place(asked: Asked[WantedOrder, Nothing]) -> web.Response:
    """Place an order: 201, or 200 with the same order when the same key came before."""
    body = asked.body
    placed = await asked.services.trade.orders.place(
        PlaceOrder(
            key=key_of(asked.request),
            customer_id=body.customer_id,
            lines=tuple(line.line() for line in body.lines),
            placed_by=asked.principal.user_id,
            call_id=body.call_id,
            address=body.address,
            note=body.note,
            payment=body.payment,
            coupon_codes=body.coupon_codes,
        )
    )
    answer = OrderAnswer.model_validate(placed)
    return json_answer(answer, 201 if placed.created else 200, hidden=asked.hidden)


async def show(asked: Asked[Nothing, Nothing]) -> OrderAnswer:
    """One order with its lines, history and messages."""
    found = await asked.services.trade.orders.get(int(asked.id))
    return OrderAnswer(order=OrderDetail.model_validate(found))


async def search(asked: Asked[Nothing, OrderSearch]) -> OrderList:
    """Orders, the newest first."""
    query = asked.query
    found = await asked.services.trade.orders.list(
        customer_id=query.customer_id, call_id=query.call_id, limit=query.limit
    )
    return OrderList(items=tuple(OrderItem.model_validate(each) for each in found))


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
        f"/api/orders/{NUMBER}",
        show,
        needs(Right.ORDER_VIEW),
        answer=OrderAnswer,
    ),
)
