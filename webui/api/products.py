"""Products as a customer sees them, and what an order would cost."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from crm_core.fields import Id, Text
from crm_core.rights import Right
from orders.lines import MOST_LINES, MOST_OF_ONE, OrderLine
from orders.stock.commands import WarehouseCode
from webui.asked import Asked, Model, Nothing
from webui.routing import Route, needs
from webui.views import ReasonView, View

Sku = Annotated[Text, Field(min_length=1, max_length=40)]


class ProductSearch(Model):
    q: Annotated[Text, Field(max_length=100)] = ""
    customer_id: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    warehouse: WarehouseCode | None = None


class WantedLine(Model):
    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=MOST_OF_ONE)]
    unit: Annotated[Text, Field(min_length=1, max_length=20)] | None = None

    def line(self) -> OrderLine:
        return OrderLine(self.sku, self.quantity, self.unit)


WantedLines = Annotated[tuple[WantedLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class WantedQuote(Model):
    customer_id: Id
    lines: WantedLines
    warehouse: WarehouseCode | None = None


class PackItem(View):
    unit: str
    factor: int
    own_price: Decimal


class ProductItem(View):
    sku: str
    name_zh: str
    name_en: str
    specification: str | None
    unit: str
    list_price: Decimal
    own_price: Decimal
    available: int
    why: tuple[ReasonView, ...]
    packs: tuple[PackItem, ...]
    warehouse: str


class ProductList(View):
    items: tuple[ProductItem, ...]


class QuotedLineItem(View):
    sku: str
    name_zh: str
    name_en: str
    unit: str
    factor: int
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    tax_rate: Decimal
    available: int
    why: tuple[ReasonView, ...]


class QuoteView(View):
    lines: tuple[QuotedLineItem, ...]
    total: Decimal
    discount: Decimal
    discount_why: tuple[ReasonView, ...]
    warnings: tuple[ReasonView, ...]
    warehouse: str
    warehouse_why: ReasonView


async def search(asked: Asked[Nothing, ProductSearch]) -> ProductList:
    """Products by code or name, with the customer's own price and what is free now."""
    query = asked.query
    found = await asked.services.trade.orders.products(
        asked.principal, query.q, query.customer_id, query.limit, query.warehouse
    )
    return ProductList(items=tuple(ProductItem.model_validate(each) for each in found))


async def quote(asked: Asked[WantedQuote, Nothing]) -> QuoteView:
    """What these lines cost this customer now; nothing is reserved."""
    lines = [line.line() for line in asked.body.lines]
    quoted = await asked.services.trade.orders.quote(
        asked.principal, asked.body.customer_id, lines, asked.body.warehouse
    )
    return QuoteView.model_validate(quoted)


ROUTES = (
    Route(
        "GET",
        "/api/products",
        search,
        needs(Right.ORDER_VIEW),
        query=ProductSearch,
        answer=ProductList,
    ),
    Route(
        "POST",
        "/api/orders/quote",
        quote,
        needs(Right.ORDER_PLACE),
        WantedQuote,
        answer=QuoteView,
    ),
)
