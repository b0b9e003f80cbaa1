"""Products as a customer sees them, and what an order would cost."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from crm_core.benefits.commands import CouponCode
from crm_core.fields import Id, Text
from crm_core.rights import Right
from orders.lines import MOST_LINES, MOST_OF_ONE, OrderLine
from orders.sales.commands import MOST_COUPONS
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


CouponCodes = Annotated[tuple[CouponCode, ...], Field(max_length=MOST_COUPONS)]
WantedLines = Annotated[tuple[WantedLine, ...], Field(min_length=1, max_length=MOST_LINES)]


class WantedQuote(Model):
    customer_id: Id
    lines: WantedLines
    warehouse: WarehouseCode | None = None
    coupon_codes: CouponCodes = ()


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


class SubstituteItem(View):
    """What could be ordered instead of a line that is short, priced as it would be then."""

    ENTITY = "order"
    SAME_FIELD: ClassVar = {"unit_price": "discount", "line_total": "discount", "why": "discount"}

    sku: str
    name_zh: str
    name_en: str
    unit: str
    factor: int
    quantity: int
    unit_price: Decimal | None = None
    line_total: Decimal | None = None
    tax_rate: Decimal
    available: int
    why: tuple[ReasonView, ...] = ()


class QuotedLineItem(SubstituteItem):
    """One line as it would be; `substitutes` only where too few are `available`."""

    substitutes: tuple[SubstituteItem, ...]


class CouponTakenItem(View):
    code: str
    name_zh: str
    name_en: str
    discount: Decimal


class QuoteView(View):
    """What an order would be."""

    ENTITY = "order"
    SAME_FIELD: ClassVar = {"discount_why": "discount", "coupons": "discount"}

    lines: tuple[QuotedLineItem, ...]
    total: Decimal
    discount: Decimal | None = None
    discount_why: tuple[ReasonView, ...] = ()
    coupons: tuple[CouponTakenItem, ...] = ()
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
    body = asked.body
    quoted = await asked.services.trade.orders.quote(
        asked.principal,
        body.customer_id,
        [line.line() for line in body.lines],
        body.warehouse,
        body.coupon_codes,
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
